"""Keys, and how each algorithm checks a signature."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

Algorithm = Literal["EdDSA", "ES256", "RS256", "HS256"]
Verifies = Callable[[bytes, bytes], bool]
"""Takes the signed data and the signature."""


@dataclass(frozen=True, eq=False)
class VerificationKey:
    """A key and the only algorithm it is used with (RFC 8725, section 3.1)."""

    kid: str
    algorithm: Algorithm
    verifies: Verifies
    material: str
    """Shows at the next fetch whether the key has changed."""


def ed25519(key: Ed25519PublicKey) -> Verifies:
    verify = key.verify

    def verifies(data: bytes, signature: bytes) -> bool:
        try:
            verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return verifies


def es256(key: ec.EllipticCurvePublicKey) -> Verifies:
    algorithm = ec.ECDSA(SHA256())

    def verifies(data: bytes, signature: bytes) -> bool:
        # r and s of 32 bytes each (RFC 7518, section 3.4), not DER.
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            key.verify(encode_dss_signature(r, s), data, algorithm)
        except InvalidSignature:
            return False
        return True

    return verifies


def rs256(key: rsa.RSAPublicKey) -> Verifies:
    scheme, digest = padding.PKCS1v15(), SHA256()

    def verifies(data: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, data, scheme, digest)
        except InvalidSignature:
            return False
        return True

    return verifies


def hs256(secret: bytes) -> Verifies:
    def verifies(data: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(secret, data, "sha256"), signature)

    return verifies

"""Keys that sign tokens as the service does, and the bare signature check of their library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.session_tokens import NOW_MS, SECRET, sid_of

ALGORITHMS = ("EdDSA", "ES256", "RS256", "HS256")
KID = "0123456789abcdef"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, length: int) -> str:
    return encoded(value.to_bytes(length, "big"))


class SigningKey:
    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.secret = SECRET if algorithm == "HS256" else None
        self.jwk: dict[str, str] | None = None
        self._sign: Callable[[bytes], bytes]
        self.verify: Callable[[bytes, bytes], object]
        getattr(self, f"_make_{algorithm.lower()}")()
        if self.jwk is not None:
            self.jwk |= {"kid": KID, "alg": algorithm, "use": "sig"}

    def _make_eddsa(self) -> None:
        key = Ed25519PrivateKey.generate()
        public = key.public_key()
        self._sign = key.sign
        self.verify = lambda data, signature: public.verify(signature, data)
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": encoded(public.public_bytes_raw())}

    def _make_es256(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        public, scheme = key.public_key(), ec.ECDSA(SHA256())

        def sign(data: bytes) -> bytes:
            r, s = decode_dss_signature(key.sign(data, scheme))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

        def verify(data: bytes, signature: bytes) -> None:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            public.verify(encode_dss_signature(r, s), data, scheme)

        numbers = public.public_numbers()
        self._sign, self.verify = sign, verify
        self.jwk = {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32)}

    def _make_rs256(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        public, scheme, digest = key.public_key(), padding.PKCS1v15(), SHA256()
        self._sign = lambda data: key.sign(data, scheme, digest)
        self.verify = lambda data, signature: public.verify(signature, data, scheme, digest)
        numbers = public.public_numbers()
        self.jwk = {"kty": "RSA", "n": number(numbers.n, 256), "e": number(numbers.e, 3)}

    def _make_hs256(self) -> None:
        secret = SECRET.encode()
        self._sign = lambda data: hmac.digest(secret, data, hashlib.sha256)
        self.verify = lambda data, signature: hmac.compare_digest(self._sign(data), signature)

    def token(self, user_id: int, **claims: Any) -> str:
        issued_at = NOW_MS // 1000
        payload = {
            "iss": "https://auth.example.org",
            "aud": "chat",
            "sub": str(user_id),
            "user_id": user_id,
            "sid": sid_of(user_id),
            "gen": 3,
            "jti": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "iat": issued_at,
            "exp": issued_at + 600,
            "auth_time": issued_at,
            "amr": ["pwd"],
            "roles": ["moderator"],
            "rcp": "Zm9vYmFyYmF6cXV4Zm9vYg",
            **claims,
        }
        header = {"alg": self.algorithm, "typ": "at+jwt", "kid": KID}
        signed = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
        return f"{signed}.{encoded(self._sign(signed.encode()))}"

    def signed_parts(self, token: str) -> tuple[bytes, bytes]:
        """The input of the bare check: the signed data and the signature."""
        signed, _, signature = token.rpartition(".")
        return signed.encode(), base64.urlsafe_b64decode(f"{signature}==")

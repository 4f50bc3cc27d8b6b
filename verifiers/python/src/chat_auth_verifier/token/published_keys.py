"""Reading the JWK set of the service (RFC 7517)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .base64url import decode_base64url
from .json_values import is_text_list
from .signatures import Algorithm, VerificationKey, Verifies, ed25519, es256, rs256

_KEY_LIMIT = 100
_KID_LENGTH_LIMIT = 256

Keys = Mapping[str, VerificationKey]


def read_key_set(body: Any, known: Keys) -> Keys | None:
    """Reads the keys that can verify tokens, and skips all others. Returns None if there is none.

    Keys that are in `known` are returned as the same objects.
    """
    listed = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(listed, list) or len(listed) > _KEY_LIMIT:
        return None
    keys: dict[str, VerificationKey] = {}
    for jwk in listed:
        key = _read_key(jwk, known) if isinstance(jwk, dict) else None
        if key is not None:
            keys.setdefault(key.kid, key)
    return keys or None


def _read_key(jwk: dict[str, Any], known: Keys) -> VerificationKey | None:
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= _KID_LENGTH_LIMIT or not _is_for_verifying(jwk):
        return None
    form = _form_of(jwk)
    # Each key type has one algorithm here; a key for another algorithm has another purpose.
    if form is None or jwk.get("alg", form[0]) != form[0]:
        return None
    algorithm, members = form
    material = json.dumps(form)
    before = known.get(kid)
    if before is not None and before.material == material:
        return before
    verifies = _import_key(algorithm, members)
    return None if verifies is None else VerificationKey(kid, algorithm, verifies, material)


def _is_for_verifying(jwk: dict[str, Any]) -> bool:
    """Whether the purpose of the key, where it is given, is to verify signatures (RFC 7517, sections 4.2 and 4.3)."""
    # With the private part published too, anyone could sign.
    if "d" in jwk or jwk.get("use", "sig") != "sig":
        return False
    operations = jwk.get("key_ops", ["verify"])
    return is_text_list(operations) and "verify" in operations and len(set(operations)) == len(operations)


def _form_of(jwk: dict[str, Any]) -> tuple[Algorithm, list[str]] | None:
    """The public members (RFC 7518, section 6; RFC 8037, section 2). Everything else in the JWK is ignored."""

    def texts(*names: str) -> list[str] | None:
        values = [jwk.get(name) for name in names]
        return values if is_text_list(values) else None

    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            algorithm, members = "EdDSA", texts("x")
        case "EC", "P-256":
            algorithm, members = "ES256", texts("x", "y")
        case "RSA", _:
            algorithm, members = "RS256", texts("n", "e")
        case _:
            return None
    return None if members is None else (algorithm, members)  # type: ignore[return-value]


def _import_key(algorithm: Algorithm, members: list[str]) -> Verifies | None:
    try:
        numbers = [decode_base64url(member.encode("ascii")) or b"" for member in members]
        if algorithm == "EdDSA":
            return ed25519(Ed25519PublicKey.from_public_bytes(numbers[0]))
        first, second = (int.from_bytes(number, "big") for number in numbers)
        if algorithm == "ES256":
            if any(len(number) != 32 for number in numbers):
                return None
            return es256(ec.EllipticCurvePublicNumbers(first, second, ec.SECP256R1()).public_key())
        # At least 2048 bits (RFC 7518, section 3.3), and few enough to verify quickly. With exponent 1 anyone could sign.
        if not 2048 <= first.bit_length() <= 8192 or second < 3 or second % 2 == 0:
            return None
        return rs256(rsa.RSAPublicNumbers(second, first).public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None

"""The form of a token: a JWS in compact serialization (RFC 7515, section 7.1)."""

from __future__ import annotations

from typing import Any, NamedTuple

from .base64url import decode_base64url
from .json_values import read_object
from .refused import TokenRefused

# More than any access token of the service has. Longer input is refused before any work is done.
_LENGTH_LIMIT = 4096

# Members that bring their own keys, change what is signed, or need support (RFC 7515, section 4.1; RFC 7797).
_REFUSED_MEMBERS = ("crit", "jku", "jwk", "x5u", "x5c", "zip", "enc", "b64")


class TokenParts(NamedTuple):
    header: bytes
    """Still encoded, because decoded headers are cached by it."""
    payload: bytes
    signed: bytes
    """The signing input (RFC 7515, section 5.1)."""
    signature: bytes


class TokenHeader(NamedTuple):
    """The members of a JOSE header that are used (RFC 7515, section 4.1)."""

    alg: str
    kid: str
    typ: Any


def split_token(token: object) -> TokenParts:
    """Raises `TokenRefused` with `malformed_token` unless this is a string of three canonical parts."""
    if not isinstance(token, str) or len(token) > _LENGTH_LIMIT or not token.isascii():
        raise TokenRefused("malformed_token")
    signed, _, signature_part = token.encode().rpartition(b".")
    header, _, payload_part = signed.partition(b".")
    # With another number of dots a part is empty, or contains a dot, which is not base64url.
    payload, signature = decode_base64url(payload_part), decode_base64url(signature_part)
    if not header or not payload or not signature:
        raise TokenRefused("malformed_token")
    return TokenParts(header, payload, signed, signature)


def read_header(encoded: bytes) -> TokenHeader:
    """Raises `TokenRefused` with `malformed_token`."""
    decoded = decode_base64url(encoded)
    header = None if decoded is None else read_object(decoded)
    if header is None or any(name in header for name in _REFUSED_MEMBERS):
        raise TokenRefused("malformed_token")
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or not isinstance(kid, str):
        raise TokenRefused("malformed_token")
    return TokenHeader(alg, kid, header.get("typ"))


def read_payload(payload: bytes) -> dict[str, Any]:
    """Raises `TokenRefused` with `invalid_claims` unless it is a JSON object."""
    claims = read_object(payload)
    if claims is None:
        raise TokenRefused("invalid_claims")
    return claims

"""Canonical base64url (RFC 4648, sections 3.5 and 5)."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64

_STANDARD = bytes.maketrans(b"-_+/=", b"+/\x00\x00\x00")
_PADDING = (b"", b"", b"==", b"=")


def decode_base64url(text: bytes) -> bytes | None:
    """Returns None unless `text` is canonical. The decoder of Python accepts many other spellings of the same bytes."""
    rest = len(text) % 4
    if rest == 1:
        return None
    standard = text.translate(_STANDARD) + _PADDING[rest]
    try:
        decoded = a2b_base64(standard)
    except Error:
        return None
    # Foreign characters are skipped by the decoder, and unused bits are dropped: encode again, and compare.
    return decoded if b2a_base64(decoded, newline=False) == standard else None

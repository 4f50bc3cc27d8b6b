"""Checking tokens without any I/O, and remembering those that passed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..recent_map import RecentMap
from .claims import CheckedClaims, CheckedDelivery, read_claims, read_delivery_claims
from .form import TokenHeader, read_header, read_payload, split_token
from .refused import TokenRefused
from .signatures import VerificationKey

_HEADER_LIMIT = 100


class KeySource(Protocol):
    """Supplies the keys that signatures are checked with."""

    @property
    def algorithms(self) -> frozenset[str]:
        """Tokens with any other algorithm are refused before a key is looked up (RFC 8725, section 3.1)."""

    def find(self, kid: str) -> VerificationKey | None: ...


class GenuineToken:
    """A token with a valid signature and well-formed claims. It may have expired, or its session may have ended."""

    __slots__ = ("checked", "is_reported", "key")

    def __init__(self, checked: CheckedClaims, key: VerificationKey) -> None:
        self.checked = checked
        self.key = key
        self.is_reported = False
        """True once a receipt for it is queued."""


class TokenChecks:
    def __init__(self, keys: KeySource, issuer: str, audience: str | None, cache_size: int) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._cache: RecentMap[str, GenuineToken] = RecentMap(cache_size)
        # Headers of genuine tokens only, so that attackers cannot fill it. Most tokens have the same header.
        self._headers: dict[bytes, TokenHeader] = {}

    @property
    def cached_count(self) -> int:
        return len(self._cache)

    def cached(self, token: object) -> GenuineToken | None:
        """Returns a token from the cache if its key is still published."""
        if not isinstance(token, str):
            return None
        genuine = self._cache.get(token)
        if genuine is None or self._keys.find(genuine.key.kid) is genuine.key:
            return genuine
        self._cache.delete(token)
        return None

    def cache(self, token: str, genuine: GenuineToken) -> None:
        self._cache.set(token, genuine)

    def check(self, token: object) -> GenuineToken | None:
        """Returns None if the key is unknown. Raises `TokenRefused` if the token is not genuine."""
        signed = self._read_signed(token, "at+jwt")
        if signed is None:
            return None
        payload, key = signed
        return GenuineToken(read_claims(payload, self._issuer, self._audience), key)

    def check_delivery(self, token: object) -> CheckedDelivery | None:
        """The same for a delivery token."""
        signed = self._read_signed(token, "delivery+jwt")
        return None if signed is None else read_delivery_claims(signed[0], self._issuer)

    def _read_signed(self, token: object, typ: str) -> tuple[Mapping[str, Any], VerificationKey] | None:
        encoded, payload, signed, signature = split_token(token)
        known = self._headers.get(encoded)
        header = known or read_header(encoded)
        if header.alg not in self._keys.algorithms:
            raise TokenRefused("wrong_algorithm")
        key = self._keys.find(header.kid)
        if key is None:
            return None
        if key.algorithm != header.alg:
            raise TokenRefused("wrong_algorithm")
        if not key.verifies(signed, signature):
            raise TokenRefused("bad_signature")
        # Explicit typing keeps other kinds of JWT out (RFC 8725, section 3.11; RFC 9068, section 4).
        if header.typ != typ:
            raise TokenRefused("wrong_type")
        if known is None:
            if len(self._headers) >= _HEADER_LIMIT:
                self._headers.clear()
            self._headers[encoded] = header
        return read_payload(payload), key

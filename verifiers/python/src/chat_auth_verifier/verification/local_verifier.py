"""Verifying with what is known locally. The service is called for tickets, new keys and stale introspection only."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from ..clock import Clock
from ..feed.revocation_feed import RevocationFeed
from ..service.receipts import Receipt, Receipts
from ..service.service_calls import ServiceCalls
from ..settings import Settings
from ..token.checks import GenuineToken, KeySource, TokenChecks
from ..token.claims import CheckedClaims, Claims, DeliveryClaims, read_claims
from ..token.json_values import session_key
from ..token.refused import RefusalCode, TokenRefused
from .requirements import check_requirements, require_authentication

Checked = TypeVar("Checked")


class RefreshedKeys(KeySource, Protocol):
    async def refresh(self) -> bool:
        """Fetches the keys if a fetch is due. Returns True if they are known to be current."""


class LocalVerifier:
    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        keys: RefreshedKeys,
        feed: RevocationFeed,
        receipts: Receipts,
        calls: ServiceCalls,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._feed = feed
        self._receipts = receipts
        self._calls = calls
        self.checks = TokenChecks(keys, settings.issuer, settings.audience, settings.cache_size)
        self.is_closed = False
        # Tells claims of tickets that this verifier redeemed from those of others, wherever they were stored.
        self._id = secrets.token_hex(16)
        self.verified = 0
        self.cache_hits = 0
        self.refused: Counter[RefusalCode] = Counter()

    async def verify(self, token: str, max_age: int | None = None, amr: Sequence[str] | None = None) -> Claims:
        has_requirements = max_age is not None or amr is not None
        if has_requirements:
            check_requirements(max_age, amr)
        try:
            self._require_open()
            cached = self.checks.cached(token)
            genuine = cached or self.checks.check(token)
            if genuine is None:
                genuine = await self._with_new_keys(lambda: self.checks.check(token))
            monotonic_ms = self._clock.monotonic_ms()
            self._require_valid(genuine.checked, monotonic_ms)
            if cached is None:
                self.checks.cache(token, genuine)
            claims = genuine.checked.claims
            if not self._feed.freshness.is_fresh_at(monotonic_ms):
                claims = await self._claims_when_stale(token, genuine)
            if not genuine.is_reported:
                self._report(genuine, monotonic_ms)
            if has_requirements:
                require_authentication(claims, max_age, amr, self._now(self._clock.monotonic_ms()))
            self.verified += 1
            if cached is not None:
                self.cache_hits += 1
            return claims
        except TokenRefused as refusal:
            self.refused[refusal.code] += 1
            raise

    def check(self, claims: Claims) -> None:
        """Rules 11 to 15 of the protocol, for claims of a token that was verified before."""
        self._require_open()
        if claims.iss != self._settings.issuer:
            raise TokenRefused("wrong_issuer")
        if claims.aud != self._settings.audience:
            raise TokenRefused("wrong_audience")
        monotonic_ms = self._clock.monotonic_ms()
        self._require_valid(_without_token(claims), monotonic_ms)
        is_fresh = self._feed.freshness.is_fresh_at(monotonic_ms)
        # Without the token the service cannot be asked about it.
        if not is_fresh and self._settings.when_stale != "accept":
            raise TokenRefused("stale")

    async def redeem_ticket(self, ticket: str, origin: str | None = None) -> Claims:
        # The roles are those at the redemption: they include every change up to here.
        redeemed_at = (self._id, self._feed.store.revision)
        try:
            self._require_open()
            members = await self._calls.redeem(ticket, origin)
            self._require_open()
            checked = read_claims(members, self._settings.issuer, self._settings.audience, redeemed_at)
            # The response is current, so staleness does not matter. Events that arrived during the call do.
            self._require_valid(checked, self._clock.monotonic_ms())
            return checked.claims
        except TokenRefused as refusal:
            self.refused[refusal.code] += 1
            raise

    async def verify_delivery(self, token: str) -> DeliveryClaims:
        try:
            self._require_open()
            checked = self.checks.check_delivery(token)
            if checked is None:
                checked = await self._with_new_keys(lambda: self.checks.check_delivery(token))
            now = self._now(self._clock.monotonic_ms())
            if now is None:
                raise TokenRefused("unavailable")
            _require_time(now, checked.expires_at_ms, checked.not_before_ms)
            return checked.claims
        except TokenRefused as refusal:
            self.refused[refusal.code] += 1
            raise

    def is_outdated(self, session: bytes, claims: Claims) -> bool:
        """Whether a newer token of the session may carry other roles."""
        revision = self._feed.revision_outdating(session, claims)
        if revision is None:
            return False
        redeemed_by, included = claims.redeemed_at or (None, 0)
        return redeemed_by != self._id or revision > included

    def _require_open(self) -> None:
        if self.is_closed:
            raise TokenRefused("unavailable", "The verifier is closed.")

    async def _with_new_keys(self, check: Callable[[], Checked | None]) -> Checked:
        is_current = await self._keys.refresh()
        self._require_open()
        genuine = check()
        if genuine is None:
            # If the keys could not be fetched, the token may be valid: the user must not be asked to sign in again.
            raise TokenRefused("unknown_key" if is_current else "unavailable")
        return genuine

    def _require_valid(self, checked: CheckedClaims, monotonic_ms: float) -> None:
        claims, session, expires_at_ms, not_before_ms, _ = checked
        store = self._feed.store
        if expires_at_ms <= store.forgotten_up_to:
            raise TokenRefused("expired")
        now = self._now(monotonic_ms)
        if now is not None:
            _require_time(now, expires_at_ms, not_before_ms)
        reason = store.reason_of(session)
        if reason is not None:
            raise TokenRefused("session_ended", reason=reason)
        if self.is_outdated(session, claims):
            raise TokenRefused("token_outdated")

    def _now(self, monotonic_ms: float) -> float | None:
        """The service's time. Before it is known, the local clock is used with `when_stale="accept"` only."""
        now = self._feed.time.now(monotonic_ms)
        return self._clock.wall_ms() if now is None and self._settings.when_stale == "accept" else now

    async def _claims_when_stale(self, token: str, genuine: GenuineToken) -> Claims:
        """With `introspect`, the claims have the roles that the service returned."""
        claims = genuine.checked.claims
        match self._settings.when_stale:
            case "refuse":
                raise TokenRefused("stale")
            case "introspect":
                roles = await self._calls.current_roles(token, claims)
                self._require_open()
                # The feed may have delivered an end during the call.
                self._require_valid(genuine.checked, self._clock.monotonic_ms())
                return claims if roles == claims.roles else replace(claims, roles=roles)
            case "accept":
                return claims

    def _report(self, genuine: GenuineToken, monotonic_ms: float) -> None:
        genuine.is_reported = True
        claims = genuine.checked.claims
        service_time = self._feed.time.now(monotonic_ms)
        seen_at = self._clock.wall_ms() if service_time is None else service_time
        receipt = Receipt(claims.user_id, claims.gen, seen_at, genuine.checked.receipt_proof)
        self._receipts.add(claims.sid, receipt)


def _require_time(now: float, expires_at_ms: float, not_before_ms: float) -> None:
    """`exp` is the first moment at which the token is no longer valid (RFC 7519, section 4.1.4)."""
    if now >= expires_at_ms:
        raise TokenRefused("expired")
    if now < not_before_ms:
        raise TokenRefused("not_yet_valid")


def _without_token(claims: Claims) -> CheckedClaims:
    return CheckedClaims(claims, session_key(claims.sid), claims.exp * 1000, float("-inf"), None)

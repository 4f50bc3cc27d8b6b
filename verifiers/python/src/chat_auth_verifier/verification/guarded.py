"""The questions of a socket guard about the session behind a socket."""

from __future__ import annotations

from ..clock import Clock
from ..feed.revocation_feed import RevocationFeed
from ..settings import Settings
from ..token.claims import Claims
from ..token.json_values import session_key
from .local_verifier import LocalVerifier


class GuardedSessions:
    def __init__(self, settings: Settings, clock: Clock, feed: RevocationFeed, local: LocalVerifier) -> None:
        self._settings = settings
        self._clock = clock
        self._feed = feed
        self._local = local

    def has_ended(self, claims: Claims) -> bool:
        return self._feed.store.reason_of(session_key(claims.sid)) is not None

    def has_expired(self, claims: Claims) -> bool:
        return claims.exp * 1000 <= max(self.service_now(), self._feed.store.forgotten_up_to)

    def is_outdated(self, claims: Claims) -> bool:
        return self._local.is_outdated(session_key(claims.sid), claims)

    def is_refusing(self) -> bool:
        return self._settings.when_stale == "refuse" and not self._feed.freshness.is_fresh()

    def service_now(self) -> float:
        now = self._feed.service_time_ms()
        return self._clock.wall_ms() if now is None else now

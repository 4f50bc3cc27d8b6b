"""Everything known from the revocation feed: ended sessions, outdated tokens, the service's time, and its age."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock
from ..settings import Settings
from ..subscribers import Subscribers
from ..token.claims import Claims
from ..transport import Transport
from .feed_reader import FeedReader
from .feed_state import FeedState, SessionEnd
from .freshness import Freshness
from .readiness import Readiness
from .revocation_store import RevocationStore
from .service_time import ServiceTime


class RevocationFeed:
    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        clock: Clock,
        has_keys: Callable[[], bool],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._clock = clock
        self.on_error = on_error
        self.ends: Subscribers[SessionEnd] = Subscribers(on_error)
        self.outdated: Subscribers[int | str] = Subscribers(on_error)
        self.stale: Subscribers[None] = Subscribers(on_error)
        self.time = ServiceTime(settings.max_staleness_ms)
        self.store = RevocationStore()
        self.freshness = Freshness(
            clock, self.time, settings.max_staleness_ms, has_keys, lambda: self.stale.notify(None)
        )
        self.readiness = Readiness(self.freshness, clock)
        self.reader = FeedReader(
            transport,
            settings.service_key,
            settings.max_staleness_ms,
            clock,
            FeedState(self.store, self.time, self),
            self.time,
            self,
        )

    def service_time_ms(self) -> float | None:
        """Milliseconds since 1970 by the service's clock; None before the first event."""
        return self.time.now(self._clock.monotonic_ms())

    def staleness_ms(self) -> float:
        return self.time.staleness_ms(self._clock.monotonic_ms())

    def revision_outdating(self, session: bytes, claims: Claims) -> int | None:
        """The revision of the last change because of which a token with these claims is outdated."""
        return self.store.revision_outdating(session, claims)

    async def close(self) -> None:
        self.readiness.close()
        self.freshness.close()
        for subscribers in (self.ends, self.outdated, self.stale):
            subscribers.clear()
        await self.reader.close()

    def on_end(self, end: SessionEnd) -> None:
        self.ends.notify(end)

    def on_outdated(self, subject: int | str) -> None:
        self.outdated.notify(subject)

    def on_unreadable(self, problem: str) -> None:
        self.on_error(
            RuntimeError(
                "A row of the revocation feed cannot be read. The tokens that its user has are refused until they are "
                f"refreshed. If the auth service is newer, update chat-auth-verifier. {problem}"
            )
        )

    def on_progress(self) -> None:
        self.freshness.update()

    def on_accepted(self) -> None:
        self.readiness.accept()

    def on_refused(self, error: Exception) -> None:
        self.readiness.refuse(error)

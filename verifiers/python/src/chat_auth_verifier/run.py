"""One run of a verifier, from its start to its end: the parts, and what they tell each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .clock import Clock
from .error_report import ErrorReport
from .feed.feed_state import SessionEnd
from .feed.revocation_feed import RevocationFeed
from .service.http_transport import HttpTransport
from .service.json_requests import JsonRequests
from .service.key_set import KeySet, SharedSecret
from .service.receipts import Receipts
from .service.service_calls import ServiceCalls
from .settings import Settings
from .sockets.socket_guard import SocketGuard
from .subscribers import void
from .transport import Transport
from .verification.guarded import GuardedSessions
from .verification.health import Health
from .verification.local_verifier import LocalVerifier

# How long `close` waits for the last receipts.
_CLOSE_TIMEOUT_MS = 2_000


class Run:
    def __init__(self, settings: Settings, transport: Transport | None, clock: Clock, report: ErrorReport) -> None:
        """Sends nothing before `start`."""
        self._settings = settings
        self._clock = clock
        self._transport = transport or HttpTransport(settings.base)
        requests = JsonRequests(self._transport, clock, settings.service_key)
        self.feed = RevocationFeed(settings, self._transport, clock, lambda: len(self._keys) > 0, report)
        self._keys: KeySet | SharedSecret = (
            KeySet(requests, clock, report, self.feed.freshness.update)
            if settings.shared_secret is None
            else SharedSecret(settings.shared_secret)
        )
        self._receipts = Receipts(requests, clock, report)
        calls = ServiceCalls(requests, clock, report)
        self.local = LocalVerifier(settings, clock, self._keys, self.feed, self._receipts, calls)
        self.guard = SocketGuard(GuardedSessions(settings, clock, self.feed, self.local), clock, report)

    def start(self, on_end: Callable[[SessionEnd], None]) -> None:
        """Calls `on_end` for each session that ends, after its sockets began to close."""
        self.feed.ends.subscribe(lambda end: self.guard.on_session_ended(end.sid))
        self.feed.ends.subscribe(on_end)
        self.feed.outdated.subscribe(self.guard.on_outdated)
        self.feed.stale.subscribe(lambda _: self.guard.on_stale())
        self._keys.start()
        self.feed.reader.open()

    def health(self) -> Health:
        feed, local = self.feed, self.local
        return Health(
            fresh=feed.freshness.is_fresh(),
            staleness=feed.staleness_ms() / 1000,
            connected=feed.reader.connected,
            revoked_count=len(feed.store),
            outdated_count=feed.store.outdated_count,
            key_count=len(self._keys),
            cached_tokens=local.checks.cached_count,
            verified=local.verified,
            cache_hits=local.cache_hits,
            refused=dict(local.refused),
            feed_reconnects=feed.reader.reconnects,
            receipts=self._receipts.counts,
            held_sockets=len(self.guard),
        )

    def stop(self) -> asyncio.Task[None]:
        """Accepts nothing more from now on. Returns the task that sends the last receipts and closes the connections."""
        self.local.is_closed = True
        self.guard.close(closes_sockets=self._settings.when_stale == "refuse")
        return asyncio.create_task(self._close())

    async def _close(self) -> None:
        await self.feed.close()
        await self._keys.close()
        last_receipts = asyncio.create_task(self._receipts.close())
        cancel_timer = self._clock.after(_CLOSE_TIMEOUT_MS, lambda: void(last_receipts.cancel()))
        await asyncio.gather(last_receipts, return_exceptions=True)
        cancel_timer()
        await self._transport.close()

"""Following the revocation feed, over as many connections as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..clock import Clock, jittered
from ..transport import Transport
from .event_stream import EventTooLarge, StreamEvent
from .feed_connection import FeedConnection, FeedEnd
from .feed_events import FeedBroken, SnapshotPart, read_feed_event
from .feed_state import FeedOutcome, FeedState
from .service_time import ServiceTime

_FIRST_DELAY_MS = 100
_MAX_DELAY_MS = 2_000
_REFUSED_DELAY_MS = 5_000


class ReaderListeners(Protocol):
    def on_progress(self) -> None:
        """Called after each applied event."""

    def on_error(self, error: Exception) -> None: ...

    def on_accepted(self) -> None:
        """The service accepted a connection."""

    def on_refused(self, error: Exception) -> None:
        """The service refused a connection because of a wrong setting."""


class FeedReader:
    """Reconnects whenever a connection ends, until it is closed."""

    def __init__(
        self,
        transport: Transport,
        service_key: str,
        max_staleness_ms: float,
        clock: Clock,
        state: FeedState,
        time: ServiceTime,
        listeners: ReaderListeners,
    ) -> None:
        self._transport = transport
        self._service_key = service_key
        self._max_staleness_ms = max_staleness_ms
        # At most half of max_staleness, so that the verifier reconnects before it is stale.
        self._max_delay_ms = min(_MAX_DELAY_MS, max_staleness_ms / 2)
        self._clock = clock
        self._state = state
        self._time = time
        self._listeners = listeners
        self._connection: FeedConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancel_timer: Callable[[], None] = lambda: None
        self.connected = False
        self._is_closed = False
        self._attempts = 0
        self._connections = 0
        self._opened_at = 0.0
        # The id of the last event in order, from which the service can go on; None to request a snapshot.
        self._last_event_id: str | None = None
        self._is_caught_up = False
        self._behind_since: float | None = None

    @property
    def reconnects(self) -> int:
        return max(0, self._connections - 1)

    def open(self) -> None:
        if self._is_closed:
            return
        self._connections += 1
        self._opened_at = self._clock.monotonic_ms()
        self._is_caught_up = False
        self._behind_since = None
        self._connection = FeedConnection(
            self._transport, self._service_key, self._last_event_id, self._max_staleness_ms, self._clock, self
        )
        self._tasks.add(self._connection.task)
        self._connection.task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._is_closed = True
        self._cancel_timer()
        if self._connection is not None:
            self._connection.end("failed", Exception("closed"))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def on_send(self, sent_at: float) -> None:
        self._time.begin_connection(sent_at)

    def on_open(self) -> None:
        self.connected = True
        self._listeners.on_accepted()

    def on_event(self, event: StreamEvent, arrived_at: float, last_event_id: str | None) -> None:
        try:
            read = read_feed_event(event)
            if read is None:
                return
            outcome = self._state.apply(read, arrived_at)
        except Exception:
            # After the same id, the same event would come again.
            self._last_event_id = None
            raise
        if outcome is FeedOutcome.GAP:
            raise FeedBroken("the feed has a gap")
        self._listeners.on_progress()
        # A part of a snapshot proves nothing yet.
        if isinstance(read, SnapshotPart):
            return
        if read.seq == self._state.seq:
            self._last_event_id = last_event_id
        if outcome is FeedOutcome.MEASURE_AGAIN:
            raise Exception("the feed is delayed, or a clock was changed")
        self._note_progress(arrived_at)

    def _note_progress(self, arrived_at: float) -> None:
        if self._time.staleness_ms(arrived_at) <= self._max_staleness_ms:
            self._behind_since = None
            self._is_caught_up = True
            return
        if self._behind_since is None:
            self._behind_since = arrived_at
        # Events arrive, but none proves that everything is known: the seq must be wrong.
        if arrived_at - self._behind_since > self._max_staleness_ms:
            raise FeedBroken("the feed does not catch up")

    def on_end(self, end: FeedEnd) -> None:
        self._connection = None
        self.connected = False
        if self._is_closed:
            return
        if isinstance(end.error, (FeedBroken, EventTooLarge)):
            self._last_event_id = None
        # A service that accepts connections and ends them immediately keeps the long delay.
        if self._clock.monotonic_ms() - self._opened_at > _MAX_DELAY_MS:
            self._attempts = 0
        # An orderly end, as in a rolling restart, is not an error.
        if end.kind != "orderly" or not self._is_caught_up:
            reason = str(end.error) or type(end.error).__name__
            lost = ConnectionError(f"The revocation feed was lost: {reason}")
            self._listeners.on_error(lost)
            if end.kind == "refused":
                self._listeners.on_refused(lost)
        self._cancel_timer = self._clock.after(jittered(self._delay_after(end), self._clock), self.open)
        self._attempts += 1

    def _delay_after(self, end: FeedEnd) -> float:
        if end.kind == "refused":
            return _REFUSED_DELAY_MS
        if end.kind == "orderly" and end.retry_ms is not None:
            return min(end.retry_ms, self._max_delay_ms)
        return min(self._max_delay_ms, float(_FIRST_DELAY_MS << min(self._attempts, 10)))

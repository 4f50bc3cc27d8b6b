"""One connection to the feed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from ..clock import Clock, after_silence
from ..transport import Transport
from .event_stream import EventStreamParser, StreamEvent

_PATH = "v1/revocations/stream"
_MAX_EVENT_BYTES = 256 * 1024 * 1024
# A snapshot that takes longer to arrive would be useless.
_MAX_EVENT_MS = 60_000
# A heartbeat comes each second, and may be late.
_SHORTEST_SILENCE_MS = 1_500


class FeedEnd(NamedTuple):
    kind: Literal["orderly", "refused", "failed"]
    """`orderly`: ended by the service. `refused`: the service key or URL is wrong. `failed`: any other end."""
    error: Exception
    retry_ms: int | None
    """The reconnection delay that the service sent last."""


class FeedHandlers(Protocol):
    def on_send(self, sent_at: float) -> None:
        """Called just before the request is sent, with the monotonic time."""

    def on_open(self) -> None: ...

    def on_event(self, event: StreamEvent, arrived_at: float, last_event_id: str | None) -> None:
        """If it raises, the connection is closed."""

    def on_end(self, end: FeedEnd) -> None:
        """Called once, as the last of all."""


class FeedConnection:
    """Opened in a task of its own. `end` closes it with a reason."""

    def __init__(
        self,
        transport: Transport,
        service_key: str,
        last_event_id: str | None,
        max_staleness_ms: float,
        clock: Clock,
        handlers: FeedHandlers,
    ) -> None:
        """The feed resumes after `last_event_id`; None requests a snapshot."""
        self._transport = transport
        self._max_staleness_ms = max_staleness_ms
        self._clock = clock
        self._handlers = handlers
        self._parser = EventStreamParser(self._on_event, _MAX_EVENT_BYTES)
        self._arrived_at = 0.0
        self._event_since: float | None = None
        self._has_ended = False
        handlers.on_send(clock.monotonic_ms())
        # After a slower first response, everything on the connection would look older than it is.
        self._cancel_timer = after_silence(clock, max_staleness_ms / 2, self._on_silence)
        self.task = asyncio.create_task(self._run(_headers(service_key, last_event_id)))

    async def _run(self, headers: Mapping[str, str]) -> None:
        try:
            await self._transport.stream(_PATH, headers, self)
            self.end("orderly", Exception("the service ended the stream"))
        except Exception as error:
            self.end("failed", error)

    def on_send(self) -> None:
        if not self._has_ended:
            self._handlers.on_send(self._clock.monotonic_ms())

    def on_head(self, status: int, headers: Mapping[str, str]) -> bool:
        if self._has_ended:
            return False
        problem = _problem_of(status, headers)
        if problem is None:
            self._handlers.on_open()
            return True
        self.end("refused" if status in (401, 403, 404) else "failed", Exception(problem))
        return False

    def on_data(self, chunk: bytes) -> None:
        if self._has_ended:
            return
        self._arrived_at = self._clock.monotonic_ms()
        self._parser.push(chunk)
        if not self._parser.inside_event:
            return
        if self._event_since is None:
            self._event_since = self._arrived_at
        # A large event that is still arriving resets the silence timer, for a limited time.
        if self._arrived_at - self._event_since < _MAX_EVENT_MS:
            self._restart_timer()

    def _on_event(self, event: StreamEvent) -> None:
        if self._has_ended:
            return
        self._event_since = None
        self._restart_timer()
        self._handlers.on_event(event, self._arrived_at, self._parser.last_event_id)

    def _restart_timer(self) -> None:
        if self._has_ended:
            return
        self._cancel_timer()
        limit = max(_SHORTEST_SILENCE_MS, self._max_staleness_ms / 2)
        self._cancel_timer = after_silence(self._clock, limit, self._on_silence)

    def _on_silence(self) -> None:
        self.end("failed", Exception("the service sent nothing for too long"))

    def end(self, kind: Literal["orderly", "refused", "failed"], error: Exception) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._cancel_timer()
        if asyncio.current_task() is not self.task:
            self.task.cancel()
        self._handlers.on_end(FeedEnd(kind, error, self._parser.retry_ms))


def _headers(service_key: str, last_event_id: str | None) -> dict[str, str]:
    headers = {
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "cache-control": "no-cache",
        "authorization": f"Bearer {service_key}",
        # A service of an earlier version sends a snapshot in one event, however long.
        "prefer": "snapshot=parts",
    }
    if last_event_id is not None:
        headers["last-event-id"] = last_event_id
    return headers


def _problem_of(status: int, headers: Mapping[str, str]) -> str | None:
    if status in (401, 403):
        return f"status {status}; check that service_key is one of SERVICE_KEYS of the service"
    if status == 404:
        return "status 404; check that url is the internal listener of the service"
    if status != 200:
        return f"status {status}"
    if not headers.get("content-type", "").startswith("text/event-stream"):
        return "not an event stream; check that url is the internal listener, and no web page"
    if headers.get("content-encoding", "identity") != "identity":
        return "the stream is compressed; turn off compression in the proxy"
    return None

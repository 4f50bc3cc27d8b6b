"""Whether knowledge of ended sessions is recent enough to rely on."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Cancel, Clock, after_silence
from .service_time import ServiceTime


class Freshness:
    """Calls `on_stale` when it no longer is."""

    def __init__(
        self,
        clock: Clock,
        time: ServiceTime,
        max_staleness_ms: float,
        has_keys: Callable[[], bool],
        on_stale: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._time = time
        self._max_staleness_ms = max_staleness_ms
        self._has_keys = has_keys
        self._on_stale = on_stale
        self._waiting: set[Callable[[], None]] = set()
        self._was_fresh = False
        self._cancel_timer: Cancel | None = None

    def is_fresh(self) -> bool:
        return self.is_fresh_at(self._clock.monotonic_ms())

    def is_fresh_at(self, monotonic_ms: float) -> bool:
        return self._time.staleness_ms(monotonic_ms) <= self._max_staleness_ms and self._has_keys()

    def update(self) -> None:
        """To be called after keys or a feed event arrived."""
        if not self.is_fresh():
            return
        self._was_fresh = True
        if self._cancel_timer is None:
            self._schedule_check()
        waiting, self._waiting = self._waiting, set()
        for resolve in waiting:
            resolve()

    def when_fresh(self, resolve: Callable[[], None]) -> Cancel:
        """Calls `resolve` once, as soon as knowledge is fresh. Returns a function that stops waiting."""
        self._waiting.add(resolve)
        self.update()
        return lambda: self._waiting.discard(resolve)

    def close(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
        self._waiting.clear()

    def _schedule_check(self) -> None:
        staleness = self._time.staleness_ms(self._clock.monotonic_ms())
        delay = max(0, self._max_staleness_ms - staleness) + 1
        self._cancel_timer = after_silence(self._clock, delay, self._check)

    def _check(self) -> None:
        self._cancel_timer = None
        if self.is_fresh():
            self._schedule_check()
        elif self._was_fresh:
            self._was_fresh = False
            self._on_stale()

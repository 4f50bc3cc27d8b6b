"""The service's time on the monotonic clock of this machine, and the age of what is known."""

from __future__ import annotations

from math import inf


class ServiceTime:
    """The wall clock of this machine is not used.

    Let θ be "local clock minus service clock". The response to a request sent at `s` carries a `server_time` `t0` that was
    read later, so θ >= s - t0, the base. Knowledge that was complete at service time `t` was complete at `base + t` on the
    local clock, or later. So its age is never underestimated, however long a network delays the stream.
    """

    def __init__(self, max_staleness_ms: float) -> None:
        self._max_staleness_ms = max_staleness_ms
        self._sent_at = 0.0
        self._is_measuring = True
        self._base: float | None = None
        self._complete_at = -inf

    def begin_connection(self, sent_at: float) -> None:
        """Starts measuring anew: another instance may have another clock. `sent_at` is before the request was sent."""
        self._sent_at = sent_at
        self._is_measuring = True

    def observe(self, server_time_ms: float, arrived_at: float) -> bool:
        """Takes a `server_time`. Returns False if a clock jumped or the stream was delayed: measure anew."""
        if self._is_measuring or self._base is None:
            self._is_measuring = False
            self._base = self._sent_at - server_time_ms
            return True
        # θ <= arrival - server_time always holds. If that is below the base, one of the clocks runs faster or has jumped.
        upper_bound = arrived_at - server_time_ms
        if abs(self._base - upper_bound) > self._max_staleness_ms / 2:
            return False
        self._base = min(self._base, upper_bound)
        return True

    def complete_up_to(self, server_time_ms: float, arrived_at: float) -> None:
        """Records that every session end before `server_time_ms`, which was observed before, is known."""
        if self._base is not None:
            self._complete_at = max(self._complete_at, min(arrived_at, self._base + server_time_ms))

    def staleness_ms(self, monotonic_ms: float) -> float:
        """Upper bound of the age of what is known; infinite before the first snapshot."""
        return monotonic_ms - self._complete_at

    def now(self, monotonic_ms: float) -> float | None:
        """Milliseconds since 1970, ahead of the service by at most one round trip, never behind."""
        return None if self._base is None else monotonic_ms - self._base

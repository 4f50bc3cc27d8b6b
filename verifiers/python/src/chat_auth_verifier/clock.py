"""Time and randomness. Tests replace it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

Cancel = Callable[[], None]


class Clock(Protocol):
    def monotonic_ms(self) -> float:
        """Milliseconds since an arbitrary moment; never decreases, and goes on while the machine is suspended."""

    def wall_ms(self) -> float:
        """Milliseconds since 1970, by the clock of this machine."""

    def after(self, ms: float, action: Callable[[], None]) -> Cancel:
        """Calls `action` after `ms`. Returns a function that cancels it."""

    def random(self) -> float:
        """From 0 up to, but not including, 1."""


def _continuous() -> Callable[[], float]:
    """While the machine is suspended, `time.monotonic` stands still on Linux and macOS."""
    if not hasattr(time, "clock_gettime"):
        return time.monotonic
    # On macOS, CLOCK_MONOTONIC itself goes on.
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return partial(time.clock_gettime, clock)


_monotonic = _continuous()


class SystemClock:
    """Its timers need the running event loop."""

    def monotonic_ms(self) -> float:
        return _monotonic() * 1000

    def wall_ms(self) -> float:
        return time.time() * 1000

    def after(self, ms: float, action: Callable[[], None]) -> Cancel:
        return asyncio.get_running_loop().call_later(ms / 1000, action).cancel

    def random(self) -> float:
        return random.random()


def jittered(ms: float, clock: Clock) -> float:
    """Between half of `ms` and all of it, so that many verifiers do not reconnect at the same moment."""
    return ms * (0.5 + clock.random() / 2)


# A timer this late means that the event loop was blocked, and unread bytes may be waiting.
_LATE_MS = 50


def after_silence(clock: Clock, ms: float, action: Callable[[], None]) -> Cancel:
    """Like `clock.after`, for a limit on incoming data: after a blocked event loop, pending data is read first."""
    started_at = clock.monotonic_ms()
    cancel: Cancel

    def due() -> None:
        nonlocal cancel
        was_blocked = clock.monotonic_ms() - started_at - ms > _LATE_MS
        if was_blocked:
            cancel = clock.after(_LATE_MS, action)
        else:
            action()

    cancel = clock.after(ms, due)
    return lambda: cancel()

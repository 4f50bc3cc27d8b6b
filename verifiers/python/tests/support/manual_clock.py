"""Time that passes when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS_UNTIL_QUIET = 50


async def settle() -> None:
    """Waits until nothing is in flight: with a scripted network, everything takes a few rounds of the event loop."""
    for _ in range(ROUNDS_UNTIL_QUIET):
        await asyncio.sleep(0)


@dataclass(eq=False)
class Timer:
    due_at: float
    action: Callable[[], None]


class ManualClock:
    def __init__(self, wall_ms: float = 1_769_860_800_000) -> None:
        """`wall_ms` is the time of the wall clock now."""
        self.now = 0.0
        self.wall_at_start = wall_ms
        self.chance = 1.0
        self.asked: list[float] = []
        """Every delay a timer was asked for, in order."""
        self._timers: list[Timer] = []

    def monotonic_ms(self) -> float:
        return self.now

    def wall_ms(self) -> float:
        return self.wall_at_start + self.now

    def random(self) -> float:
        return self.chance

    def after(self, ms: float, action: Callable[[], None]) -> Callable[[], None]:
        self.asked.append(ms)
        timer = Timer(self.now + ms, action)
        self._timers.append(timer)
        return lambda: self._timers.remove(timer) if timer in self._timers else None

    async def pass_until(self, end: float) -> None:
        """Timers go off in their order, at their time."""
        await settle()
        while due := sorted((one for one in self._timers if one.due_at <= end), key=lambda one: one.due_at):
            self._timers.remove(due[0])
            self.now = max(self.now, due[0].due_at)
            due[0].action()
            await settle()
        self.now = end

    async def pass_ms(self, ms: float) -> None:
        await self.pass_until(self.now + ms)

    def stall(self, ms: float) -> None:
        """Time passes while the process is too busy to notice: timers stay where they are."""
        self.now += ms

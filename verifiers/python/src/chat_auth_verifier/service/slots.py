"""Limiting how many calls run at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class AllWaiting(Exception):
    """Too many calls wait already."""


class Slots:
    """`async with` waits for a slot, in the order of the calls. A slot that gets free is handed over to the next call, so
    that no other one takes it in between."""

    def __init__(self, count: int, waiting_limit: int) -> None:
        self._free = count
        self._waiting_limit = waiting_limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        """Raises `AllWaiting`."""
        if self._free > 0:
            self._free -= 1
            return
        if len(self._waiting) >= self._waiting_limit:
            raise AllWaiting
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # Cancelled between its turn and its next step.
            if not turn.cancelled():
                self._release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

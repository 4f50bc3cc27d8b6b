"""Waiting for events, and for conditions that have none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chat_auth_verifier import SessionEnd, TokenRefused, Verifier
from tests.support.real_service import PATIENCE_SECONDS

Result = TypeVar("Result")


async def patiently(event: Awaitable[Result]) -> Result:
    return await asyncio.wait_for(event, PATIENCE_SECONDS)


async def until(is_so: Callable[[], bool]) -> None:
    """Polls a condition for which there is no event."""

    async def poll() -> None:
        while not is_so():
            await asyncio.sleep(0.01)

    await patiently(poll())


class ReportedEnds:
    """The ends of sessions that a verifier reports from now on."""

    def __init__(self, verifier: Verifier) -> None:
        self.ends: asyncio.Queue[SessionEnd] = asyncio.Queue()
        verifier.on_session_ended(self.ends.put_nowait)

    async def of(self, sid: str) -> SessionEnd:
        while (end := await patiently(self.ends.get())).sid != sid:
            pass
        return end


async def verdict(attempt: Awaitable[object]) -> str:
    try:
        await attempt
    except TokenRefused as refusal:
        return refusal.code if refusal.reason is None else f"{refusal.code}, {refusal.reason}"
    return "accepted"

"""Reporting to the service which generations of sessions were used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple

from ..clock import Cancel, Clock
from ..recent_map import RecentMap
from .json_requests import JsonRequests

_WAITING_LIMIT = 10_000
_REPORTED_LIMIT = 100_000
_BATCH_SIZE = 1_000
_FLUSH_EVERY_MS = 1_000
_MAX_DELAY_MS = 10_000


class Receipt(NamedTuple):
    """Proof that a session's client received the tokens of a generation: one of them was used."""

    user_id: int
    gen: int
    seen_at_ms: float
    proof: str | None
    """The `rcp` of the token. The service ignores a receipt without it."""


class ReceiptCounts(NamedTuple):
    reported: int
    dropped: int
    waiting: int


class Receipts:
    """Sends batches about once a second.

    A lost receipt only delays the detection of a stolen refresh token, so while the service is down the oldest receipts
    are dropped.
    """

    def __init__(self, requests: JsonRequests, clock: Clock, on_error: Callable[[Exception], None]) -> None:
        self._requests = requests
        self._clock = clock
        self._on_error = on_error
        self._waiting: RecentMap[str, Receipt] = RecentMap(_WAITING_LIMIT)
        self._reported_gens: RecentMap[str, int] = RecentMap(_REPORTED_LIMIT)
        self._cancel_timer: Cancel | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._is_closed = False
        self._reported = 0
        self._dropped = 0

    @property
    def counts(self) -> ReceiptCounts:
        return ReceiptCounts(self._reported, self._dropped, len(self._waiting))

    def add(self, sid: str, receipt: Receipt) -> None:
        known = self._reported_gens.get(sid)
        if self._is_closed or (known is not None and known >= receipt.gen):
            return
        self._reported_gens.set(sid, receipt.gen)
        if self._waiting.set(sid, receipt) is not None:
            self._dropped += 1
        self._schedule_flush()

    async def close(self) -> None:
        """Sends each waiting batch once and accepts no more receipts. The caller limits the time."""
        self._is_closed = True
        if self._cancel_timer is not None:
            self._cancel_timer()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        while len(self._waiting) > 0 and await self._flush():
            pass

    def _schedule_flush(self) -> None:
        if self._cancel_timer is None and self._task is None:
            delay = min(_MAX_DELAY_MS, _FLUSH_EVERY_MS << min(self._failures, 10))
            self._cancel_timer = self._clock.after(delay, self._begin)

    def _begin(self) -> None:
        self._cancel_timer = None
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while not self._is_closed and len(self._waiting) > 0 and await self._flush():
                pass
        finally:
            self._task = None
        if not self._is_closed and len(self._waiting) > 0:
            self._schedule_flush()

    async def _flush(self) -> bool:
        """Sends one batch. Returns False if it must be sent again later."""
        batch = list(self._waiting.oldest(_BATCH_SIZE))
        outcome = await self._report(batch)
        if outcome == "later":
            self._failures += 1
            return False
        self._failures = 0
        if outcome == "reported":
            self._reported += len(batch)
        else:
            self._dropped += len(batch)
        # A newer receipt of the same session may have replaced the one that was sent.
        for sid, receipt in batch:
            if self._waiting.peek(sid) is receipt:
                self._waiting.delete(sid)
        return True

    async def _report(self, batch: list[tuple[str, Receipt]]) -> Literal["reported", "dropped", "later"]:
        items = [_item(sid, receipt) for sid, receipt in batch]
        try:
            status, _ = await self._requests.post("v1/receipts", {"items": items})
        except ConnectionError:
            return "later"
        if status in (200, 204):
            return "reported"
        if status in (401, 403):
            self._on_error(
                PermissionError(
                    f"Receipts are refused with status {status}, so theft of refresh tokens is detected late. "
                    "Check that service_key is one of SERVICE_KEYS of the service, with the scope verify."
                )
            )
        # The same batch would be refused again.
        return "dropped" if status in (400, 413, 422) else "later"


def _item(sid: str, receipt: Receipt) -> dict[str, Any]:
    seen_at = datetime.fromtimestamp(receipt.seen_at_ms / 1000, timezone.utc)
    item = {
        "sid": sid,
        "user_id": receipt.user_id,
        "gen": receipt.gen,
        "seen_at": seen_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return item if receipt.proof is None else {**item, "rcp": receipt.proof}

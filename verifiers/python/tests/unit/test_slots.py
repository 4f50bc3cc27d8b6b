"""Calls to the service take turns."""

from __future__ import annotations

import asyncio

import pytest

from chat_auth_verifier import TokenRefused
from chat_auth_verifier.service.slots import AllWaiting, Slots
from chat_auth_verifier.transport import Response
from tests.support.fresh_verifier import fresh_verifier
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService
from tests.support.session_tokens import NOW_MS, SETTINGS


class Work:
    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.may_end = asyncio.Event()
        self.is_running = False
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._slots:
            self.is_running = True
            await self.may_end.wait()
            self.is_running = False

    async def end(self) -> None:
        self.may_end.set()
        await settle()


async def test_a_free_slot_goes_to_the_one_that_waits_and_to_no_later_one() -> None:
    slots = Slots(1, 10)
    async with slots:
        earlier = Work(slots)
        await settle()
    # Leaving the block does not suspend: the other one has its slot, but has not noticed yet.
    earlier.may_end.set()
    async with slots:
        assert earlier.task.done()


@pytest.mark.parametrize("when", ["waiting", "its turn has come"])
async def test_a_caller_that_gives_up_passes_its_turn_on(when: str) -> None:
    slots = Slots(1, 10)
    async with slots:
        second, third = Work(slots), Work(slots)
        await settle()
        if when == "waiting":
            second.task.cancel()
    # Leaving the block does not suspend: the second has its slot, but has not noticed yet.
    if when == "its turn has come":
        second.task.cancel()
    await settle()
    assert second.task.cancelled()
    assert third.is_running
    await third.end()
    async with slots:
        pass


async def test_too_many_waiting_calls_fail_at_once() -> None:
    slots = Slots(1, 1)
    first, second = Work(slots), Work(slots)
    await settle()
    with pytest.raises(AllWaiting):
        async with slots:
            pass
    await first.end()
    await second.end()


async def test_64_tickets_are_redeemed_at_a_time_and_the_wait_counts_towards_the_limit() -> None:
    service, clock = ScriptedService(None), ManualClock()
    release = service.hold_reply()
    async with fresh_verifier(service, clock, NOW_MS, **SETTINGS) as verifier:
        attempts = [asyncio.ensure_future(verifier.redeem_ticket(f"ticket-{number}")) for number in range(100)]
        await settle()
        assert len(service.calls) == 64
        await clock.pass_ms(2_000)
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert {getattr(outcome, "code", outcome) for outcome in outcomes} == {"unavailable"}
        service.reply = Response(410, None)
        release()
        with pytest.raises(TokenRefused) as refused:
            await verifier.redeem_ticket("ticket")
        assert refused.value.code == "ticket_gone"

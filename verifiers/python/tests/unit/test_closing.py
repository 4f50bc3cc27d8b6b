"""Sockets and calls at the end: refused sockets, closes that fail, and a verifier that closes."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import pytest

from chat_auth_verifier import TokenRefused, Verifier
from chat_auth_verifier.transport import Response
from tests.support.fresh_verifier import fresh_verifier, outcome_of, rfc_3339
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService
from tests.support.session_tokens import NOW_MS, SETTINGS, row, token_of
from tests.unit.test_sockets import Socket, StubbornSocket


def sockets_in_handshake(verifier: Verifier) -> int:
    return len(verifier._run.guard._handshakes._handshakes)


async def test_a_socket_that_hold_refuses_is_not_kept() -> None:
    clock = ManualClock()
    async with fresh_verifier(ScriptedService(None), clock, NOW_MS, **SETTINGS) as verifier:
        claims = await verifier.verify(token_of(1))
        await clock.pass_ms(5_001)
        for _ in range(3):
            with pytest.raises(TokenRefused):
                async with verifier.holding(Socket(), claims):
                    pass
        assert sockets_in_handshake(verifier) == 0


async def test_a_socket_that_is_cut_off_is_not_kept_and_its_messages_stay_stopped() -> None:
    class Receiving(StubbornSocket):
        async def recv(self) -> str:
            return "late"

    service, clock, socket = ScriptedService(None), ManualClock(), Receiving()
    async with fresh_verifier(service, clock, NOW_MS, **SETTINGS, max_staleness=600.0) as verifier:
        await verifier.hold(socket, await verifier.verify(token_of(1)))
        service.send_event("revoked", row(1, 1))
        await clock.pass_ms(5_000)
        assert (socket.aborted, sockets_in_handshake(verifier)) == (True, 0)
        with pytest.raises(Exception, match="4401"):
            await socket.recv()


async def test_a_socket_with_another_close_cannot_be_held() -> None:
    class NamesOnly:
        async def close(self, *, code: int = 1000, message: bytes = b"") -> None: ...

    async with fresh_verifier(ScriptedService(None), ManualClock(), NOW_MS, **SETTINGS) as verifier:
        with pytest.raises(TypeError, match=r"close\(code, reason\)"):
            await verifier.hold(NamesOnly(), await verifier.verify(token_of(1)))  # type: ignore[arg-type]
        assert verifier.health().held_sockets == 0


async def test_a_close_that_fails_and_cannot_be_cut_is_reported() -> None:
    class Broken:
        def close(self, code: int, reason: str) -> None:
            raise KeyError("secret")

    service, errors = ScriptedService(None), list[Exception]()
    async with fresh_verifier(service, ManualClock(), NOW_MS, **{**SETTINGS, "on_error": errors.append}) as verifier:
        await verifier.hold(Broken(), await verifier.verify(token_of(1)))
        service.send_event("revoked", row(1, 1))
        await settle()
    assert [str(error) for error in errors] == ["A socket stays open: Broken.close raised KeyError."]


@pytest.mark.parametrize(("when_stale", "closed"), [("refuse", [(4503, "try later")]), ("accept", [])])
async def test_a_verifier_that_refuses_while_stale_closes_its_sockets_when_it_closes(
    when_stale: str, closed: list[Any]
) -> None:
    socket = Socket()
    async with fresh_verifier(
        ScriptedService(None), ManualClock(), NOW_MS, **SETTINGS, when_stale=when_stale
    ) as verifier:
        await verifier.hold(socket, await verifier.verify(token_of(1)))
    await settle()
    assert socket.closed == closed


async def test_a_closed_verifier_holds_no_socket() -> None:
    socket = Socket()
    async with fresh_verifier(
        ScriptedService(None), ManualClock(), NOW_MS, **SETTINGS, when_stale="accept"
    ) as verifier:
        claims = await verifier.verify(token_of(1))
    with pytest.raises(TokenRefused) as refused:
        await verifier.hold(socket, claims)
    assert (refused.value.code, socket.closed) == ("stale", [(4503, "try later")])


@pytest.mark.parametrize("call", ["redeem", "introspect"])
async def test_a_response_after_the_close_is_not_accepted(call: str) -> None:
    service, clock = ScriptedService(None), ManualClock()
    settings = {**SETTINGS, "when_stale": "introspect"}
    async with fresh_verifier(service, clock, NOW_MS, **settings) as verifier:
        claims = (await verifier.verify(token_of(1))).to_dict()
        if call == "introspect":
            await clock.pass_ms(5_001)
        release = service.hold_reply()
        service.reply = Response(200, {**claims, "active": True})
        attempt = verifier.redeem_ticket("ticket") if call == "redeem" else verifier.verify(token_of(1))
        waiting = asyncio.create_task(outcome_of(attempt))
        await settle()
        assert len(service.calls) == 1
        closing = asyncio.create_task(verifier.close())
        await settle()
        release()
        assert (await waiting)["result"] == "unavailable"
        await closing


async def test_a_verifier_that_starts_while_it_still_closes_works() -> None:
    service = ScriptedService(None)
    async with fresh_verifier(service, ManualClock(), NOW_MS, **SETTINGS) as verifier:
        closing = asyncio.create_task(verifier.close())
        await asyncio.sleep(0)
        verifier.start()
        await closing
        await settle()
        service.respond()
        snapshot = {"log": "a", "seq": 0, "server_time": rfc_3339(NOW_MS), "revocations": []}
        service.send_event("snapshot", snapshot)
        await settle()
        assert (await verifier.verify(token_of(1))).user_id == 1


async def test_fragments_of_websockets_stop_at_the_moment_of_the_closing() -> None:
    from websockets.exceptions import ConnectionClosedError

    class Fragmented(StubbornSocket):
        async def recv(self) -> str:
            return "whole"

        async def recv_streaming(self) -> AsyncIterator[str]:
            yield "first"
            yield "second"

    service, socket = ScriptedService(None), Fragmented()
    async with fresh_verifier(service, ManualClock(), NOW_MS, **SETTINGS) as verifier:
        await verifier.hold(socket, await verifier.verify(token_of(1)))
        fragments = socket.recv_streaming()
        assert await anext(fragments) == "first"
        service.send_event("revoked", row(1, 1))
        await settle()
        with pytest.raises(ConnectionClosedError):
            await anext(fragments)


async def test_claims_of_a_ticket_can_be_copied_and_stored() -> None:
    service = ScriptedService(None)
    async with fresh_verifier(service, ManualClock(), NOW_MS, **SETTINGS) as verifier:
        service.reply = Response(200, (await verifier.verify(token_of(1))).to_dict())
        claims = await verifier.redeem_ticket("ticket")
        assert pickle.loads(pickle.dumps(claims)) == claims
        assert json.loads(json.dumps(asdict(claims)))["user_id"] == 1

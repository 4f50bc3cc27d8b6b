"""The guard of sockets, with time and network under control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat_auth_verifier import TokenRefused, Verifier
from tests.support.fresh_verifier import fresh_verifier
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService
from tests.support.session_tokens import NOW_MS, SETTINGS, row, token_of


class Socket:
    def __init__(self) -> None:
        self.closed: list[tuple[int, str]] = []

    async def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


class StubbornSocket(Socket):
    """Its client does not complete the handshake."""

    def __init__(self) -> None:
        super().__init__()
        self.transport = self
        self.aborted = False

    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason)
        await asyncio.Event().wait()

    def abort(self) -> None:
        self.aborted = True


@pytest.fixture
def scripted() -> ScriptedService:
    return ScriptedService({"keys": []})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def verifier(scripted: ScriptedService, clock: ManualClock) -> AsyncIterator[Verifier]:
    async with fresh_verifier(scripted, clock, NOW_MS, **SETTINGS, max_staleness=600.0) as fresh:
        yield fresh


async def test_a_socket_whose_session_ended_meanwhile_is_closed_and_hold_raises(
    verifier: Verifier, scripted: ScriptedService
) -> None:
    claims = await verifier.verify(token_of(1))
    scripted.send_event("revoked", row(1, 1))
    await settle()
    socket = Socket()
    with pytest.raises(TokenRefused) as refused:
        await verifier.hold(socket, claims)
    assert (refused.value.code, refused.value.reason) == ("session_ended", "signed_out")
    assert socket.closed == [(4401, "session ended")]
    assert verifier.health().held_sockets == 0


async def test_a_released_socket_stays_open(verifier: Verifier, scripted: ScriptedService) -> None:
    socket = Socket()
    async with verifier.holding(socket, await verifier.verify(token_of(1))):
        assert verifier.health().held_sockets == 1
    scripted.send_event("revoked", row(1, 1))
    await settle()
    assert (socket.closed, verifier.health().held_sockets) == ([], 0)


async def test_thousands_of_sockets_close_in_batches_with_other_work_in_between(
    verifier: Verifier, scripted: ScriptedService, clock: ManualClock
) -> None:
    claims = await verifier.verify(token_of(1))
    sockets = [Socket() for _ in range(1_000)]
    for socket in sockets:
        await verifier.hold(socket, claims)
    scripted.send_event("revoked", row(1, 1))
    await settle()
    assert sum(len(socket.closed) for socket in sockets) == 200
    await clock.pass_ms(1)
    assert all(socket.closed == [(4401, "session ended")] for socket in sockets)


async def test_a_socket_that_cannot_be_closed_keeps_no_other_open(
    verifier: Verifier, scripted: ScriptedService
) -> None:
    class BrokenSocket:
        def close(self, code: int, reason: str) -> None:
            raise ConnectionError("broken")

    claims, whole = await verifier.verify(token_of(1)), Socket()
    await verifier.hold(BrokenSocket(), claims)
    await verifier.hold(whole, claims)
    scripted.send_event("revoked", row(1, 1))
    await settle()
    assert whole.closed == [(4401, "session ended")]


async def test_a_client_that_does_not_complete_the_handshake_is_cut_off(
    verifier: Verifier, scripted: ScriptedService, clock: ManualClock
) -> None:
    socket = StubbornSocket()
    await verifier.hold(socket, await verifier.verify(token_of(1)))
    scripted.send_event("revoked", row(1, 1))
    await settle()
    assert not socket.aborted
    await clock.pass_ms(5_000)
    assert socket.aborted


async def test_messages_stop_at_the_moment_of_the_closing(verifier: Verifier, scripted: ScriptedService) -> None:
    from starlette.websockets import WebSocket, WebSocketDisconnect

    incoming: asyncio.Queue[Any] = asyncio.Queue()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    websocket = WebSocket({"type": "websocket", "headers": [], "path": "/"}, incoming.get, send)
    incoming.put_nowait({"type": "websocket.connect"})
    await websocket.accept()
    async with verifier.holding(websocket, await verifier.verify(token_of(1))):
        incoming.put_nowait({"type": "websocket.receive", "text": "before"})
        assert await websocket.receive_text() == "before"
        scripted.send_event("revoked", row(1, 1))
        await settle()
        incoming.put_nowait({"type": "websocket.receive", "text": "after"})
        with pytest.raises(WebSocketDisconnect) as stopped:
            await websocket.receive_text()
    assert stopped.value.code == 4401
    assert sent[-1] == {"type": "websocket.close", "code": 4401, "reason": "session ended"}


async def test_a_socket_that_is_not_held_cannot_be_renewed(verifier: Verifier) -> None:
    with pytest.raises(TokenRefused) as refused:
        await verifier.renew(Socket(), token_of(1))
    assert refused.value.code == "expired"

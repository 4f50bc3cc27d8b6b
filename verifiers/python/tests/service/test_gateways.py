"""Gateways whose sockets close when their session ends: exactly those, and no others."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.examples import load_example, served
from tests.support.real_service import PATIENCE_SECONDS, RealService, SignedIn
from tests.support.waiting import ReportedEnds, patiently, until


async def open_socket(stack: AsyncExitStack, url: str) -> ClientConnection:
    socket = await stack.enter_async_context(connect(url, proxy=None, open_timeout=PATIENCE_SECONDS))
    assert (await received(socket))["type"] == "welcome"
    return socket


async def received(socket: ClientConnection) -> Any:
    return json.loads(await patiently(socket.recv()))


async def close_code(socket: ClientConnection) -> tuple[int, str]:
    async def read_to_end() -> tuple[int, str]:
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code, closed.rcvd.reason

    return await patiently(read_to_end())


async def pass_url(port: int, user: SignedIn) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        headers = {"authorization": f"Bearer {user.access_token}"}
        response = await client.post(f"http://127.0.0.1:{port}/connections", headers=headers)
    assert response.status_code == 200, response.text
    return f"ws://127.0.0.1:{port}/ws?pass={response.json()['pass']}"


async def test_of_100_sockets_exactly_those_of_the_ended_session_close(service: RealService) -> None:
    gateway = load_example("pass_gateway", service)
    async with served(gateway.app) as port, AsyncExitStack() as stack:
        ending = await service.sign_in()
        # Another session of the same user, and other users.
        others = [await service.sign_in(ending), await service.sign_in()]
        kept = [await open_socket(stack, await pass_url(port, others[n % 2])) for n in range(97)]
        closing = [await open_socket(stack, await pass_url(port, ending)) for _ in range(3)]
        await service.sign_out(ending)
        assert [await close_code(socket) for socket in closing] == [(4401, "session ended")] * 3
        # Every other socket still gets messages.
        await kept[0].send("still here")
        for socket in kept:
            assert (await received(socket))["text"] == "still here"
        assert gateway.verifier.health().held_sockets == 97


async def test_a_gateway_survives_the_end_of_many_sessions_during_messages(service: RealService) -> None:
    gateway = load_example("pass_gateway", service)
    async with served(gateway.app) as port, AsyncExitStack() as stack:
        users = [await service.sign_in()]
        users += [await service.sign_in(users[0]) for _ in range(9)]
        staying = await service.sign_in()
        witness = await open_socket(stack, await pass_url(port, staying))
        sockets = [await open_socket(stack, await pass_url(port, users[n % 10])) for n in range(60)]
        chatting = asyncio.create_task(chat(witness))
        await service.call("DELETE", "/v1/sessions", token=users[0].access_token, status=204)
        closed = [await close_code(socket) for socket in sockets]
        chatting.cancel()
        assert closed == [(4401, "session ended")] * 60
        await until(lambda: gateway.verifier.health().held_sockets == 1)
        await witness.send("alone")
        while (await received(witness))["text"] != "alone":
            pass


async def chat(socket: ClientConnection) -> None:
    while True:
        await socket.send("hello")
        await asyncio.sleep(0)


async def test_a_pass_of_an_ended_session_opens_no_socket(service: RealService) -> None:
    gateway = load_example("pass_gateway", service)
    async with served(gateway.app) as port:
        user = await service.sign_in()
        url = await pass_url(port, user)
        ends = ReportedEnds(gateway.verifier)
        await service.sign_out(user)
        await ends.of(user.sid)
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, proxy=None).__aenter__()
        assert refused.value.response.status_code == 401
        assert json.loads(refused.value.response.body)["code"] == "session_ended"


async def test_a_ticket_opens_a_socket_and_a_newer_token_renews_it(service: RealService) -> None:
    gateway = load_example("fastapi_gateway", service)
    async with served(gateway.app) as port, AsyncExitStack() as stack:
        user = await service.sign_in()
        socket = await open_socket(stack, f"ws://127.0.0.1:{port}/ws?ticket={await service.ticket(user)}")
        refreshed = await service.refresh(user)
        await socket.send(f"renew {refreshed.access_token}")
        assert (await received(socket))["type"] == "renewed"
        stranger = await service.sign_in()
        await socket.send(f"renew {stranger.access_token}")
        assert await received(socket) == {"type": "renew_failed", "code": "invalid_claims"}
        await service.sign_out(refreshed)
        assert await close_code(socket) == (4401, "session ended")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [("", 401, "authentication_required"), ("?ticket=unknown", 410, "ticket_gone")],
)
async def test_a_refused_socket_gets_a_status_before_the_handshake(
    service: RealService, query: str, status: int, code: str
) -> None:
    gateway = load_example("fastapi_gateway", service)
    async with served(gateway.app) as port:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/ws{query}", proxy=None).__aenter__()
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["code"] == code


async def test_messages_that_a_client_sends_after_its_session_ended_reach_nobody(service: RealService) -> None:
    gateway = load_example("fastapi_gateway", service)
    async with served(gateway.app) as port, AsyncExitStack() as stack:
        ending, listening = await service.sign_in(), await service.sign_in()
        url = f"ws://127.0.0.1:{port}/ws?ticket="
        stolen = await open_socket(stack, url + await service.ticket(ending))
        witness = await open_socket(stack, url + await service.ticket(listening))
        await service.sign_out(ending)
        assert await close_code(stolen) == (4401, "session ended")
        await witness.send("from the witness")
        assert (await received(witness))["from"] == listening.user_id

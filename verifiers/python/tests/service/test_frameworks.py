"""Requests to the examples and adapters of the frameworks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.examples import EXAMPLES, environment_of, load_example, served
from tests.support.real_service import PATIENCE_SECONDS, RealService
from tests.support.waiting import ReportedEnds, patiently, until


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_fastapi_accepts_tokens_until_their_session_ends(service: RealService) -> None:
    example = load_example("fastapi_api", service)
    async with served(example.app) as port, client_of(port) as client:
        user = await service.sign_in()
        assert (await client.get("/ready")).json() == {"ready": True}
        me = await client.get("/me", headers=bearer(user.access_token))
        assert (me.status_code, me.json()["user_id"]) == (200, user.user_id)
        assert (await client.post("/payments", headers=bearer(user.access_token))).status_code == 200
        missing = await client.get("/me")
        assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
        ends = ReportedEnds(example.verifier)
        await service.sign_out(user)
        await ends.of(user.sid)
        ended = await client.get("/me", headers=bearer(user.access_token))
        assert (ended.status_code, ended.json()["code"], ended.json()["reason"]) == (401, "session_ended", "signed_out")
        assert ended.headers["content-type"] == "application/problem+json"
        assert ended.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        schemes = (await client.get("/openapi.json")).json()["components"]["securitySchemes"]
        assert schemes["access_token"]["scheme"] == "bearer"


def client_of(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_SECONDS)


async def test_each_worker_of_uvicorn_has_its_own_feed(service: RealService) -> None:
    command = [sys.executable, "-m", "uvicorn", "fastapi_api:app", "--port", "0", "--workers", "2"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=EXAMPLES, env=environment_of(service), stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        user = await service.sign_in()
        port = await patiently(port_of(process))
        workers = await both_workers(port, user.access_token)
        await service.sign_out(user)
        await patiently(until_both_refuse(port, user.access_token))
        assert len(workers) == 2
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def port_of(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async for line in process.stderr:
        if b"Uvicorn running on" in line:
            return int(line.split(b"http://127.0.0.1:")[1].split()[0])
    raise AssertionError("uvicorn ended")


async def both_workers(port: int, token: str) -> set[int]:
    seen: set[int] = set()

    async def ask() -> None:
        while len(seen) < 2:
            try:
                async with client_of(port) as client:
                    seen.add((await client.get("/me", headers=bearer(token))).json()["process"])
            except httpx.TransportError:
                await asyncio.sleep(0.05)

    await patiently(ask())
    return seen


async def until_both_refuse(port: int, token: str) -> None:
    """Each request has a new connection, and either worker accepts it. In 20 of them, no worker is left out."""
    refused = 0
    while refused < 20:
        async with client_of(port) as client:
            status = (await client.get("/me", headers=bearer(token))).status_code
        refused = refused + 1 if status == 401 else 0


async def test_flask_accepts_tokens_until_their_session_ends(service: RealService) -> None:
    example = load_example("flask_api", service)
    client = example.app.test_client()
    ended_sids: list[str] = []
    example.verifier.on_session_ended(lambda end: ended_sids.append(end.sid))
    user = await service.sign_in()

    def me(**headers: str) -> Any:
        return client.get("/me", headers=headers)

    try:
        accepted = await asyncio.to_thread(me, **bearer(user.access_token))
        assert (accepted.status_code, accepted.json) == (200, {"user_id": user.user_id})
        assert (await asyncio.to_thread(me)).headers["www-authenticate"] == "Bearer"
        await service.sign_out(user)
        await until(lambda: user.sid in ended_sids)
        ended = await asyncio.to_thread(me, **bearer(user.access_token))
        assert (ended.status_code, json.loads(ended.data)["reason"]) == (401, "signed_out")
    finally:
        await asyncio.to_thread(example.verifier.close)


async def test_django_accepts_tokens_until_their_session_ends(service: RealService) -> None:
    from django.conf import settings
    from django.http import HttpRequest, JsonResponse
    from django.test import RequestFactory

    from chat_auth_verifier.blocking import BlockingVerifier
    from chat_auth_verifier.django import require_token

    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8")
    verifier = BlockingVerifier(**service.settings())
    ended_sids: list[str] = []
    verifier.on_session_ended(lambda end: ended_sids.append(end.sid))

    @require_token(verifier)
    def me(request: HttpRequest) -> JsonResponse:
        return JsonResponse({"user_id": request.claims.user_id})  # type: ignore[attr-defined]

    user = await service.sign_in()
    request = RequestFactory().get("/me", headers=bearer(user.access_token))
    try:
        accepted = await asyncio.to_thread(me, request)
        assert json.loads(accepted.content) == {"user_id": user.user_id}
        missing = await asyncio.to_thread(me, RequestFactory().get("/me"))
        assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
        await service.sign_out(user)
        await until(lambda: user.sid in ended_sids)
        ended = await asyncio.to_thread(me, request)
        assert (ended.status_code, json.loads(ended.content)["code"]) == (401, "session_ended")
    finally:
        await asyncio.to_thread(verifier.close)


async def test_a_server_of_websockets_closes_the_sockets_of_an_ended_session(service: RealService) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "websockets_echo.py",
        cwd=EXAMPLES,
        env={**environment_of(service), "PORT": "0"},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        ready = await patiently(process.stdout.readline())
        url = f"ws://127.0.0.1:{int(ready.split()[-1])}"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, proxy=None).__aenter__()
        assert refused.value.response.status_code == 401
        assert refused.value.response.headers["content-type"] == "application/problem+json"
        ending, living = await service.sign_in(), await service.sign_in()
        async with (
            connect(url, additional_headers=bearer(ending.access_token), proxy=None) as closing,
            connect(f"{url}?ticket={await service.ticket(living)}", proxy=None) as kept,
        ):
            assert await patiently(closing.recv()) == f"hello {ending.user_id}"
            assert await patiently(kept.recv()) == f"hello {living.user_id}"
            await service.sign_out(ending)
            with pytest.raises(ConnectionClosed) as closed:
                await patiently(closing.recv())
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "session ended")
            await kept.send("still here")
            assert await patiently(kept.recv()) == "still here"
    finally:
        process.terminate()
        await process.communicate()

"""Requests to the service: over real connections, and what errors tell about them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from chat_auth_verifier.service.http_transport import HttpTransport
from chat_auth_verifier.settings import read_settings
from chat_auth_verifier.token import published_keys
from chat_auth_verifier.transport import Request, Response
from tests.support.fresh_verifier import SERVICE_KEY, fresh_verifier
from tests.support.manual_clock import ManualClock
from tests.support.scripted_service import ScriptedService
from tests.support.session_tokens import NOW_MS, SECRET, SETTINGS, token_of
from tests.support.signing import SigningKey

REQUEST = Request("POST", "v1/introspect", {"authorization": "Bearer secret"}, b'{"token":"secret"}', 1_000)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def transport_to(serve: Serve) -> AsyncIterator[HttpTransport]:
    connections: list[asyncio.Task[Any] | None] = []

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        await serve(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0)
    transport = HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    try:
        yield transport
    finally:
        await transport.close()
        await asyncio.gather(*(one for one in connections if one is not None), return_exceptions=True)
        server.close()


async def read_request(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len(REQUEST.body or b""))
    return head.decode()


def response(body: bytes, *headers: str) -> bytes:
    head = ["HTTP/1.1 200 OK", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


async def test_a_compressed_response_is_not_asked_for_and_not_read() -> None:
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(response(gzip.compress(b"{}"), "content-encoding: gzip"))

    async with transport_to(serve) as transport:
        with pytest.raises(httpx.RequestError, match="compressed"):
            await transport.send(REQUEST)
    assert "accept-encoding: identity" in heads[0].lower()


async def test_a_request_is_repeated_on_a_new_connection_if_all_kept_ones_were_closed() -> None:
    opened = 0
    both_are_open = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        await read_request(reader)
        if opened == 2:
            both_are_open.set()
        await both_are_open.wait()
        writer.write(response(b"{}"))
        # The next request on this connection gets no response.
        await reader.read(1)

    async with transport_to(serve) as transport:
        await asyncio.gather(transport.send(REQUEST), transport.send(REQUEST))
        assert await transport.send(REQUEST) == Response(200, {})
    assert opened == 3


async def test_reported_errors_hold_nothing_but_their_text() -> None:
    class Down(ScriptedService):
        async def send(self, request: Request) -> Response:
            raise httpx.ConnectError("down")

    errors: list[Exception] = []
    async with fresh_verifier(Down(None), ManualClock(), NOW_MS, **{**SETTINGS, "on_error": errors.append}) as verifier:
        with pytest.raises(Exception, match="did not respond"):
            await verifier.redeem_ticket("ticket")
    assert [str(error) for error in errors] == ["POST v1/tickets/redeem: down"]
    assert [(one.__traceback__, one.__cause__, one.__context__) for one in errors] == [(None, None, None)]


def test_settings_and_requests_do_not_show_secrets() -> None:
    settings = read_settings("http://auth", SERVICE_KEY, "issuer", shared_secret=SECRET)
    shown = f"{settings!r} {settings} {REQUEST!r} {REQUEST}"
    assert all(secret not in shown for secret in (SERVICE_KEY, SECRET, "secret"))


async def test_after_any_error_in_a_key_set_the_keys_are_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    service, clock, errors = ScriptedService({"keys": []}), ManualClock(), list[Exception]()

    def fail(*_: Any) -> None:
        raise RecursionError

    monkeypatch.setattr("chat_auth_verifier.service.key_set.read_key_set", fail)
    settings = {"max_staleness": 600.0, "on_error": errors.append}
    async with fresh_verifier(service, clock, NOW_MS, **settings) as verifier:
        monkeypatch.undo()
        key = SigningKey("EdDSA")
        service.keys = Response(200, {"keys": [key.jwk]})
        await clock.pass_ms(5_000)
        assert (await verifier.verify(key.token(1))).user_id == 1
    assert [str(error) for error in errors] == ["The keys of the auth service cannot be fetched: RecursionError"]


def test_a_key_of_an_unsupported_algorithm_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_: bytes) -> None:
        raise UnsupportedAlgorithm("not in this build")

    known = SigningKey("ES256").jwk
    monkeypatch.setattr(published_keys.Ed25519PublicKey, "from_public_bytes", unsupported)
    other = {**(SigningKey("EdDSA").jwk or {}), "kid": "other"}
    keys = published_keys.read_key_set({"keys": [other, known]}, {})
    assert keys is not None
    assert len(keys) == 1


async def test_an_upgrade_of_any_target_is_read_for_its_ticket() -> None:
    from websockets.datastructures import Headers
    from websockets.http11 import Request as Upgrade

    from chat_auth_verifier.websockets import _authenticate

    service = ScriptedService(None)
    async with fresh_verifier(service, ManualClock(), NOW_MS, **SETTINGS) as verifier:
        service.reply = Response(200, (await verifier.verify(token_of(1))).to_dict())
        claims = await _authenticate(verifier, Upgrade("//[x?ticket=a", Headers()))
    assert claims.user_id == 1

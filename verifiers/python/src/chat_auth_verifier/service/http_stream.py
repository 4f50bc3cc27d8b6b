"""A response that is taken as it arrives, by h11 on an asyncio protocol: httpx takes about twice as long for each event."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import h11
import httpx

from ..transport import StreamReceiver

_MAX_HEAD_BYTES = 64 * 1024
# Taken in one turn of the event loop. Other work comes between the parts of a long snapshot.
_CHUNK_BYTES = 64 * 1024
_NEXT_ADDRESS_AFTER_SECONDS = 0.25


async def stream_response(
    url: httpx.URL, headers: Mapping[str, str], tls: ssl.SSLContext | None, receiver: StreamReceiver
) -> None:
    """Sends a GET over a new connection, to the current address of the name. Follows no redirect, and uses no proxy."""
    loop = asyncio.get_running_loop()
    # uvloop cannot try several addresses at the same time (RFC 8305).
    is_asyncio = isinstance(loop, asyncio.BaseEventLoop)
    options: dict[str, Any] = {"happy_eyeballs_delay": _NEXT_ADDRESS_AFTER_SECONDS} if is_asyncio else {}
    exchange = _Exchange(receiver, loop.create_future())
    port = url.port or (443 if url.scheme == "https" else 80)
    transport, _ = await loop.create_connection(
        lambda: exchange, url.raw_host.decode("ascii"), port, ssl=tls, **options
    )
    try:
        receiver.on_send()
        transport.write(exchange.begin(url, headers))
        await exchange.is_over
    finally:
        # Not `close`, which would wait for the service. The socket closes in the next turn of the event loop.
        transport.abort()
        await asyncio.sleep(0)


class _Exchange(asyncio.BufferedProtocol):
    def __init__(self, receiver: StreamReceiver, is_over: asyncio.Future[None]) -> None:
        self._receiver = receiver
        self.is_over = is_over
        self._http = h11.Connection(h11.CLIENT, _MAX_HEAD_BYTES)
        self._buffer = memoryview(bytearray(_CHUNK_BYTES))

    def begin(self, url: httpx.URL, headers: Mapping[str, str]) -> bytes:
        """Returns the request."""
        sent = {"host": url.netloc.decode("ascii"), "connection": "close", **headers}
        request = h11.Request(method="GET", target=url.raw_path, headers=list(sent.items()))
        return self._http.send(request) + self._http.send(h11.EndOfMessage())

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._take(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> None:
        if self._http.their_state is h11.SEND_RESPONSE:
            self._fail(ConnectionError("the service closed the connection without a response"))
        else:
            self._take(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the connection was lost"))

    def _take(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            # The receiver may cancel the exchange.
            while not self.is_over.done() and (event := self._http.next_event()) is not h11.NEED_DATA:
                self._pass_on(event)
        except Exception as error:
            self._fail(error)

    def _pass_on(self, event: Any) -> None:
        if isinstance(event, h11.Data):
            self._receiver.on_data(bytes(event.data))
            return
        if isinstance(event, h11.InformationalResponse):
            return
        # Headers of the same name are joined.
        is_head = isinstance(event, h11.Response)
        needs_body = is_head and self._receiver.on_head(event.status_code, httpx.Headers(list(event.headers)))
        if not needs_body and not self.is_over.done():
            self.is_over.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.is_over.done():
            self.is_over.set_exception(error)

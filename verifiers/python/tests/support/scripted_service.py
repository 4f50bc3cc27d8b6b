"""The auth service and the network between it and a verifier: both do what a test says, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chat_auth_verifier.transport import Request, Response, StreamReceiver

ORDERLY_END = object()
CUT = object()


@dataclass
class FeedExchange:
    """One request for the feed, and its response. `None` in the queue ends the body."""

    headers: Mapping[str, str]
    is_open: bool = True
    head: asyncio.Future[tuple[int, dict[str, str]]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    parts: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    async def run(self, receiver: StreamReceiver) -> None:
        if not receiver.on_head(*await self.head):
            return
        while True:
            part = await self.parts.get()
            if part is ORDERLY_END:
                return
            if part is CUT:
                raise ConnectionResetError("the stream was cut off")
            receiver.on_data(part)


class ScriptedService:
    """A transport for a verifier."""

    def __init__(self, jwks: Any) -> None:
        self.keys: Response = Response(200, jwks)
        self.key_fetches = 0
        self.receipts_status = 204
        self.receipts: list[Any] = []
        self.reply = Response(500, {})
        """The next responses of introspection and of the redemption of tickets."""
        self._may_reply = asyncio.Event()
        self._may_reply.set()
        self.calls: list[tuple[str, Any]] = []
        self.keys_of_calls: list[str] = []
        """The Authorization header of each call."""
        self.feeds: list[FeedExchange] = []
        self.is_closed = False

    async def send(self, request: Request) -> Response:
        if request.path == ".well-known/jwks.json":
            assert request.method == "GET"
            assert "authorization" not in request.headers
            self.key_fetches += 1
            return self.keys
        assert request.body is not None
        body = json.loads(request.body)
        self.keys_of_calls.append(request.headers["authorization"])
        if request.path == "v1/receipts":
            self.receipts.append(body["items"])
            return Response(self.receipts_status, None)
        self.calls.append((request.path, body))
        await self._may_reply.wait()
        return self.reply

    def hold_reply(self) -> Callable[[], None]:
        """The next responses wait until the returned function is called."""
        self._may_reply.clear()
        return self._may_reply.set

    async def stream(self, path: str, headers: Mapping[str, str], receiver: StreamReceiver) -> None:
        assert path == "v1/revocations/stream"
        exchange = FeedExchange(headers)
        self.feeds.append(exchange)
        receiver.on_send()
        try:
            await exchange.run(receiver)
        finally:
            exchange.is_open = False

    async def close(self) -> None:
        self.is_closed = True

    @property
    def is_feed_open(self) -> bool:
        return bool(self.feeds) and self.feeds[-1].is_open

    def respond(self, status: int = 200, content_type: str = "text/event-stream", encoding: str | None = None) -> None:
        """The head of the response to the last request for the feed."""
        headers = {"content-type": content_type}
        if encoding is not None:
            headers["content-encoding"] = encoding
        if not self.feeds[-1].head.done():
            self.feeds[-1].head.set_result((status, headers))

    def send_bytes(self, data: bytes) -> None:
        self.feeds[-1].parts.put_nowait(data)

    def send_event(self, event: str, data: Any) -> None:
        self.send_bytes(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())

    def end(self, how: str) -> None:
        self.feeds[-1].parts.put_nowait(ORDERLY_END if how == "orderly" else CUT)

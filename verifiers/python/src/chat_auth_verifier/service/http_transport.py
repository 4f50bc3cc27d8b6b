"""The transport of production: httpx for calls, and a stream of its own for the feed."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from ..token.json_values import parse_json
from ..transport import Request, Response, StreamReceiver
from .http_stream import stream_response

_USER_AGENT = {"user-agent": "chat-auth-verifier (Python)"}
_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=0)


class HttpTransport:
    def __init__(self, base: str) -> None:
        """`base` ends with a slash."""
        self._base = base
        self._tls = ssl.create_default_context() if base.startswith("https:") else None
        self._client = self._create_client(httpx.Limits())

    def _create_client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        # trust_env would let a .netrc file replace the service key, and a proxy of the environment read it.
        return httpx.AsyncClient(
            verify=self._tls or False,
            trust_env=False,
            timeout=None,
            limits=limits,
            follow_redirects=False,
            # Compressed, a short response could be of any length.
            headers={**_USER_AGENT, "accept-encoding": "identity"},
        )

    async def send(self, request: Request) -> Response:
        connected = False

        async def trace(event: str, _: Any) -> None:
            nonlocal connected
            connected = connected or event == "connection.connect_tcp.started"

        try:
            return await _send_once(self._client, self._base, request, trace)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # The service closed a kept-alive connection while the request was sent. All requests are safe to send twice.
            if connected:
                raise
        # The others that were kept alive may be closed too.
        async with self._create_client(_ONE_CONNECTION) as client:
            return await _send_once(client, self._base, request, trace)

    async def stream(self, path: str, headers: Mapping[str, str], receiver: StreamReceiver) -> None:
        await stream_response(httpx.URL(self._base + path), {**_USER_AGENT, **headers}, self._tls, receiver)

    async def close(self) -> None:
        await self._client.aclose()


async def _send_once(
    client: httpx.AsyncClient, base: str, request: Request, trace: Callable[[str, Any], Any]
) -> Response:
    async with client.stream(
        request.method,
        base + request.path,
        headers=dict(request.headers),
        content=request.body,
        extensions={"trace": trace},
    ) as response:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx.RequestError("the response is compressed; turn off compression in the proxy")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > request.max_bytes:
                raise httpx.RequestError(f"the response is longer than {request.max_bytes} bytes")
        return Response(response.status_code, parse_json(body.decode("utf-8", "replace")))

"""The network, as the verifier needs it. Tests replace it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol


class Request(NamedTuple):
    method: str
    path: str
    """Relative to the base URL of the service."""
    headers: Mapping[str, str]
    body: bytes | None
    max_bytes: int
    """Of the response."""

    def __repr__(self) -> str:
        """Without the headers and the body, which contain secrets."""
        return f"Request({self.method} {self.path})"


class Response(NamedTuple):
    status: int
    body: Any
    """None if the response is empty or not JSON."""


class StreamResponse(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Their names are in lower case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Ends with the response; raises if it is cut off."""


class Transport(Protocol):
    """Sends requests to one service. Errors may contain the URL, never what was sent."""

    async def send(self, request: Request) -> Response:
        """Returns any status; redirects are not followed. Raises if there is no complete response. May be cancelled."""

    def stream(
        self, path: str, headers: Mapping[str, str], on_send: Callable[[], None]
    ) -> AbstractAsyncContextManager[StreamResponse]:
        """Opens a new connection for one request. Calls `on_send` just before the request is written."""

    async def close(self) -> None: ...

"""The network, as the verifier needs it. Tests replace it."""

from __future__ import annotations

from collections.abc import Mapping
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


class StreamReceiver(Protocol):
    """Takes a response as it arrives. An error that it raises ends the exchange."""

    def on_send(self) -> None:
        """Called just before the request is written."""

    def on_head(self, status: int, headers: Mapping[str, str]) -> bool:
        """`headers` finds names in any case. Returns False if the body is not needed."""

    def on_data(self, chunk: bytes) -> None:
        """Called with the body, part by part."""


class Transport(Protocol):
    """Sends requests to one service. Errors may contain the URL, never what was sent."""

    async def send(self, request: Request) -> Response:
        """Returns any status; redirects are not followed. Raises if there is no complete response. May be cancelled."""

    async def stream(self, path: str, headers: Mapping[str, str], receiver: StreamReceiver) -> None:
        """Opens a new connection for one request. Returns after the response, and raises if it is cut off or the receiver
        raises. May be cancelled."""

    async def close(self) -> None: ...

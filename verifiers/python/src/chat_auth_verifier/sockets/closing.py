"""Closing a socket of any library, and stopping the messages that still arrive."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from ..token.refused import RefusalCode


class Closing(NamedTuple):
    """Code and reason of the close frame (RFC 6455, section 7.4; codes from 4000 are for applications)."""

    code: int
    reason: str
    refusal: RefusalCode
    """How the same is named for a token."""


SESSION_ENDED = Closing(4401, "session ended", "session_ended")
TOKEN_EXPIRED = Closing(4408, "token expired", "expired")
TOKEN_OUTDATED = Closing(4408, "token outdated", "token_outdated")
TRY_LATER = Closing(4503, "try later", "stale")


class GuardedSocket(Protocol):
    """The part of a socket that a guard needs. Those of Starlette, FastAPI and `websockets` have it.

    Example:
        class Connection:
            async def close(self, code: int, reason: str) -> None: ...
    """

    def close(self, code: int, reason: str, /) -> Awaitable[object] | None:
        """Starts the closing handshake (RFC 6455, section 7.1.2)."""


def stop_messages_when(closing_of: Callable[[], Closing | None], socket: Any) -> None:
    """From the moment of the closing on, messages of the client no longer reach the application.

    Until the client completes the handshake, they would still arrive. Known are the sockets of Starlette and `websockets`.
    """
    if hasattr(socket, "client_state") and hasattr(socket, "receive"):
        for name in ("receive", "receive_text", "receive_bytes", "receive_json"):
            setattr(socket, name, _starlette_receive(getattr(socket, name), closing_of))
    elif hasattr(socket, "recv") and hasattr(socket, "transport"):
        socket.recv = _websockets_recv(socket.recv, closing_of)


def _starlette_receive(
    receive: Callable[..., Awaitable[Any]], closing_of: Callable[[], Closing | None]
) -> Callable[..., Awaitable[Any]]:
    from starlette.websockets import WebSocketDisconnect

    def require_open() -> None:
        closing = closing_of()
        if closing is not None:
            raise WebSocketDisconnect(closing.code, closing.reason)

    async def guarded(*args: Any, **options: Any) -> Any:
        # Before: by itself, Starlette raises an error of the program when a closed socket is read.
        require_open()
        message = await receive(*args, **options)
        require_open()
        return message

    return guarded


def _websockets_recv(
    recv: Callable[..., Awaitable[Any]], closing_of: Callable[[], Closing | None]
) -> Callable[..., Awaitable[Any]]:
    from websockets.exceptions import ConnectionClosedError
    from websockets.frames import Close

    async def guarded(*args: Any, **options: Any) -> Any:
        message = await recv(*args, **options)
        closing = closing_of()
        if closing is not None:
            raise ConnectionClosedError(None, Close(closing.code, closing.reason))
        return message

    return guarded


async def close_socket(socket: GuardedSocket, closing: Closing) -> None:
    result = socket.close(closing.code, closing.reason)
    if inspect.isawaitable(result):
        await result


def cut_off(socket: Any) -> None:
    """Cuts the connection, as far as the library allows it: a server behind ASGI does it itself."""
    abort = getattr(getattr(socket, "transport", None), "abort", None)
    if abort is not None:
        abort()

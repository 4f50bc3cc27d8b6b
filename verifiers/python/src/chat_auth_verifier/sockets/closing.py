"""Closing a socket of any library, and stopping the messages that still arrive."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
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

    Any other needs a small class around it, as does that of aiohttp, whose `close` takes names only.

    Example:
        class Connection:
            async def close(self, code: int, reason: str) -> None: ...
    """

    def close(self, code: int, reason: str, /) -> Awaitable[object] | None:
        """Starts the closing handshake (RFC 6455, section 7.1.2)."""


def require_closable(socket: GuardedSocket) -> None:
    """Raises a `TypeError` for a socket that could not be closed later."""
    try:
        signature = inspect.signature(socket.close)
    except ValueError:
        # Written in C, without a signature.
        return
    try:
        signature.bind(1000, "")
    except TypeError:
        raise TypeError(
            f"{type(socket).__name__}.close cannot be called as close(code, reason). Hold an object that has such a close."
        ) from None


def stop_messages_when(closing_of: Callable[[], Closing | None], socket: Any) -> None:
    """From the moment of the closing on, messages of the client no longer reach the application.

    Until the client completes the handshake, they would still arrive. Known are the sockets of Starlette and `websockets`.
    """
    if hasattr(socket, "client_state") and hasattr(socket, "receive"):
        for name in ("receive", "receive_text", "receive_bytes", "receive_json"):
            setattr(socket, name, _starlette_receive(getattr(socket, name), closing_of))
    elif hasattr(socket, "recv") and hasattr(socket, "transport"):
        socket.recv = _websockets_recv(socket.recv, closing_of)
        if hasattr(socket, "recv_streaming"):
            socket.recv_streaming = _websockets_recv_streaming(socket.recv_streaming, closing_of)


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
    async def guarded(*args: Any, **options: Any) -> Any:
        message = await recv(*args, **options)
        _websockets_require_open(closing_of())
        return message

    return guarded


def _websockets_recv_streaming(
    recv_streaming: Callable[..., AsyncIterator[Any]], closing_of: Callable[[], Closing | None]
) -> Callable[..., AsyncIterator[Any]]:
    async def guarded(*args: Any, **options: Any) -> AsyncIterator[Any]:
        async for fragment in recv_streaming(*args, **options):
            _websockets_require_open(closing_of())
            yield fragment

    return guarded


def _websockets_require_open(closing: Closing | None) -> None:
    from websockets.exceptions import ConnectionClosedError
    from websockets.frames import Close

    if closing is not None:
        raise ConnectionClosedError(None, Close(closing.code, closing.reason))


async def close_socket(socket: GuardedSocket, closing: Closing) -> None:
    result = socket.close(closing.code, closing.reason)
    if inspect.isawaitable(result):
        await result


def cut_off(socket: Any) -> bool:
    """Cuts the connection. Returns False if the library does not allow it: a server behind ASGI does it itself."""
    abort = getattr(getattr(socket, "transport", None), "abort", None)
    if abort is None:
        return False
    abort()
    return True


def has_left(socket: Any, error: Exception) -> bool:
    """Whether a close failed because its client was gone already."""
    state = getattr(socket, "application_state", None)
    return isinstance(error, OSError) or getattr(state, "name", "") == "DISCONNECTED"

"""Sockets between their close frame and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..clock import Cancel, Clock
from ..error_report import logger
from ..subscribers import void
from .closing import Closing, GuardedSocket, close_socket, cut_off, has_left

# How long a client may take to complete the closing handshake.
_HANDSHAKE_TIMEOUT_MS = 5_000
# Thousands of close frames in one turn would block the event loop.
_CLOSE_BATCH = 200


@dataclass(eq=False)
class _Handshake:
    socket: GuardedSocket
    closing: Closing
    task: asyncio.Task[None] | None = None
    cancel_timer: Cancel | None = None


class ClosingHandshakes:
    def __init__(self, clock: Clock, on_error: Callable[[Exception], None]) -> None:
        self._clock = clock
        self._on_error = on_error
        # By the identity of the socket.
        self._handshakes: dict[int, _Handshake] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def closing_of(self, socket: GuardedSocket) -> Closing | None:
        """Why the socket is closing; None if it is not."""
        known = self._handshakes.get(id(socket))
        return None if known is None else known.closing

    def begin(self, sockets: Sequence[GuardedSocket], closing: Closing) -> None:
        """Closes them in batches."""
        for socket in sockets:
            self._handshakes[id(socket)] = _Handshake(socket, closing)
        self._send_each(sockets)

    async def complete(self, socket: GuardedSocket, closing: Closing) -> None:
        """Closes one socket, and returns when it has closed."""
        self.begin([socket], closing)
        task = self._handshakes[id(socket)].task
        if task is not None:
            # A caller that gives up does not stop the handshake, which ends after its time limit at the latest.
            await asyncio.wait({task})
        self.end(socket)

    def end(self, socket: GuardedSocket) -> None:
        """To be called when the socket has closed."""
        handshake = self._handshakes.pop(id(socket), None)
        if handshake is not None and handshake.cancel_timer is not None:
            handshake.cancel_timer()

    def _send_each(self, sockets: Sequence[GuardedSocket]) -> None:
        for socket in sockets[:_CLOSE_BATCH]:
            self._send(socket)
        rest = sockets[_CLOSE_BATCH:]
        if rest:
            self._clock.after(0, lambda: self._send_each(rest))

    def _send(self, socket: GuardedSocket) -> None:
        handshake = self._handshakes.get(id(socket))
        # The client may have closed it before its turn.
        if handshake is None:
            return
        handshake.cancel_timer = self._clock.after(_HANDSHAKE_TIMEOUT_MS, lambda: void(self._cut_off(handshake)))
        handshake.task = asyncio.create_task(self._close(handshake))
        self._tasks.add(handshake.task)
        handshake.task.add_done_callback(self._tasks.discard)

    async def _close(self, handshake: _Handshake) -> None:
        try:
            await close_socket(handshake.socket, handshake.closing)
        except Exception as error:
            # A socket that cannot be closed must not keep the others open. Most often its client has just left.
            logger.debug("A socket could not be closed: %s", error)
            if not self._cut_off(handshake) and not has_left(handshake.socket, error):
                self._on_error(
                    RuntimeError(
                        f"A socket stays open: {type(handshake.socket).__name__}.close raised {type(error).__name__}."
                    )
                )

    def _cut_off(self, handshake: _Handshake) -> bool:
        """Returns True if the connection is cut."""
        if handshake.cancel_timer is not None:
            handshake.cancel_timer()
        if self._handshakes.get(id(handshake.socket)) is handshake:
            del self._handshakes[id(handshake.socket)]
        try:
            return cut_off(handshake.socket)
        except Exception as error:
            logger.debug("A socket could not be cut off: %s", error)
            return False

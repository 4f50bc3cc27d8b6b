"""The sockets that are held, and who they belong to."""

from __future__ import annotations

from collections.abc import Iterable, KeysView
from dataclasses import dataclass
from typing import TypeVar

from ..token.claims import Claims
from .closing import Closing, GuardedSocket

Key = TypeVar("Key")


@dataclass(eq=False)
class HeldSocket:
    socket: GuardedSocket
    claims: Claims
    """Of the newest token it was accepted or renewed with."""
    exp: int
    """Seconds, as in the token."""
    closing: Closing | None = None
    """Why it is closing or closed."""


# Sets that keep their order.
Index = dict[Key, dict[HeldSocket, None]]


class HeldSockets:
    def __init__(self) -> None:
        # By the identity of the socket, because sockets of some libraries cannot be hashed.
        self._by_socket: dict[int, HeldSocket] = {}
        self._by_sid: Index[str] = {}
        self._by_user_id: Index[int] = {}
        self._by_exp: Index[int] = {}

    def __len__(self) -> int:
        return len(self._by_socket)

    def find(self, socket: GuardedSocket) -> HeldSocket | None:
        return self._by_socket.get(id(socket))

    def add(self, held: HeldSocket) -> None:
        self._by_socket[id(held.socket)] = held
        self._by_sid.setdefault(held.claims.sid, {})[held] = None
        self._by_user_id.setdefault(held.claims.user_id, {})[held] = None
        self._by_exp.setdefault(held.exp, {})[held] = None

    def remove(self, held: HeldSocket) -> None:
        del self._by_socket[id(held.socket)]
        _remove(self._by_sid, held.claims.sid, held)
        _remove(self._by_user_id, held.claims.user_id, held)
        _remove(self._by_exp, held.exp, held)

    def move_expiry(self, held: HeldSocket, exp: int) -> None:
        _remove(self._by_exp, held.exp, held)
        held.exp = exp
        self._by_exp.setdefault(exp, {})[held] = None

    def of_session(self, sid: str) -> KeysView[HeldSocket]:
        return self._by_sid.get(sid, {}).keys()

    def of_user(self, user_id: int) -> KeysView[HeldSocket]:
        return self._by_user_id.get(user_id, {}).keys()

    def all(self) -> Iterable[HeldSocket]:
        return self._by_socket.values()

    def expired_at(self, now_ms: float) -> list[HeldSocket]:
        return [held for exp, sockets in self._by_exp.items() if exp * 1000 <= now_ms for held in sockets]

    def earliest_expiry(self) -> int | None:
        return min(self._by_exp, default=None)


def _remove(index: Index[Key], key: Key, held: HeldSocket) -> None:
    sockets = index[key]
    del sockets[held]
    if not sockets:
        del index[key]

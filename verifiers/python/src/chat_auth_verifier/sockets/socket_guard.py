"""Closing sockets when their session or token stops being valid."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, inf
from typing import Protocol

from ..clock import Clock
from ..token.claims import Claims
from .closing import (
    SESSION_ENDED,
    TOKEN_EXPIRED,
    TOKEN_OUTDATED,
    TRY_LATER,
    Closing,
    GuardedSocket,
    require_closable,
    stop_messages_when,
)
from .handshakes import ClosingHandshakes
from .held_sockets import HeldSocket, HeldSockets

# Expiry is checked at least this often: the service's time may change.
_MAX_CHECK_DELAY_MS = 5_000


class GuardSource(Protocol):
    """The part of a verifier that a guard needs."""

    def has_ended(self, claims: Claims) -> bool: ...

    def has_expired(self, claims: Claims) -> bool: ...

    def is_outdated(self, claims: Claims) -> bool: ...

    def is_refusing(self) -> bool:
        """True while the verifier is stale and `when_stale` is `refuse`."""

    def service_now(self) -> float:
        """The service's time, in milliseconds since 1970."""


class SocketGuard:
    def __init__(self, source: GuardSource, clock: Clock, on_error: Callable[[Exception], None]) -> None:
        self._source = source
        self._clock = clock
        self._held = HeldSockets()
        self._handshakes = ClosingHandshakes(clock, on_error)
        self._is_closed = False
        self._next_check_at = inf
        self._cancel_check: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._held)

    def find(self, socket: GuardedSocket) -> HeldSocket | None:
        return self._held.find(socket)

    async def hold(self, socket: GuardedSocket, claims: Claims) -> Closing | None:
        """Returns why the socket was closed instead of held; None if it is held. Raises a `TypeError` for a socket that
        could not be closed."""
        require_closable(socket)
        known = self._handshakes.closing_of(socket)
        if known is not None:
            return known
        self.release(socket)
        # Events between the check of the token and this call were delivered before the socket was held.
        closing = self._closing_for(claims)
        if closing is None:
            held = HeldSocket(socket, claims, claims.exp)
            self._held.add(held)
            stop_messages_when(lambda: held.closing, socket)
            self._note_expiry(claims.exp)
            return None
        self._let_go(socket, closing)
        await self._handshakes.complete(socket, closing)
        return closing

    def renew(self, held: HeldSocket, claims: Claims) -> None:
        if claims.gen > held.claims.gen:
            held.claims = claims
        if claims.exp > held.exp:
            self._held.move_expiry(held, claims.exp)
            self._note_expiry(claims.exp)

    def release(self, socket: GuardedSocket) -> None:
        """To be called when the socket is closed, by whomever."""
        held = self._held.find(socket)
        if held is not None:
            self._held.remove(held)
        self._handshakes.end(socket)

    def on_session_ended(self, sid: str) -> None:
        self._close_each(self._held.of_session(sid), SESSION_ENDED)

    def on_outdated(self, subject: int | str) -> None:
        """`subject` is a sid or a user id."""
        held = self._held.of_user(subject) if isinstance(subject, int) else self._held.of_session(subject)
        self._close_each([one for one in held if self._source.is_outdated(one.claims)], TOKEN_OUTDATED)

    def on_stale(self) -> None:
        if self._source.is_refusing():
            self._close_each(self._held.all(), TRY_LATER)

    def close(self, closes_sockets: bool) -> None:
        """Stops guarding. No socket is held any more, and none can be."""
        self._is_closed = True
        self._cancel_check()
        if closes_sockets:
            self._close_each(self._held.all(), TRY_LATER)
            return
        for held in list(self._held.all()):
            self._held.remove(held)

    def _closing_for(self, claims: Claims) -> Closing | None:
        if self._is_closed:
            return TRY_LATER
        if self._source.has_ended(claims):
            return SESSION_ENDED
        if self._source.has_expired(claims):
            return TOKEN_EXPIRED
        if self._source.is_outdated(claims):
            return TOKEN_OUTDATED
        return TRY_LATER if self._source.is_refusing() else None

    def _note_expiry(self, exp: int) -> None:
        if exp * 1000 < self._next_check_at:
            self._schedule_check()

    def _schedule_check(self) -> None:
        self._cancel_check()
        self._next_check_at = inf
        earliest = self._held.earliest_expiry()
        if earliest is None:
            return
        now = self._source.service_now()
        self._next_check_at = min(now + _MAX_CHECK_DELAY_MS, earliest * 1000)
        self._cancel_check = self._clock.after(max(1, ceil(self._next_check_at - now)), self._close_expired)

    def _close_expired(self) -> None:
        self._close_each(self._held.expired_at(self._source.service_now()), TOKEN_EXPIRED)
        self._schedule_check()

    def _close_each(self, held: Iterable[HeldSocket], closing: Closing) -> None:
        # A list of its own: closing removes sockets from what is iterated.
        sockets = [one.socket for one in held]
        for socket in sockets:
            self._let_go(socket, closing)
        self._handshakes.begin(sockets, closing)

    def _let_go(self, socket: GuardedSocket, closing: Closing) -> None:
        """From now on, its messages do not reach the application."""
        held = self._held.find(socket)
        if held is not None:
            held.closing = closing
        self.release(socket)

"""Calls to the service about one token or one ticket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..token.claims import Claims
from ..token.json_values import is_text_list
from ..token.refused import TokenRefused
from ..transport import Response
from .json_requests import JsonRequests
from .slots import AllWaiting, Slots

_TIMEOUT_MS = 2_000
_MAX_IN_FLIGHT = 64
# With more waiting, none would get a response in time.
_WAITING_LIMIT = 10_000
_TICKET_LENGTH_LIMIT = 1024


class ServiceCalls:
    def __init__(self, requests: JsonRequests, clock: Clock, on_error: Callable[[Exception], None]) -> None:
        self._requests = requests
        self._clock = clock
        self._on_error = on_error
        self._in_flight: dict[str, asyncio.Task[tuple[str, ...]]] = {}
        # Apart, so that neither keeps the other from the service.
        self._introspections = Slots(_MAX_IN_FLIGHT, _WAITING_LIMIT)
        self._redemptions = Slots(_MAX_IN_FLIGHT, _WAITING_LIMIT)

    async def current_roles(self, token: str, claims: Claims) -> tuple[str, ...]:
        """Introspects a token (RFC 7662): returns the current roles of its user. The same token is asked about once at a
        time.

        Raises `TokenRefused` with `session_ended` if the service reports the token as inactive, and with `unavailable` if
        it does not respond.
        """
        known = self._in_flight.get(token)
        if known is None:
            known = self._in_flight[token] = asyncio.create_task(self._introspect(token, claims.sid))
            known.add_done_callback(lambda task: self._forget(token, task))
        return await asyncio.shield(known)

    def _forget(self, token: str, task: asyncio.Task[tuple[str, ...]]) -> None:
        del self._in_flight[token]
        if not task.cancelled():
            # Read here, because every caller may have given up.
            task.exception()

    async def redeem(self, ticket: object, origin: str | None) -> dict[str, Any]:
        """Returns the claims of a ticket, unchecked.

        Raises `TokenRefused` with `ticket_gone`, `origin_mismatch` or `unavailable`.
        """
        if not isinstance(ticket, str) or not 1 <= len(ticket) <= _TICKET_LENGTH_LIMIT:
            raise TokenRefused("ticket_gone")
        body = {"ticket": ticket} if origin is None else {"ticket": ticket, "origin": origin}
        status, redeemed = await self._post_in_turn(self._redemptions, "v1/tickets/redeem", body)
        if status == 200 and isinstance(redeemed, dict):
            return redeemed
        if status == 403 and _is_origin_mismatch(redeemed):
            raise TokenRefused("origin_mismatch")
        raise TokenRefused("ticket_gone" if status in (400, 410, 422) else "unavailable")

    async def _introspect(self, token: str, sid: str) -> tuple[str, ...]:
        status, body = await self._post_in_turn(self._introspections, "v1/introspect", {"token": token})
        members = body if status == 200 and isinstance(body, dict) else {}
        active, roles = members.get("active"), members.get("roles")
        # The signature is valid, so an inactive token means that the session has ended.
        if active is False:
            raise TokenRefused("session_ended")
        if active is not True or members.get("sid") != sid or not is_text_list(roles):
            raise TokenRefused("unavailable")
        return tuple(roles)

    async def _post_in_turn(self, slots: Slots, path: str, body: Any) -> Response:
        """The time limit includes the wait for a slot."""
        deadline = self._clock.monotonic_ms() + _TIMEOUT_MS
        try:
            async with slots:
                timeout_ms = deadline - self._clock.monotonic_ms()
                if timeout_ms <= 0:
                    raise TokenRefused("unavailable")
                return await self._post(path, body, timeout_ms)
        except AllWaiting:
            raise TokenRefused("unavailable") from None

    async def _post(self, path: str, body: Any, timeout_ms: float) -> Response:
        try:
            response = await self._requests.post(path, body, timeout_ms)
        except ConnectionError as error:
            self._on_error(error)
            raise TokenRefused("unavailable") from None
        status = response.status
        if status == 401 or (status == 403 and not _is_origin_mismatch(response.body)):
            self._on_error(
                PermissionError(f"POST {path}: status {status}; check that service_key is one of SERVICE_KEYS")
            )
        return response


def _is_origin_mismatch(body: Any) -> bool:
    return isinstance(body, dict) and body.get("code") == "origin_mismatch"

"""The verifier: what an application uses."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .clock import Clock, SystemClock
from .error_report import ErrorReport
from .feed.feed_state import SessionEnd
from .run import Run
from .settings import VerifierOptions, read_settings
from .sockets.closing import GuardedSocket
from .subscribers import Subscribers
from .token.claims import Claims, DeliveryClaims
from .token.json_values import session_key
from .token.refused import TokenRefused
from .transport import Transport
from .verification.health import Health

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack


class Verifier:
    """Verifies tokens of one service. It fetches the keys and follows the revocation feed in the background.

    Belongs to one event loop. Each process of a server needs its own.

    Example:
        async with Verifier("http://auth:8010", service_key, issuer, audience="chat") as verifier:
            await verifier.ready()
            claims = await verifier.verify(token)
    """

    def __init__(
        self,
        url: str,
        service_key: str,
        issuer: str,
        *,
        transport: Transport | None = None,
        clock: Clock | None = None,
        **options: Unpack[VerifierOptions],
    ) -> None:
        """Raises a `ValueError` for invalid arguments. Nothing is sent before `start`.

        - `url`: base URL of the service's internal listener.
        - `service_key`: one of the `SERVICE_KEYS` of the service.
        - `issuer`: the exact `iss` of every token: `TOKEN_ISSUER` of the service.
        - `options`: see `VerifierOptions`.
        - `transport`, `clock`: for tests.
        """
        self._settings = read_settings(url, service_key, issuer, **options)
        self._clock = clock or SystemClock()
        self._transport = transport
        self._report = ErrorReport(self._settings.on_error, self._clock)
        self._listeners: Subscribers[SessionEnd] = Subscribers(self._report)
        self._is_started = False
        self._closing: asyncio.Task[None] | None = None
        self._run = self._create_run()

    def _create_run(self) -> Run:
        return Run(self._settings, self._transport, self._clock, self._report)

    def start(self) -> None:
        """Starts following the feed. `async with` does it. After `close`, it can be started again."""
        if self._closing is not None:
            self._closing = None
            self._is_started = False
            self._run = self._create_run()
        if self._is_started:
            raise RuntimeError("The verifier is started already.")
        self._is_started = True
        self._run.start(self._listeners.notify)

    async def __aenter__(self) -> Verifier:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def ready(self, timeout: float | None = 30.0) -> None:
        """Waits until keys and a first snapshot of the ended sessions are loaded.

        Raises `NotReady`, which says what to check, after `timeout` seconds, and immediately if the service refuses the
        feed with 401, 403 or 404. None waits forever.
        """
        await self._run.feed.readiness.wait(timeout, lambda: self._report.last)

    def verify(
        self, token: str, *, max_age: int | None = None, amr: Sequence[str] | None = None
    ) -> Coroutine[Any, Any, Claims]:
        """Returns the claims of a valid access token (RFC 9068, section 4). Raises `TokenRefused` for any other value.

        With `max_age` (seconds) or `amr`, a valid token of a user who authenticated too long ago, or by other means, is
        refused with `reauthentication_required` (RFC 9470). Raises a `ValueError` for invalid requirements.

        Example:
            claims = await verifier.verify(token)
            await verifier.verify(token, max_age=600)
        """
        return self._run.local.verify(token, max_age, amr)

    def verify_delivery(self, token: str) -> Coroutine[Any, Any, DeliveryClaims]:
        """Returns the claims of a token that the service sends with a call about a user. Needs no fresh feed.

        Raises `TokenRefused` for any other value, an access token included.
        """
        return self._run.local.verify_delivery(token)

    def check(self, claims: Claims) -> None:
        """Checks claims again, later, without their token: whether they expired, or their session ended.

        For passes that are kept in a store. Raises `TokenRefused`; while the verifier is stale with the code `stale`,
        unless `when_stale` is `accept`.

        Example:
            verifier.check(Claims.from_dict(json.loads(stored)))
        """
        self._run.local.check(claims)

    def redeem_ticket(self, ticket: str, origin: str | None = None) -> Coroutine[Any, Any, Claims]:
        """Redeems a socket ticket at the service and returns its claims. It can be redeemed once, across all verifiers.

        `origin` is the Origin header of the upgrade. Raises `TokenRefused` with `ticket_gone`, `origin_mismatch`,
        `unavailable`, or the code of an invalid claim.
        """
        return self._run.local.redeem_ticket(ticket, origin)

    async def hold(self, websocket: GuardedSocket, claims: Claims) -> None:
        """Guards an accepted socket: it closes with 4401, 4408 or 4503 when its session or token stops being valid.

        If that has happened since the token was checked, closes it now and raises `TokenRefused`. Release the socket when
        its client disconnects; `holding` does both. Raises a `TypeError` for a socket without `close(code, reason)`.
        """
        closing = await self._run.guard.hold(websocket, claims)
        if closing is None:
            return
        reason = self._run.feed.store.reason_of(session_key(claims.sid))
        raise TokenRefused(closing.refusal, reason=reason if closing.refusal == "session_ended" else None)

    def release(self, websocket: GuardedSocket) -> None:
        """Stops guarding a socket without closing it."""
        self._run.guard.release(websocket)

    @asynccontextmanager
    async def holding(self, websocket: GuardedSocket, claims: Claims) -> AsyncIterator[None]:
        """Guards an accepted socket inside the block, see `hold`.

        Example:
            async with verifier.holding(websocket, claims):
                async for text in websocket.iter_text(): ...
        """
        await self.hold(websocket, claims)
        try:
            yield
        finally:
            self.release(websocket)

    async def renew(self, websocket: GuardedSocket, token: str) -> Claims:
        """Keeps a held socket open until a newer token of the same session expires.

        Raises `TokenRefused`, and leaves the socket as it was, if the token is refused.
        """
        claims = await self.verify(token)
        # Looked up after the await, because the socket may have been closed in the meantime.
        held = self._run.guard.find(websocket)
        if held is None:
            raise TokenRefused("expired", "This socket is closed or was never held. Open a new one.")
        if (claims.sid, claims.user_id) != (held.claims.sid, held.claims.user_id):
            raise TokenRefused(
                "invalid_claims",
                "The token belongs to another session. Renew a socket with a token of its own session.",
            )
        self._run.guard.renew(held, claims)
        return claims

    def on_session_ended(self, listener: Callable[[SessionEnd], object]) -> Callable[[], None]:
        """Calls `listener` once for each session end received from now on. Returns a function that unsubscribes it.

        Example:
            stop = verifier.on_session_ended(lambda end: print(end.user_id, end.reason))
        """
        return self._listeners.subscribe(listener)

    def health(self) -> Health:
        """Returns the current state without I/O."""
        return self._run.health()

    async def close(self) -> None:
        """Sends the last receipts, for up to 2 seconds, and closes all connections.

        Close servers and sockets before: a closed verifier refuses every token with `unavailable`. Sockets that are still
        held close with 4503 if `when_stale` is `refuse`, because nothing guards them any more.
        """
        if self._closing is None:
            self._closing = self._run.stop()
        await asyncio.shield(self._closing)

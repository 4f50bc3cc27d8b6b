"""The verifier: what an application uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any

from .clock import Clock, SystemClock
from .error_report import ErrorReport, OnError
from .feed.feed_state import SessionEnd
from .feed.revocation_feed import RevocationFeed
from .service.http_transport import HttpTransport
from .service.json_requests import JsonRequests
from .service.key_set import KeySet, SharedSecret
from .service.receipts import Receipts
from .service.service_calls import ServiceCalls
from .settings import WhenStale, read_settings
from .sockets.closing import GuardedSocket
from .sockets.socket_guard import SocketGuard
from .subscribers import Subscribers, void
from .token.claims import Claims, DeliveryClaims
from .token.json_values import session_key
from .token.refused import TokenRefused
from .transport import Transport
from .verification.guarded import GuardedSessions
from .verification.health import Health
from .verification.local_verifier import LocalVerifier

# How long `close` waits for the last receipts.
_CLOSE_TIMEOUT_MS = 2_000


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
        audience: str | None = None,
        shared_secret: str | None = None,
        max_staleness: float = 5.0,
        when_stale: WhenStale = "refuse",
        cache_size: int = 10_000,
        *,
        on_error: OnError | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Raises a `ValueError` for invalid arguments. Nothing is sent before `start`.

        - `url`: base URL of the service's internal listener.
        - `service_key`: one of the `SERVICE_KEYS` of the service.
        - `issuer`: the exact `iss` of every token: `TOKEN_ISSUER` of the service.
        - `audience`: the exact `aud`: `TOKEN_AUDIENCE`. Without it, tokens must carry no `aud`.
        - `shared_secret`: the HS256 secret. With it, no keys are fetched and only HS256 tokens are accepted.
        - `max_staleness`: seconds after which knowledge of ended sessions is stale, at least 2.
        - `cache_size`: number of checked tokens to remember; 0 turns the cache off.
        - `on_error`: called with errors in the background. Default: a warning in the log `chat_auth_verifier`, each
          message at most once an hour. Errors contain no secrets.
        - `transport`, `clock`: for tests.
        """
        self._settings = read_settings(
            url, service_key, issuer, audience, shared_secret, max_staleness, when_stale, cache_size
        )
        self._clock = clock or SystemClock()
        self._transport = transport
        self._report = ErrorReport(on_error, self._clock)
        self._listeners: Subscribers[SessionEnd] = Subscribers(self._report)
        self._is_started = False
        self._closing: asyncio.Task[None] | None = None
        self._build()

    def _build(self) -> None:
        settings, clock, report = self._settings, self._clock, self._report
        transport = self._used_transport = self._transport or HttpTransport(settings.base)
        requests = JsonRequests(transport, clock, settings.service_key)
        self._feed = RevocationFeed(settings, transport, clock, lambda: len(self._keys) > 0, report)
        self._keys: KeySet | SharedSecret = (
            KeySet(requests, clock, report, self._feed.freshness.update)
            if settings.shared_secret is None
            else SharedSecret(settings.shared_secret)
        )
        self._receipts = Receipts(requests, clock, report)
        calls = ServiceCalls(requests, clock, report)
        self._local = LocalVerifier(settings, clock, self._keys, self._feed, self._receipts, calls)
        sessions = GuardedSessions(settings, clock, self._feed, self._local)
        self._guard = SocketGuard(sessions, clock, report)

    def start(self) -> None:
        """Starts following the feed. `async with` does it. After `close`, it can be started again."""
        if self._closing is not None:
            self._closing = None
            self._is_started = False
            self._build()
        if self._is_started:
            raise RuntimeError("The verifier is started already.")
        self._is_started = True
        self._feed.ends.subscribe(lambda end: self._guard.on_session_ended(end.sid))
        self._feed.ends.subscribe(self._listeners.notify)
        self._feed.outdated.subscribe(self._guard.on_outdated)
        self._feed.stale.subscribe(lambda _: self._guard.on_stale())
        self._keys.start()
        self._feed.reader.open()

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
        await self._feed.readiness.wait(timeout, lambda: self._report.last)

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
        return self._local.verify(token, max_age, amr)

    def verify_delivery(self, token: str) -> Coroutine[Any, Any, DeliveryClaims]:
        """Returns the claims of a token that the service sends with a call about a user. Needs no fresh feed.

        Raises `TokenRefused` for any other value, an access token included.
        """
        return self._local.verify_delivery(token)

    def check(self, claims: Claims) -> None:
        """Checks claims again, later, without their token: whether they expired, or their session ended.

        For passes that are kept in a store. Raises `TokenRefused`; while the verifier is stale with the code `stale`,
        unless `when_stale` is `accept`.

        Example:
            verifier.check(Claims.from_dict(json.loads(stored)))
        """
        self._local.check(claims)

    def redeem_ticket(self, ticket: str, origin: str | None = None) -> Coroutine[Any, Any, Claims]:
        """Redeems a socket ticket at the service and returns its claims. It can be redeemed once, across all verifiers.

        `origin` is the Origin header of the upgrade. Raises `TokenRefused` with `ticket_gone`, `origin_mismatch`,
        `unavailable`, or the code of an invalid claim.
        """
        return self._local.redeem_ticket(ticket, origin)

    async def hold(self, websocket: GuardedSocket, claims: Claims) -> None:
        """Guards an accepted socket: it closes with 4401, 4408 or 4503 when its session or token stops being valid.

        If that has happened since the token was checked, closes it now and raises `TokenRefused`. Release the socket when
        its client disconnects; `holding` does both. Raises a `TypeError` for a socket without `close(code, reason)`.
        """
        closing = await self._guard.hold(websocket, claims)
        if closing is None:
            return
        reason = self._feed.store.reason_of(session_key(claims.sid))
        raise TokenRefused(closing.refusal, reason=reason if closing.refusal == "session_ended" else None)

    def release(self, websocket: GuardedSocket) -> None:
        """Stops guarding a socket without closing it."""
        self._guard.release(websocket)

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
        held = self._guard.find(websocket)
        if held is None:
            raise TokenRefused("expired", "This socket is closed or was never held. Open a new one.")
        if (claims.sid, claims.user_id) != (held.claims.sid, held.claims.user_id):
            raise TokenRefused(
                "invalid_claims",
                "The token belongs to another session. Renew a socket with a token of its own session.",
            )
        self._guard.renew(held, claims)
        return claims

    def on_session_ended(self, listener: Callable[[SessionEnd], object]) -> Callable[[], None]:
        """Calls `listener` once for each session end received from now on. Returns a function that unsubscribes it.

        Example:
            stop = verifier.on_session_ended(lambda end: print(end.user_id, end.reason))
        """
        return self._listeners.subscribe(listener)

    def health(self) -> Health:
        """Returns the current state without I/O."""
        feed, local = self._feed, self._local
        return Health(
            fresh=feed.freshness.is_fresh(),
            staleness=feed.staleness_ms() / 1000,
            connected=feed.reader.connected,
            revoked_count=len(feed.store),
            outdated_count=feed.store.outdated_count,
            key_count=len(self._keys),
            cached_tokens=local.checks.cached_count,
            verified=local.verified,
            cache_hits=local.cache_hits,
            refused=dict(local.refused),
            feed_reconnects=feed.reader.reconnects,
            receipts=self._receipts.counts,
            held_sockets=len(self._guard),
        )

    async def close(self) -> None:
        """Sends the last receipts, for up to 2 seconds, and closes all connections.

        Close servers and sockets before: a closed verifier refuses every token with `unavailable`. Sockets that are still
        held close with 4503 if `when_stale` is `refuse`, because nothing guards them any more.
        """
        if self._closing is None:
            self._local.is_closed = True
            self._guard.close(closes_sockets=self._settings.when_stale == "refuse")
            # Not looked up later: `start` may replace them while the task still runs.
            last = self._feed, self._keys, self._receipts, self._used_transport
            self._closing = asyncio.create_task(self._close(*last))
        await asyncio.shield(self._closing)

    async def _close(
        self, feed: RevocationFeed, keys: KeySet | SharedSecret, receipts: Receipts, transport: Transport
    ) -> None:
        await feed.close()
        await keys.close()
        last_receipts = asyncio.create_task(receipts.close())
        cancel_timer = self._clock.after(_CLOSE_TIMEOUT_MS, lambda: void(last_receipts.cancel()))
        await asyncio.gather(last_receipts, return_exceptions=True)
        cancel_timer()
        await transport.close()

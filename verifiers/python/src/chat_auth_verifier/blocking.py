"""A verifier for code without asyncio, such as Flask and Django."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from .feed.feed_state import SessionEnd
from .feed.readiness import NotReady
from .settings import VerifierOptions
from .token.claims import Claims, DeliveryClaims
from .token.refused import TokenRefused
from .verification.health import Health
from .verifier import Verifier

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack

Result = TypeVar("Result")

# Longer than any call takes by itself.
_CALL_TIMEOUT_SECONDS = 30.0


class BlockingVerifier:
    """Runs a `Verifier` in a thread of its own, and waits for its results.

    The thread starts with the first call, and in each process of its own: a server may load the application before it
    forks its workers.

    Example:
        verifier = BlockingVerifier("http://auth:8010", service_key, issuer, audience="chat")
        claims = verifier.verify(token)
    """

    def __init__(
        self,
        url: str,
        service_key: str,
        issuer: str,
        *,
        ready_timeout: float | None = 30.0,
        **options: Unpack[VerifierOptions],
    ) -> None:
        """As `Verifier`. The first calls in each process wait up to `ready_timeout` seconds until it is ready.

        Without success, the verifier goes on trying, and calls no longer wait: they raise what `Verifier` raises.
        """

        def create() -> Verifier:
            return Verifier(url, service_key, issuer, **options)

        # Invalid arguments fail here, and not with the first request.
        create()
        self._create = create
        self._ready_timeout = ready_timeout
        self._listeners: list[Callable[[SessionEnd], object]] = []
        self._lock = threading.Lock()
        self._pid = 0
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop
        self._verifier: Verifier
        self._thread: threading.Thread | None = None
        self._first_wait: concurrent.futures.Future[None]
        # The lock may be held by another thread of the parent while it forks.
        os.register_at_fork(after_in_child=self._forget_lock)

    def _forget_lock(self) -> None:
        self._lock = threading.Lock()

    def ready(self) -> None:
        """Starts the verifier in this process and waits until it is ready. Raises `NotReady`."""
        self._started()
        self._submit(lambda verifier: verifier.ready(self._ready_timeout)).result()

    def verify(self, token: str, *, max_age: int | None = None, amr: Sequence[str] | None = None) -> Claims:
        """As `Verifier.verify`."""
        return self._judge(lambda verifier: verifier.verify(token, max_age=max_age, amr=amr))

    def verify_delivery(self, token: str) -> DeliveryClaims:
        """As `Verifier.verify_delivery`."""
        return self._judge(lambda verifier: verifier.verify_delivery(token))

    def redeem_ticket(self, ticket: str, origin: str | None = None) -> Claims:
        """As `Verifier.redeem_ticket`."""
        return self._judge(lambda verifier: verifier.redeem_ticket(ticket, origin))

    def check(self, claims: Claims) -> None:
        """As `Verifier.check`."""

        async def check(verifier: Verifier) -> None:
            verifier.check(claims)

        self._judge(check)

    def health(self) -> Health:
        """As `Verifier.health`."""

        async def health(verifier: Verifier) -> Health:
            return verifier.health()

        return self._wait(health)

    def on_session_ended(self, listener: Callable[[SessionEnd], object]) -> None:
        """As `Verifier.on_session_ended`, before the first call. `listener` is called in the verifier's thread."""
        self._listeners.append(listener)

    def close(self) -> None:
        """As `Verifier.close`. The thread ends."""
        self._require_other_thread()
        with self._lock:
            self._is_closed = True
            if self._pid != os.getpid():
                return
            self._pid = 0
            asyncio.run_coroutine_threadsafe(self._verifier.close(), self._loop).result(_CALL_TIMEOUT_SECONDS)
            self._stop()

    def _judge(self, call: Callable[[Verifier], Coroutine[Any, Any, Result]]) -> Result:
        try:
            return self._wait(call)
        except concurrent.futures.TimeoutError:
            raise TokenRefused("unavailable") from None

    def _wait(self, call: Callable[[Verifier], Coroutine[Any, Any, Result]]) -> Result:
        self._started()
        with suppress(NotReady):
            self._first_wait.result()
        pending = self._submit(call)
        try:
            return pending.result(_CALL_TIMEOUT_SECONDS)
        except concurrent.futures.TimeoutError:
            pending.cancel()
            raise

    def _submit(self, call: Callable[[Verifier], Coroutine[Any, Any, Result]]) -> concurrent.futures.Future[Result]:
        if self._is_closed:
            raise RuntimeError("The verifier is closed.")
        return asyncio.run_coroutine_threadsafe(call(self._verifier), self._loop)

    def _require_other_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "The verifier cannot be called from its own thread, in which on_error and listeners run. "
                "Pass the work to another thread."
            )

    def _started(self) -> None:
        self._require_other_thread()
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._start()

    def _start(self) -> None:
        if self._is_closed:
            raise RuntimeError("The verifier is closed.")
        loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="chat-auth-verifier", daemon=True)
        self._thread.start()
        verifier = self._verifier = self._create()
        for listener in self._listeners:
            verifier.on_session_ended(listener)

        async def start() -> None:
            verifier.start()

        try:
            asyncio.run_coroutine_threadsafe(start(), loop).result()
        except BaseException:
            self._stop()
            raise
        self._first_wait = self._submit(lambda verifier: verifier.ready(self._ready_timeout))
        self._pid = os.getpid()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()

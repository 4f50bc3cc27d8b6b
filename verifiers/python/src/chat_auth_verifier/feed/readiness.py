"""Waiting until the verifier is fresh for the first time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..clock import Clock
from .freshness import Freshness

_WHAT_TO_CHECK = (
    "Check that url is the internal listener of the auth service (port 8010 by default) and that service_key is one of "
    "its SERVICE_KEYS."
)


class NotReady(Exception):
    """The verifier is not ready in time, or cannot become ready before a setting is corrected.

    Example:
        try:
            await verifier.ready(10)
        except NotReady as problem:
            sys.exit(str(problem))
    """


class Readiness:
    def __init__(self, freshness: Freshness, clock: Clock) -> None:
        self._freshness = freshness
        self._clock = clock
        self._waiting: set[asyncio.Future[None]] = set()
        self._refusal: str | None = None
        self._is_closed = False

    async def wait(self, timeout: float | None, last_error: Callable[[], Exception | None]) -> None:
        """Raises `NotReady` after `timeout` seconds, on a refusal and on close."""
        if self._is_closed:
            raise NotReady("The verifier is closed.")
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(outcome)

        def time_out() -> None:
            _fail(outcome, _not_ready(f"Not ready within {timeout} s.", last_error()))

        cancel_timer = None if timeout is None else self._clock.after(timeout * 1000, time_out)
        stop_waiting = self._freshness.when_fresh(lambda: _succeed(outcome))
        if self._refusal is not None:
            _fail(outcome, self._refusal)
        try:
            await outcome
        finally:
            self._waiting.discard(outcome)
            stop_waiting()
            if cancel_timer is not None:
                cancel_timer()

    def refuse(self, error: Exception) -> None:
        """The service refused the feed: waiting longer does not help before a setting changes."""
        self._refusal = _not_ready("The auth service refused the revocation feed.", error)
        for outcome in self._waiting:
            _fail(outcome, self._refusal)

    def accept(self) -> None:
        """The feed is open, so the settings are right."""
        self._refusal = None

    def close(self) -> None:
        self._is_closed = True
        for outcome in self._waiting:
            _fail(outcome, "The verifier is closed.")


def _succeed(outcome: asyncio.Future[None]) -> None:
    if not outcome.done():
        outcome.set_result(None)


def _fail(outcome: asyncio.Future[None], problem: str) -> None:
    if not outcome.done():
        outcome.set_exception(NotReady(problem))


def _not_ready(what: str, cause: Exception | None) -> str:
    return " ".join(text for text in (what, str(cause or ""), _WHAT_TO_CHECK) if text)

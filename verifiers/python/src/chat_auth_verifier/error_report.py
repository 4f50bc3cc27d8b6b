"""Reporting errors in the background without flooding the log."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .clock import Clock
from .recent_map import RecentMap

logger = logging.getLogger("chat_auth_verifier")

OnError = Callable[[Exception], object]

_MESSAGES_REMEMBERED = 100
_LOGGED_AGAIN_AFTER_MS = 3_600_000
_REPORTED_AGAIN_AFTER_MS = 30_000


class ErrorReport:
    """Passes errors to `on_error`, or to the log, each message at most once in a while."""

    def __init__(self, on_error: OnError | None, clock: Clock) -> None:
        self._on_error = on_error or _log
        self._repeat_after_ms = _LOGGED_AGAIN_AFTER_MS if on_error is None else _REPORTED_AGAIN_AFTER_MS
        self._clock = clock
        self._reported_at: RecentMap[str, float] = RecentMap(_MESSAGES_REMEMBERED)
        self.last: Exception | None = None

    def __call__(self, error: Exception) -> None:
        # The text alone: the frames of a traceback hold service key, tokens and tickets, and error trackers send them.
        error = self.last = type(error)(str(error))
        now, message = self._clock.monotonic_ms(), str(error)
        reported_at = self._reported_at.get(message)
        if reported_at is not None and now - reported_at < self._repeat_after_ms:
            return
        self._reported_at.set(message, now)
        try:
            self._on_error(error)
        except Exception:
            # There is nowhere left to report to.
            logger.exception("on_error raised an exception.")


def _log(error: Exception) -> None:
    logger.warning("%s", error)

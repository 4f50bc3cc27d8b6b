"""The keys that tokens are checked with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

from ..clock import Cancel, Clock, jittered
from ..token.published_keys import Keys, read_key_set
from ..token.signatures import VerificationKey, hs256
from .json_requests import JsonRequests

_COOLDOWN_MS = 5_000
_REFRESH_EVERY_MS = 3_600_000
_FIRST_RETRY_MS = 100
_MAX_RETRY_MS = 2_000
_RETRY_WITH_KEYS_MS = 60_000


class SharedSecret:
    """A secret shared with the service (HS256). The `kid` of a token is ignored."""

    algorithms = frozenset({"HS256"})

    def __init__(self, secret: bytes) -> None:
        self._key = VerificationKey("", "HS256", hs256(secret), "")

    def __len__(self) -> int:
        return 1

    def find(self, kid: str) -> VerificationKey | None:
        return self._key

    async def refresh(self) -> bool:
        return True

    def start(self) -> None:
        """There is nothing to fetch."""

    async def close(self) -> None: ...


class KeySet:
    """The published keys of the service (RFC 7517), fetched at the start, hourly, and for an unknown `kid`.

    If a fetch fails or returns no usable key, the known keys stay.
    """

    algorithms = frozenset({"EdDSA", "ES256", "RS256"})

    def __init__(
        self,
        requests: JsonRequests,
        clock: Clock,
        on_error: Callable[[Exception], None],
        on_keys: Callable[[], None],
    ) -> None:
        """`on_keys` is called when keys are loaded for the first time."""
        self._requests = requests
        self._clock = clock
        self._on_error = on_error
        self._on_keys = on_keys
        self._keys: Keys = {}
        self._in_flight: asyncio.Task[bool] | None = None
        self._started_at = -inf
        self._succeeded = False
        self._failures = 0
        self._cancel_timer: Cancel = lambda: None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, kid: str) -> VerificationKey | None:
        return self._keys.get(kid)

    async def refresh(self) -> bool:
        """Fetches the keys if a fetch is due. Returns True if they are known to be current.

        Concurrent calls share one fetch, and the next one starts only after the cooldown.
        """
        if self._in_flight is None:
            if self._clock.monotonic_ms() - self._started_at < _COOLDOWN_MS:
                return self._succeeded
            self.start()
        fetch = self._in_flight
        if fetch is None:
            return False
        # Not `await fetch`: a caller that gives up must not take the fetch from the others, nor `close` cancel the callers.
        await asyncio.wait({fetch})
        return not fetch.cancelled() and fetch.result()

    def start(self) -> None:
        """Fetches now, regardless of the cooldown, and schedules the next fetch."""
        if self._is_closed:
            return
        self._cancel_timer()
        self._started_at = self._clock.monotonic_ms()
        self._in_flight = asyncio.create_task(self._fetch())

    async def close(self) -> None:
        self._is_closed = True
        self._cancel_timer()
        if self._in_flight is not None:
            self._in_flight.cancel()
            await asyncio.gather(self._in_flight, return_exceptions=True)

    async def _fetch(self) -> bool:
        try:
            self._succeeded = await self._load()
        finally:
            self._in_flight = None
        self._schedule_next()
        return self._succeeded

    async def _load(self) -> bool:
        try:
            status, body = await self._requests.get(".well-known/jwks.json", 3_000, 256 * 1024)
            if status != 200:
                raise ConnectionError(f"status {status}; check that url is the internal listener")
            keys = read_key_set(body, self._keys)
            if keys is None:
                raise ConnectionError("the response contains no usable key")
        except Exception as error:
            # Whatever it is, the next fetch must take place.
            self._failures += 1
            reason = error if isinstance(error, ConnectionError) else type(error).__name__
            self._on_error(ConnectionError(f"The keys of the auth service cannot be fetched: {reason}"))
            return False
        is_first = not self._keys
        self._keys = keys
        self._failures = 0
        if is_first:
            self._on_keys()
        return True

    def _schedule_next(self) -> None:
        if self._is_closed:
            return
        if self._failures == 0:
            delay = _REFRESH_EVERY_MS
        elif self._keys:
            delay = _RETRY_WITH_KEYS_MS
        else:
            delay = min(_MAX_RETRY_MS, _FIRST_RETRY_MS << min(self._failures - 1, 10))
        self._cancel_timer = self._clock.after(jittered(delay, self._clock), self.start)

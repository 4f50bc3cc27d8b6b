"""The state of a verifier, for readiness checks and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..service.receipts import ReceiptCounts
from ..token.refused import RefusalCode


@dataclass(frozen=True)
class Health:
    """Counters start at 0 with the verifier.

    Example:
        status = 200 if verifier.health().fresh else 503
    """

    fresh: bool
    """True if keys are loaded and knowledge of ended sessions is at most `max_staleness` old."""
    staleness: float
    """Upper bound of the age of that knowledge, in seconds. Infinite before the first snapshot."""
    connected: bool
    """True while the revocation feed is open."""
    revoked_count: int
    """Ended sessions held in memory."""
    outdated_count: int
    """Live sessions of which older tokens are refused."""
    key_count: int
    cached_tokens: int
    verified: int
    """Tokens accepted by `verify`."""
    cache_hits: int
    """How many of `verified` came from the cache."""
    refused: Mapping[RefusalCode, int]
    """Refusals by code."""
    feed_reconnects: int
    receipts: ReceiptCounts
    """Receipts reported to the service, dropped, and waiting to be sent."""
    held_sockets: int

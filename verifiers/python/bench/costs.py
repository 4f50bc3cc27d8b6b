"""Measures the costs of a verification and of an ended session. Prints ratios of figures that were measured side by side.

Run it: python bench/costs.py
"""

from __future__ import annotations

import asyncio
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from chat_auth_verifier import Verifier  # noqa: E402
from chat_auth_verifier.feed.revocation_store import Revocation, RevocationStore  # noqa: E402
from tests.support.fresh_verifier import fresh_verifier  # noqa: E402
from tests.support.manual_clock import ManualClock  # noqa: E402
from tests.support.scripted_service import ScriptedService  # noqa: E402
from tests.support.signing import ALGORITHMS, SigningKey  # noqa: E402

NOW_MS = 1_769_860_800_000
ROUNDS = 25
TOKENS = 200
SESSIONS = 200_000


class BenchClock(ManualClock):
    """Of the machine, as in production, but with the time of the tokens."""

    def monotonic_ms(self) -> float:
        return time.monotonic() * 1000


def timed(action: Callable[[], object]) -> float:
    """Microseconds of CPU time for each token: other processes of the machine do not count."""
    started = time.process_time()
    action()
    return (time.process_time() - started) / TOKENS * 1e6


def drive(coroutine: Any) -> Any:
    """Runs a coroutine that waits for nothing, as the event loop does, without the cost of a task."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("It waited.")


async def measure_tokens(key: SigningKey) -> None:
    service = ScriptedService({"keys": [key.jwk]} if key.jwk else None)
    arguments = {"audience": "chat", "shared_secret": key.secret, "max_staleness": 1e6}
    bare, unseen, seen = [], [], []
    async with fresh_verifier(service, BenchClock(), NOW_MS, **arguments) as verifier:
        for round_number in range(ROUNDS):
            tokens = [key.token(round_number * TOKENS + n + 1) for n in range(TOKENS)]
            parts = [key.signed_parts(token) for token in tokens]
            # Copies, as each request brings its token in a new string.
            again = [token.encode().decode() for token in tokens]
            bare.append(timed(lambda: [key.verify(*part) for part in parts]))  # noqa: B023
            unseen.append(timed(lambda: verify_each(verifier, tokens)))  # noqa: B023
            seen.append(timed(lambda: verify_each(verifier, again)))  # noqa: B023
            bare.append(timed(lambda: [key.verify(*part) for part in parts]))  # noqa: B023
    base, first, later = median(bare), median(unseen), median(seen)
    print(
        f"{key.algorithm}: bare signature check {base:.1f} µs; first sight {first:.1f} µs ({first / base:.2f}x); "
        f"seen before {later:.2f} µs ({base / later:.0f}x faster than the bare check, {first / later:.0f}x than the first)"
    )


def verify_each(verifier: Verifier, tokens: list[str]) -> None:
    for token in tokens:
        drive(verifier.verify(token))


def measure_memory() -> None:
    store = RevocationStore()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for n in range(SESSIONS):
        sid = f"{n:08x}-0000-7000-8000-{n:012x}"
        expiry = NOW_MS + 600_000 * n / SESSIONS
        store.add(Revocation(n + 1, sid, n + 1, "signed_out", expiry), NOW_MS)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    print(f"memory: {used / SESSIONS:.0f} bytes for each of {len(store):,} ended sessions")


async def main() -> None:
    for algorithm in ALGORITHMS:
        await measure_tokens(SigningKey(algorithm))
    measure_memory()


if __name__ == "__main__":
    asyncio.run(main())

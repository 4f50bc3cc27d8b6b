"""How long after its end a session is refused, with many verifiers of one service, in several processes as in production.

Run it: python bench/feed.py. It starts a service of its own.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from chat_auth_verifier import SessionEnd, Verifier  # noqa: E402
from tests.support.real_service import RealService, running_service  # noqa: E402

VERIFIERS = 100
ENDS = 30


def follow(settings: dict[str, Any], count: int, pipe: Connection) -> None:
    asyncio.run(report_ends(settings, count, pipe))


async def report_ends(settings: dict[str, Any], count: int, pipe: Connection) -> None:
    """Sends the moment at which each verifier refuses each ended session, when the parent asks for it."""
    seen: list[tuple[str, float]] = []

    def note(end: SessionEnd) -> None:
        seen.append((end.sid, time.monotonic()))

    async with AsyncExitStack() as stack:
        for _ in range(count):
            verifier = await stack.enter_async_context(Verifier(**settings))
            verifier.on_session_ended(note)
            await verifier.ready(None)
        pipe.send("ready")
        while not pipe.poll():
            await asyncio.sleep(0.5)
        pipe.recv()
        pipe.send(seen)


async def measure(service: RealService, processes: int) -> None:
    settings = service.settings()
    share = VERIFIERS // processes
    pipes = []
    children = []
    for _ in range(processes):
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.Process(target=follow, args=(settings, share, theirs))
        child.start()
        pipes.append(ours)
        children.append(child)
    for pipe in pipes:
        assert await asyncio.to_thread(pipe.recv) == "ready"
    first = await service.sign_in()
    users = [first, *[await service.sign_in(first) for _ in range(ENDS - 1)]]
    ended_at = {}
    for user in users:
        await asyncio.sleep(0.3)
        await service.sign_out(user)
        # After the 204, as an operator would measure it.
        ended_at[user.sid] = time.monotonic()
    await asyncio.sleep(2)
    delays: list[float] = []
    for pipe, child in zip(pipes, children, strict=True):
        pipe.send("report")
        seen = await asyncio.to_thread(pipe.recv)
        delays += [(at - ended_at[sid]) * 1000 for sid, at in seen if sid in ended_at]
        child.join()
    delays.sort()
    expected = processes * share * ENDS
    print(
        f"{processes} processes with {share} verifiers each: refused after the response to the sign-out: "
        f"p50 {delays[len(delays) // 2]:.0f} ms, p99 {delays[int(len(delays) * 0.99)]:.0f} ms, "
        f"most {delays[-1]:.0f} ms ({len(delays)} of {expected})",
        flush=True,
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        for processes in (1, 4, 10):
            await measure(service, processes)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    multiprocessing.set_start_method("spawn")
    asyncio.run(main())

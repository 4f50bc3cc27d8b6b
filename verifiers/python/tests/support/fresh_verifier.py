"""A verifier of a scripted service: it is fresh, knows the keys and no ended session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Any

from chat_auth_verifier import TokenRefused, Verifier

from .manual_clock import ManualClock, settle
from .scripted_service import ScriptedService

SERVICE_KEY = "the-service-key-of-these-tests"


def rfc_3339(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@asynccontextmanager
async def fresh_verifier(
    service: ScriptedService, clock: ManualClock, now_ms: float, **arguments: Any
) -> AsyncIterator[Verifier]:
    """`now_ms` is the service's time."""
    async with Verifier(
        "http://auth.test:8010",
        SERVICE_KEY,
        transport=service,
        clock=clock,
        **{"issuer": "https://auth.example.org", "audience": "chat", "on_error": lambda _: None, **arguments},
    ) as verifier:
        await settle()
        service.respond()
        snapshot = {"log": "a", "seq": 0, "server_time": rfc_3339(now_ms), "revocations": []}
        service.send_event("snapshot", snapshot)
        await settle()
        yield verifier


async def outcome_of(attempt: Any) -> dict[str, Any]:
    """The claims, or the code of the refusal and its reason."""
    try:
        return {"result": "accepted", "reason": None, "claims": await attempt}
    except TokenRefused as refusal:
        return {"result": refusal.code, "reason": refusal.reason}

"""The feed, with time and network under control: what the vectors leave open."""

from __future__ import annotations

import json

import pytest

from chat_auth_verifier import TokenRefused
from tests.support.fresh_verifier import fresh_verifier, rfc_3339
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService
from tests.support.session_tokens import NOW_MS, SETTINGS, row, sid_of, token_of


async def test_a_line_end_of_two_bytes_may_be_split_between_chunks() -> None:
    service = ScriptedService(None)
    async with fresh_verifier(service, ManualClock(), NOW_MS, **SETTINGS) as verifier:
        event = f"event: revoked\r\ndata: {json.dumps(row(1, 1))}\r\n\r\n".encode()
        first = event.index(b"\n")
        service.send_bytes(event[:first])
        await settle()
        service.send_bytes(event[first:])
        await settle()
        assert verifier.health().revoked_count == 1


async def test_a_late_row_does_not_set_the_id_from_which_the_feed_goes_on() -> None:
    service, clock = ScriptedService(None), ManualClock()
    async with fresh_verifier(service, clock, NOW_MS, **SETTINGS):
        for seq in (1, 2, 1):
            data = json.dumps(row(seq, seq))
            service.send_bytes(f"id: a:{seq}\nevent: revoked\ndata: {data}\n\n".encode())
        await settle()
        service.end("cut")
        await clock.pass_ms(100)
        assert service.feeds[-1].headers["last-event-id"] == "a:2"


async def test_a_token_stays_expired_after_a_late_row_if_the_clock_of_the_service_is_set_back() -> None:
    service, clock = ScriptedService(None), ManualClock()
    now = NOW_MS + 660_000
    async with fresh_verifier(service, clock, now, **SETTINGS, max_staleness=100_000.0) as verifier:
        # Its tokens expired before it arrived, so nothing is kept about the session.
        service.send_event("revoked", row(1, 1))
        await settle()
        assert verifier.health().revoked_count == 0
        service.end("cut")
        await clock.pass_ms(100)
        service.respond()
        snapshot = {"log": "a", "seq": 1, "server_time": rfc_3339(NOW_MS), "revocations": []}
        service.send_event("snapshot", snapshot)
        await settle()
        with pytest.raises(TokenRefused) as refused:
            await verifier.verify(token_of(1, sid=sid_of(1)))
        assert refused.value.code == "expired"

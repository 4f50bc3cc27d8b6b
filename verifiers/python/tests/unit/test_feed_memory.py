"""The memory of the feed: the id that it goes on from, and when it forgets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat_auth_verifier import TokenRefused
from chat_auth_verifier.feed import feed_events, feed_reader
from chat_auth_verifier.feed.unreadable_rows import UnreadableRow, UnreadableRows
from tests.support.fresh_verifier import fresh_verifier, outcome_of, rfc_3339
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService
from tests.support.session_tokens import NOW_MS, SETTINGS, row, sid_of, token_of
from tests.unit.test_sockets import Socket

LONG_STALENESS: dict[str, Any] = {**SETTINGS, "max_staleness": 100_000.0}


def send_with_id(service: ScriptedService, event_id: str, data: Any) -> None:
    service.send_bytes(f"id: {event_id}\nevent: revoked\ndata: {json.dumps(data)}\n\n".encode())


async def reconnect(service: ScriptedService, clock: ManualClock, now_ms: float) -> None:
    """With a snapshot and a heartbeat at this time of the service."""
    requests = len(service.feeds)
    service.end("cut")
    # Longer than any delay before the next connection.
    await clock.pass_ms(2_000)
    assert len(service.feeds) == requests + 1
    service.respond()
    position = {"log": "a", "seq": 1, "server_time": rfc_3339(now_ms)}
    service.send_event("snapshot", {**position, "revocations": []})
    service.send_event("heartbeat", position)
    await settle()


@pytest.mark.parametrize("event_id", ["é", "a b", "\x7f", ""])
async def test_an_id_that_cannot_be_sent_back_is_not_kept(event_id: str) -> None:
    service, clock = ScriptedService(None), ManualClock()
    async with fresh_verifier(service, clock, NOW_MS, **SETTINGS):
        send_with_id(service, "a:1", row(1, 1))
        send_with_id(service, event_id, row(2, 2))
        await settle()
        service.end("cut")
        await clock.pass_ms(100)
        assert len(service.feeds) == 2
        assert "last-event-id" not in service.feeds[-1].headers


async def test_after_an_unexpected_error_the_feed_does_not_go_on_from_the_same_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise KeyError

    service, clock = ScriptedService(None), ManualClock()
    async with fresh_verifier(service, clock, NOW_MS, **SETTINGS):
        send_with_id(service, "a:1", row(1, 1))
        await settle()
        monkeypatch.setattr(feed_reader, "read_feed_event", fail)
        send_with_id(service, "a:2", row(2, 2))
        await clock.pass_ms(100)
        assert len(service.feeds) == 2
        assert "last-event-id" not in service.feeds[-1].headers


async def test_an_unreadable_row_that_is_nested_too_deeply_refuses_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    dumps = json.dumps

    class Json:
        @staticmethod
        def dumps(value: dict[str, Any]) -> str:
            if "nested" in value:
                raise RecursionError
            return dumps(value)

    service = ScriptedService(None)
    async with fresh_verifier(service, ManualClock(), NOW_MS, **SETTINGS) as verifier:
        monkeypatch.setattr(feed_events, "json", Json)
        service.send_event("revoked", {**row(1, 1), "reason": None, "nested": [[]]})
        await settle()
        assert service.is_feed_open
        assert (await outcome_of(verifier.verify(token_of(1))))["result"] == "token_outdated"


async def test_a_socket_is_not_held_with_a_token_that_expired_before_a_clock_was_set_back() -> None:
    service, clock, socket = ScriptedService(None), ManualClock(), Socket()
    async with fresh_verifier(service, clock, NOW_MS, **LONG_STALENESS) as verifier:
        claims = await verifier.verify(token_of(1))
        await reconnect(service, clock, NOW_MS + 660_000)
        # Its tokens expired before it arrived, so nothing is kept about the session.
        service.send_event("revoked", row(2, 1))
        await settle()
        await reconnect(service, clock, NOW_MS)
        with pytest.raises(TokenRefused) as refused:
            await verifier.hold(socket, claims)
        assert (refused.value.code, socket.closed) == ("expired", [(4408, "token expired")])


def test_an_unreadable_row_and_its_refusal_are_forgotten_a_day_and_a_second_after_its_arrival() -> None:
    rows, unreadable = UnreadableRows(), UnreadableRow(b"fingerprint", "no reason", 1)
    # A clock of the service that is set back plays no part.
    assert rows.add(unreadable, NOW_MS, 5, 1)
    rows.forget(86_401_004)
    assert rows.revision_refusing(sid_of(1), 1, NOW_MS // 1000) == 1
    assert not rows.add(unreadable, NOW_MS - 90_000_000, 86_401_004, 2)
    rows.forget(86_401_005)
    assert rows.revision_refusing(sid_of(1), 1, NOW_MS // 1000) is None
    assert rows.add(unreadable, NOW_MS, 86_401_005, 2)

"""Claims in a store, listeners, and errors in the background."""

from __future__ import annotations

import json
import logging

import pytest

from chat_auth_verifier import Claims, SessionEnd, TokenRefused
from chat_auth_verifier.transport import Response
from tests.support.fresh_verifier import fresh_verifier
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService
from tests.support.session_tokens import NOW_MS, SETTINGS, row, token_of


def code_of(check: object) -> str:
    try:
        check()  # type: ignore[operator]
    except TokenRefused as refusal:
        return refusal.code
    return "accepted"


async def test_claims_from_a_store_are_checked_like_their_token() -> None:
    service, clock = ScriptedService(None), ManualClock()
    async with fresh_verifier(service, clock, NOW_MS, **SETTINGS, max_staleness=100_000.0) as verifier:
        tokens = {user_id: token_of(user_id, gen=2, jti="a", roles=["moderator"]) for user_id in (1, 2, 3)}
        claims = {}
        for user_id, token in tokens.items():
            stored = json.dumps((await verifier.verify(token)).to_dict())
            claims[user_id] = Claims.from_dict(json.loads(stored))
            assert claims[user_id] == await verifier.verify(token)
        service.send_event("revoked", row(1, 1))
        service.send_event("revoked", row(2, 2, up_to_generation=2))
        await settle()
        assert [code_of(lambda: verifier.check(one)) for one in claims.values()] == [  # noqa: B023
            "session_ended",
            "token_outdated",
            "accepted",
        ]
        await clock.pass_ms(600_000)
        assert code_of(lambda: verifier.check(claims[3])) == "expired"


async def test_stored_claims_of_another_service_or_form_are_refused() -> None:
    async with fresh_verifier(ScriptedService(None), ManualClock(), NOW_MS, **SETTINGS) as verifier:
        stored = (await verifier.verify(token_of(1))).to_dict()
        others = Claims.from_dict({**stored, "iss": "https://other.example"})
        assert code_of(lambda: verifier.check(others)) == "wrong_issuer"
        assert code_of(lambda: verifier.check(Claims.from_dict({**stored, "aud": "x"}))) == "wrong_audience"
        for broken in ({"user_id": 1}, {**stored, "sid": "x"}, {**stored, "exp": "soon"}, {**stored, "aud": 1}):
            assert code_of(lambda: Claims.from_dict(broken)) == "invalid_claims"  # noqa: B023


async def test_stored_claims_are_refused_while_the_verifier_is_stale_unless_it_accepts_that() -> None:
    for when_stale, code in (("refuse", "stale"), ("introspect", "stale"), ("accept", "accepted")):
        service, clock = ScriptedService(None), ManualClock()
        async with fresh_verifier(service, clock, NOW_MS, **SETTINGS, when_stale=when_stale) as verifier:
            claims = await verifier.verify(token_of(1))
            await clock.pass_ms(5_001)
            assert code_of(lambda: verifier.check(claims)) == code  # noqa: B023


async def test_a_listener_that_raises_is_reported_and_keeps_no_other_from_the_event() -> None:
    service, errors, ends = ScriptedService(None), list[Exception](), list[SessionEnd]()

    def broken(_: SessionEnd) -> None:
        raise KeyError("secret")

    settings = {**SETTINGS, "on_error": errors.append}
    async with fresh_verifier(service, ManualClock(), NOW_MS, **settings) as verifier:
        verifier.on_session_ended(broken)
        stop = verifier.on_session_ended(ends.append)
        service.send_event("revoked", row(1, 1))
        await settle()
        stop()
        service.send_event("revoked", row(2, 2))
        await settle()
    assert [end.user_id for end in ends] == [1]
    line = broken.__code__.co_firstlineno + 1
    assert [str(error) for error in errors] == [f"A listener raised KeyError in broken, line {line}."]


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_receipts_are_a_clear_warning_in_the_log(status: int, caplog: pytest.LogCaptureFixture) -> None:
    service, clock = ScriptedService(None), ManualClock()
    service.receipts_status = status
    with caplog.at_level(logging.WARNING, "chat_auth_verifier"):
        settings = {**SETTINGS, "on_error": None, "max_staleness": 600.0}
        async with fresh_verifier(service, clock, NOW_MS, **settings) as verifier:
            await verifier.verify(token_of(1))
            await clock.pass_ms(60_000)
            assert verifier.health().receipts.waiting == 1
    assert [record.message for record in caplog.records] == [
        f"Receipts are refused with status {status}, so theft of refresh tokens is detected late. "
        "Check that service_key is one of SERVICE_KEYS of the service, with the scope verify."
    ]


async def test_a_call_without_a_response_is_unavailable_after_two_seconds() -> None:
    service, clock = ScriptedService(None), ManualClock()
    service.hold_reply()
    async with fresh_verifier(service, clock, NOW_MS, **SETTINGS) as verifier:
        import asyncio

        attempt = asyncio.ensure_future(verifier.redeem_ticket("ticket"))
        await clock.pass_ms(1_999)
        assert not attempt.done()
        await clock.pass_ms(1)
        with pytest.raises(TokenRefused) as refused:
            await attempt
    assert refused.value.code == "unavailable"


async def test_the_last_receipts_are_sent_when_the_verifier_closes() -> None:
    service = ScriptedService(None)
    async with fresh_verifier(service, ManualClock(), NOW_MS, **SETTINGS) as verifier:
        await verifier.verify(token_of(1, rcp="proof"))
    assert [(item["gen"], item["rcp"]) for batch in service.receipts for item in batch] == [(0, "proof")]
    assert service.is_closed


async def test_many_tokens_of_a_stale_verifier_are_asked_about_64_at_a_time() -> None:
    import asyncio

    service, clock = ScriptedService(None), ManualClock()
    service.hold_reply()
    settings = {**SETTINGS, "when_stale": "introspect"}
    async with fresh_verifier(service, clock, NOW_MS, **settings) as verifier:
        await clock.pass_ms(5_001)
        tokens = [token_of(user_id) for user_id in range(1, 101)]
        attempts = [asyncio.ensure_future(verifier.verify(token)) for token in [*tokens, tokens[0]]]
        await settle()
        assert len(service.calls) == 64
        await clock.pass_ms(2_000)
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert {getattr(outcome, "code", outcome) for outcome in outcomes} == {"unavailable"}
    assert service.keys_of_calls[0].startswith("Bearer ")
    assert isinstance(service.keys, Response)

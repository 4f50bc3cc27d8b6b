"""A verifier of the real service."""

from __future__ import annotations

import pytest

from chat_auth_verifier import Claims, NotReady, TokenRefused
from tests.support.real_service import RealService
from tests.support.waiting import ReportedEnds, until, verdict


async def test_a_token_is_accepted_until_its_session_ends_and_other_sessions_live_on(service: RealService) -> None:
    async with service.verifier() as verifier:
        await verifier.ready(None)
        ending = await service.sign_in()
        living = await service.sign_in(ending)
        claims = await verifier.verify(ending.access_token)
        assert (claims.user_id, claims.sid, claims.gen) == (ending.user_id, ending.sid, 0)
        ends = ReportedEnds(verifier)
        await service.sign_out(ending)
        assert (await ends.of(ending.sid)).reason == "signed_out"
        assert await verdict(verifier.verify(ending.access_token)) == "session_ended, signed_out"
        assert await verdict(verifier.verify(living.access_token)) == "accepted"


async def test_stored_claims_are_refused_after_their_session_ended(service: RealService) -> None:
    async with service.verifier() as verifier:
        await verifier.ready(None)
        user = await service.sign_in()
        stored = (await verifier.verify(user.access_token)).to_dict()
        claims = Claims.from_dict(stored)
        verifier.check(claims)
        ends = ReportedEnds(verifier)
        await service.sign_out(user)
        await ends.of(user.sid)
        with pytest.raises(TokenRefused) as refused:
            verifier.check(claims)
        assert (refused.value.code, refused.value.reason) == ("session_ended", "signed_out")


async def test_a_verifier_that_starts_later_knows_the_sessions_that_ended_before(service: RealService) -> None:
    user = await service.sign_in()
    await service.sign_out(user)
    async with service.verifier() as verifier:
        await verifier.ready(None)
        assert await verdict(verifier.verify(user.access_token)) == "session_ended, signed_out"


async def test_a_refreshed_token_is_accepted_and_receipts_reach_the_service(service: RealService) -> None:
    async with service.verifier() as verifier:
        await verifier.ready(None)
        user = await service.sign_in()
        refreshed = await service.refresh(user)
        assert (await verifier.verify(refreshed.access_token)).gen == 1
        await until(lambda: verifier.health().receipts.reported == 1)
        # With the receipt the service knows that the new pair arrived: the old refresh token is a replay now or later,
        # but not within the window in which a lost response is repeated.
        assert (await service.refresh(user)).refresh_token == refreshed.refresh_token


async def test_a_ticket_is_redeemed_once(service: RealService) -> None:
    async with service.verifier() as verifier:
        await verifier.ready(None)
        user = await service.sign_in()
        ticket = await service.ticket(user)
        assert (await verifier.redeem_ticket(ticket)).sid == user.sid
        assert await verdict(verifier.redeem_ticket(ticket)) == "ticket_gone"


async def test_a_wrong_service_key_fails_the_start_immediately(service: RealService) -> None:
    errors: list[Exception] = []
    settings = {"service_key": "x" * 40, "on_error": errors.append}
    async with service.verifier(**settings) as verifier:
        with pytest.raises(NotReady, match="SERVICE_KEYS"):
            await verifier.ready(None)
    assert any("status 401" in str(error) for error in errors)


async def test_the_public_listener_fails_the_start_with_a_word_about_the_url(service: RealService) -> None:
    async with service.verifier(url=service.url, on_error=lambda _: None) as verifier:
        with pytest.raises(NotReady, match="internal listener"):
            await verifier.ready(None)


async def test_a_verifier_can_be_started_again_after_it_was_closed(service: RealService) -> None:
    verifier = service.verifier()
    user = await service.sign_in()
    for _ in range(2):
        async with verifier:
            await verifier.ready(None)
            assert await verdict(verifier.verify(user.access_token)) == "accepted"
        assert await verdict(verifier.verify(user.access_token)) == "unavailable"

"""The verifier without asyncio."""

from __future__ import annotations

import asyncio
import os

import pytest

from chat_auth_verifier import NotReady, TokenRefused
from chat_auth_verifier.blocking import BlockingVerifier
from tests.support.real_service import RealService


def blocking(service: RealService, **others: object) -> BlockingVerifier:
    return BlockingVerifier(**service.settings(**others))


async def test_a_process_that_is_forked_later_has_a_feed_of_its_own(service: RealService) -> None:
    user = await service.sign_in()
    verifier = blocking(service)
    first = await asyncio.to_thread(verifier.verify, user.access_token)
    assert first.user_id == user.user_id
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # Only this: nothing of pytest may go on in the child.
        outcome = b"failed"
        try:
            outcome = str(verifier.verify(user.access_token).user_id).encode()
        finally:
            os.write(writer, outcome)
            os._exit(0)
    os.close(writer)
    seen = await asyncio.to_thread(os.read, reader, 100)
    os.close(reader)
    await asyncio.to_thread(os.waitpid, child, 0)
    assert seen == str(user.user_id).encode()
    await asyncio.to_thread(verifier.close)


async def test_tickets_checks_and_refusals_work_without_asyncio(service: RealService) -> None:
    user = await service.sign_in()
    ticket = await service.ticket(user)

    def use() -> None:
        verifier = blocking(service)
        try:
            claims = verifier.redeem_ticket(ticket)
            assert claims.sid == user.sid
            verifier.check(claims)
            with pytest.raises(TokenRefused) as refused:
                verifier.verify("no token")
            assert refused.value.code == "malformed_token"
            assert verifier.health().fresh
        finally:
            verifier.close()
        with pytest.raises(RuntimeError, match="closed"):
            verifier.verify(user.access_token)

    await asyncio.to_thread(use)


async def test_the_first_call_fails_with_words_about_a_wrong_setting(service: RealService) -> None:
    verifier = blocking(service, service_key="x" * 40, on_error=lambda _: None)
    for _ in range(2):
        with pytest.raises(NotReady, match="SERVICE_KEYS"):
            await asyncio.to_thread(verifier.ready)
    await asyncio.to_thread(verifier.close)

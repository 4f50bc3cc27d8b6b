"""The network between verifier and service fails without a word."""

from __future__ import annotations

from tests.support.real_service import RealService
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import ReportedEnds, until, verdict


async def test_a_session_that_ended_during_a_partition_is_never_accepted_again(service: RealService) -> None:
    async with tcp_proxy(service.internal_url) as proxy:
        settings = {"url": proxy.url, "max_staleness": 2.0, "on_error": lambda _: None}
        async with service.verifier(**settings) as verifier:
            await verifier.ready(None)
            ending = await service.sign_in()
            living = await service.sign_in()
            ends = ReportedEnds(verifier)
            proxy.stall()
            await service.sign_out(ending)
            await until(lambda: not verifier.health().fresh)
            assert await verdict(verifier.verify(living.access_token)) == "stale"
            proxy.heal()
            await ends.of(ending.sid)
            assert await verdict(verifier.verify(ending.access_token)) == "session_ended, signed_out"
            await until(lambda: verifier.health().fresh)


async def test_an_unknown_key_is_unavailable_and_not_refused_while_the_service_cannot_be_reached(
    service: RealService,
) -> None:
    user = await service.sign_in()
    async with tcp_proxy(service.internal_url) as proxy:
        proxy.stall()
        async with service.verifier(url=proxy.url, on_error=lambda _: None) as verifier:
            assert await verdict(verifier.verify(user.access_token)) == "unavailable"

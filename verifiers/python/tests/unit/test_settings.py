"""Invalid arguments fail immediately, with words that name the argument and never its value."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chat_auth_verifier import TokenRefused, Verifier
from chat_auth_verifier.transport import Request, Response
from tests.support.fresh_verifier import fresh_verifier, outcome_of
from tests.support.manual_clock import ManualClock, settle
from tests.support.scripted_service import ScriptedService
from tests.support.signing import SigningKey

VALID = {"url": "http://auth:8010", "service_key": "secret-key", "issuer": "https://auth.example"}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("url", "localhost:8010"),
        ("url", "ftp://auth"),
        ("url", "http://name:word@auth:8010"),
        ("url", "http://auth:99999"),
        ("url", None),
        ("service_key", ""),
        ("service_key", "two words"),
        ("service_key", "schlüssel"),
        ("issuer", ""),
        ("audience", ""),
        ("shared_secret", "short"),
        ("shared_secret", "-----BEGIN PUBLIC KEY-----" + "x" * 32),
        ("shared_secret", '{"kty":"OKP"}' + "x" * 32),
        ("shared_secret", " \n ssh-ed25519 " + "x" * 32),
        ("shared_secret", "\ufeffssh-rsa " + "x" * 32),
        ("max_staleness", 1.9),
        ("max_staleness", float("inf")),
        ("when_stale", "ignore"),
        ("cache_size", -1),
        ("cache_size", 1.5),
    ],
)
def test_an_invalid_argument_is_named_without_its_value(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"argument {argument}: ") as raised:
        Verifier(**{**VALID, argument: value})
    assert len(str(value)) < 3 or str(value) not in str(raised.value)


@pytest.mark.parametrize("max_age", [0, -1, 1.5, True, "600"])
async def test_an_invalid_requirement_is_an_error_of_the_program_whatever_the_token(max_age: Any) -> None:
    async with fresh_verifier(ScriptedService({"keys": []}), ManualClock(), 0) as verifier:
        with pytest.raises(ValueError, match="max_age"):
            await verifier.verify("no token", max_age=max_age)
        with pytest.raises(ValueError, match="amr"):
            await verifier.verify("no token", amr="otp")


async def test_a_closed_verifier_refuses_every_token_as_unavailable() -> None:
    async with fresh_verifier(ScriptedService({"keys": []}), ManualClock(), 0) as verifier:
        pass
    with pytest.raises(TokenRefused) as refused:
        await verifier.verify("any")
    assert refused.value.code == "unavailable"


async def test_a_verification_that_waits_for_keys_is_unavailable_when_the_verifier_closes() -> None:
    class WithoutKeys(ScriptedService):
        async def send(self, request: Request) -> Response:
            return await asyncio.Future[Response]()

    async with fresh_verifier(WithoutKeys(None), ManualClock(), 0) as verifier:
        waiting = asyncio.create_task(outcome_of(verifier.verify(SigningKey("EdDSA").token(1))))
        await settle()
        assert not waiting.done()
    assert (await waiting)["result"] == "unavailable"

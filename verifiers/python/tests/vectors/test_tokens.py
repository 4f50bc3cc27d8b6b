"""Every token of the vectors gets its result, also the second time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fresh_verifier import fresh_verifier, outcome_of
from tests.support.manual_clock import ManualClock
from tests.support.scripted_service import ScriptedService
from tests.vectors.read_vectors import name_of, read_vectors

key_sets = read_vectors("key-sets.json")
FILES = {"verify": read_vectors("tokens.json"), "verify_delivery": read_vectors("delivery-tokens.json")}
CASES = [(function, case) for function, vectors in FILES.items() for case in vectors["cases"]]


@pytest.mark.parametrize(("function", "case"), CASES, ids=[f"{one[0]}: {name_of(one[1])}" for one in CASES])
async def test_a_token_of_the_vectors_gets_its_result(function: str, case: dict[str, Any]) -> None:
    settings = FILES[function]["verifiers"][case["verifier"]]
    arguments = {name: settings.get(name) for name in ("issuer", "audience", "shared_secret")}
    service = ScriptedService(settings.get("jwks"))
    async with fresh_verifier(service, ManualClock(), FILES[function]["now"], **arguments) as verifier:
        for _ in range(2):
            seen = await outcome_of(getattr(verifier, function)(case["token"]))
            assert seen["result"] == case["result"]
            if seen["result"] == "accepted":
                assert members_of(seen["claims"]) == case["claims"]


def members_of(claims: Any) -> dict[str, Any]:
    return dict(claims.to_dict() if hasattr(claims, "to_dict") else vars(claims))


@pytest.mark.parametrize("case", key_sets["cases"], ids=name_of)
async def test_a_key_set_of_the_vectors_has_its_usable_keys(case: dict[str, Any]) -> None:
    body = case["jwks"] if "jwks" in case else parsed(case["body"])
    service = ScriptedService(body)
    service.keys = service.keys._replace(status=case.get("status", 200))
    arguments = {"issuer": key_sets["issuer"], "audience": key_sets["audience"]}
    async with fresh_verifier(service, ManualClock(), key_sets["now"], **arguments) as verifier:
        assert verifier.health().key_count == case["keys"]
        for name, result in case["results"].items():
            assert (name, (await outcome_of(verifier.verify(key_sets["tokens"][name])))["result"]) == (name, result)


def parsed(body: str) -> Any:
    from chat_auth_verifier.token.json_values import parse_json

    return parse_json(body)

"""Headers and refusals of the vectors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat_auth_verifier import TokenRefused
from chat_auth_verifier.http import TokenMissing, bearer_token, refusal_response
from tests.vectors.read_vectors import read_vectors

vectors = read_vectors("http.json")


@pytest.mark.parametrize("case", vectors["headers"], ids=lambda case: repr(case["authorization"]))
def test_an_authorization_header_of_the_vectors_is_read(case: dict[str, Any]) -> None:
    try:
        seen = {"token": bearer_token(case["authorization"])}
    except TokenRefused as refusal:
        problem = json.loads(refusal_response(refusal).body)
        seen = {"code": problem["code"], "title": problem["title"]}
    assert {**case, **seen} == case


@pytest.mark.parametrize("case", vectors["refusals"], ids=lambda case: str(case["refusal"]))
def test_a_refusal_of_the_vectors_gets_its_response(case: dict[str, Any]) -> None:
    if case["refusal"] in ("authentication_required", "no_token", None):
        refusal: TokenRefused = TokenMissing()
    else:
        refusal = TokenRefused(case["refusal"], reason=case.get("reason"), max_age=case.get("max_age"))
    status, headers, body = refusal_response(refusal)
    problem = json.loads(body)
    assert (status, problem["status"], problem["code"]) == (case["status"], case["status"], case["code"])
    assert problem["title"] == case["title"]
    assert problem.get("reason") == case.get("reason")
    assert headers.get("www-authenticate") == case.get("www_authenticate")
    assert headers.get("retry-after") == case.get("retry_after")
    assert headers["cache-control"] == "no-store"

"""Requirements on tokens of users with a second factor. The codes are made by Python, from RFC 4226 and RFC 6238."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time
from typing import Any

import pytest

from chat_auth_verifier import TokenRefused
from chat_auth_verifier.http import refusal_response
from tests.support.real_service import RealService


def code_at(secret: str, seconds: float) -> str:
    counter = struct.pack(">Q", int(seconds // 30))
    mac = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = mac[-1] & 0xF
    (number,) = struct.unpack(">I", mac[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


async def sign_in(service: RealService, credentials: dict[str, str], codes: dict[str, Any]) -> str:
    begun = await service.call("POST", "/v1/sessions", credentials)
    body = {"challenge": begun["challenge"], **codes}
    tokens = await service.call("POST", "/v1/sessions/challenges/complete", body, status=201)
    return str(tokens["access_token"])


async def test_a_service_requires_a_second_factor_of_tokens(service: RealService) -> None:
    with_password = await service.sign_in()
    other = await service.sign_in(with_password)
    path = "/v1/users/me/factors/totp"
    secret = (await service.call("POST", path, token=other.access_token, status=201))["secret"]
    now = time.time()
    confirmation = {"code": code_at(secret, now)}
    added = await service.call("POST", f"{path}/confirm", confirmation, token=other.access_token)
    credentials = {"username": other.username, "password": other.password}
    # The present code is used. That of the next step is good already.
    with_code = await sign_in(service, credentials, {"code": code_at(secret, now + 30)})
    with_recovery_code = await sign_in(service, credentials, {"recovery_code": added["recovery_codes"][0]})

    async with service.verifier() as verifier:
        await verifier.ready(None)

        async def challenge(token: str, **required: Any) -> str:
            try:
                await verifier.verify(token, **required)
            except TokenRefused as refused:
                return refusal_response(refused).headers["www-authenticate"]
            return "accepted"

        insufficient = 'Bearer error="insufficient_user_authentication"'
        assert await challenge(with_password.access_token, amr=["mfa"]) == insufficient
        assert await challenge(with_code, amr=["mfa"]) == "accepted"
        assert await challenge(with_recovery_code, amr=["mfa"]) == "accepted"
        assert await challenge(with_recovery_code, amr=["otp"]) == insufficient
        assert await challenge(with_code, amr=["otp"], max_age=600) == "accepted"
        expected = f'{insufficient}, max_age="600"'
        assert await challenge(with_password.access_token, amr=["otp"], max_age=600) == expected


@pytest.mark.parametrize(("seconds", "code"), [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")])
def test_the_codes_of_the_test_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert code_at("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", seconds) == code

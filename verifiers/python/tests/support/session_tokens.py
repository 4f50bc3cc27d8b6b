"""Tokens of a shared secret, and rows of the log about their sessions."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.support.fresh_verifier import rfc_3339

SECRET = "a secret that the service and its verifiers share"
NOW_MS = 1_769_860_800_000
SETTINGS: dict[str, Any] = {"issuer": "https://auth.example.org", "audience": None, "shared_secret": SECRET}


def sid_of(user_id: int) -> str:
    return f"00000000-0000-7000-8000-{user_id:012x}"


def token_of(user_id: int, **claims: Any) -> str:
    """Valid for ten minutes from `NOW_MS` on."""
    issued_at = NOW_MS // 1000
    payload = {
        "iss": SETTINGS["issuer"],
        "sub": str(user_id),
        "user_id": user_id,
        "sid": sid_of(user_id),
        "gen": 0,
        "iat": issued_at,
        "exp": issued_at + 600,
        "auth_time": issued_at,
        "amr": ["pwd"],
        "roles": [],
        **claims,
    }
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'shared'})}.{_encoded(payload)}"
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def row(seq: int, user_id: int, **members: Any) -> dict[str, Any]:
    """The end of the user's session."""
    return {
        "seq": seq,
        "sid": sid_of(user_id),
        "user_id": user_id,
        "reason": "signed_out",
        "expires_at": rfc_3339(NOW_MS + 600_000),
        **members,
    }


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

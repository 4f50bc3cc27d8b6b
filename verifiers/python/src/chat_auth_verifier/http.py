"""Reading the token of a request, and responding to a refused one. The adapters of the frameworks use it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs

from .token.refused import RefusalCode, TokenRefused


class TokenMissing(TokenRefused):
    """The request has no token. Its challenge must not contain an error code (RFC 6750, section 3.1)."""

    def __init__(self) -> None:
        super().__init__("malformed_token", 'Send an access token as "Authorization: Bearer <token>".')


# `Bearer` in any case (RFC 9110, section 11.1), spaces, and one token68 (RFC 6750, section 2.1).
_CREDENTIALS = re.compile(r"bearer +([\w\-.~+/]+=*)", re.IGNORECASE | re.ASCII)
_OTHER_SCHEME = re.compile(r"(?!bearer(?: |\Z))[!#$%&'*+.^`|~\w-]+(?: |\Z)", re.IGNORECASE | re.ASCII)


def bearer_token(authorization: Sequence[str]) -> str:
    """Returns the token of all Authorization headers of a request.

    Raises `TokenMissing`, or `TokenRefused` with `malformed_token`.
    """
    values = [value.strip(" \t") for value in authorization]
    if not values or (len(values) == 1 and _OTHER_SCHEME.match(values[0])):
        raise TokenMissing
    credentials = _CREDENTIALS.fullmatch(values[0])
    if credentials is None or len(values) > 1:
        raise TokenRefused("malformed_token", 'Send one "Authorization: Bearer <token>" header.')
    return credentials[1]


def ticket_in(query: str) -> str | None:
    """Returns the `ticket` of a query. Raises `TokenRefused` with `ticket_gone` if there are several."""
    tickets = parse_qs(query, keep_blank_values=True).get("ticket", [])
    if len(tickets) > 1:
        raise TokenRefused("ticket_gone", "Send exactly one ticket.")
    return tickets[0] if tickets else None


class _Problem(NamedTuple):
    code: str
    status: int
    title: str
    detail: str


# Texts for clients: enough to know what to do next, but not which check failed.
_MISSING = _Problem(
    "authentication_required",
    401,
    "Authentication required",
    'Send an access token as "Authorization: Bearer <token>".',
)
_INVALID = _Problem(
    "invalid_access_token",
    401,
    "Invalid access token",
    "The access token is malformed, expired or not meant for this service. Refresh the session.",
)
_UNAVAILABLE = _Problem(
    "unavailable",
    503,
    "Unavailable",
    "Access tokens cannot be checked at the moment. Keep yours and try again after Retry-After seconds.",
)
_OTHERS: Mapping[RefusalCode, _Problem] = {
    "session_ended": _Problem(
        "session_ended", 401, "Session ended", 'The session has ended; "reason" says why. Sign in again.'
    ),
    "token_outdated": _Problem(
        "token_outdated",
        401,
        "Token outdated",
        "The roles have changed since the access token was issued, or newer tokens replaced it. "
        "Refresh the session and try again.",
    ),
    "reauthentication_required": _Problem(
        "reauthentication_required",
        401,
        "Reauthentication required",
        "The session is valid, but this needs a recent authentication. "
        "Ask the user for it, and repeat the request with the new token.",
    ),
    "stale": _UNAVAILABLE,
    "unavailable": _UNAVAILABLE,
    "ticket_gone": _Problem(
        "ticket_gone", 410, "Ticket gone", "The ticket was used, has expired or is unknown. Request a new one."
    ),
    "origin_mismatch": _Problem(
        "origin_mismatch",
        403,
        "Origin mismatch",
        "The ticket was issued to a page of another origin and cannot be used again. Request a new one.",
    ),
}

# A stale verifier reconnects at least every two seconds.
_RETRY_AFTER_SECONDS = "2"


class RefusalResponse(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str
    """Problem details (RFC 9457)."""


def refusal_response(refusal: TokenRefused) -> RefusalResponse:
    """Status, headers and body for a refused request. 401 is used only if the token itself is at fault.

    Example:
        except TokenRefused as refusal:
            status, headers, body = refusal_response(refusal)
    """
    problem = _MISSING if isinstance(refusal, TokenMissing) else _OTHERS.get(refusal.code, _INVALID)
    members: dict[str, str | int] = {
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.code == "session_ended" and refusal.reason is not None:
        members["reason"] = refusal.reason
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if problem.status == 401:
        headers["www-authenticate"] = _challenge(problem.code, refusal)
    if problem.status == 503:
        headers["retry-after"] = _RETRY_AFTER_SECONDS
    return RefusalResponse(problem.status, headers, json.dumps(members))


def _challenge(code: str, refusal: TokenRefused) -> str:
    """A challenge has no error code if the request had no token (RFC 6750, section 3.1)."""
    if code == "authentication_required":
        return "Bearer"
    if code != "reauthentication_required":
        return 'Bearer error="invalid_token"'
    # RFC 9470, section 3. There is no `acr_values`: these tokens have no `acr`.
    limit = "" if refusal.max_age is None else f', max_age="{refusal.max_age}"'
    return f'Bearer error="insufficient_user_authentication"{limit}'

"""The refusal of a token or ticket."""

from __future__ import annotations

from typing import Literal

RefusalCode = Literal[
    "malformed_token",
    "unknown_key",
    "wrong_algorithm",
    "bad_signature",
    "wrong_type",
    "wrong_issuer",
    "wrong_audience",
    "expired",
    "not_yet_valid",
    "invalid_claims",
    "session_ended",
    "token_outdated",
    "reauthentication_required",
    "stale",
    "unavailable",
    "ticket_gone",
    "origin_mismatch",
]
"""Why a token or ticket was refused. With `stale` and `unavailable` it was not judged: keep it and retry later."""

# For the developer who reads the log. Clients get the texts of the adapters.
_MESSAGES: dict[RefusalCode, str] = {
    "malformed_token": "This is not a token of the auth service. Send the access token as it was issued.",
    "unknown_key": "No published key has the kid of this token. "
    "Sign in at the auth service that this verifier belongs to.",
    "wrong_algorithm": "The algorithm of the token does not fit its key. Send the access token as it was issued.",
    "bad_signature": "The signature is invalid. Send the access token as it was issued.",
    "wrong_type": "This is another kind of token. verify accepts access tokens (typ at+jwt), "
    "and verify_delivery those of deliveries (delivery+jwt).",
    "wrong_issuer": "The token has another issuer. Compare the argument issuer with TOKEN_ISSUER of the service.",
    "wrong_audience": "The token has another audience. "
    "Compare the argument audience with TOKEN_AUDIENCE of the service.",
    "expired": "The token has expired. Refresh the session.",
    "not_yet_valid": "The token is not valid yet. Try again later.",
    "invalid_claims": "The claims are not those of an access token. Send the access token as it was issued.",
    "session_ended": "The session has ended. Sign in again.",
    "token_outdated": "The roles have changed since this token was issued, or newer tokens replaced it. "
    "Refresh the session and try again.",
    "reauthentication_required": "The user authenticated too long ago, or by other means than required. "
    "Ask for the password again.",
    "stale": "It is not known which sessions have ended. Try again shortly.",
    "unavailable": "The auth service did not respond. Try again shortly.",
    "ticket_gone": "The ticket was used, has expired or is unknown. Request a new one.",
    "origin_mismatch": "The ticket belongs to another origin. Request a new one from the page that uses it.",
}


class TokenRefused(Exception):
    """Raised for a token or ticket that must not be accepted. `code` is stable; no text contains the token.

    Example:
        try:
            claims = await verifier.verify(token)
        except TokenRefused as refusal:
            print(refusal.code, refusal.reason)
    """

    def __init__(
        self,
        code: RefusalCode,
        message: str | None = None,
        *,
        reason: str | None = None,
        max_age: int | None = None,
    ) -> None:
        """`message` replaces the default message of `code`."""
        super().__init__(message or _MESSAGES[code])
        self.code: RefusalCode = code
        self.reason = reason
        """Why the session ended, if that is known. With `session_ended` only."""
        self.max_age = max_age
        """Seconds, if the age of the authentication was limited. With `reauthentication_required` only."""

"""The claims of access tokens and delivery tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple

from .json_values import (
    generation_of,
    is_session_id,
    is_text_list,
    numeric_date_of,
    session_key,
    user_id_of,
)
from .refused import TokenRefused


@dataclass(frozen=True)
class Claims:
    """The claims of an access token (RFC 9068, section 2.2). Times are seconds since 1970.

    Example:
        def can_delete(claims: Claims) -> bool:
            return "moderator" in claims.roles
    """

    iss: str
    sub: str
    """The user id as a string."""
    user_id: int
    sid: str
    """The session id."""
    gen: int
    """The generation of the session: 0 after the sign-in, one more with each refresh."""
    iat: int
    """When the token was issued."""
    exp: int
    """The first moment at which the token is no longer valid."""
    auth_time: int
    """When the user signed in."""
    amr: tuple[str, ...]
    """How the user signed in (RFC 8176)."""
    roles: tuple[str, ...]
    aud: str | None = None
    jti: str | None = None
    redeemed_at: tuple[str, int] | None = field(default=None, repr=False, compare=False)
    """For claims of a ticket: which changes of roles they include already, in the verifier that redeemed it."""

    def to_dict(self) -> dict[str, Any]:
        """The claims as JSON values, to be kept in a store. `from_dict` reads them.

        Example:
            redis.set(f"pass:{code}", json.dumps(claims.to_dict()))
        """
        members: dict[str, Any] = {name: getattr(self, name) for name in _NAMES}
        members["amr"], members["roles"] = list(self.amr), list(self.roles)
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_dict(cls, members: Mapping[str, Any]) -> Claims:
        """Restores claims from a store that only this service writes: nothing proves that they are genuine.

        Raises `TokenRefused` with `invalid_claims`.

        Example:
            claims = Claims.from_dict(json.loads(redis.get(f"pass:{code}")))
        """
        iss, aud = members.get("iss"), members.get("aud")
        if not isinstance(iss, str) or not (aud is None or isinstance(aud, str)):
            raise TokenRefused("invalid_claims")
        return read_claims(members, iss, aud).claims


_NAMES = (*("iss", "aud", "sub", "user_id", "sid", "gen", "jti", "iat", "exp", "auth_time", "amr", "roles"),)


@dataclass(frozen=True)
class DeliveryClaims:
    """The claims of a delivery token. Times are seconds since 1970.

    Example:
        claims = await verifier.verify_delivery(token)
    """

    iss: str
    sub: str
    """The user id as a string."""
    user_id: int
    """The user whom the call is about."""
    jti: str
    """Another one at each attempt."""
    iat: int
    """When the token was issued. With a shared secret, 30 seconds before."""
    exp: int
    """The first moment at which the token is no longer valid."""


class CheckedClaims(NamedTuple):
    """Well-formed claims, with the times of their validity in milliseconds since 1970."""

    claims: Claims
    session: bytes
    expires_at_ms: float
    not_before_ms: float
    receipt_proof: str | None
    """Proves to the service that this token was seen."""


class CheckedDelivery(NamedTuple):
    claims: DeliveryClaims
    expires_at_ms: float
    not_before_ms: float


def read_claims(
    members: Mapping[str, Any],
    issuer: str,
    audience: str | None,
    redeemed_at: tuple[str, int] | None = None,
) -> CheckedClaims:
    """Raises `TokenRefused` with `wrong_issuer`, `wrong_audience` or `invalid_claims`. Does not check times."""
    get = members.get
    if get("iss") != issuer:
        raise TokenRefused("wrong_issuer")
    if get("aud") != audience or (audience is None and "aud" in members):
        raise TokenRefused("wrong_audience")
    user_id, gen = user_id_of(get("user_id")), generation_of(get("gen"))
    iat, exp, auth_time = (
        numeric_date_of(get("iat")),
        numeric_date_of(get("exp")),
        numeric_date_of(get("auth_time")),
    )
    nbf = numeric_date_of(members["nbf"]) if "nbf" in members else -inf
    jti, rcp = get("jti", ""), get("rcp", "")
    sub, sid, amr, roles = get("sub"), get("sid"), get("amr"), get("roles")
    if (
        user_id is None
        or sub != str(user_id)
        or not is_session_id(sid)
        or gen is None
        or iat is None
        or exp is None
        or auth_time is None
        or nbf is None
        or type(jti) is not str
        or type(rcp) is not str
        or not is_text_list(amr)
        or not is_text_list(roles)
    ):
        raise TokenRefused("invalid_claims")
    claims = Claims(
        issuer, str(user_id), user_id, str(sid), gen, iat, exp, auth_time,
        tuple(amr), tuple(roles), audience, get("jti"), redeemed_at,
    )  # fmt: skip
    return CheckedClaims(claims, session_key(claims.sid), exp * 1000, nbf * 1000, get("rcp"))


def read_delivery_claims(members: Mapping[str, Any], issuer: str) -> CheckedDelivery:
    """A delivery token has no audience and no session. Raises `TokenRefused` as `read_claims`."""
    get = members.get
    if get("iss") != issuer:
        raise TokenRefused("wrong_issuer")
    if "aud" in members:
        raise TokenRefused("wrong_audience")
    user_id, jti = user_id_of(get("user_id")), get("jti")
    iat, exp = numeric_date_of(get("iat")), numeric_date_of(get("exp"))
    nbf = numeric_date_of(members["nbf"]) if "nbf" in members else -inf
    if (
        user_id is None
        or get("sub") != str(user_id)
        or type(jti) is not str
        or iat is None
        or exp is None
        or nbf is None
    ):
        raise TokenRefused("invalid_claims")
    return CheckedDelivery(DeliveryClaims(issuer, str(user_id), user_id, jti, iat, exp), exp * 1000, nbf * 1000)

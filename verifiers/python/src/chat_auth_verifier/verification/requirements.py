"""Requirements on the authentication behind a token (RFC 9470)."""

from __future__ import annotations

from collections.abc import Sequence

from ..token.claims import Claims
from ..token.refused import TokenRefused

# The clocks of two instances of the service differ by less than this.
_CLOCKS_APART_SECONDS = 60


def check_requirements(max_age: object, amr: object) -> None:
    """Raises a `ValueError` that names the requirement and what it must be."""
    # 0 would refuse every token: `auth_time` is a whole second, and the call takes time.
    if max_age is not None and (type(max_age) is not int or max_age < 1):
        raise ValueError("verify, requirement max_age: must be a whole number of seconds, 1 or more.")
    if amr is not None and (
        isinstance(amr, str) or not isinstance(amr, Sequence) or not all(isinstance(one, str) for one in amr)
    ):
        raise ValueError('verify, requirement amr: must be a list of methods, such as ["otp"].')


def require_authentication(
    claims: Claims, max_age: int | None, amr: Sequence[str] | None, now_ms: float | None
) -> None:
    """Raises `TokenRefused` with `reauthentication_required`, or with `unavailable` if `now_ms` is not known."""
    if max_age is not None:
        if now_ms is None:
            raise TokenRefused("unavailable")
        latest = (claims.auth_time + max_age) * 1000
        # One in the future was made by a clock that was ahead, and would be recent for as long.
        earliest = (claims.auth_time - _CLOCKS_APART_SECONDS) * 1000
        if not earliest <= now_ms <= latest:
            raise TokenRefused("reauthentication_required", max_age=max_age)
    if not set(amr or ()) <= set(claims.amr):
        raise TokenRefused("reauthentication_required", max_age=max_age)

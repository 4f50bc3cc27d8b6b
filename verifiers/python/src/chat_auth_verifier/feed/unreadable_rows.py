"""Rows of the revocation log that this version cannot read."""

from __future__ import annotations

from typing import NamedTuple

# The longest ACCESS_TOKEN_TTL of the service. After it, no token is left that the row could have meant.
_KEPT_MS = 86_400_000
# How far the clocks of two instances may be apart.
_CLOCK_SKEW_MS = 1_000


class UnreadableRow(NamedTuple):
    fingerprint: bytes
    """Tells the row in the next snapshot from other rows."""
    problem: str
    user_id: int | None = None
    sid: str | None = None
    """Only if the user cannot be read."""


class _Refused(NamedTuple):
    issued_up_to_ms: float
    revision: int


class UnreadableRows:
    """Refuses the tokens that users have when an unreadable row arrives.

    The row may say anything, but it concerns only tokens issued before: the service considers it when it issues later
    ones. So a refresh shows whether the session has ended.
    """

    def __init__(self) -> None:
        self._expiry_by_row: dict[bytes, float] = {}
        self._refused: dict[int | str, _Refused] = {}

    def add(self, row: UnreadableRow, now_ms: float, revision: int) -> bool:
        """Returns True if the row is new."""
        if row.fingerprint in self._expiry_by_row:
            return False
        self._expiry_by_row[row.fingerprint] = now_ms + _KEPT_MS
        subject = row.sid if row.user_id is None else row.user_id
        if subject is not None:
            before = self._refused.get(subject)
            issued_up_to = now_ms + _CLOCK_SKEW_MS
            if before is not None:
                issued_up_to = max(issued_up_to, before.issued_up_to_ms)
            self._refused[subject] = _Refused(issued_up_to, revision)
        return True

    def revision_refusing(self, sid: str, user_id: int, iat: int) -> int | None:
        """The revision of the last change because of which a token is refused."""
        if not self._refused:
            return None
        found = (self._refused.get(user_id), self._refused.get(sid))
        revisions = [one.revision for one in found if one is not None and iat * 1000 <= one.issued_up_to_ms]
        return max(revisions, default=None)

    def forget(self, now_ms: float) -> None:
        if not self._expiry_by_row:
            return
        for row in [row for row, expires_at in self._expiry_by_row.items() if expires_at <= now_ms]:
            del self._expiry_by_row[row]
        outlived = [key for key, one in self._refused.items() if one.issued_up_to_ms + _KEPT_MS <= now_ms]
        for subject in outlived:
            del self._refused[subject]

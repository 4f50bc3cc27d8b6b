"""Rows of the revocation log that this version cannot read."""

from __future__ import annotations

from typing import NamedTuple

# The longest ACCESS_TOKEN_TTL of the service. After it, no token is left that the row could have meant. It runs on the
# monotonic clock: a clock of the service that is ahead for a moment must not end a refusal.
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
    forgotten_at: float
    """On the monotonic clock."""


class UnreadableRows:
    """Refuses the tokens that users have when an unreadable row arrives.

    The row may say anything, but it concerns only tokens issued before: the service considers it when it issues later
    ones. So a refresh shows whether the session has ended.
    """

    def __init__(self) -> None:
        # By fingerprint, when the row is forgotten, on the monotonic clock.
        self._rows: dict[bytes, float] = {}
        self._refused: dict[int | str, _Refused] = {}

    def add(self, row: UnreadableRow, now_ms: float, arrived_at: float, revision: int) -> bool:
        """`now_ms` is the service's time, `arrived_at` is on the monotonic clock. Returns True if the row is new."""
        if row.fingerprint in self._rows:
            return False
        forgotten_at = self._rows[row.fingerprint] = arrived_at + _KEPT_MS + _CLOCK_SKEW_MS
        subject = row.sid if row.user_id is None else row.user_id
        if subject is not None:
            before = self._refused.get(subject)
            issued_up_to = now_ms + _CLOCK_SKEW_MS
            if before is not None:
                issued_up_to = max(issued_up_to, before.issued_up_to_ms)
            self._refused[subject] = _Refused(issued_up_to, revision, forgotten_at)
        return True

    def revision_refusing(self, sid: str, user_id: int, iat: int) -> int | None:
        """The revision of the last change because of which a token is refused."""
        if not self._refused:
            return None
        found = (self._refused.get(user_id), self._refused.get(sid))
        revisions = [one.revision for one in found if one is not None and iat * 1000 <= one.issued_up_to_ms]
        return max(revisions, default=None)

    def forget(self, monotonic_ms: float) -> None:
        for row in [row for row, forgotten_at in self._rows.items() if forgotten_at <= monotonic_ms]:
            del self._rows[row]
        for subject in [key for key, one in self._refused.items() if one.forgotten_at <= monotonic_ms]:
            del self._refused[subject]

"""The ended sessions, and the live ones with refused tokens."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from ..token.claims import Claims
from ..token.json_values import session_key
from .unreadable_rows import UnreadableRow, UnreadableRows

_MINUTE_MS = 60_000
# Few enough to take a negligible time, many enough to keep up with any feed.
_FORGET_BATCH = 10_000
# Reasons are a short closed list. Any beyond this number are stored as "ended".
_REASON_LIMIT = 32


class Revocation(NamedTuple):
    seq: int
    """Position in the log. Tells a second change of the same generation from a repeated event."""
    sid: str
    user_id: int
    reason: str
    expires_at_ms: float
    """Milliseconds since 1970 from which none of the affected access tokens is valid."""
    up_to_generation: int | None = None
    """With it the session is live, and its tokens up to this generation are refused. Without it the session ended."""


class _Ending(NamedTuple):
    """Shared by all sessions that ended for this reason and are forgotten at the end of this minute."""

    minute: int
    reason: str


@dataclass
class _Outdated:
    up_to_generation: int = -1
    revision: int = 0
    """The store's revision after the last change of this session."""
    seq: int = -1
    minute: int = -1


class RevocationStore:
    """Keeps each entry until none of its tokens can be valid. Adding is idempotent and commutative, and nothing else
    removes a session, so an ended session never comes back.

    Built for a million sessions: each has one map entry with 16 bytes as its key, whose value is shared with others, and
    one entry in the list of its minute.
    """

    def __init__(self) -> None:
        self._ends: dict[bytes, _Ending] = {}
        self._endings: dict[tuple[int, str], _Ending] = {}
        self._outdated: dict[bytes, _Outdated] = {}
        self._by_minute: dict[int, list[bytes]] = {}
        self._reasons: set[str] = {"ended"}
        self._unreadable = UnreadableRows()
        self.forgotten_up_to = -inf
        """Tokens that expire up to this time must be refused, because ended sessions may be forgotten."""
        self.revision = 0
        """Number of changes of outdated tokens so far."""

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def outdated_count(self) -> int:
        return len(self._outdated)

    def add(self, revocation: Revocation, now_ms: float) -> bool:
        """Returns True if the revocation is new and still matters at `now_ms`, the service's time."""
        minute = max(0, int(revocation.expires_at_ms // _MINUTE_MS))
        if _end_of(minute) <= now_ms:
            # Its tokens have expired. They stay expired if the service's clock is set back.
            self.forgotten_up_to = max(self.forgotten_up_to, _end_of(minute))
            return False
        session = session_key(revocation.sid)
        if revocation.up_to_generation is None:
            return self._add_end(session, revocation.reason, minute)
        return self._add_outdated(session, revocation.seq, revocation.up_to_generation, minute)

    def add_unreadable(self, row: UnreadableRow, now_ms: float, arrived_at: float) -> bool:
        """`now_ms` is the service's time, `arrived_at` is on the monotonic clock. Returns True if the row is new."""
        is_new = self._unreadable.add(row, now_ms, arrived_at, self.revision + 1)
        if is_new:
            self.revision += 1
        return is_new

    def _add_end(self, session: bytes, reason: str, minute: int) -> bool:
        known = self._ends.get(session)
        if known is not None and known.minute >= minute:
            return False
        kept = self._known_reason(reason) if known is None else known.reason
        self._ends[session] = self._endings.setdefault((minute, kept), _Ending(minute, kept))
        self._by_minute.setdefault(minute, []).append(session)
        return known is None

    def _add_outdated(self, session: bytes, seq: int, up_to_generation: int, minute: int) -> bool:
        """In any order, the highest generation, the highest seq and the latest expiry win."""
        known = self._outdated.get(session)
        if known is None:
            known = self._outdated[session] = _Outdated()
        is_new = up_to_generation > known.up_to_generation or seq > known.seq
        if is_new:
            self.revision += 1
            known.revision = self.revision
        known.up_to_generation = max(known.up_to_generation, up_to_generation)
        known.seq = max(known.seq, seq)
        if minute > known.minute:
            known.minute = minute
            self._by_minute.setdefault(minute, []).append(session)
        return is_new

    def forget_seqs(self) -> None:
        """To be called before the rows of another log, which may have other revocations at the same seqs."""
        for outdated in self._outdated.values():
            outdated.seq = -1

    def reason_of(self, session: bytes) -> str | None:
        """Why the session ended; None if it is not known to have ended."""
        ending = self._ends.get(session)
        return None if ending is None else ending.reason

    def revision_outdating(self, session: bytes, claims: Claims) -> int | None:
        """The revision of the last change because of which a token with these claims is outdated."""
        by_row = self._unreadable.revision_refusing(claims.sid, claims.user_id, claims.iat)
        outdated = self._outdated.get(session)
        if outdated is None or claims.gen > outdated.up_to_generation:
            return by_row
        return max(outdated.revision, by_row or 0)

    def forget_unreadable(self, monotonic_ms: float) -> None:
        """Removes unreadable rows that came too long ago on the monotonic clock."""
        self._unreadable.forget(monotonic_ms)

    def forget(self, now_ms: float) -> None:
        """Removes sessions whose tokens have expired at `now_ms`, the service's time; a bounded number per call."""
        left = _FORGET_BATCH
        for minute in [minute for minute in self._by_minute if _end_of(minute) <= now_ms]:
            self.forgotten_up_to = max(self.forgotten_up_to, _end_of(minute))
            sessions = self._by_minute[minute]
            while sessions and left > 0:
                left -= 1
                self._forget_one(sessions.pop(), minute)
            if sessions:
                return
            del self._by_minute[minute]
            for known in [known for known in self._endings if known[0] == minute]:
                del self._endings[known]

    def _forget_one(self, session: bytes, minute: int) -> None:
        # Another revocation of the same session may have moved it to a later minute.
        ending = self._ends.get(session)
        if ending is not None and ending.minute == minute:
            del self._ends[session]
        outdated = self._outdated.get(session)
        if outdated is not None and outdated.minute == minute:
            del self._outdated[session]

    def _known_reason(self, reason: str) -> str:
        if reason not in self._reasons and len(self._reasons) >= _REASON_LIMIT:
            return "ended"
        self._reasons.add(reason)
        return reason


def _end_of(minute: int) -> int:
    return (minute + 1) * _MINUTE_MS

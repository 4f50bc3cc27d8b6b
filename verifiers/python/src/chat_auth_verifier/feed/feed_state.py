"""The state after the feed events so far."""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import NamedTuple, Protocol

from .feed_events import FeedEvent, Heartbeat, Revoked, Snapshot, SnapshotPart, UnreadableEvent
from .revocation_store import Revocation, RevocationStore
from .service_time import ServiceTime
from .unreadable_rows import UnreadableRow


class SessionEnd(NamedTuple):
    """A session that has ended, and why.

    Example:
        verifier.on_session_ended(lambda end: presence.remove(end.user_id, end.sid))
    """

    sid: str
    user_id: int
    reason: str
    """Such as `signed_out` or `password_changed`."""


class FeedOutcome(Enum):
    APPLIED = "applied"
    GAP = "gap"
    """Events are missing: a snapshot is needed."""
    MEASURE_AGAIN = "measure again"
    """The times of this connection are unreliable."""


class FeedListeners(Protocol):
    def on_end(self, end: SessionEnd) -> None:
        """A session ended that was not known to have ended."""

    def on_outdated(self, subject: int | str) -> None:
        """Tokens became outdated: those of a session (its sid), or all those that a user has (the user id)."""

    def on_unreadable(self, problem: str) -> None:
        """A row that was not known cannot be read."""


class FeedState:
    """Events may be reordered, repeated, or come from several connections: the same sessions are known as ended in the
    end, or `GAP` is returned."""

    def __init__(self, store: RevocationStore, time: ServiceTime, listeners: FeedListeners) -> None:
        self._store = store
        self._time = time
        self._listeners = listeners
        self.seq: int | None = None
        """Every row up to this seq is known; None before the first snapshot."""
        self._log: str | None = None
        self._log_of_rows: str | None = None
        # By fingerprint: rows that came before the first service time. Which tokens are older than they is not known yet.
        self._before_time: dict[bytes, UnreadableRow] = {}

    def apply(self, event: FeedEvent, arrived_at: float) -> FeedOutcome:
        """`arrived_at` is on the monotonic clock."""
        match event:
            case Heartbeat():
                return self._apply_heartbeat(event, arrived_at)
            case Revoked(seq, revocation):
                self._revoke(revocation, arrived_at)
                return self._advance(seq)
            case Snapshot():
                return self._apply_snapshot(event, arrived_at)
            case SnapshotPart():
                self._add_rows(event, arrived_at)
                return FeedOutcome.APPLIED
            case UnreadableEvent(seq, row):
                self._refuse_subject(row, arrived_at)
                # Without a readable seq, the next event shows a gap, and a snapshot fills it.
                return FeedOutcome.APPLIED if seq is None else self._advance(seq)

    def _apply_snapshot(self, event: Snapshot, arrived_at: float) -> FeedOutcome:
        is_good = self._time.observe(event.server_time_ms, arrived_at)
        for row in self._before_time.values():
            self._refuse_subject(row, arrived_at)
        self._before_time.clear()
        self._add_rows(event, arrived_at)
        # The seq may be lower than before: the log was set back or is another one. Known ends stay known.
        self.seq, self._log = event.seq, event.log
        if not is_good:
            return FeedOutcome.MEASURE_AGAIN
        self._time.complete_up_to(event.server_time_ms, arrived_at)
        return FeedOutcome.APPLIED

    def _add_rows(self, event: Snapshot | SnapshotPart, arrived_at: float) -> None:
        if event.log != self._log_of_rows:
            self._store.forget_seqs()
        self._log_of_rows = event.log
        for revocation in event.revocations:
            self._revoke(revocation, arrived_at)
        for row in event.unreadable:
            self._refuse_subject(row, arrived_at)

    def _advance(self, seq: int) -> FeedOutcome:
        if self.seq is None or seq > self.seq + 1:
            return FeedOutcome.GAP
        self.seq = max(self.seq, seq)
        return FeedOutcome.APPLIED

    def _apply_heartbeat(self, event: Heartbeat, arrived_at: float) -> FeedOutcome:
        if self.seq is None or event.seq > self.seq or event.log != self._log:
            return FeedOutcome.GAP
        # A heartbeat of an earlier seq does not prove that later entries are known.
        if event.seq < self.seq:
            return FeedOutcome.APPLIED
        if not self._time.observe(event.server_time_ms, arrived_at):
            return FeedOutcome.MEASURE_AGAIN
        self._time.complete_up_to(event.server_time_ms, arrived_at)
        self._store.forget_unreadable(arrived_at)
        self._store.forget(self._now(arrived_at))
        return FeedOutcome.APPLIED

    def _revoke(self, revocation: Revocation, arrived_at: float) -> None:
        if not self._store.add(revocation, self._now(arrived_at)):
            return
        if revocation.up_to_generation is None:
            self._listeners.on_end(SessionEnd(revocation.sid, revocation.user_id, revocation.reason))
        else:
            self._listeners.on_outdated(revocation.sid)

    def _refuse_subject(self, row: UnreadableRow, arrived_at: float) -> None:
        now = self._time.now(arrived_at)
        if now is None:
            self._before_time[row.fingerprint] = row
            return
        if not self._store.add_unreadable(row, now, arrived_at):
            return
        self._listeners.on_unreadable(row.problem)
        subject = row.sid if row.user_id is None else row.user_id
        if subject is not None:
            self._listeners.on_outdated(subject)

    def _now(self, arrived_at: float) -> float:
        now = self._time.now(arrived_at)
        return -inf if now is None else now

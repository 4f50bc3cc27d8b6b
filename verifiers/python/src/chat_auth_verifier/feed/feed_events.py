"""Reading the events of the revocation feed. Times are milliseconds since 1970, by the service's clock."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from ..token.json_values import generation_of, is_session_id, parse_json, seq_of, user_id_of
from .event_stream import StreamEvent
from .revocation_store import Revocation
from .unreadable_rows import UnreadableRow


class Snapshot(NamedTuple):
    log: str | None
    """The identity of the log; None for a service of an earlier version."""
    seq: int
    server_time_ms: float
    revocations: list[Revocation]
    unreadable: list[UnreadableRow]


class SnapshotPart(NamedTuple):
    """Rows of a snapshot. The snapshot itself follows."""

    log: str | None
    revocations: list[Revocation]
    unreadable: list[UnreadableRow]


class Revoked(NamedTuple):
    seq: int
    revocation: Revocation


class UnreadableEvent(NamedTuple):
    """A `revoked` event that cannot be read, perhaps not even its seq."""

    seq: int | None
    row: UnreadableRow


class Heartbeat(NamedTuple):
    log: str | None
    seq: int
    server_time_ms: float


# A newer service adds a few such rows. More of them are an attack on the memory, or another kind of data.
_UNREADABLE_LIMIT = 100_000

FeedEvent = Snapshot | SnapshotPart | Revoked | UnreadableEvent | Heartbeat


class FeedBroken(Exception):
    """The feed sent invalid data or lost events, so a new snapshot is needed."""


def read_feed_event(event: StreamEvent) -> FeedEvent | None:
    """Returns None for a type that only newer versions know. Raises `FeedBroken`."""
    match event.type:
        case "heartbeat":
            return Heartbeat(*_read_position(_parse(event.data)))
        case "revoked":
            return _read_revoked(_parse(event.data))
        case "snapshot":
            body = _parse(event.data)
            return Snapshot(*_read_position(body), *_read_rows(body))
        case "revocations":
            body = _parse(event.data)
            return SnapshotPart(_read_log(body), *_read_rows(body))
    return None


def _parse(data: str) -> dict[str, Any]:
    body = parse_json(data)
    if not isinstance(body, dict):
        raise FeedBroken("An event of the feed is not a JSON object.")
    return body


def _read_log(body: dict[str, Any]) -> str | None:
    """Earlier versions send none."""
    log = body.get("log")
    return log if isinstance(log, str) else None


def _read_position(body: dict[str, Any]) -> tuple[str | None, int, float]:
    seq = seq_of(body.get("seq"))
    if seq is None:
        raise FeedBroken("An event of the feed has no valid seq.")
    return _read_log(body), seq, _read_time(body.get("server_time"))


def _read_rows(body: dict[str, Any]) -> tuple[list[Revocation], list[UnreadableRow]]:
    rows = body.get("revocations")
    if not isinstance(rows, list):
        raise FeedBroken("A snapshot of the feed has no list of revocations.")
    revocations: list[Revocation] = []
    unreadable: list[UnreadableRow] = []
    for row in rows:
        read = _read_row(row)
        if isinstance(read, Revocation):
            revocations.append(read)
            continue
        unreadable.append(read)
        if len(unreadable) > _UNREADABLE_LIMIT:
            raise FeedBroken("An event of the feed has too many rows that cannot be read.")
    return revocations, unreadable


def _read_revoked(body: dict[str, Any]) -> Revoked | UnreadableEvent:
    row = _read_row(body)
    if isinstance(row, Revocation):
        return Revoked(row.seq, row)
    return UnreadableEvent(seq_of(body.get("seq")), row)


def _read_row(row: Any) -> Revocation | UnreadableRow:
    members = row if isinstance(row, dict) else {}
    try:
        return _read_revocation(members)
    except FeedBroken as problem:
        # Of a row that cannot be read, its user; without a user, its session.
        fingerprint = hashlib.sha256(_text_of(row, members).encode()).digest()
        user_id, sid = user_id_of(members.get("user_id")), members.get("sid")
        named = sid if user_id is None and is_session_id(sid) else None
        return UnreadableRow(fingerprint, str(problem), user_id, named)


def _text_of(row: Any, members: dict[str, Any]) -> str:
    try:
        return json.dumps(row)
    except RecursionError:
        # An error would come again with each snapshot. The members that are not nested tell the row from others.
        return json.dumps({name: value for name, value in members.items() if not isinstance(value, (dict, list))})


def _read_revocation(members: dict[str, Any]) -> Revocation:
    """Ignores unknown fields. Raises `FeedBroken` with the reason if the row cannot be read."""
    get = members.get
    seq, user_id, sid, reason = seq_of(get("seq")), user_id_of(get("user_id")), get("sid"), get("reason")
    if seq is None:
        raise FeedBroken("A revocation of the feed has no valid seq.")
    if user_id is None or not is_session_id(sid) or not isinstance(reason, str) or len(reason) > 100:
        raise FeedBroken("A revocation of the feed has an invalid field.")
    expires_at_ms = _read_time(get("expires_at"))
    if "up_to_generation" not in members:
        return Revocation(seq, str(sid), user_id, reason, expires_at_ms)
    up_to_generation = generation_of(members["up_to_generation"])
    if up_to_generation is None:
        raise FeedBroken("A revocation of the feed has an invalid generation.")
    return Revocation(seq, str(sid), user_id, reason, expires_at_ms, up_to_generation)


_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


def _read_time(value: Any) -> float:
    """Milliseconds since 1970. Later digits of the fraction are cut off."""
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise FeedBroken("A time of the feed is not in the format of RFC 3339.")
    local, fraction, sign, hours, minutes = match.groups(default="")
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = timezone(-offset if sign == "-" else offset)
        whole = (datetime.fromisoformat(local).replace(tzinfo=zone) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        raise FeedBroken("A time of the feed is not in the format of RFC 3339.") from None
    return float(whole + int((fraction + "000")[:3]))

"""Server-sent events (HTML standard, section 9.2.6) from chunks that may be split anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_RETRY = re.compile(r"[0-9]{1,9}")


class StreamEvent(NamedTuple):
    type: str
    data: str


class EventTooLarge(Exception):
    def __init__(self) -> None:
        super().__init__("An event of the feed is too large.")


class EventStreamParser:
    def __init__(self, on_event: Callable[[StreamEvent], None], max_event_bytes: int) -> None:
        """`max_event_bytes` counts from the end of one event to the end of the next."""
        self._on_event = on_event
        self._max_event_bytes = max_event_bytes
        self.retry_ms: int | None = None
        """The last `retry:` of the stream."""
        self.last_event_id: str | None = None
        """The last `id:` of the stream."""
        self._line: list[bytes] = []
        self._bytes = 0
        self._skips_line_feed = False
        self._is_at_start = True
        self._type = ""
        self._data: list[str] = []

    @property
    def inside_event(self) -> bool:
        """True while an event is incomplete. A comment is not part of an event."""
        is_comment = self._is_between_events and self._line[:1] and self._line[0].startswith(b":")
        return self._bytes > 0 and not is_comment

    @property
    def _is_between_events(self) -> bool:
        return not self._data and self._type == ""

    def push(self, chunk: bytes) -> None:
        """Raises `EventTooLarge`."""
        if self._skips_line_feed and chunk:
            self._skips_line_feed = False
            chunk = chunk.removeprefix(b"\n")
        start = 0
        for line_end in _LINE_END.finditer(chunk):
            self._take(chunk[start : line_end.start()])
            self._end_line()
            start = line_end.end()
        # A line feed that follows in the next chunk belongs to this line end.
        self._skips_line_feed = self._skips_line_feed or chunk.endswith(b"\r")
        self._take(chunk[start:])

    def _take(self, part: bytes) -> None:
        if not part:
            return
        self._bytes += len(part)
        if self._bytes > self._max_event_bytes:
            raise EventTooLarge
        self._line.append(part)

    def _end_line(self) -> None:
        line = self._line[0] if len(self._line) == 1 else b"".join(self._line)
        self._line.clear()
        if self._is_at_start:
            self._is_at_start = False
            line = line.removeprefix(_BOM)
        self._read_line(line.decode("utf-8", "replace"))

    def _read_line(self, line: str) -> None:
        if line == "":
            self._dispatch()
            return
        field, colon, value = line.partition(":")
        if field == "" and colon:
            # A comment outside of an event does not count towards its size.
            if self._is_between_events:
                self._bytes = 0
            return
        value = value.removeprefix(" ")
        if field == "event":
            self._type = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            # Any other cannot be sent in a header. Without an id, the next connection gets a snapshot.
            self.last_event_id = value if _VISIBLE_ASCII.fullmatch(value) else None
        elif field == "retry" and _RETRY.fullmatch(value):
            self.retry_ms = int(value)

    def _dispatch(self) -> None:
        event_type, data = self._type or "message", self._data
        self._type, self._data, self._bytes = "", [], 0
        if data:
            self._on_event(StreamEvent(event_type, "\n".join(data)))

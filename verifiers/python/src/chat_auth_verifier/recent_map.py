"""A map of bounded size that evicts the least recently used entry."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class RecentMap(Generic[Key, Value]):
    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Not a dict: finding its oldest entry would step over every deleted one.
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """Marks the entry as used."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def peek(self, key: Key) -> Value | None:
        return self._entries.get(key)

    def set(self, key: Key, value: Value) -> Value | None:
        """Returns the value that was evicted, if any."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        return self._entries.popitem(last=False)[1] if len(self._entries) > self._limit else None

    def delete(self, key: Key) -> None:
        self._entries.pop(key, None)

    def oldest(self, count: int) -> Iterator[tuple[Key, Value]]:
        """The least recently used entries."""
        return islice(self._entries.items(), count)

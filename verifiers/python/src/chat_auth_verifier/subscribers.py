"""Functions that are called with each event."""

from __future__ import annotations

from collections.abc import Callable
from traceback import extract_tb
from typing import Generic, TypeVar

from .clock import Cancel

Event = TypeVar("Event")


class Subscribers(Generic[Event]):
    """One that raises does not affect the others."""

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._listeners: dict[object, Callable[[Event], object]] = {}

    def subscribe(self, listener: Callable[[Event], object]) -> Cancel:
        """Returns a function that unsubscribes. A function that subscribes twice is called twice."""
        subscription = object()
        self._listeners[subscription] = listener
        return lambda: void(self._listeners.pop(subscription, None))

    def notify(self, event: Event) -> None:
        # A listener may unsubscribe.
        for listener in tuple(self._listeners.values()):
            try:
                listener(event)
            except Exception as error:
                where = extract_tb(error.__traceback__)[-1]
                self._on_error(
                    RuntimeError(f"A listener raised {type(error).__name__} in {where.name}, line {where.lineno}.")
                )

    def clear(self) -> None:
        self._listeners.clear()


def void(_: object) -> None:
    """Drops a value."""

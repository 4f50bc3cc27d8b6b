"""The clock of production."""

from __future__ import annotations

import time

import pytest

from chat_auth_verifier import clock


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux only")
def test_the_clock_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_MONOTONIC: 1.0, time.CLOCK_BOOTTIME: 9.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    assert clock._continuous()() == 9.0
    # As on macOS, where this clock counts the time of a suspension.
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert clock._continuous()() == 1.0
    # As on Windows, whose only clock does so.
    monkeypatch.delattr(time, "clock_gettime")
    assert clock._continuous() is time.monotonic

"""The verifier without asyncio, while its service is down."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chat_auth_verifier import NotReady, TokenRefused
from chat_auth_verifier.blocking import BlockingVerifier
from chat_auth_verifier.error_report import OnError
from tests.support.session_tokens import SETTINGS, token_of

PATIENCE_SECONDS = 60.0


def of_a_service_that_is_down(on_error: OnError) -> BlockingVerifier:
    # Nothing listens on port 1.
    return BlockingVerifier("http://127.0.0.1:1", "key", **SETTINGS, on_error=on_error, ready_timeout=0.05)


@pytest.fixture
def verifier() -> Iterator[BlockingVerifier]:
    verifier = of_a_service_that_is_down(lambda _: None)
    yield verifier
    verifier.close()


def own_threads() -> set[int | None]:
    return {one.ident for one in threading.enumerate() if one.name == "chat-auth-verifier"}


def test_calls_are_refused_and_the_verifier_goes_on_while_the_service_is_down(verifier: BlockingVerifier) -> None:
    def code(_: int) -> str:
        with pytest.raises(TokenRefused) as refused:
            verifier.verify(token_of(1))
        return refused.value.code

    before = own_threads()
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(code, range(8))) == {"stale"}
    (started,) = own_threads() - before
    with pytest.raises(NotReady):
        verifier.ready()
    assert not verifier.health().fresh
    assert own_threads() - before == {started}


def test_a_callback_in_the_thread_of_the_verifier_cannot_call_it() -> None:
    outcomes: queue.Queue[Exception] = queue.Queue()

    def call_it(_: Exception) -> None:
        try:
            verifier.verify("any")
        except Exception as error:
            outcomes.put(error)

    verifier = of_a_service_that_is_down(call_it)
    with pytest.raises(NotReady):
        verifier.ready()
    problem = outcomes.get(timeout=PATIENCE_SECONDS)
    verifier.close()
    assert isinstance(problem, RuntimeError)
    assert "own thread" in str(problem)

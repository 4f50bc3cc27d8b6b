from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.support", "tests.vectors.player")

from tests.support.real_service import RealService, running_service  # noqa: E402


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealService]:
    """One service for all tests. Each test has users of its own."""
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running

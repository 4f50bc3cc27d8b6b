"""Loading and serving the examples."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn

from tests.support.real_service import RealService

EXAMPLES = Path(__file__).parents[2] / "examples"


def load_example(name: str, service: RealService) -> ModuleType:
    """A new instance of the module, with the settings of the service in its environment."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for setting, value in service.environment().items():
            patch.setenv(setting, value)
        spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """Serves an application with uvicorn in this event loop, on the yielded port."""
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="on", ws="websockets-sansio")
    server = uvicorn.Server(config)
    # Signals belong to pytest.
    task = asyncio.create_task(server._serve())
    while not server.started:
        assert not task.done(), "The server did not start."
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


def environment_of(service: RealService) -> dict[str, str]:
    source = str(EXAMPLES.parent / "src")
    return {**os.environ, **service.environment(), "PYTHONUNBUFFERED": "1", "PYTHONPATH": source}

"""The vectors that verifiers of every language pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "vectors"


def read_vectors(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


def name_of(case: dict[str, Any]) -> str:
    return str(case["name"])

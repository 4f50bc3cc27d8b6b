"""A verifier behaves as each transcript of the vectors says, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.player import Player
from tests.vectors.read_vectors import name_of, read_vectors

vectors = read_vectors("transcripts.json")


@pytest.mark.parametrize("transcript", vectors["transcripts"], ids=name_of)
async def test_a_verifier_behaves_as_the_transcript_says(transcript: dict[str, Any]) -> None:
    await Player(vectors, transcript).play()

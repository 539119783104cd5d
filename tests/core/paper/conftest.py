"""One laboratory on the `tiny` zoo for the paper's experiments."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpframe.paper.laboratory import Laboratory
from fpframe.paper.reproduce_paper import open_laboratory
from fpframe.recipe.recipe import Recipe
from fpframe.recipe.run import Run


@pytest.fixture(scope="session")
def laboratory(tiny_store: Path) -> Laboratory:
    """The models of `tiny` with seed 0; what experiments ask and train further is kept beside them."""
    return open_laboratory(Recipe.load("tiny"), run=Run(store=tiny_store))

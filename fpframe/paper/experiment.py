"""`Experiment`: what the paper showed once, and how it is done again; `Finding`: what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs

from fpframe.errors import RecipeError
from fpframe.paper.laboratory import Laboratory
from fpframe.recipe import Recipe
from fpframe.zoo import ZooModel

#: In the order of the supplement; the last one is the main paper's headline.
EXPERIMENTS = ("borderpoints", "views", "contrastive", "overlap", "accuracy", "transfer", "auxiliary", "queries")
ALL = "all"

#: What becomes of a claim of the paper's.
Outcome = Literal["agrees", "differs", "undecided", "not comparable"]


@attrs.frozen(kw_only=True)
class Claim:
    """A figure or statement of the paper's, and ours beside it.

    Attributes:
        what: what is compared.
        paper: the paper's figure; empty where it says none.
        ours: ours, with interval and number of models where it is a rate.
        outcome: whether they agree; ``undecided`` where ours may be chance.
        why: how they differ, or why they cannot be compared, in a sentence; empty where nothing needs to be said.
    """

    what: str
    paper: str
    ours: str
    outcome: Outcome
    why: str = ""


@attrs.frozen(kw_only=True)
class Table:
    """Rows of an experiment, for a CSV file.

    Attributes:
        header: column names.
        rows: cells; numbers are written with six significant digits.
    """

    header: tuple[str, ...]
    rows: Sequence[Sequence[str | int | float]]


@attrs.frozen(kw_only=True)
class Finding:
    """What came out of an experiment.

    Attributes:
        data: everything measured, JSON-able.
        claims: the paper's figures beside ours.
        text: what was done and what it shows, as Markdown paragraphs and tables.
        tables: by name, as CSV files.
        pictures: by name, as SVG text.
    """

    data: Mapping[str, Any]
    claims: tuple[Claim, ...]
    text: str
    tables: Mapping[str, Table] = attrs.field(factory=dict)
    pictures: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Experiment:
    """One experiment of the paper.

    Attributes:
        name: what the command calls it.
        section: where the paper has it.
        title: what it is about.
        shows: what the paper shows by it, in a sentence.
        run: does it.
        scores: whether it scores models of the split ``test``, which a recipe may lack.
        calibrates: whether it compares them with models of the split ``calibrate``.
    """

    name: str
    section: str
    title: str
    shows: str
    run: Callable[[Laboratory], Finding]
    scores: bool = False
    calibrates: bool = False

    def require(self, models: Sequence[ZooModel], recipe: Recipe) -> None:
        """Refuse a recipe that lacks models, before anything is trained.

        Raises:
            RecipeError: names the split, and what it lacks.
        """
        wanted = [("test", "derived"), ("test", "independent")] if self.scores else []
        wanted += [("calibrate", "independent")] if self.calibrates else []
        for split, relation in wanted:
            if not any((model.split, model.relation) == (split, relation) for model in models):
                raise RecipeError(
                    f"experiment '{self.name}' needs {relation} models in '{split}', but recipe '{recipe.name}' has "
                    "none; take another experiment or recipe"
                )

"""Comparisons with scores drawn by a seed, for what takes no models."""

from __future__ import annotations

import numpy as np

from fpframe.comparison.kinds import KINDS, MODIFIED
from fpframe.comparison.records import Comparison, Cost, DrawnZoo, Outcome, Questioned
from fpframe.recipe.recipe import Recipe

#: Relation, kind and number of models.
ZOO = (
    ("derived", KINDS[0], 8),
    ("derived", MODIFIED, 4),
    ("independent", "same-data", 12),
    ("independent", "wild", 10),
)


def made_up(zoo: int, *, shift: float = 1.0, kinds=ZOO) -> Comparison:
    """Return a comparison on one zoo with scores drawn by its seed."""
    source = np.random.default_rng(zoo)
    models = tuple(
        Questioned(
            name=f"{kind} {number}",
            lineage=f"{zoo} {kind} {number}",
            relation=relation,
            kind=kind,
            family=f"{kind} {number // 2}",
            split="test",
            failed=False,
            zoo=zoo,
        )
        for relation, kind, count in kinds
        for number in range(count)
    )
    derived = np.array([model.relation == "derived" for model in models])
    return Comparison(
        recipe=Recipe(name="made-up", seed=zoo),
        victim={"address": "v", "accuracy": 0.9 + zoo / 100},
        zoos=(DrawnZoo(seed=zoo, accuracy=0.9 + zoo / 100),),
        folds=None,
        contrasts=(("a", "b"),),
        models=models,
        outcomes=tuple(
            Outcome(
                contender=name,
                seed=seed,
                channel="probs",
                views=source.normal(shift * derived[:, None] * strength, 1, (len(models), 3)),
                verdicts=tuple("DERIVED" if each else "NOT_SHOWN" for each in source.random(len(models)) < derived / 2),
                p_values=tuple(source.random(len(models)).tolist()),
            )
            for name, strength in (("a", 1), ("b", 0.5))
            for seed in (0, 1)
        ),
        costs=tuple(
            Cost(contender=name, seed=seed, queries=30, enrol_seconds=zoo + 1.0, verify_seconds=0.1, zoo=zoo)
            for name in "ab"
            for seed in (0, 1)
        ),
        profile={},
        doubts=(),
    )

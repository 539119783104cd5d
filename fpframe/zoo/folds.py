"""Divide families into folds, so that models of one origin are never on both sides."""

from __future__ import annotations

from collections.abc import Sequence

from fpframe.rng import derive_seed
from fpframe.zoo.model import ZooModel


def divide_families(models: Sequence[ZooModel], folds: int, *, seed: int) -> dict[str, int]:
    """Return the fold, from 0, of each family; every fold gets about the same share of every kind of model."""
    places: dict[str, int] = {}
    for kind in sorted({(model.relation, model.stratum) for model in models}):
        families = {model.family for model in models if (model.relation, model.stratum) == kind}
        fresh = sorted(families - places.keys(), key=lambda family: derive_seed(seed, "fold", family))
        # a student is placed with its teacher; the next kind goes on where this one ended
        places |= {family: (len(places) + number) % folds for number, family in enumerate(fresh)}
    return places

"""What was looked at when an enrolment was made has to fit what it holds: accuracies, numbers of models, moved images.

Accuracies are of all test images, and those that an enrolment keeps are some of these. So they may differ as far as
chance explains, and no further.
"""

from __future__ import annotations

from collections import Counter

from scipy.special import bdtr, bdtrc
from torch import Tensor

from fpframe.enrolment.ability import Ability
from fpframe.enrolment.contents import Contents
from fpframe.enrolment.fitness import Fitness, StratumLook

#: How rarely chance may explain a difference that is not refused.
_CHANCE = 1e-9
#: By how much accuracies on the same images may differ: other batches move a label that is as likely as another.
_SAME = 0.01


def refuse_other_looks(contents: Contents) -> None:
    """Refuse an enrolment that does not hold what was looked at.

    Raises:
        ValueError: says what does not fit.
    """
    ability, fitness = contents.ability, contents.fitness
    accuracy, images = float(contents.victim["accuracy"]), None
    if fitness is not None:
        images = fitness.victim.images
        if abs(fitness.victim.accuracy - accuracy) > _SAME:
            raise ValueError(f"the victim's accuracy is {accuracy:g}, and {fitness.victim.accuracy:g} elsewhere")
        _check_moved(contents, fitness)
    if ability is None:
        return
    if images is not None and len(ability.images) > images:
        raise ValueError(f"ability was measured on {len(ability.images)} of {images} test images")
    if not _fits(ability, ability.victim, accuracy, accuracy, images):
        raise ValueError(
            f"the victim's accuracy is said to be {accuracy:g}, and its labels are right for "
            f"{ability.victim_accuracy:g} of the images that ability is measured on"
        )
    if fitness is not None and fitness.zoo.strata:
        _check_models(contents, ability, fitness)


def _check_models(contents: Contents, ability: Ability, fitness: Fitness) -> None:
    looks, models = fitness.zoo.strata, contents.calibration.models
    kept = Counter(model.stratum for model in models)
    looked_at = sum(look.models for look in looks.values())
    more = next((name for name, count in kept.items() if count > _models(looks.get(name))), None)
    if more is not None:
        raise ValueError(f"more models of '{more}' calibrate than were looked at: {kept[more]}")
    if looked_at != len(models) + len(ability.left_out):
        raise ValueError(
            f"{looked_at} calibration models were looked at, where {len(models)} calibrate and "
            f"{len(ability.left_out)} were left out"
        )
    for model, labels in zip(models, ability.models, strict=True):
        look = looks[model.stratum]
        if not _fits(ability, labels, look.lowest, look.highest, fitness.victim.images):
            raise ValueError(
                f"the labels of '{model.name}' are right for {ability.accuracy(labels):g} of the images that ability "
                f"is measured on, where models of '{model.stratum}' are for {look.lowest:g} to {look.highest:g}"
            )


def _models(look: StratumLook | None) -> int:
    return 0 if look is None else look.models


def _fits(ability: Ability, labels: Tensor, lowest: float, highest: float, images: int | None) -> bool:
    """Tell whether labels ``(A,)`` may be those of a model whose accuracy on all `images` lies between two numbers."""
    count, right = len(labels), int((labels == ability.truth).sum())
    if count == images:
        return lowest - _SAME <= right / count <= highest + _SAME
    # drawn without being put back, they vary less than this allows
    return bool(bdtr(right, count, lowest) >= _CHANCE and bdtrc(right - 1, count, highest) >= _CHANCE)


def _check_moved(contents: Contents, fitness: Fitness) -> None:
    queries = contents.queries
    if len(fitness.queries) != len(queries.parts):
        raise ValueError(f"{len(fitness.queries)} parts of the queries were looked at, and it has {len(queries.parts)}")
    for part, made in zip(queries.parts, fitness.queries, strict=True):
        if not part.pair:  # it does not show where its points were before
            continue
        clean, moved = queries.images[:, part.start : part.start + 2 * part.points].chunk(2, dim=1)
        share = float((clean != moved).flatten(2).any(-1).double().mean())
        if abs(share - made.moved) > 1e-6:
            raise ValueError(f"'{made.perturbation}' is said to have moved {made.moved:g} of its points, not {share:g}")

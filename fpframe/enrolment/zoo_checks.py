"""Is this zoo fit to accuse anybody by? What is looked at once its models are built and the queries are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fpframe.base import Note
from fpframe.enrolment.clearly import above_chance, clearly_knows, guessing, labels_beyond_chance
from fpframe.enrolment.encoders import calibrating
from fpframe.enrolment.fitness import StratumLook, ZooLook
from fpframe.enrolment.method import LEAST_FIT, Method
from fpframe.enrolment.queries import Questions
from fpframe.enrolment.settling import Unfit
from fpframe.zoo import Zoo, ZooModel

_TRAIN_MORE = "raise 'epochs' in [training] of the recipe, or give it more images"


def look_at_zoo(zoo: Zoo, method: Method) -> tuple[ZooLook, list[Unfit]]:
    """Return what is seen of the models of a zoo, and in what it is unfit."""
    fitting = [model.relation for model in zoo.fitting()]
    chosen = calibrating(zoo.models)
    look = ZooLook(
        derived=fitting.count("derived"),
        independent=fitting.count("independent"),
        failed=len(zoo.of("fit")) - len(fitting),
        agreement=round(float(np.median([_kappa(zoo, model) for model in chosen])), 6),
        strata=accuracy_by_stratum(zoo, chosen),
    )
    found = [_too_few_to_fit(look, method), _zoo_disagrees(zoo, chosen, look)]
    return look, [unfit for unfit in found if unfit is not None]


def accuracy_by_stratum(zoo: Zoo, models: Sequence[ZooModel]) -> Mapping[str, StratumLook]:
    """Return how accurate some models are on the test images, by stratum."""
    found: dict[str, list[float]] = {}
    for model in models:
        found.setdefault(model.stratum, []).append(zoo.accuracy(model))
    return {
        stratum: StratumLook(
            models=len(each), lowest=min(each), median=round(float(np.median(each)), 6), highest=max(each)
        )
        for stratum, each in sorted(found.items())
    }


def look_at_queries(questions: Questions, method: Method) -> list[Unfit]:
    """Return in what queries are unfit: a perturbation that follows gradients moved nothing."""
    idle = [
        made.perturbation
        for part, made in zip(method.parts, questions.crafted, strict=True)
        if part.perturbation.needs_gradients and not made.moved
    ]
    if not idle:
        return []
    return [
        Unfit(
            Note(
                "queries-unmoved",
                f"'{idle[0]}' changed none of the query images, as 8-bit images, so that they are no more the victim's "
                "than any others.",
            ),
            "raise its 'epsilon' or 'overshoot' in [queries.perturbation] of the recipe, or take a scheme that only "
            "asks, such as residual",
        )
    ]


def _too_few_to_fit(look: ZooLook, method: Method) -> Unfit | None:
    few = next((side for side in ("derived", "independent") if getattr(look, side) < LEAST_FIT), None)
    if few is None or not method.learns:
        return None
    failed = f": {look.failed} thefts failed, which are more than five points less accurate than the victim"
    return Unfit(
        Note(
            "too-few-to-fit",
            f"{getattr(look, few)} {few} models are left to fit the encoder on, where {LEAST_FIT} are needed"
            f"{failed if look.failed else ''}.",
        ),
        _TRAIN_MORE,
    )


def _zoo_disagrees(zoo: Zoo, chosen: Sequence[ZooModel], look: ZooLook) -> Unfit | None:
    victim, classes = zoo.workspace.victim_labels(), zoo.workspace.dataset.num_classes
    beyond = float(np.median([labels_beyond_chance(zoo.labels(model), victim, classes) for model in chosen]))
    if clearly_knows(beyond):
        return None
    accuracy = float(np.median([zoo.accuracy(model) for model in chosen]))
    return Unfit(
        Note(
            "zoo-disagrees",
            f"The calibration models agree with the victim's labels of the test images no more than chance would have "
            f"it (median kappa {look.agreement:.2f}; their median accuracy is {accuracy:.3f}), so that they cannot "
            "stand for innocent models.",
        ),
        f"check that the victim is made for these data and labels; where it is, {_TRAIN_MORE}",
    )


def _kappa(zoo: Zoo, model: ZooModel) -> float:
    """Return how far a model gives the victim's labels of the test images, as Cohen's kappa."""
    given, victim = zoo.labels(model), zoo.workspace.victim_labels()
    agreed = float((given == victim).double().mean())
    return above_chance(agreed, guessing(given, victim, zoo.workspace.dataset.num_classes))

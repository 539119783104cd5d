"""Is this victim fit to accuse anybody? One function for each thing that speaks against it, before any training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.enrolment.class_order import found_order
from fpframe.enrolment.clearly import (
    above_chance,
    beyond_chance,
    bounds,
    clearly_knows,
    errs_far_less,
    guessing,
    labels_beyond_chance,
)
from fpframe.enrolment.fitness import VictimLook
from fpframe.enrolment.method import LEAST_FIT
from fpframe.enrolment.settling import Unfit
from fpframe.enrolment.victim_gradients import no_gradients
from fpframe.enrolment.victim_preparation import preparation_in_bytes, what_helps_a_stranger
from fpframe.enrolment.victim_sight import Sight
from fpframe.models import CALLED, Finding, find

#: Names that a message lists; more would hide its end.
_LISTED = 12


def look_at_victim(sight: Sight) -> tuple[VictimLook, list[Unfit]]:
    """Return what is seen of a victim, and in what it is unfit."""
    found = [unfit for check in CHECKS if (unfit := check(sight)) is not None]
    return sight.look(_guessing(sight)), found


def answers_not_logits(sight: Sight) -> Unfit | None:
    """Look for outputs that a softmax or a sigmoid has made already, as the answers of suspects are looked at."""
    found = find(sight.answers)
    if found is None or (isinstance(found, Finding) and found.kind == "logits"):
        return None
    if isinstance(found, Finding):
        what = f"look like {CALLED[found.kind]} ({found.evidence})"
    elif found.settled or bool((sight.answers < -1e-6).any()):  # as after a ReLU: of no use to guess, and no harm
        return None
    else:
        what = f"are probabilities no longer, and no logits either ({found.evidence})"
    return Unfit(
        Note(
            "answers-not-logits",
            f"The victim's outputs for {len(sight.answers)} test images {what}, where logits are expected; read as "
            "logits they hide how sure it is.",
        ),
        "return what the layer before the softmax or sigmoid gives, or the logarithms of the probabilities",
    )


def order_of_classes(sight: Sight) -> Unfit | None:
    """Look for another order of the classes."""
    given = torch.cat([sight.given, sight.pool_answers.argmax(1)])
    means = found_order(given, torch.cat([sight.truth, sight.pool.labels]), len(sight.classes))
    if means is None:
        return None
    right = int((torch.tensor(means)[sight.given] == sight.truth).sum())
    moved = [label for label, meant in enumerate(means) if label != meant]
    pairs = [f"output {label} is '{sight.classes[means[label]]}', not '{sight.classes[label]}'" for label in moved]
    names = [sight.classes[meant] for meant in means]
    lists = f", which are {', '.join(names)}" if len(names) <= _LISTED else ""
    return Unfit(
        Note(
            "order-of-classes",
            f"The victim numbers the classes in another order than the data: it gets "
            f"{sight.counted} right as it is, and {right} with the order in which "
            f"{'; '.join(pairs[:_LISTED])}{'; and so on' if len(pairs) > _LISTED else ''}.",
        ),
        f"write the names in the victim's order into a file, one on each line{lists}, and give it with --classes FILE "
        "(in Python fpframe.Run(classes=[...])); if the accuracy is still too low then, check --mean and --std",
    )


def victim_at_chance(sight: Sight) -> Unfit | None:
    """Look for a victim of which nothing shows that it knows the task: neither its labels nor its logits.

    Images of the pool count as well, since few test images may not suffice to show it.
    """
    seen = ((sight.answers, sight.truth), (sight.pool_answers, sight.pool.labels))
    if any(clearly_knows(beyond) for answers, truth in seen for beyond in _beyond(answers, truth, len(sight.classes))):
        return None
    return Unfit(
        Note(
            "victim-at-chance",
            f"The victim gets {sight.counted} right, which is not clearly more than labels in "
            f"the same shares would get by chance ({_guessing(sight):.3f}).",
        ),
        what_helps_a_stranger(sight),
    )


def victim_below_data(sight: Sight) -> Unfit | None:
    """Look for a victim that knows far less than the data show at first sight."""
    count, plain = len(sight.truth), int((sight.class_means == sight.truth).sum())
    most = above_chance(bounds(sight.right, count)[1], _guessing(sight))
    least = above_chance(bounds(plain, count)[0], guessing(sight.class_means, sight.truth, len(sight.classes)))
    if most >= least / 10:
        return None
    return Unfit(
        Note(
            "victim-below-data",
            f"The victim gets {sight.counted} right, where the nearest mean image of a class gets "
            f"{plain}: above chance, less than a tenth of that.",
        ),
        what_helps_a_stranger(sight),
    )


def pool_memorised(sight: Sight) -> Unfit | None:
    """Look for a victim that was trained on the images that suspects are to be asked."""
    count, pool = len(sight.truth), len(sight.pool)
    if not errs_far_less(pool - sight.pool_right, pool, count - sight.right, count):
        return None
    return Unfit(
        Note(
            "pool-memorised",
            f"The victim gets {sight.pool_right} of {pool} images of the pool right and "
            f"{sight.counted}: it seems to have been trained on the images that suspects are asked, and "
            "whoever was trained on them too answers alike.",
        ),
        "name the images that it has seen with --victim-indices, and keep some that it has not for the pool",
    )


def too_few_planned(sight: Sight) -> Unfit | None:
    """Look for a recipe with too few models of a kind to fit an encoder on."""
    if not sight.method.learns:
        return None
    fit = [model.relation for model in sight.plan if model.split == "fit"]
    for relation in ("derived", "independent"):
        if fit.count(relation) < LEAST_FIT:
            return Unfit(
                Note(
                    "too-few-to-fit",
                    f"Recipe '{sight.setting.recipe.name}' has {fit.count(relation)} {relation} model in 'fit', and "
                    f"what an encoder learns from fewer than {LEAST_FIT} of a kind is what one model is like.",
                ),
                "give [[derived]] and [[independent]] of the recipe more models in 'fit', or take a scheme that "
                "learns nothing, such as akh",
            )
    return None


#: What is looked for, the most particular causes first.
CHECKS: tuple[Callable[[Sight], Unfit | None], ...] = (
    preparation_in_bytes,
    answers_not_logits,
    order_of_classes,
    victim_at_chance,
    victim_below_data,
    no_gradients,
    pool_memorised,
    too_few_planned,
)


def _guessing(sight: Sight) -> float:
    return guessing(sight.given, sight.truth, len(sight.classes))


def _beyond(answers: Tensor, truth: Tensor, classes: int) -> tuple[float, float]:
    """Return how far beyond chance the labels of outputs ``(N, K)`` are, and the outputs themselves."""
    return labels_beyond_chance(answers.argmax(1), truth, classes), beyond_chance(answers, truth)

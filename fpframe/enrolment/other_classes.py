"""An enrolment as suspects with other classes, or in another order, are compared with it.

Whatever is done to a suspect's answers is done to the victim's and to those of the calibration models.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from fpframe.enrolment.ability import Ability
from fpframe.enrolment.enrolment import Enrolment
from fpframe.models.classes import SharedClasses, matched_order


def restricted(enrolment: Enrolment, shared: SharedClasses, channel: str) -> Enrolment:
    """Return an enrolment whose models tell some classes only, in a channel."""
    calibration = enrolment.calibration
    answers = {name: shared(given, channel) for name, given in calibration.answers.items()}
    return attrs.evolve(
        enrolment,
        calibration=attrs.evolve(calibration, answers=answers, views={}),
        ability=enrolment.ability and restricted_ability(enrolment.ability, shared.shared),
    )


def restricted_ability(ability: Ability, shared: tuple[int, ...]) -> Ability:
    """Return how able models are on the labelled images of some classes.

    Nobody recorded which of these classes a calibration model would have named where it named another: that is -1.
    """
    rows = shared_images(ability, shared)
    return attrs.evolve(
        ability,
        images=ability.images[rows],
        truth=ability.truth[rows],
        victim=_only(ability.victim[rows], shared),
        models=_only(ability.models[:, rows], shared),
    )


def shared_images(ability: Ability, shared: tuple[int, ...]) -> Tensor:
    """Return which of the labelled images show a shared class."""
    return torch.isin(ability.truth.long(), torch.tensor(shared)).nonzero().flatten()


def matched(enrolment: Enrolment) -> Enrolment | list[str]:
    """Return an enrolment whose calibration models have their classes in the order that labelled images show.

    They go through what a suspect goes through whose order nobody knows. Where some cannot, their names are returned.

    Raises:
        ValueError: the enrolment has no labelled images.
    """
    calibration, ability, classes = enrolment.calibration, enrolment.ability, len(enrolment.classes)
    if ability is None:
        raise ValueError("nothing says how able the calibration models are, so that their classes cannot be matched")
    found = [matched_order(labels, ability.truth, classes) for labels in ability.models]
    orders = [order for order in found if order is not None]
    if len(orders) < len(found):
        return [model.name for model, order in zip(calibration.models, found, strict=True) if order is None]
    if all(order == list(range(classes)) for order in orders):
        return enrolment
    means = torch.tensor(orders)
    columns = means.argsort(1)  # by class of the victim's, the model's own
    answers = {
        name: torch.stack([rows[..., order] for rows, order in zip(given, columns, strict=True)])
        for name, given in calibration.answers.items()
    }
    labels = means.gather(1, ability.models.long()).to(ability.models.dtype)
    return attrs.evolve(
        enrolment,
        calibration=attrs.evolve(calibration, answers=answers, views={}),
        ability=attrs.evolve(ability, models=labels),
    )


def _only(labels: Tensor, shared: tuple[int, ...]) -> Tensor:
    return torch.where(torch.isin(labels.long(), torch.tensor(shared)), labels, -1)

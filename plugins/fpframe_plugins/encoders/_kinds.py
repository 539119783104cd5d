"""The answers that an encoder is fitted on, divided into those of derived and of independent models.

Not a plugin: encoders that take off what independent models share use it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import fpframe
from fpframe.interfaces import Relation


def both_kinds(answers: Tensor, relation: Sequence[Relation], *, name: str) -> tuple[Tensor, Tensor]:
    """Return the answers ``(M * V, Q, K)`` of the derived and of the independent models; each view is a sample.

    Args:
        answers: ``(M, V, Q, K)``.
        relation: what each model is to the victim, whose own answers are left out.
        name: of the encoder that asks.

    Raises:
        DataError: there is no independent model.
    """
    derived, independent = (
        answers[torch.tensor([kind == wanted for kind in relation])].flatten(0, 1)
        for wanted in ("derived", "independent")
    )
    if not len(independent):
        raise fpframe.DataError(
            f"'{name}' needs independent models to know what all models share; give the recipe 'fit' models under "
            "[[independent]]"
        )
    return derived, independent

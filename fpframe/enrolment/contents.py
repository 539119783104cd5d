"""`Contents`: everything that an enrolment holds, as plain fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from torch import Tensor, nn

from fpframe.base import Note
from fpframe.decision import Standard
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.calibration import Calibration
from fpframe.enrolment.commitment import Committed
from fpframe.enrolment.fitness import Fitness
from fpframe.enrolment.origin import Origin
from fpframe.interfaces import ComponentSpec
from fpframe.models import Preparation, QuerySet
from fpframe.recipe import Recipe


@attrs.frozen(kw_only=True, eq=False)
class Contents:
    """What an enrolment holds: `Enrolment` says what each field is, `fpframe.enrolment.format` how it is written."""

    recipe: Recipe
    scheme: str
    encoder: ComponentSpec
    encoder_revision: int
    queries: QuerySet
    deltas: tuple[Tensor, ...]
    encoders: Mapping[str, nn.Module]
    victim_answers: Tensor
    calibration: Calibration
    standards: Mapping[str, Standard]
    victim: Mapping[str, Any]
    classes: tuple[str, ...]
    assumptions: tuple[Note, ...]
    profile: Mapping[str, Any]
    ability: Ability | None = None
    fitness: Fitness | None = None
    preparation: Preparation | None = None
    origin: Origin | None = None
    commitment: Committed | None = None

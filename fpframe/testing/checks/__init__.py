"""The checks, one module for each kind of component, and three for all kinds."""

from __future__ import annotations

from types import ModuleType

from fpframe.testing.check import Check
from fpframe.testing.checks import (
    attack,
    augmenter,
    backbone,
    conduct,
    dataset,
    encoder,
    filter,
    imports,
    parameters,
    perturbation,
    scheme,
    stratum,
    suspect,
)

_MODULES: tuple[ModuleType, ...] = (
    parameters,
    imports,
    conduct,
    perturbation,
    augmenter,
    encoder,
    attack,
    filter,
    backbone,
    dataset,
    suspect,
    scheme,
    stratum,
)

#: Every check, in the order in which reports list them.
ALL: tuple[Check, ...] = tuple(
    found for module in _MODULES for found in vars(module).values() if isinstance(found, Check)
)

"""`References`: the models of the fit split, for components that declare ``needs_references``."""

from __future__ import annotations

import attrs

from fpframe.classifier import Classifier


@attrs.frozen(eq=False)
class References:
    """Models that a method may learn from; never a model that calibrates or tests a verdict.

    Attributes:
        derived: models made from the victim.
        independent: models not made from it.
    """

    derived: tuple[Classifier, ...] = ()
    independent: tuple[Classifier, ...] = ()

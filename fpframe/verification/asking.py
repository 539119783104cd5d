"""`Asking`: how suspects are asked and judged."""

from __future__ import annotations

import attrs

from fpframe.decision import Test
from fpframe.verification.class_telling import ClassTelling
from fpframe.verification.detection import AUTO


@attrs.frozen(kw_only=True, eq=False)
class Asking:
    """How suspects are asked and judged.

    Attributes:
        channel: what they reveal; ``auto`` reads it from their answers.
        through: the filter that they answer through; ``auto`` looks for one where answers change, ``none`` does not.
        test: how scores become a verdict; only ``sequential`` stops early.
        certify: whether a verdict has to hold with 95 % confidence in the calibration.
        classes: how it is told which classes they tell.
    """

    channel: str = AUTO
    through: str = AUTO
    test: Test = "conformal"
    certify: bool = False
    classes: ClassTelling = attrs.field(factory=ClassTelling)

"""`FpframeOwnership`: an evaluation of the Adversarial Robustness Toolbox that tells whose model an estimator is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fpframe
from fpframe_plugins._art import art


class FpframeOwnership(art("evaluations.evaluation", "FpframeOwnership").Evaluation):  # type: ignore[misc]
    """Question an ART classifier as a suspect, and return the verdict.

    Importing it imports ART, and says what to install where ART is missing.
    """

    def __init__(self, enrolment: fpframe.Enrolment | str | Path, **options: Any) -> None:
        """Prepare the evaluation.

        Args:
            enrolment: of the owner's model, or its folder.
            options: as of `fpframe.verify`, for every estimator.
        """
        self.enrolment = enrolment
        self.options = options

    def evaluate(self, estimator: Any, **options: Any) -> fpframe.Verdict:
        """Return the verdict on a classifier of ART.

        Args:
            estimator: the suspect; its ``predict`` is called, and nothing else.
            options: as of `fpframe.verify`; they go before those of the constructor.

        Raises:
            UsageError: an option is impossible.
            ModelError: it is not a classifier, or has other classes or other images than the enrolment.
        """
        if not isinstance(estimator, art("estimators.classification", "FpframeOwnership").ClassifierMixin):
            raise fpframe.ModelError(
                f"ownership is told of classifiers (got {type(estimator).__name__}); wrap the model in one of "
                "art.estimators.classification"
            )
        return fpframe.verify(self.enrolment, estimator, **{**self.options, **options})

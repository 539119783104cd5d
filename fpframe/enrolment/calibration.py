"""`Calibration`: independent models that fitted nothing, what they answered, and how they score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from torch import Tensor, nn

from fpframe.decision import Standard, StratumPaths, mean_of_views
from fpframe.enrolment.scoring import Scorer

#: The name of answers that went through no filter.
PLAIN = ""
#: How the source of models of a recipe begins.
FROM_RECIPE = "recipe "


@attrs.frozen(kw_only=True)
class CalibrationModel:
    """One independent model that a suspect is compared with.

    Attributes:
        name: its lineage, or the file that it came from.
        stratum: kind of independent model.
        family: models of one family share an origin.
    """

    name: str
    stratum: str
    family: str


@attrs.frozen(kw_only=True, eq=False)
class Calibration:
    """What a suspect is compared with.

    Attributes:
        models: the models.
        answers: their probabilities ``(M, V, Q, K)`` to the query set, by the filter that they answered through;
            `PLAIN` for none. They are kept so that anybody can compute the scores again, and so that further channels
            and filters can be calibrated without the models.
        views: their view scores ``(M, V)``, by channel and filter.
        source: where the models came from.
    """

    models: tuple[CalibrationModel, ...]
    answers: Mapping[str, Tensor]
    views: Mapping[str, Mapping[str, np.ndarray]]
    source: str

    @classmethod
    def of(
        cls,
        models: Sequence[CalibrationModel],
        answers: Mapping[str, Tensor],
        encoders: Mapping[str, nn.Module],
        standards: Mapping[str, Standard],
        victim_answers: Tensor,
        *,
        source: str,
    ) -> Calibration:
        """Score models in every channel that has an encoder, and through every filter."""
        views = {}
        for channel in encoders:
            score = Scorer(encoders, standards, victim_answers, channel)
            views[channel] = {name: score.views(given) for name, given in answers.items()}
        return cls(models=tuple(models), answers=dict(answers), views=views, source=source)

    @property
    def rows(self) -> dict[str, list[int]]:
        """Which of the models are of each stratum."""
        rows: dict[str, list[int]] = {}
        for row, model in enumerate(self.models):
            rows.setdefault(model.stratum, []).append(row)
        return dict(sorted(rows.items()))

    def by_stratum(self, views: np.ndarray, families: Sequence[str]) -> dict[str, StratumPaths]:
        """Divide view scores ``(M, V)`` of the models by stratum, and the family of each model with them."""
        return {
            stratum: StratumPaths(views=views[chosen], families=tuple(families[row] for row in chosen))
            for stratum, chosen in self.rows.items()
        }

    def by_model(self, paths: Mapping[str, StratumPaths]) -> tuple[list[float], list[str]]:
        """Return score and family of each model, in their order, from what `by_stratum` returned."""
        scores, families = [0.0] * len(self.models), [""] * len(self.models)
        for stratum, rows in self.rows.items():
            for row, views, family in zip(rows, paths[stratum].views, paths[stratum].families, strict=True):
                scores[row], families[row] = mean_of_views(views), family
        return scores, families

    @property
    def counts(self) -> dict[str, int]:
        """Number of models by stratum."""
        return {stratum: len(rows) for stratum, rows in self.rows.items()}

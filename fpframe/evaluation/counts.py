"""How often models were called derived, and how well their scores separate: with n and an interval, always."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from fpframe.decision import DERIVED, INCONCLUSIVE, PowerAt, aruc, auc, auc_interval, clopper_pearson, tpr_at_fpr

#: False-positive rates at which the share of thefts found is asked for.
LEVELS = (0.0, 0.01, 0.05, 0.1)


@attrs.frozen(kw_only=True)
class Separation:
    """How well the scores of some derived models separate from those of some independent ones.

    Attributes:
        derived: which derived models.
        independent: which independent models.
        n_derived: their number.
        n_independent: their number.
        auc: chance that a derived one scores higher.
        interval: 95 % interval of the AUC, with families as the units.
        aruc: area under the robustness-uniqueness curve over thresholds from -1 to 1.
        power: share of derived models above a threshold that a given share of the independent ones reaches, by that
            share; ``None`` where these are too few to tell.
    """

    derived: str
    independent: str
    n_derived: int
    n_independent: int
    auc: float
    interval: tuple[float, float]
    aruc: float
    power: dict[str, PowerAt | None]


@attrs.frozen(kw_only=True)
class Rate:
    """How often something was called derived.

    Attributes:
        kind: which models.
        hits: how many models were called derived.
        inconclusive: how many got no verdict.
        n: out of how many.
        families: how many families these are; a family is called derived as soon as one of its models is.
        interval: exact (Clopper-Pearson) 95 % interval of the rate of families called derived.
    """

    kind: str
    hits: int
    inconclusive: int
    n: int
    families: int
    interval: tuple[float, float]


def rate(kind: str, verdicts: Sequence[tuple[str, str]]) -> Rate:
    """Return how many of models, each with a verdict and a family, were called derived."""
    accused = [family for verdict, family in verdicts if verdict == DERIVED]
    families = len({family for _, family in verdicts})
    return Rate(
        kind=kind,
        hits=len(accused),
        inconclusive=sum(verdict == INCONCLUSIVE for verdict, _ in verdicts),
        n=len(verdicts),
        families=families,
        interval=clopper_pearson(len(set(accused)), families),
    )


def separation(
    derived: str, thieves: Sequence[tuple[float, str]], independent: str, others: Sequence[tuple[float, str]]
) -> Separation:
    """Return how well models, each with a score and a family, separate."""
    sides = [[score for score, _ in side] for side in (thieves, others)]
    families = [len({family for _, family in side}) for side in (thieves, others)]
    known = all(sides)
    area = auc(*sides) if known else math.nan
    return Separation(
        derived=derived,
        independent=independent,
        n_derived=len(thieves),
        n_independent=len(others),
        auc=area,
        interval=auc_interval(area, *families) if known else (0.0, 1.0),
        aruc=aruc(*sides, low=-1.0, high=1.0) if known else math.nan,
        power={f"{level:g}": tpr_at_fpr(sides[0], sides[1], level) if known else None for level in LEVELS},
    )

"""`leave_each_out`: each calibration model is judged by the others, as if it were a suspect."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, stdev

import attrs

from fpframe.decision import StratumPaths, StratumScores, reaches, stratum_p_value
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.calibration import Calibration


@attrs.frozen(kw_only=True)
class LeftOutModels:
    """What calibration models would be called, each judged by the others.

    Attributes:
        accused: names of those that would be called derived at alpha.
        n: models.
        alpha: the level.
        floor: the smallest p-value that the others allow; nobody is accused where it is above alpha.
        highest: name of the model with the highest score of its stratum, by standard deviations.
        gap: how many standard deviations of the others of its stratum it stands above their mean; NaN with two others
            or fewer.
    """

    accused: tuple[str, ...]
    n: int
    alpha: float
    floor: float
    highest: str
    gap: float

    def in_words(self) -> str:
        """Return it as a sentence."""
        stands = (
            f"; the one that stands out most is {self.highest}, {self.gap:.1f} standard deviations above the others"
        )
        stands = stands if self.gap == self.gap else ""
        if self.floor > self.alpha:
            return (
                f"each judged by the others: none of {self.n} can be called derived, for so few allow no p-value below "
                f"{self.floor:.3g}{stands}"
            )
        named = f" ({', '.join(self.accused[:5])}{' and others' if len(self.accused) > 5 else ''})"
        called = f"{len(self.accused)} of {self.n} would be called derived{named if self.accused else ''}"
        return f"each judged by the others: {called}{stands}"


def leave_each_out(
    calibration: Calibration, paths: Mapping[str, StratumPaths], ability: Ability | None, *, alpha: float
) -> LeftOutModels:
    """Judge each calibration model, and those of its family, by all others.

    Args:
        calibration: the models.
        paths: their view scores, by stratum.
        ability: how able they are; those clearly less able than the one that is judged count as usual.
        alpha: the level.
    """
    scores, families = calibration.by_model(paths)
    accused, floors, gaps = [], [], []
    for row, model in enumerate(calibration.models):
        p, floor = _judged(row, calibration.rows, scores, families, ability)
        floors.append(floor)
        if reaches(p, alpha):
            accused.append(model.name)
        others = [scores[other] for other in calibration.rows[model.stratum] if families[other] != families[row]]
        gaps.append(_gap(scores[row], others))
    most = max(range(len(gaps)), key=lambda row: -1e9 if gaps[row] != gaps[row] else gaps[row])
    return LeftOutModels(
        accused=tuple(accused),
        n=len(calibration.models),
        alpha=alpha,
        floor=max(floors),
        highest=calibration.models[most].name,
        gap=gaps[most],
    )


def _judged(
    row: int,
    strata: Mapping[str, list[int]],
    scores: list[float],
    families: list[str],
    ability: Ability | None,
) -> tuple[float, float]:
    """Return the p-value of a model, and the smallest that the others allow."""
    less = ability.less_able_than(ability.models[row]) if ability is not None else ()
    found = []
    for rows in strata.values():
        others = [other for other in rows if families[other] != families[row]]
        if others:
            stratum = StratumScores(
                scores=tuple(scores[other] for other in others), families=tuple(families[other] for other in others)
            )
            weak = tuple(less[other] for other in others) if any(less) else ()
            found.append((stratum_p_value(scores[row], attrs.evolve(stratum, less_able=weak)).p, stratum.floor))
    return (max(p for p, _ in found), max(floor for _, floor in found)) if found else (1.0, 1.0)


def _gap(score: float, others: list[float]) -> float:
    if len(others) < 3 or not stdev(others):
        return float("nan")
    return (score - fmean(others)) / stdev(others)

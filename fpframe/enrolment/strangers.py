"""What strangers would be called: each kind of calibration model is left out in turn, and judged by the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from fpframe.base import Note
from fpframe.decision import StratumPaths, StratumScores, clopper_pearson, reaches, stratum_p_value
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.calibration import Calibration
from fpframe.enrolment.settling import Unfit
from fpframe.zoo import VICTIM, begins_at_base

#: The architecture in the name of a model of a zoo: what its last brackets begin with that name one, and no setting.
_ARCHITECTURE = re.compile(r"\[(?!\w+=)([^\[\],]+)[,\]]")
#: The code of an architecture of which too many models would be accused.
ARCHITECTURE_ACCUSED = "architecture-accused"


@attrs.frozen(kw_only=True)
class Strangers:
    """How often models of one kind would be called derived, had nobody of the kind been calibrated.

    Attributes:
        by: what the kind is: a stratum, or an architecture.
        name: of the kind.
        accused: models that would be called derived.
        n: models of the kind.
        families: families of them.
        families_accused: families of which at least one model would be.
        level: what their p-values were held to: alpha, or the smallest that the others allow.
        interval: exact (Clopper-Pearson) 95 % interval of the rate of families that are accused.
    """

    by: Literal["stratum", "architecture"]
    name: str
    accused: int
    n: int
    families: int
    families_accused: int
    level: float
    interval: tuple[float, float]

    def least(self, *, looks: int = 1) -> float:
        """Return the rate of families that are accused at least.

        Args:
            looks: at how many kinds somebody looks for one that alarms; they share the 95 % of confidence.
        """
        return clopper_pearson(self.families_accused, self.families, confidence=1 - 0.05 / looks)[0]


def find_strangers(
    calibration: Calibration, paths: Mapping[str, StratumPaths], ability: Ability | None, *, alpha: float
) -> tuple[Strangers, ...]:
    """Leave out each stratum, and each architecture, and judge its models by all others.

    p-values promise nothing here: no calibration model is like those that are judged.

    Args:
        calibration: the models.
        paths: their view scores, by stratum.
        ability: how able they are; those clearly less able than the one that is judged count as usual.
        alpha: the level.
    """
    scores, families = calibration.by_model(paths)
    kinds: list[tuple[Literal["stratum", "architecture"], list[str]]] = [
        ("stratum", [model.stratum for model in calibration.models]),
        ("architecture", [architecture_of(model.name) for model in calibration.models]),
    ]
    found = []
    for by, names in kinds:
        for name in sorted(set(names) - {""}):
            left_out = [row for row, other in enumerate(names) if other == name]
            if len(left_out) < len(names):
                found.append(_judged(by, name, left_out, calibration.rows, scores, families, ability, alpha))
    return tuple(found)


def architecture_of(name: str) -> str:
    """Return the architecture of a model of a zoo by its name; empty where the name tells none."""
    named: list[str] = _ARCHITECTURE.findall(name)
    return named[-1] if named else ""


def stranger_notes(strangers: Sequence[Strangers]) -> Iterator[Note]:
    """Yield what the reader of a verdict should know of strata that would be accused if they were not calibrated."""
    for each in strangers:
        if each.by == "stratum" and each.accused:
            yield Note(
                "strangers-accused",
                f"If models of kind '{each.name}' were not calibrated, {each.accused} of {each.n} would be called "
                f"derived at level {each.level:g}. A suspect of a kind that is not calibrated may be such a stranger.",
            )


def look_at_strangers(strangers: Sequence[Strangers]) -> list[Unfit]:
    """Return the architectures of which too many models would be accused if they were not calibrated.

    A suspect of an architecture that nobody thought of is such a stranger. Models of the victim's own architecture
    always calibrate, or a caveat says that none does.
    """
    # one model of its architecture can alarm nobody
    looked_at = [
        each for each in strangers if each.by == "architecture" and not _victims(each.name) and each.families > 1
    ]
    looks = max(1, len(looked_at))
    found = [
        Unfit(
            Note(
                "architecture-accused",
                f"If models of architecture '{each.name}' were not calibrated, {each.accused} of {each.n} would be "
                f"called derived at level {each.level:g}, more than chance allows (at least "
                f"{each.least(looks=looks):.2f}, with {looks} kinds and channels looked at).",
            ),
            "calibrate more architectures in other-architecture, fit on more models, or take another scheme",
        )
        for each in looked_at
        if each.least(looks=looks) > each.level
    ]
    return list(dict.fromkeys(found))  # the same may be true in several channels, and is said once


def _victims(architecture: str) -> bool:
    """Tell whether an architecture is the victim's own."""
    return architecture == VICTIM or begins_at_base(architecture)


def _judged(
    by: Literal["stratum", "architecture"],
    name: str,
    left_out: Sequence[int],
    strata: Mapping[str, Sequence[int]],
    scores: Sequence[float],
    families: Sequence[str],
    ability: Ability | None,
    alpha: float,
) -> Strangers:
    gone = set(left_out)
    others = {stratum: kept for stratum, rows in strata.items() if (kept := [row for row in rows if row not in gone])}
    plain = {stratum: _scores(rows, scores, families) for stratum, rows in others.items()}
    level = max(alpha, *(stratum.floor for stratum in plain.values()))
    accused = []
    for row in left_out:
        less = ability.less_able_than(ability.models[row]) if ability is not None else ()
        p = max(
            stratum_p_value(
                scores[row], attrs.evolve(plain[stratum], less_able=tuple(less[i] for i in rows) if any(less) else ())
            ).p
            for stratum, rows in others.items()
        )
        if reaches(p, level):
            accused.append(families[row])
    units = len({families[row] for row in left_out})
    return Strangers(
        by=by,
        name=name,
        accused=len(accused),
        n=len(left_out),
        families=units,
        families_accused=len(set(accused)),
        level=level,
        interval=clopper_pearson(len(set(accused)), units),
    )


def _scores(rows: Sequence[int], scores: Sequence[float], families: Sequence[str]) -> StratumScores:
    return StratumScores(scores=tuple(scores[row] for row in rows), families=tuple(families[row] for row in rows))

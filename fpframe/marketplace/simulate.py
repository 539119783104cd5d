"""`simulate`: draw suspects again and again, and count who would be accused."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from fpframe.decision import SHARINGS, Sharing, levels_of_many, reach
from fpframe.marketplace.kinds import Kinds
from fpframe.marketplace.scan import Scan
from fpframe.rng import derive_seed


@attrs.frozen(kw_only=True)
class Expected:
    """A number over many simulations.

    Attributes:
        mean: of all simulations.
        interval: where it lay in 95 of 100 simulations (2.5 % to 97.5 %).
    """

    mean: float
    interval: tuple[float, float]

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> Expected:
        """Return mean and interval of the numbers of single simulations."""
        low, high = np.quantile(np.asarray(values, dtype=np.float64), [0.025, 0.975])
        return cls(mean=float(np.mean(values)), interval=(float(low), float(high)))


@attrs.frozen(kw_only=True)
class Outcome:
    """What a way to scan comes to.

    Attributes:
        stages: 1 where everybody is asked all views; 2 where only those are that pass the first stage.
        sharing: how suspects share the level.
        false: innocent suspects that are called derived.
        found: thieves that are called derived.
        any_false: share of the simulations in which any innocent suspect is called derived.
        asked_further: suspects that are asked all views.
    """

    stages: int
    sharing: Sharing
    false: Expected
    found: Expected
    any_false: float
    asked_further: Expected


def simulate(innocents: Kinds, thieves: Kinds, scan: Scan, *, alpha: float) -> list[Outcome]:
    """Return what each way to scan comes to, over the same drawn suspects.

    Which models stand for the suspects is drawn anew in each simulation. Suspects that stand for the same model have
    the same p-value, so it does not matter how many they are.

    Args:
        innocents: what innocent suspects score.
        thieves: what thieves score.
        scan: the scan.
        alpha: the level.
    """
    source = np.random.default_rng(derive_seed(scan.seed, "scan"))
    numbers = (scan.suspects - scan.derived, scan.derived)
    drawn = [
        source.multinomial(count, kinds.share, scan.repeats)
        for count, kinds in zip(numbers, (innocents, thieves), strict=True)
    ]
    outcomes = []
    for stages in (1, 2):
        passing = [
            np.ones(len(kinds.p), bool) if stages == 1 else reach(kinds.first, scan.screen)
            for kinds in (innocents, thieves)
        ]
        further = sum(counts[:, passed].sum(1) for counts, passed in zip(drawn, passing, strict=True))
        for sharing in SHARINGS:
            false, found = _called((innocents, thieves), drawn, passing, alpha, sharing)
            outcomes.append(
                Outcome(
                    stages=stages,
                    sharing=sharing,
                    false=Expected.of(false),
                    found=Expected.of(found),
                    any_false=float(np.mean(false > 0)),
                    asked_further=Expected.of(further),
                )
            )
    return outcomes


def _called(
    kinds: tuple[Kinds, Kinds],
    drawn: Sequence[np.ndarray],
    passing: Sequence[np.ndarray],
    alpha: float,
    sharing: Sharing,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many innocents and thieves ``(R,)`` each are called derived in each simulation."""
    # who fails the first stage keeps the place in the count of all suspects, with a p-value that never passes
    p, sure = (
        np.concatenate(
            [np.where(passed, getattr(each, field), np.inf) for each, passed in zip(kinds, passing, strict=True)]
        )
        for field in ("p", "sure")
    )
    values, place = np.unique(p, return_inverse=True)
    counts = np.concatenate(drawn, axis=1)
    first_thief = len(kinds[0].p)
    called = np.zeros((len(counts), 2))
    for number, row in enumerate(counts):
        groups = np.bincount(place, weights=row, minlength=len(values))
        levels = levels_of_many(values, groups, alpha, sharing)[place]
        derived = np.where(reach(p, levels) & reach(sure, levels), row, 0)
        called[number] = derived[:first_thief].sum(), derived[first_thief:].sum()
    return called[:, 0], called[:, 1]

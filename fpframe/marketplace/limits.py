"""`Limits`: what no scan by an enrolment can reach, whatever suspects score."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs

from fpframe.decision import StratumScores, needed_models
from fpframe.marketplace.scan import Scan


@attrs.frozen(kw_only=True)
class Limits:
    """The floor of p-values, and what follows from it.

    Attributes:
        floor: the smallest p-value that any suspect can have.
        families: families of calibration models in the smallest stratum, on which it rests.
        needed_by_holm: families that each stratum needs before Holm's procedure accuses anybody.
        together: accusations that Benjamini and Hochberg's procedure has to make at once, to make any.
        needed_by_bh: families that each stratum needs before it accuses the thieves alone, all of them at the floor.
    """

    floor: float
    families: int
    needed_by_holm: int
    together: int
    needed_by_bh: int

    @classmethod
    def of(cls, strata: Mapping[str, StratumScores], scan: Scan, *, alpha: float) -> Limits:
        """Return the limits of a scan at a level."""
        smallest = min(strata.values(), key=lambda stratum: stratum.units)
        floor = max(stratum.floor for stratum in strata.values())
        return cls(
            floor=floor,
            families=smallest.units,
            needed_by_holm=needed_models(alpha / scan.suspects),
            together=math.ceil(scan.suspects * floor / alpha * (1 - 1e-9)),
            needed_by_bh=needed_models(alpha * max(scan.derived, 1) / scan.suspects),
        )

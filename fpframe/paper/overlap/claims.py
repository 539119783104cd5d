"""What becomes of the paper's claims about overlap."""

from __future__ import annotations

from fpframe.paper.experiment import Claim, Outcome
from fpframe.paper.overlap.measured import RANGE, Measured
from fpframe.paper.overlap.text import rate_text

#: A share of the way to the derived models that somebody would notice.
_NOTICED = 0.2


def growth_claim(measured: Measured) -> Claim:
    """Tell whether similarity grows: where the slope's whole interval lies above 0 it does.

    Where the interval leaves room for more than a fifth of the way to the derived models, these are too few to tell.
    """
    slope = measured.slope
    distance = float(measured.derived.mean() - measured.scores.mean())
    room = RANGE * slope.interval[1]
    outcome: Outcome = "differs" if slope.interval[0] > 0 else "undecided" if room > _NOTICED * distance else "agrees"
    ranks = f"; ranks do grow (correlation {slope.rank_text})" if slope.rank > 0 and slope.rank_p_value <= 0.05 else ""
    return Claim(
        what="similarity of independent models by the overlap of their training images: slope per unit of overlap",
        paper="does not grow",
        ours=slope.text,
        outcome=outcome,
        why=f"it grows by {RANGE * slope.value:.3f} over the range, where derived models are {distance:.3f} above these"
        if outcome == "differs"
        else f"{slope.n} models could not have told a slope of less than {slope.half:.3f} from none{ranks}",
    )


def accused_claim(measured: Measured, alpha: float) -> Claim:
    """Compare the share that is called derived with alpha: its interval has to lie on one side."""
    low, high = measured.accused.interval
    outcome: Outcome = "agrees" if high <= alpha else "differs" if low > alpha else "undecided"
    return Claim(
        what="independent models with overlapping training images that are called derived",
        paper="",
        ours=rate_text(measured.accused),
        outcome=outcome,
        why={
            "agrees": f"at most the promised {alpha:g}",
            "differs": f"more than the promised {alpha:g}",
            "undecided": f"the interval reaches to both sides of the promised {alpha:g}",
        }[outcome],
    )

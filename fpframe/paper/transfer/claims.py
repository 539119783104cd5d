"""What becomes of the paper's claims about another victim."""

from __future__ import annotations

from fpframe.decision import AreaTest
from fpframe.paper.experiment import Claim, Outcome
from fpframe.paper.statistics import LEVEL, contrast_text
from fpframe.paper.transfer.judged import Judged

#: Means of the paper: derived and independent models of the second victim under the first one's encoder.
DERIVED, INDEPENDENT = 0.85, 0.33
#: An encoder that loses less AUC than this is as good.
_CLOSE = 0.05


def mean_claims(first: Judged) -> list[Claim]:
    """Compare the paper's means with ours: they agree where our interval holds the paper's figure."""
    claims, averages = [], dict(zip(("derived", "independent"), first.averages[:2], strict=True))
    for (side, average), paper in zip(averages.items(), (DERIVED, INDEPENDENT), strict=True):
        low, high = average.interval
        other = "independent" if side == "derived" else "derived"
        claims.append(
            Claim(
                what=f"mean similarity of {side} models to the second victim, under the first victim's encoder",
                paper=f"{paper:.2f}",
                ours=average.text,
                outcome="agrees" if low <= paper <= high else "differs",
                # a mean says nothing by itself: an encoder may find everything similar
                why=f"{average.value - paper:+.2f}, where {other} models have {averages[other].value:.3f}; other "
                "victims, thieves and independent models than the paper's",
            )
        )
    return claims


def transfer_claim(first: Judged) -> Claim:
    """Tell whether the first victim's encoder does better than chance."""
    low, high = first.area.interval
    return Claim(
        what="the first victim's encoder tells the second victim's derived from independent models: AUC",
        paper="above 0.5",
        ours=first.area.text,
        outcome="agrees" if low > 0.5 else "differs" if high < 0.5 else "undecided",
        why="" if low > 0.5 or high < 0.5 else "the interval holds 0.5, which is chance",
    )


def compared_claim(first: Judged, own: Judged, test: AreaTest) -> Claim:
    """Compare with an encoder of its own: as good where the whole interval lies above a loss of `_CLOSE`."""
    low, high = test.interval
    if low == high:  # as where both separate completely, which says little when models are few
        low = first.area.interval[0] - own.area.auc
    outcome: Outcome = "undecided"
    if test.p_value <= LEVEL and test.difference < 0:
        outcome = "differs"
    elif low > -_CLOSE:
        outcome = "agrees"
    return Claim(
        what="it serves as well as an encoder of the second victim's own: AUC minus that of its own",
        paper="",
        ours=contrast_text(test),
        outcome=outcome,
        why={
            "differs": "its own is better",
            "agrees": f"a loss of {_CLOSE:g} or more is outside of the interval",
            "undecided": f"a loss of {_CLOSE:g} cannot be excluded with so few models",
        }[outcome],
    )

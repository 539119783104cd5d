"""What the models that share training images show, in words."""

from __future__ import annotations

from collections.abc import Mapping

from fpframe.evaluation import Rate
from fpframe.paper.laboratory import UAP, Laboratory
from fpframe.paper.overlap.measured import FRACTIONS, RANGE, Measured
from fpframe.paper.overlap.slope import Slope
from fpframe.paper.template import fill


def rate_text(found: Rate) -> str:
    """Return a rate with its interval and counts."""
    low, high = found.interval
    unsure = f", {found.inconclusive} without a verdict" if found.inconclusive else ""
    return f"{found.hits / found.n:.2f} [{low:.3f}, {high:.3f}] ({found.hits} of {found.n}{unsure})"


def text(
    laboratory: Laboratory, measured: Mapping[str, Measured], slopes: Mapping[str, Slope], shared: Mapping[str, int]
) -> str:
    """Return what was done and what it shows, as Markdown."""
    recipe, images = laboratory.recipe, len(laboratory.setting.workspace.parts.victim)
    ours = measured[UAP]
    room, gap = RANGE * ours.slope.interval[1], float(ours.derived.mean() - ours.scores.mean())
    compared = f", {room / gap:.0%} of their mean distance from the derived models ({gap:.3f})" if gap > 0 else ""
    off = max(abs(count - float(share) * images) for share, count in shared.items())
    counted = f"the asked one up to {off:g}" if off else "exactly the asked one"
    return fill(
        "overlap",
        count=recipe.experiments.overlap_models,
        lowest=f"{FRACTIONS[0]:g}",
        highest=f"{FRACTIONS[-1]:g}",
        images=images,
        counted=counted,
        alpha=f"{recipe.alpha:g}",
        schemes=[
            [
                f"`{scheme}`",
                each.slope.text,
                each.slope.rank_text,
                f"{each.scores.mean():.3f}",
                rate_text(each.accused),
                rate_text(each.found),
            ]
            for scheme, each in measured.items()
        ],
        ours=UAP,
        room=f"{max(room, 0):.3f}{compared if room > 0 else ''}",
        slopes=[[name, slope.text, slope.rank_text] for name, slope in slopes.items()],
    )

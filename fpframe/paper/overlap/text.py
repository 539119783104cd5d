"""What the models that share training images show, in words."""

from __future__ import annotations

from collections.abc import Mapping

from fpframe.evaluation import Rate
from fpframe.paper.laboratory import UAP, Laboratory
from fpframe.paper.overlap.measured import FRACTIONS, RANGE, Measured
from fpframe.paper.overlap.slope import Slope
from fpframe.report import markdown_table


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
    return "\n".join(
        [
            f"Models of the victim's architecture, {recipe.experiments.overlap_models} for each of the fractions "
            f"{FRACTIONS[0]:g} to {FRACTIONS[-1]:g}, were trained like the victim on {images} images: that fraction of "
            "the victim's own, and others that it has not seen. Images that are equal byte for byte were counted: "
            f"their number is {counted}. Similarity is the mean over views of the cosine to the victim, by "
            "an encoder that was fitted on the fit split and has seen no such model. Slopes are by least squares, per "
            "unit of overlap, with Student's 95 % interval; beside them stands Spearman's rank "
            "correlation. Each model is trained with a seed of its own and counts once. Models are called derived by "
            f"the rule of a verdict: a conformal p-value of at most {recipe.alpha:g} in each of the recipe's strata. "
            "Rates carry exact (Clopper-Pearson) 95 % intervals; failed thefts are not among the derived models.\n",
            markdown_table(
                [
                    "scheme",
                    "slope of similarity",
                    "rank correlation",
                    "mean similarity",
                    "called derived",
                    "held-out derived models called derived",
                ],
                [
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
            ),
            f"What this many models leave open, by `{UAP}`: from {FRACTIONS[0]:g} to {FRACTIONS[-1]:g} similarity may "
            f"still grow by {max(room, 0):.3f}{compared if room > 0 else ''}.\n",
            "Beyond the paper: the models themselves on the test images. These slopes tell whether more of the "
            "victim's images make a model answer more like the victim, whatever a fingerprint sees of it:\n",
            markdown_table(
                ["", "slope", "rank correlation"], [[name, s.text, s.rank_text] for name, s in slopes.items()]
            ),
        ]
    )

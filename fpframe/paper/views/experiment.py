"""Views: are several fingerprints of one model more alike than those of two models that are both derived?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fpframe.paper.experiment import Claim, Experiment, Finding, Table
from fpframe.paper.laboratory import CONTROL, UAP, Laboratory
from fpframe.paper.views.alike import Alike, Difference, paired
from fpframe.report.pictures import COLOURS, PALETTE, svg_text
from fpframe.report.verdicts import markdown_table

#: A difference with a larger p-value may be chance.
_LEVEL = 0.05
OWN, POSITIVES, INDEPENDENT = "own other views", "other positives", "independent models"


@attrs.frozen(kw_only=True, eq=False)
class Similarities:
    """What the positives, which are the victim and models derived from it, are alike to.

    Attributes:
        curves: by what is compared, the similarity ``(M, V)`` of each positive in each view.
        test: own other views less other positives, with the family as the unit.
        radii: by what is compared, the similarities to the victim's first fingerprint.
    """

    curves: Mapping[str, np.ndarray]
    test: Difference
    radii: Mapping[str, np.ndarray]


def run(laboratory: Laboratory) -> Finding:
    """Compare the answers of the victim and of all models, view by view."""
    found = {scheme: _similarities(laboratory, scheme) for scheme in (UAP, CONTROL)}
    ours = found[UAP]
    means = {scheme: {name: float(each.mean()) for name, each in f.curves.items()} for scheme, f in found.items()}
    positives, views = ours.curves[OWN].shape
    return Finding(
        data={
            "positives": positives,
            "mean_similarity": means,
            "own_less_positives": {scheme: attrs.asdict(each.test) for scheme, each in found.items()},
            "curves": {name: each.mean(0).tolist() for name, each in ours.curves.items()},
        },
        claims=(
            Claim(
                what="views of one fingerprint are more alike than other positives (cosine, median over families)",
                paper="more alike",
                ours=f"{ours.test.median:+.3f} (p = {ours.test.p_value:.2g}, n = {ours.test.families} families); "
                f"{means[UAP][OWN]:.3f} against {means[UAP][POSITIVES]:.3f}",
                outcome="undecided" if ours.test.p_value > _LEVEL else "agrees" if ours.test.median > 0 else "differs",
                why=f"the same view of independent models: {means[UAP][INDEPENDENT]:.3f}",
            ),
        ),
        text=_text(found, means, views),
        tables={
            "curves": Table(
                header=("view", *ours.curves),
                rows=[(view, *(float(each[:, view].mean()) for each in ours.curves.values())) for view in range(views)],
            )
        },
        pictures={"curves": _curves(ours), "distances": _distances(ours)},
    )


def _similarities(laboratory: Laboratory, scheme: str) -> Similarities:
    asked = laboratory.ask(scheme, "fit", "test")
    answers = dict(asked.models)
    thefts, innocents = laboratory.thefts("fit", "test"), laboratory.innocents("fit", "test")
    alike = Alike.of(torch.stack([asked.victim, *(answers[model] for model in (*thefts, *innocents))]))
    families = ["the victim", *(model.family for model in (*thefts, *innocents))]
    positive = list(range(1 + len(thefts)))
    others = list(range(1 + len(thefts), len(families)))
    own = families[: len(positive)]
    return Similarities(
        curves={
            OWN: alike.across[positive],
            POSITIVES: np.stack([_same_view(alike, row, positive, families) for row in positive]),
            INDEPENDENT: np.stack([_same_view(alike, row, others, families) for row in positive]),
        },
        test=paired(alike.own_views()[positive], alike.to_others(positive, families)[positive], own),
        radii={
            OWN: alike.across[0, 1:],
            POSITIVES: alike.between[0, positive[1:], 0],
            INDEPENDENT: alike.between[0, others, 0],
        },
    )


def _same_view(alike: Alike, row: int, others: Sequence[int], families: Sequence[str]) -> np.ndarray:
    """Return how alike a model is to others of other families, in each view ``(V,)``."""
    chosen = [other for other in others if families[other] != families[row]]
    means: np.ndarray = alike.between[row, chosen].mean(0)
    return means


def _curves(found: Similarities) -> str:
    """Draw the mean similarity over the positives for each view, with the middle half of them."""
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for name, colour, style in zip((OWN, POSITIVES, INDEPENDENT), _COLOURS, ("-", "--", ":"), strict=True):
        each = found.curves[name]
        first = 1 if name == OWN else 0  # the first view is itself
        views = np.arange(first, each.shape[1])
        low, high = np.quantile(each[:, first:], [0.25, 0.75], axis=0)
        axes.plot(views, each[:, first:].mean(0), color=colour, linestyle=style, marker="o", markersize=3, label=name)
        axes.fill_between(views, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("view v: the v-th nearest neighbours of the query points")
    axes.set_ylabel("cosine of the answers")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return svg_text(figure)


_COLOURS = (PALETTE[2], COLOURS["derived"], COLOURS["independent"])


def _distances(found: Similarities) -> str:
    """Draw 1/s as the distance from the victim's first fingerprint in the centre, a third of the circle for each."""
    figure = Figure(figsize=(5.4, 5.4), layout="constrained")
    axes = figure.add_subplot(projection="polar")
    for third, (name, colour) in enumerate(zip((OWN, POSITIVES, INDEPENDENT), _COLOURS, strict=True)):
        distances = 1 / np.clip(found.radii[name], 1e-3, None)
        angles = (third + np.linspace(0.08, 0.92, len(distances))) * 2 * np.pi / 3
        axes.plot(angles, distances - 1, "o", color=colour, markersize=4, alpha=0.7, markeredgewidth=0)
        axes.plot([], [], "o", color=colour, label=f"{name} (n = {len(distances)})")
    axes.plot([0], [0], "*", color=COLOURS["victim"], markersize=12, label="the victim's first view")
    axes.set_xticks([])
    ticks = [tick for tick in axes.get_yticks() if tick > 0]
    axes.set_yticks(ticks, [f"{1 + tick:.2f}" for tick in ticks], fontsize=8)
    axes.set_title("distance 1/s to the victim's first fingerprint", fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


def _text(found: Mapping[str, Similarities], means: Mapping[str, Mapping[str, float]], views: int) -> str:
    rows = [
        [
            f"`{scheme}`",
            *(f"{means[scheme][name]:.3f}" for name in (OWN, POSITIVES, INDEPENDENT)),
            f"{each.test.median:+.3f} (p = {each.test.p_value:.2g}, n = {each.test.families})",
        ]
        for scheme, each in found.items()
    ]
    return "\n".join(
        [
            "A fingerprint is taken as it is before any encoder: the answers to one view, clean and perturbed, "
            "one after another; s is the cosine of two of them. The positives of the contrastive loss are the "
            f"victim and the models derived from it. Each of them is compared with its own {views - 1} other "
            "views, with the same view of the other positives, and, beyond the paper, with the same view of "
            "independent models; models of its own family are left out. The first picture shows the means over "
            "the positives, and the middle half of them. In the second one the victim's first fingerprint is in "
            "the centre, and 1/s is the distance; angles only keep the points apart. Nothing is fitted, so that "
            "the models of the splits `fit` and `test` count; failed thefts do not.\n",
            markdown_table(
                ["queries of", OWN, POSITIVES, INDEPENDENT, "own views less positives, median over families"], rows
            ),
            "The p-value is that of Wilcoxon's signed-rank test over families. Other views are other images, so "
            "that a model can be less like itself in another view than like another model in the same one.\n",
        ]
    )


EXPERIMENT = Experiment(
    name="views",
    section="Supplement B (Figures Ba and Bb)",
    title="Views of one fingerprint",
    shows="Views of one fingerprint are more alike than other positives, so that they serve as positives for the "
    "contrastive loss.",
    run=run,
)

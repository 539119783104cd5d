"""What the experiment on auxiliary data did and found, in words, tables and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fpframe.paper.auxiliary.membership import Leak
from fpframe.paper.auxiliary.sources import SAME, TRAINING
from fpframe.paper.auxiliary.trial import RANDOM, Trial
from fpframe.paper.experiment import Outcome
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.statistics import contrast_text
from fpframe.paper.template import fill
from fpframe.report import PALETTE, open_axes, svg_text

_COST: Mapping[Outcome, str] = {
    "agrees": "; it costs no AUC that would matter here",
    "differs": "; here it costs some AUC",
    "undecided": "; whether that costs AUC, the models here are too few to tell",
}


def text(
    laboratory: Laboratory,
    trials: Sequence[Trial],
    leaks: Mapping[str, Leak],
    shares: Mapping[str, float],
    *,
    views: int,
    as_good: Outcome,
) -> str:
    """Return the page's paragraphs and tables.

    Args:
        laboratory: the laboratory.
        trials: every scheme with every source.
        leaks: how well training images are told from others, by who chose them.
        shares: share of training images among those shown, by source.
        views: views that were asked.
        as_good: whether other images of the problem serve as well as training data.
    """
    ours = [trial for trial in trials if trial.scheme == UAP]
    cells = {(trial.scheme, trial.source.name): trial.area.text for trial in trials}
    names = [trial.source.name for trial in ours]
    queries = laboratory.recipe.queries
    by_source = [
        [
            name,
            str(len(trial.source.images)),
            *(cells.get((scheme, name), "-") for scheme in (UAP, CONTROL, BASELINE)),
            "-" if name == TRAINING else contrast_text(trial.against),
            "-" if trial.fooling is None else f"{trial.fooling:.2f}",
        ]
        for name, trial in zip(names, ours, strict=True)
    ]
    return fill(
        "auxiliary",
        craft_images=queries.craft_images,
        views=views,
        points=queries.points,
        ours=UAP,
        control=CONTROL,
        baseline=BASELINE,
        by_source=by_source,
        names=names,
        by_kind=[[kind, *(trial.areas[kind].text for trial in ours)] for kind in ours[0].areas],
        shares=[[trial.source.name, str(len(trial.shown)), f"{shares[trial.source.name]:.2%}"] for trial in ours],
        training=TRAINING,
        same=SAME,
        leaks=[[name if name == RANDOM else f"shown by `{name}`", leak.text] for name, leak in leaks.items()],
        told=_told(leaks[UAP]),
        price=_COST[as_good],
    )


def _told(leak: Leak) -> str:
    """Say what the loss tells the holder of the paper's queries."""
    low, high = leak.interval
    if low > 0.5:
        return f"can tell by the loss, with an AUC of {leak.auc:.3f} for the images that `{UAP}` shows"
    if high < 0.5:
        return f"is led astray by the loss: its AUC for the images that `{UAP}` shows is {leak.auc:.3f}"
    return f"learns nothing from the loss that could be seen on the images that `{UAP}` shows"


def areas_picture(trials: Sequence[Trial]) -> str:
    """Draw the AUC of every scheme by source, with its interval."""
    schemes, names = (UAP, CONTROL, BASELINE), list(dict.fromkeys(trial.source.name for trial in trials))
    figure, axes = open_axes(7.6, 0.7 * len(names) + 1.6)
    for number, (scheme, colour, marker) in enumerate(zip(schemes, (*PALETTE[1::-1], "#777777"), "os^", strict=True)):
        chosen = [trial for trial in trials if trial.scheme == scheme]
        heights = [len(names) - names.index(trial.source.name) + 0.22 * (1 - number) for trial in chosen]
        areas = [trial.area for trial in chosen]
        spread = [[area.auc - area.interval[0] for area in areas], [area.interval[1] - area.auc for area in areas]]
        label = f"{scheme} (n = {areas[0].derived} / {areas[0].independent})"
        axes.errorbar(
            [area.auc for area in areas],
            heights,
            xerr=[[max(0.0, each) for each in side] for side in spread],
            fmt=marker,
            color=colour,
            markersize=5,
            linewidth=1.2,
            label=label,
        )
    axes.set_yticks(range(len(names), 0, -1), names)
    axes.set_ylim(0.5, len(names) + 0.5)
    axes.set_xlabel("AUC, all thefts against all independent models (95 % interval over families)")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return svg_text(figure)

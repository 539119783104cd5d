"""Views: are several fingerprints of one model more alike than those of two models that are both derived?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from fpframe.paper.average import Average
from fpframe.paper.experiment import Claim, Experiment, Finding, Table
from fpframe.paper.laboratory import CONTROL, UAP, Laboratory
from fpframe.paper.statistics import direction
from fpframe.paper.template import fill
from fpframe.paper.views.alike import Alike, Difference, paired
from fpframe.report import COLOURS, PALETTE, svg_text
from fpframe.rng import threads
from fpframe.zoo import ZooModel

#: A difference with a larger p-value may be chance.
OWN, POSITIVES, INDEPENDENT = "own other views", "other positives", "independent models"
_COLOURS = {OWN: PALETTE[2], POSITIVES: COLOURS["derived"], INDEPENDENT: COLOURS["independent"]}
_STYLES = {OWN: "-", POSITIVES: "--", INDEPENDENT: ":"}
ANSWERS, SIGNS, EMBEDDINGS = f"answers, `{UAP}`", f"answers, `{CONTROL}`", f"embeddings, `{UAP}`"


@attrs.frozen(kw_only=True, eq=False)
class Similarities:
    """What the positives, which are the victim and models derived from it, are alike to.

    Attributes:
        models: by what is compared, the mean similarity ``(M,)`` of each positive.
        families: of the positives.
        curves: by what is compared, the similarity ``(M, V)`` of each in each view: to its own first view, or to the
            same view of the others.
        radii: by what is compared, the similarities to the victim's first fingerprint.
    """

    models: Mapping[str, np.ndarray]
    families: Sequence[str]
    curves: Mapping[str, np.ndarray]
    radii: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, fingerprints: Tensor, thefts: Sequence[ZooModel], innocents: Sequence[ZooModel]) -> Similarities:
        """Compare fingerprints ``(M, V, ...)`` of the victim, the thefts and the independent models, in this order."""
        alike = Alike.of(fingerprints)
        families = ["the victim", *(model.family for model in (*thefts, *innocents))]
        positives, others = range(1 + len(thefts)), range(1 + len(thefts), len(families))
        cut = len(positives)
        same_view = {
            POSITIVES: alike.to_others(positives, families)[:cut],
            INDEPENDENT: alike.to_others(others, families)[:cut],
        }
        return cls(
            models={OWN: alike.own_views()[:cut], **{name: each.mean(1) for name, each in same_view.items()}},
            families=families[:cut],
            curves={OWN: alike.own[:cut, 0], **same_view},
            radii={
                OWN: alike.own[0, 0, 1:],
                POSITIVES: alike.between[0, 1:cut, 0],
                INDEPENDENT: alike.between[0, cut:, 0],
            },
        )

    def own_less(self, name: str) -> Difference:
        """Return how much more alike the positives are to their own other views than to other models."""
        return paired(self.models[OWN], self.models[name], self.families)

    def mean(self, name: str) -> Average:
        """Return the mean similarity over the positives."""
        return Average.of(self.models[name], self.families)


def run(laboratory: Laboratory) -> Finding:
    """Compare the answers of the victim and of all models, view by view."""
    laboratory = with_other_views(laboratory)
    found = {
        ANSWERS: _answers(laboratory, UAP),
        SIGNS: _answers(laboratory, CONTROL),
        EMBEDDINGS: _embeddings(laboratory),
    }
    ours = found[ANSWERS]
    test, beyond = ours.own_less(POSITIVES), ours.own_less(INDEPENDENT)
    views = ours.curves[OWN].shape[1]
    return Finding(
        data={
            "positives": len(ours.families),
            "views": views,
            "mean_similarity": {
                what: {name: attrs.asdict(each.mean(name)) for name in each.models} for what, each in found.items()
            },
            "own_less": {
                what: {name: attrs.asdict(each.own_less(name)) for name in (POSITIVES, INDEPENDENT)}
                for what, each in found.items()
            },
        },
        claims=(
            Claim(
                what="views of one fingerprint are more alike than those of other positives (cosine of the answers)",
                paper="more alike",
                ours=f"{test.text}; means {ours.models[OWN].mean():.3f} and {ours.models[POSITIVES].mean():.3f}",
                outcome=direction(test.p_value, test.median),
                why=f"with the control's queries {found[SIGNS].own_less(POSITIVES).text}; own views less independent "
                f"models {beyond.text}",
            ),
        ),
        text=_text(found, views),
        tables={
            "curves": Table(
                header=("view", *ours.curves),
                rows=[(view, *(float(each[:, view].mean()) for each in ours.curves.values())) for view in range(views)],
            ),
            "models": Table(
                header=("family", *ours.models),
                rows=[
                    (family, *(float(each[row]) for each in ours.models.values()))
                    for row, family in enumerate(ours.families)
                ],
            ),
        },
        pictures={"curves": _curves(ours), "distances": _distances(ours)},
    )


def with_other_views(laboratory: Laboratory) -> Laboratory:
    """Return a laboratory with two views at least: where a recipe has one, there is no other to compare it with."""
    return laboratory.with_size(views=max(2, laboratory.recipe.queries.views))


def _answers(laboratory: Laboratory, scheme: str) -> Similarities:
    """Compare fingerprints as they are, of all models that fit or test: nothing is fitted."""
    asked = laboratory.ask(scheme, "fit", "test")
    thefts, innocents = laboratory.thefts("fit", "test"), laboratory.innocents("fit", "test")
    rows = torch.cat([asked.victim[None], asked.of([*thefts, *innocents])])
    return Similarities.of(rows, thefts, innocents)


def _embeddings(laboratory: Laboratory) -> Similarities:
    """Compare what the fitted encoder makes of the answers of models that it has not seen."""
    asked = laboratory.ask(UAP, "fit", "test")
    encoder = laboratory.fit(UAP, asked)
    thefts, innocents = laboratory.thefts("test"), laboratory.innocents("test")
    with threads(1), torch.no_grad():
        rows = [encoder(each) for each in (asked.victim, *asked.of([*thefts, *innocents]))]
    return Similarities.of(torch.stack(rows), thefts, innocents)


def _curves(found: Similarities) -> str:
    """Draw the similarities over the views, with the middle half of the positives, and those of each positive."""
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    order = np.argsort(found.models[OWN])
    for name, curve in found.curves.items():
        first = 1 if name == OWN else 0  # the first view is itself
        views = np.arange(first, curve.shape[1])
        low, high = np.quantile(curve[:, first:], [0.25, 0.75], axis=0)
        # not the mean, which a few positives far away can take out of the middle half
        middle = np.median(curve[:, first:], axis=0)
        how = "to the first view" if name == OWN else "same view"
        left.plot(
            views,
            middle,
            color=_COLOURS[name],
            linestyle=_STYLES[name],
            marker="o",
            markersize=3,
            label=f"{name}, {how}",
        )
        left.fill_between(views, low, high, color=_COLOURS[name], alpha=0.15, linewidth=0)
        right.plot(
            np.arange(1, len(order) + 1),
            found.models[name][order],
            "o",
            color=_COLOURS[name],
            markersize=3.5,
            alpha=0.8,
        )
    left.set(xlabel="view v: the v-th nearest neighbours of the query points", ylabel="cosine of the answers")
    left.set_title("by view: median and middle half of the positives", fontsize=10)
    right.set_xlabel("positives, sorted by the likeness of their own views")
    right.set_title(f"by positive: mean over views (n = {len(order)})", fontsize=10)
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return svg_text(figure)


def _distances(found: Similarities) -> str:
    """Draw 1/s as the distance from the victim's first fingerprint in the centre, a third of the circle for each."""
    figure = Figure(figsize=(5.6, 5.8), layout="constrained")
    axes = figure.add_subplot(projection="polar")
    for third, (name, similarities) in enumerate(found.radii.items()):
        distances = 1 / np.clip(np.sort(similarities), 1e-3, None)
        angles = (third + np.linspace(0.08, 0.92, len(distances))) * 2 * np.pi / 3
        axes.plot(angles, distances - 1, "o", color=_COLOURS[name], markersize=4, alpha=0.7, markeredgewidth=0)
        axes.plot([], [], "o", color=_COLOURS[name], label=f"{name} (n = {len(distances)})")
    axes.plot([0], [0], "*", color=COLOURS["victim"], markersize=8, label="the victim's first view")
    axes.set_xticks([])
    ticks = [tick for tick in axes.get_yticks() if tick > 0]
    axes.set_yticks(ticks, [f"{1 + tick:.3g}" for tick in ticks], fontsize=8)
    axes.set_title("1/s to the victim's first fingerprint (1 in the centre)", fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


def _text(found: Mapping[str, Similarities], views: int) -> str:
    rows = [
        [
            what,
            *(each.mean(name).text for name in each.models),
            *(each.own_less(name).text for name in (POSITIVES, INDEPENDENT)),
        ]
        for what, each in found.items()
    ]
    return fill("views", views=views, means=list(found[ANSWERS].models), compared=rows)


EXPERIMENT = Experiment(
    name="views",
    section="Supplement B (Figures Ba and Bb)",
    title="Views of one fingerprint",
    shows="Views of one fingerprint are more alike than other positives, so that they serve as positives for the "
    "contrastive loss.",
    run=run,
)

"""Border points: is what lies on the victim's decision boundary also on that of a model made from it?

The paper's argument for universal perturbations is that single points of the boundary are *local*, and do not survive
extraction. Beyond it, the same points are asked of independent models, and so are perturbed and natural images: what
hardly survives is evidence all the same if it survives in nobody else at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from fpframe.comparison import KINDS, MODIFIED, kind_of
from fpframe.models import to_pixels
from fpframe.paper.borderpoints.bisection import TOLERANCE, confidence_gap, find_borderpoints
from fpframe.paper.experiment import Claim, Experiment, Finding, Table
from fpframe.paper.laboratory import CONTROL, UAP, Laboratory
from fpframe.paper.statistics import LEVEL, contrast, contrast_text, direction, separation
from fpframe.paper.template import fill
from fpframe.report import PALETTE, svg_text
from fpframe.rng import derive_seed

BORDER, PERTURBED, SIGNS, NATURAL = "border points", "UAP-perturbed", "random signs", "natural images"
INDEPENDENT = "independent"
#: Query points that are asked for each other probe.
_MOST = 1000
#: A difference with a larger p-value may be chance.


def run(laboratory: Laboratory) -> Finding:
    """Measure the confidence gaps of all models at the victim's border points, and at perturbed images."""
    recipe, workspace = laboratory.recipe, laboratory.setting.workspace
    seed = derive_seed(recipe.enrolment_seed, "border points")
    points, exact = find_borderpoints(
        laboratory.victim, workspace.parts.pool, recipe.experiments.borderpoints, seed=seed
    )
    probes = {BORDER: points.float(), **_images(laboratory)}
    thefts, innocents = laboratory.thefts(), laboratory.innocents()
    kinds = [*(kind_of(model, workspace.registry) for model in thefts), *([INDEPENDENT] * len(innocents))]
    gaps = {
        probe: confidence_gap(laboratory.answers([*thefts, *innocents], pixels)) for probe, pixels in probes.items()
    }
    # how far a model is from doing what the victim does: at a border point that is the gap itself
    distances = {probe: _distances(laboratory, pixels, gaps[probe]) for probe, pixels in probes.items()}
    cut = len(thefts)
    sides = {probe: (-each[:cut], -each[cut:]) for probe, each in distances.items()}
    areas = {probe: separation(thefts, above, innocents, below) for probe, (above, below) in sides.items()}
    test = contrast(thefts, innocents, sides[BORDER], sides[PERTURBED])
    medians = {kind: _median(gaps[BORDER], kinds, {kind}) for kind in (*KINDS, INDEPENDENT) if kind in kinds}
    extracted = _median(gaps[BORDER], kinds, {*KINDS} - {MODIFIED})
    eight_bit = float(confidence_gap(laboratory.victim.logits(_rounded(points)).softmax(1)).median())
    return Finding(
        data={
            "points": len(points),
            "pairs": recipe.experiments.borderpoints,
            "largest_gap_of_the_victim": float(exact.max()),
            "median_gap_of_the_victim_at_8_bits": eight_bit,
            "median_gap": medians,
            "median_gap_of_extracted_models": extracted,
            "separation": {probe: attrs.asdict(area) for probe, area in areas.items()},
            "border_less_perturbed": attrs.asdict(test),
        },
        claims=(
            Claim(
                what="confidence gap of extracted models at the victim's border points",
                paper="far from 0",
                ours=f"{extracted:.3f}; the victim's own are below {TOLERANCE:g}",
                outcome="agrees" if extracted > 0.05 else "differs",
                why=f"of independent models it is {medians[INDEPENDENT]:.3f}",
            ),
            Claim(
                what="local information is less robust than global: AUC of border points minus that of UAP images",
                paper="below 0",
                ours=contrast_text(test),
                outcome=direction(test.p_value, -test.difference),
                why="within chance" if test.p_value > LEVEL else "",
            ),
        ),
        text=_text(laboratory, len(points), eight_bit, medians, kinds, {p: a.text for p, a in areas.items()}),
        tables={
            "models": Table(
                header=("model", "kind", "family", *(f"distance at {probe}" for probe in probes)),
                rows=[
                    (str(model.lineage), kind, model.family, *(float(distances[probe][row]) for probe in probes))
                    for row, (model, kind) in enumerate(zip([*thefts, *innocents], kinds, strict=True))
                ],
            )
        },
        pictures={"gaps": _picture(gaps, kinds, tuple(medians))},
    )


def _images(laboratory: Laboratory) -> dict[str, Tensor]:
    """Return query points under the UAP, under random signs of the same norm, and as they are."""
    uap, signs = (laboratory.ask(scheme, "fit").questions.queries for scheme in (UAP, CONTROL))
    points = uap.parts[0].points  # each part asks its points clean, then perturbed
    images = {
        PERTURBED: uap.images[:, points:],
        SIGNS: signs.images[:, points:],
        NATURAL: uap.images[:, :points],
    }
    return {name: to_pixels(each.flatten(0, 1)[:_MOST]) for name, each in images.items()}


def _distances(laboratory: Laboratory, pixels: Tensor, gaps: Tensor) -> np.ndarray:
    """Return how far the gaps ``(M, P)`` of models lie from the victim's, on average over the images."""
    ours = confidence_gap(laboratory.victim.logits(pixels).softmax(1))
    distances: np.ndarray = (gaps - ours).abs().double().mean(1).numpy()
    return distances


def _rounded(points: Tensor) -> Tensor:
    return to_pixels((points.clamp(0, 1) * 255).round().byte())


def _median(gaps: Tensor, kinds: Sequence[str], wanted: set[str]) -> float:
    """Return the median over the models of some kinds of their median gap: the model is the unit."""
    rows = [row for row, kind in enumerate(kinds) if kind in wanted]
    return float(np.median(gaps[rows].double().quantile(0.5, dim=1))) if rows else float("nan")


def _picture(gaps: Mapping[str, Tensor], kinds: Sequence[str], shown: Sequence[str]) -> str:
    """Draw the distribution of the gaps at border points and under the UAP, by kind of model."""
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    edges = np.linspace(0, 1, 101)
    for column, probe in enumerate((BORDER, PERTURBED)):
        axes = figure.add_subplot(1, 2, column + 1)
        for colour, kind in zip((*PALETTE[1:6], PALETTE[0]), shown, strict=False):
            rows = [row for row, name in enumerate(kinds) if name == kind]
            counts, _ = np.histogram(gaps[probe][rows].numpy(), edges)
            # every model asked as many points, so that all count alike
            share = np.concatenate([[0], np.cumsum(counts) / counts.sum()])
            label = f"{kind} (n = {len(rows)})" if column == 0 else None
            axes.plot(
                edges, share, color=colour, label=label, linewidth=1.6, linestyle="--" if kind == INDEPENDENT else "-"
            )
        axes.set(
            xlabel="confidence gap",
            xlim=(0, 1),
            ylim=(0, 1),
            title=f"at the victim's {probe}" if column == 0 else "at UAP-perturbed images",
        )
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("share of points with a smaller gap")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


def _text(
    laboratory: Laboratory,
    found: int,
    eight_bit: float,
    medians: Mapping[str, float],
    kinds: Sequence[str],
    areas: Mapping[str, str],
) -> str:
    pairs = laboratory.recipe.experiments.borderpoints
    return fill(
        "borderpoints",
        pairs=pairs,
        found=found,
        tolerance=f"{TOLERANCE:g}",
        eight_bit=f"{eight_bit:.2g}",
        by_kind=[[kind, str(kinds.count(kind)), f"{median:.3f}"] for kind, median in medians.items()],
        areas=[[probe, area] for probe, area in areas.items()],
    )


EXPERIMENT = Experiment(
    name="borderpoints",
    section="Supplement A (Figure A)",
    title="Border points do not survive extraction",
    shows="Points on the victim's decision boundary, found by bisection between two images of different classes, lie "
    "far from the boundary of models that were extracted from it: local information is less robust than global.",
    run=run,
)

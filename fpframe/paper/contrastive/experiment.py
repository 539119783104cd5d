"""The contrastive encoder and an auto-encoder on the same queries: which of them tells derived models apart?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.metrics import silhouette_score
from torch import Tensor

from fpframe.channel import PROBS
from fpframe.decision import AreaTest
from fpframe.enrolment.calibration import score_views
from fpframe.paper.experiment import Claim, Experiment, Finding, Outcome, Table
from fpframe.paper.laboratory import AUTOENCODER, BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.measuring import Separation, contrast, contrast_text, separation
from fpframe.report.pictures import svg_text
from fpframe.report.plane import draw_plane, embed_in_plane
from fpframe.report.verdicts import markdown_table
from fpframe.rng import derive_seed, threads
from fpframe.zoo import ZooModel

#: Areas whose interval lies above count as separating.
_SEPARATES = 0.9
_LEVEL = 0.05
ALL, TRAINED, TAUGHT = "all independent", "normally trained", "students of other teachers"


@attrs.frozen(kw_only=True, eq=False)
class Separated:
    """What one scheme's encoder made of the held-out models.

    Attributes:
        above: scores of the derived models ``(S, P)``, a row for each seed.
        below: scores of the independent ones ``(S, N)``.
        silhouettes: of the models' mean embeddings, derived against independent, for each seed.
        embeddings: of the first seed, ``(1 + P + N, V, E)``: the victim, the derived and the independent models.
    """

    above: np.ndarray
    below: np.ndarray
    silhouettes: tuple[float, ...]
    embeddings: np.ndarray


def run(laboratory: Laboratory) -> Finding:
    """Fit both encoders and the controls with several seeds, and score the held-out models."""
    thefts, innocents = laboratory.thefts("test"), laboratory.innocents("test")
    found = {scheme: _separated(laboratory, scheme) for scheme in (UAP, AUTOENCODER, CONTROL, BASELINE)}
    kinds = {ALL: innocents, TRAINED: [model for model in innocents if model.trained]}
    kinds[TAUGHT] = [model for model in innocents if model.stratum == "other-teacher"]
    areas = {
        (scheme, kind): _area(each, thefts, innocents, chosen)
        for scheme, each in found.items()
        for kind, chosen in kinds.items()
        if chosen
    }
    tests = {
        other: contrast(
            thefts, innocents, (found[UAP].above, found[UAP].below), (found[other].above, found[other].below)
        )
        for other in (AUTOENCODER, CONTROL, BASELINE)
    }
    ours, theirs, test = areas[UAP, ALL], areas[AUTOENCODER, ALL], tests[AUTOENCODER]
    return Finding(
        data={
            "seeds": laboratory.recipe.experiments.seeds,
            "separation": {f"{scheme}, {kind}": attrs.asdict(area) for (scheme, kind), area in areas.items()},
            "silhouettes": {scheme: each.silhouettes for scheme, each in found.items()},
            "contrastive_less": {scheme: attrs.asdict(each) for scheme, each in tests.items()},
        },
        claims=(
            Claim(
                what="the contrastive encoder separates independent from derived models (AUC)",
                paper="it does",
                ours=ours.text,
                outcome=_separating(ours),
                why=f"silhouette {_range(found[UAP].silhouettes)}",
            ),
            Claim(
                what="an auto-encoder does not: AUC of the contrastive encoder less that of the auto-encoder",
                paper="above 0",
                ours=contrast_text(test),
                outcome=_better(test),
                why=f"the auto-encoder's own AUC is {theirs.text}, its silhouette "
                f"{_range(found[AUTOENCODER].silhouettes)}",
            ),
        ),
        text=_text(laboratory, areas, found, tests, [kind for kind, chosen in kinds.items() if chosen]),
        tables={"models": _table(found, thefts, innocents)},
        pictures={"encoders": _picture(laboratory, found, thefts, innocents)},
    )


def _separated(laboratory: Laboratory, scheme: str) -> Separated:
    first = laboratory.recipe.enrolment_seed
    rounds = []
    for seed in range(first, first + laboratory.recipe.experiments.seeds):
        at = laboratory.with_seed(seed)
        asked = at.ask(scheme, "fit", "test")
        encoder, answers = at.fit(scheme, asked), dict(asked.models)
        sides = [torch.stack([answers[m] for m in models]) for models in (at.thefts("test"), at.innocents("test"))]
        scores = [score_views(encoder, side, asked.victim, PROBS).mean(1) for side in sides]
        rounds.append((scores, _embedded(encoder, torch.cat([asked.victim.unsqueeze(0), *sides]))))
    names = np.repeat([1, 0], [len(each) for each in rounds[0][0]])
    return Separated(
        above=np.stack([scores[0] for scores, _ in rounds]),
        below=np.stack([scores[1] for scores, _ in rounds]),
        silhouettes=tuple(float(silhouette_score(each[1:].mean(1), names, metric="cosine")) for _, each in rounds),
        embeddings=rounds[0][1],
    )


def _embedded(encoder: torch.nn.Module, answers: Tensor) -> np.ndarray:
    with threads(1), torch.no_grad():
        return np.stack([encoder(each).numpy() for each in answers])


def _area(
    found: Separated, thefts: Sequence[ZooModel], innocents: Sequence[ZooModel], chosen: Sequence[ZooModel]
) -> Separation:
    columns = [number for number, model in enumerate(innocents) if model in chosen]
    return separation(thefts, found.above, [innocents[number] for number in columns], found.below[:, columns])


def _separating(area: Separation) -> Outcome:
    low, high = area.interval
    if low >= _SEPARATES:
        return "agrees"
    return "differs" if high < _SEPARATES else "undecided"


def _better(test: AreaTest) -> Outcome:
    if test.p_value > _LEVEL:
        return "undecided"
    return "agrees" if test.difference > 0 else "differs"


def _range(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" + (f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else "")


def _text(
    laboratory: Laboratory,
    areas: Mapping[tuple[str, str], Separation],
    found: Mapping[str, Separated],
    tests: Mapping[str, AreaTest],
    kinds: Sequence[str],
) -> str:
    seeds = laboratory.recipe.experiments.seeds
    rows = [
        [f"`{scheme}`", *(areas[scheme, kind].text for kind in kinds), _range(each.silhouettes)]
        for scheme, each in found.items()
    ]
    differences = [[f"`{UAP}` less `{other}`", contrast_text(test)] for other, test in tests.items()]
    return "\n".join(
        [
            "Both encoders see the same answers to the same queries; the auto-encoder is never told which models are "
            "derived. They are fitted on the split `fit`, which holds other models of the same kinds, and the picture "
            "and the table show the split `test`. In the picture every view of a model is a point. A score is the mean "
            f"over views of the cosine to the victim's. AUC over {seeds} enrolment(s) with seeds of their own, with a "
            "95 % bootstrap interval over families (derived / independent models); the silhouette (cosine) is of the "
            "models' mean embeddings, derived against independent, its mean and range over the seeds:\n",
            markdown_table(["scheme", *(f"AUC against {kind}" for kind in kinds), "silhouette"], rows),
            "Differences of AUC against all independent models, with a 95 % bootstrap interval, and the p-value of "
            "DeLong's test with families as units:\n",
            markdown_table(["", "difference of AUC"], differences),
        ]
    )


def _table(found: Mapping[str, Separated], thefts: Sequence[ZooModel], innocents: Sequence[ZooModel]) -> Table:
    means = {scheme: np.concatenate([each.above.mean(0), each.below.mean(0)]) for scheme, each in found.items()}
    return Table(
        header=("model", "relation", "stratum", *means),
        rows=[
            (str(model.lineage), model.relation, model.stratum, *(float(scores[row]) for scores in means.values()))
            for row, model in enumerate([*thefts, *innocents])
        ],
    )


def _picture(
    laboratory: Laboratory,
    found: Mapping[str, Separated],
    thefts: Sequence[ZooModel],
    innocents: Sequence[ZooModel],
) -> str:
    """Draw the views of all held-out models in the plane, by each encoder."""
    kinds = ["victim", *["derived"] * len(thefts)]
    kinds += ["other-teacher" if model.stratum == "other-teacher" else "independent" for model in innocents]
    figure = Figure(figsize=(9.0, 4.6), layout="constrained")
    for column, scheme in enumerate((UAP, AUTOENCODER)):
        models, views, size = found[scheme].embeddings.shape
        seed = derive_seed(laboratory.recipe.seed, "t-SNE", scheme)
        axes = figure.add_subplot(1, 2, column + 1)
        plane = embed_in_plane(found[scheme].embeddings.reshape(models * views, size), seed=seed)
        draw_plane(axes, plane, np.repeat(kinds, views).tolist())
        axes.set_title(f"{scheme} (t-SNE)", fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return svg_text(figure)


EXPERIMENT = Experiment(
    name="contrastive",
    section="Supplement C.1 (Figure C)",
    title="The contrastive encoder against an auto-encoder",
    shows="The contrastive encoder separates independent from derived models; an auto-encoder on the same fingerprints "
    "does not.",
    run=run,
)

"""The contrastive encoder and an auto-encoder on the same queries: which of them tells derived models apart?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from fpframe.decision import AreaTest
from fpframe.enrolment import score_views
from fpframe.models import PROBS
from fpframe.paper.average import Average
from fpframe.paper.experiment import Claim, Experiment, Finding, Outcome, Table
from fpframe.paper.laboratory import AUTOENCODER, BASELINE, CONTROL, RELEASED, UAP, Laboratory
from fpframe.paper.silhouettes import silhouettes
from fpframe.paper.statistics import Separation, contrast, contrast_text, direction, separation
from fpframe.paper.template import fill
from fpframe.report import LABELS, draw_plane, drawn_as, embed_in_plane, svg_text
from fpframe.rng import derive_seed, threads
from fpframe.zoo import ZooModel

#: Areas whose interval lies above count as separating.
_SEPARATES = 0.9
ALL = "all"
_OPPOSITE: Mapping[Outcome, Outcome] = {"agrees": "differs", "differs": "agrees", "undecided": "undecided"}


@attrs.frozen(kw_only=True, eq=False)
class Separated:
    """What one scheme's encoder made of the held-out models.

    Attributes:
        above: scores of the derived models ``(S, P)``, a row for each seed.
        below: scores of the independent ones ``(S, N)``.
        silhouettes: of each model's mean embedding, derived against independent, ``(S, P + N)``.
        by_view: silhouettes of all embeddings by their view, for each seed: high where views differ more than models.
        embeddings: of the first seed, ``(1 + P + N, V, E)``: the victim, the derived and the independent models.
    """

    above: np.ndarray
    below: np.ndarray
    silhouettes: np.ndarray
    by_view: tuple[float, ...]
    embeddings: np.ndarray


def run(laboratory: Laboratory) -> Finding:
    """Fit both encoders and the controls with several seeds, and score the held-out models."""
    thefts, innocents = laboratory.thefts("test"), laboratory.innocents("test")
    found = {scheme: _separated(laboratory, scheme) for scheme in (UAP, RELEASED, AUTOENCODER, CONTROL, BASELINE)}
    strata = [ALL, *dict.fromkeys(model.stratum for model in innocents)]
    areas = {
        (scheme, stratum): _area(each, thefts, innocents, stratum)
        for scheme, each in found.items()
        for stratum in strata
    }
    by_scheme = {scheme: _silhouette(each, thefts, innocents) for scheme, each in found.items()}
    tests = {
        other: contrast(
            thefts, innocents, (found[UAP].above, found[UAP].below), (found[other].above, found[other].below)
        )
        for other in (RELEASED, AUTOENCODER, CONTROL, BASELINE)
    }
    ours, theirs, test = areas[UAP, ALL], areas[AUTOENCODER, ALL], tests[AUTOENCODER]
    return Finding(
        data={
            "seeds": laboratory.recipe.experiments.seeds,
            "separation": {
                scheme: {stratum: attrs.asdict(areas[scheme, stratum]) for stratum in strata} for scheme in found
            },
            "silhouettes": {scheme: attrs.asdict(each) for scheme, each in by_scheme.items()},
            "silhouettes_by_view": {scheme: each.by_view for scheme, each in found.items()},
            "contrastive_less": {scheme: attrs.asdict(each) for scheme, each in tests.items()},
        },
        claims=(
            Claim(
                what=f"the contrastive encoder separates independent from derived models (AUC above {_SEPARATES})",
                paper="it does",
                ours=ours.text,
                outcome=separating(ours),
                why=f"silhouette {by_scheme[UAP].text}; the control `{CONTROL}`: AUC {areas[CONTROL, ALL].text}",
            ),
            Claim(
                what=f"an auto-encoder does not (AUC below {_SEPARATES})",
                paper="it does not",
                ours=theirs.text,
                outcome=_OPPOSITE[separating(theirs)],
                why=f"silhouette {by_scheme[AUTOENCODER].text}",
            ),
            Claim(
                what="AUC of the contrastive encoder minus that of the auto-encoder",
                paper="above 0",
                ours=contrast_text(test),
                outcome=direction(test.p_value, test.difference),
            ),
        ),
        text=_text(laboratory, areas, by_scheme, found, tests),
        tables={"models": _table(found, thefts, innocents)},
        pictures={"encoders": _picture(laboratory, found, thefts, innocents)},
    )


def _separated(laboratory: Laboratory, scheme: str) -> Separated:
    first = laboratory.recipe.enrolment_seed
    rounds = []
    for seed in range(first, first + laboratory.recipe.experiments.seeds):
        at = laboratory.with_seed(seed)
        asked = at.ask(scheme, "fit", "test")
        encoder, sides = (
            at.fit(scheme, asked),
            [asked.of(models) for models in (at.thefts("test"), at.innocents("test"))],
        )
        scores = [score_views(encoder, side, asked.victim, PROBS).mean(1) for side in sides]
        rounds.append((scores, _embedded(encoder, torch.cat([asked.victim.unsqueeze(0), *sides]))))
    derived = np.repeat([True, False], [len(each) for each in rounds[0][0]])
    return Separated(
        above=np.stack([scores[0] for scores, _ in rounds]),
        below=np.stack([scores[1] for scores, _ in rounds]),
        silhouettes=np.stack([silhouettes(each[1:].mean(1), derived) for _, each in rounds]),
        by_view=tuple(_by_view(each) for _, each in rounds),
        embeddings=rounds[0][1],
    )


def _embedded(encoder: nn.Module, answers: Tensor) -> np.ndarray:
    with threads(1), torch.no_grad():
        return np.stack([encoder(each).numpy() for each in answers])


def _by_view(embeddings: np.ndarray) -> float:
    models, views, size = embeddings.shape
    if views < 2:
        return float("nan")
    names = np.tile(np.arange(views), models)
    return float(silhouettes(embeddings.reshape(models * views, size), names).mean())


def _area(found: Separated, thefts: Sequence[ZooModel], innocents: Sequence[ZooModel], stratum: str) -> Separation:
    chosen = [number for number, model in enumerate(innocents) if stratum in (ALL, model.stratum)]
    return separation(thefts, found.above, [innocents[number] for number in chosen], found.below[:, chosen])


def _silhouette(found: Separated, thefts: Sequence[ZooModel], innocents: Sequence[ZooModel]) -> Average:
    return Average.of(found.silhouettes.mean(0), [model.family for model in (*thefts, *innocents)])


def separating(area: Separation) -> Outcome:
    """Return ``agrees`` where an area is surely high enough to separate, and ``differs`` where it surely is not."""
    low, high = area.interval
    if low >= _SEPARATES:
        return "agrees"
    return "differs" if high < _SEPARATES else "undecided"


def _text(
    laboratory: Laboratory,
    areas: Mapping[tuple[str, str], Separation],
    silhouettes: Mapping[str, Average],
    found: Mapping[str, Separated],
    tests: Mapping[str, AreaTest],
) -> str:
    strata = [stratum for scheme, stratum in areas if scheme == UAP and stratum != ALL]
    return fill(
        "contrastive",
        seeds=laboratory.recipe.experiments.seeds,
        schemes=[
            [f"`{scheme}`", areas[scheme, ALL].text, silhouettes[scheme].text, f"{np.mean(each.by_view):.2f}"]
            for scheme, each in found.items()
        ],
        differences=[[f"`{UAP}` minus `{other}`", contrast_text(test)] for other, test in tests.items()],
        names=[f"`{scheme}`" for scheme in found],
        by_stratum=[[stratum, *(areas[scheme, stratum].text for scheme in found)] for stratum in strata],
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
    kinds += [drawn_as(model) for model in innocents]
    count = {LABELS[kind]: n for kind, n in Counter(kinds).items()}
    figure = Figure(figsize=(9.0, 4.6), layout="constrained")
    for column, scheme in enumerate((UAP, AUTOENCODER)):
        models, views, size = found[scheme].embeddings.shape
        seed = derive_seed(laboratory.recipe.seed, "t-SNE", scheme)
        axes = figure.add_subplot(1, 2, column + 1)
        plane = embed_in_plane(found[scheme].embeddings.reshape(models * views, size), seed=seed)
        draw_plane(axes, plane, np.repeat(kinds, views).tolist())
        axes.set_title(f"{scheme} (t-SNE, {views} views of each model)", fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    names = [f"{label} (n = {count[label]})" for label in labels]
    figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


EXPERIMENT = Experiment(
    name="contrastive",
    section="Supplement C.1 (Figure C)",
    title="The contrastive encoder against an auto-encoder",
    shows="The contrastive encoder separates independent from derived models; an auto-encoder on the same fingerprints "
    "does not.",
    run=run,
    scores=True,
)

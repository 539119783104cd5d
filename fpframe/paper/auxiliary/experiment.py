"""Auxiliary data: queries need not come from the victim's training data, and what they give away where they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from fpframe.comparison import ALL_THEFTS, KINDS
from fpframe.decision import AreaTest
from fpframe.enrolment import fooling_rate
from fpframe.paper.auxiliary.membership import Leak, drawn, loss_attack, share_of, shown_images, with_labels
from fpframe.paper.auxiliary.sources import SAME, TRAINING, Source, open_sources
from fpframe.paper.auxiliary.text import areas_picture, text
from fpframe.paper.auxiliary.trial import RANDOM, Trial
from fpframe.paper.experiment import Claim, Experiment, Finding, Outcome, Table
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.statistics import contrast, contrast_text, separation
from fpframe.paper.viewscores import ViewScores, score_asked
from fpframe.rng import derive_seed

#: A loss of AUC that would not matter: a source is as good where the loss is surely smaller.
MARGIN = 0.05
_WHY: Mapping[Outcome, str] = {
    "agrees": f"the loss is below {MARGIN:g}",
    "differs": "it costs AUC here",
    "undecided": f"the models are too few to tell whether the loss is below {MARGIN:g}",
}
#: A share of training images among the queries that would not matter.
_FEW = 0.01
#: Test images on which the effect of a perturbation is measured.
_TRIED = 1000


def run(laboratory: Laboratory) -> Finding:
    """Enroll the victim with queries from every source, and attack the membership of the images that they show."""
    sources = open_sources(laboratory)
    queries = laboratory.recipe.queries
    views = min(queries.views, min(len(source.images) for source in sources) // queries.points)
    sized, trials = laboratory.with_size(views=views), list[Trial]()
    for scheme in (UAP, CONTROL, BASELINE):
        first: ViewScores | None = None
        for source in sources:
            if source.labelled or scheme != BASELINE:  # errors are only known where labels are
                trials.append(_try(sized.with_pool(source.images), source, scheme, first))
                first = first or trials[-1].scores
    leaks = _leaks(laboratory, trials)
    ours = [trial for trial in trials if trial.scheme == UAP]
    shares = {trial.source.name: share_of(trial.shown, laboratory.setting.workspace.parts.victim) for trial in ours}
    return Finding(
        data={
            "points": queries.points,
            "views": views,
            "images": {source.name: len(source.images) for source in sources},
            "trials": [trial.data for trial in trials],
            "share_of_training_images": shares,
            "loss_attack": {name: attrs.asdict(leak) for name, leak in leaks.items()},
        },
        claims=(*(_claim(trial) for trial in ours[1:]), _shown_claim(shares)),
        text=text(laboratory, trials, leaks, shares, views=views, as_good=_outcome(ours[1])),
        tables={
            "kinds": Table(
                header=("scheme", "source", "kind", "derived", "independent", "auc", "low", "high"),
                rows=[
                    (trial.scheme, trial.source.name, kind, a.derived, a.independent, a.auc, *a.interval)
                    for trial in trials
                    for kind, a in trial.areas.items()
                ],
            )
        },
        pictures={"sources": areas_picture(trials)},
    )


def _try(laboratory: Laboratory, source: Source, scheme: str, first: ViewScores | None) -> Trial:
    """Ask queries that are drawn from the laboratory's pool, and compare with what the first source gave."""
    asked = laboratory.ask(scheme, "fit", "test")
    scores = score_asked(laboratory, scheme, laboratory.fit(scheme, asked), asked)
    above, below = scores.means(scores.views)
    areas = {}
    for kind in (ALL_THEFTS, *KINDS):
        rows = [row for row, name in enumerate(scores.kinds) if kind in (ALL_THEFTS, name)]
        if rows:
            areas[kind] = separation([scores.thefts[row] for row in rows], above[rows], scores.innocents, below)
    test, deltas = laboratory.setting.workspace.dataset.test[:_TRIED], asked.questions.deltas
    perturbed = any(bool(delta.any()) for delta in deltas)
    return Trial(
        source=source,
        scheme=scheme,
        scores=scores,
        areas=areas,
        against=_contrast(scores, first or scores),
        shown=shown_images(asked.questions.queries),
        fooling=fooling_rate(laboratory.victim, test, deltas[0]) if perturbed else None,
    )


def _contrast(scores: ViewScores, first: ViewScores) -> AreaTest:
    return contrast(scores.thefts, scores.innocents, scores.means(scores.views), first.means(first.views))


def _leaks(laboratory: Laboratory, trials: Sequence[Trial]) -> dict[str, Leak]:
    """Tell members from others among the images that queries show, and among images drawn at random."""
    victim, parts = laboratory.victim, laboratory.setting.workspace.parts
    seed = derive_seed(laboratory.recipe.enrolment_seed, "membership")
    shown: dict[str, dict[str, Any]] = {}
    for trial in trials:
        if trial.source.name in (TRAINING, SAME) and trial.scheme != CONTROL:
            shown.setdefault(trial.scheme, {})[trial.source.name] = with_labels(trial.shown, trial.source.images)
    count = len(shown[UAP][TRAINING])
    shown[RANDOM] = {TRAINING: drawn(parts.victim, count, seed=seed), SAME: drawn(parts.pool, count, seed=seed)}
    return {name: loss_attack(victim, images[TRAINING], images[SAME], parts.victim) for name, images in shown.items()}


def _outcome(trial: Trial) -> Outcome:
    """Say whether a source is as good as training data: for sure, for sure not, or not to be told."""
    test, area = trial.against, trial.area
    low, high = test.interval
    # where all separate alike, the difference has no spread; how sure the area itself is then says more
    least = low if high - low > 1e-12 else area.interval[0] - (area.auc - test.difference)
    if least > -MARGIN:
        return "agrees"
    return "differs" if test.difference < 0 and test.p_value <= 0.05 else "undecided"


def _claim(trial: Trial) -> Claim:
    outcome = _outcome(trial)
    return Claim(
        what=f"AUC of `{UAP}` with queries from {trial.source.name}, minus that from {TRAINING}",
        paper="training data is not needed",
        ours=contrast_text(trial.against),
        outcome=outcome,
        why=_WHY[outcome],
    )


def _shown_claim(shares: dict[str, float]) -> Claim:
    return Claim(
        what=f"share of the images shown that are training images of the victim, queries from {SAME}",
        paper="none",
        ours=f"{shares[SAME]:.2%}; of {TRAINING} {shares[TRAINING]:.0%}",
        outcome="agrees" if shares[SAME] <= _FEW else "differs",
        why="the data holds images twice" if shares[SAME] > 0 else "",
    )


EXPERIMENT = Experiment(
    name="auxiliary",
    section="Supplement F",
    title="Queries from other data than the victim's training data",
    shows="Query points and perturbation need not come from the victim's training data, so that nobody has to be shown "
    "any of it.",
    run=run,
    scores=True,
    calibrates=True,
)

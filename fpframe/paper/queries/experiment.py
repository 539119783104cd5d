"""Fingerprints and points: how many a verdict needs, and what 99.99 % confidence is worth.

The paper's figure comes from a t-test in which every fingerprint of a suspect counts as a sample. Beside it stands the
p-value that verdicts rest on, in which a model is a sample, and the t-test is tried on models known to be independent.
"""

from __future__ import annotations

import attrs
import numpy as np

from fpframe.decision import clopper_pearson, needed_models, reaches, variance_shares
from fpframe.paper.experiment import Claim, Experiment, Finding, Table
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.queries.fewer import first_points
from fpframe.paper.queries.pictures import areas_over_fingerprints, areas_over_points, p_values
from fpframe.paper.queries.strength import HEADER, Strength, strengths
from fpframe.paper.queries.text import text
from fpframe.paper.statistics import contrast, contrast_text
from fpframe.paper.viewscores import ViewScores, score_asked

#: The paper's headline: this many fingerprints, and p-values below this.
HEADLINE, CLAIMED = 20, 1e-4
_FINGERPRINTS = (1, 2, 3, 5, 10, 20, 30, 50)
_POINTS = (5, 10, 20, 50, 100)


def run(laboratory: Laboratory) -> Finding:
    """Ask for many fingerprints once, and look at the first of them."""
    recipe, pool = laboratory.recipe, laboratory.setting.workspace.parts.pool
    points = recipe.queries.points
    views = min(recipe.experiments.fingerprints, len(pool) // points)
    steps = [*(count for count in _FINGERPRINTS if count < views), views]
    shown = min(HEADLINE, views)
    curves: list[Strength] = []
    by_points: list[Strength] = []
    scores: dict[str, ViewScores] = {}
    for scheme in (UAP, CONTROL):
        usual = laboratory.ask(scheme, "fit")
        many = laboratory.with_size(views=views).ask(scheme, "calibrate", "test")
        for count in (*(count for count in _POINTS if count < points), points):
            encoder = laboratory.fit(scheme, first_points(usual, count))
            scores[scheme] = score_asked(laboratory, scheme, encoder, first_points(many, count))
            by_points += strengths(scores[scheme], shown)
        curves += [each for step in steps for each in strengths(scores[scheme], step)]
    scores[BASELINE] = _baseline(laboratory, 2 * views)
    worth = scores[UAP].queries // scores[BASELINE].queries  # views of the baseline that cost as much as a fingerprint
    affordable = [count for count in steps if count * worth <= scores[BASELINE].views]
    curves += [found for step in affordable for found in strengths(scores[BASELINE], step * worth)]
    accused = int(np.sum(scores[UAP].claimed_of_calibration(shown) < CLAIMED))
    calibrating = sum(len(paths.families) for paths in scores[UAP].strata.values())
    contrasts = _contrasts(scores, shown, max((n for n in affordable if n <= shown), default=None), worth)
    shares = {stratum: variance_shares(paths.views).share for stratum, paths in scores[UAP].strata.items()}
    return Finding(
        data={
            "fingerprints": steps,
            "headline_fingerprints": shown,
            "points": points,
            "floor": scores[UAP].floor,
            "t_test": {"independent_models_told_apart": accused, "of": calibrating, "below": CLAIMED},
            "share_of_variance_between_models": shares,
            "contrasts": contrasts,
            "curves": [attrs.asdict(each) for each in curves],
            "by_points": [attrs.asdict(each) for each in by_points],
        },
        claims=_claims(next(found for found in by_points if found.points == points), accused, calibrating),
        text=text(laboratory, curves, by_points, contrasts, shares),
        tables={
            name: Table(header=HEADER, rows=[each.row for each in found])
            for name, found in (("fingerprints", curves), ("points", by_points))
        },
        pictures={
            "fingerprints": areas_over_fingerprints(curves, scores[UAP].queries),
            "p-values": p_values(curves, CLAIMED),
            "points": areas_over_points(by_points),
        },
    )


def _baseline(laboratory: Laboratory, views: int) -> ViewScores:
    """Ask the baseline for as many views as the victim's errors in the pool fill: other images are none of its."""
    pool, points = laboratory.setting.workspace.parts.pool, laboratory.recipe.queries.points
    errors = int((laboratory.victim.logits(pool.pixels).argmax(1) != pool.labels).sum())
    sized = laboratory.with_size(views=max(1, min(views, errors // points)))
    encoder = laboratory.fit(BASELINE, laboratory.ask(BASELINE, "fit"))
    return score_asked(laboratory, BASELINE, encoder, sized.ask(BASELINE, "calibrate", "test"))


def _contrasts(scores: dict[str, ViewScores], shown: int, affordable: int | None, worth: int) -> dict[str, str]:
    """Compare with the control, and with the baseline at as many queries."""
    ours = scores[UAP]
    sides = {f"`{UAP}` minus `{CONTROL}`, {shown} fingerprints each": (ours.means(shown), scores[CONTROL].means(shown))}
    if affordable is not None:
        name = f"`{UAP}` minus `{BASELINE}`, {affordable * ours.queries} queries each"
        sides[name] = (ours.means(affordable), scores[BASELINE].means(affordable * worth))
    return {
        name: contrast_text(contrast(ours.thefts, ours.innocents, first, second))
        for name, (first, second) in sides.items()
    }


def _claims(headline: Strength, accused: int, calibrating: int) -> tuple[Claim, ...]:
    enough, count = headline.fingerprints >= HEADLINE, headline.fingerprints
    confident, honest = headline.claimed < CLAIMED, headline.honest < CLAIMED
    low, high = clopper_pearson(accused, calibrating)
    reachable = reaches(headline.floor, CLAIMED)
    within = f"after {count} fingerprints"
    return (
        Claim(
            what=f"confidence of the paper's t-test {within}, median over thefts",
            paper="> 99.99 % within 20 fingerprints",
            ours=f"p = {headline.claimed:.2g} ({headline.area.derived} thefts), AUC {headline.area.text}",
            outcome="agrees" if confident else "differs" if enough else "not comparable",
            why="" if confident or enough else f"the pool or the recipe allows {count} fingerprints only",
        ),
        Claim(
            what=f"the conformal p-value {within}, median over thefts",
            paper="",
            ours=f"p = {headline.honest:.2g}; none can be below {headline.floor:.2g}",
            outcome="not comparable" if not reachable else "agrees" if honest else "differs",
            why=""
            if reachable
            else f"to say {CLAIMED:g} takes {needed_models(CLAIMED)} independent models in every stratum; models are "
            "what is sampled, and further fingerprints of one model are not further samples",
        ),
        Claim(
            what="independent models that the same t-test tells apart from all strata with > 99.99 %",
            paper="1 in 10 000",
            ours=f"{accused} of {calibrating} [{low:.3f}, {high:.3f}]",
            outcome="differs" if low > CLAIMED else "undecided",
            why="the t-test does not keep its promise" if low > CLAIMED else "too few models to see 1 in 10 000",
        ),
    )


EXPERIMENT = Experiment(
    name="queries",
    section="The headline",
    title="How many fingerprints and points it takes",
    shows="Models extracted from the victim are told with more than 99.99 % confidence within 20 fingerprints.",
    run=run,
    scores=True,
    calibrates=True,
)

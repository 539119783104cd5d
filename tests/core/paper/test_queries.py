"""What is said of many fingerprints is what verdicts would say, and the t-test's promise is tried where it is known."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import torch

from fpframe.comparison.cell_areas import ALL_THEFTS
from fpframe.decision.paths import StratumPaths, mean_of_views
from fpframe.decision.pvalues import stratum_p_value
from fpframe.decision.welch import welch_p_value
from fpframe.enrolment.asked import ZooAnswers
from fpframe.paper.experiment import Finding
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.queries.experiment import CLAIMED, _claims, run
from fpframe.paper.queries.fewer import first_points
from fpframe.paper.queries.strength import HEADER, Strength
from fpframe.paper.statistics import Separation
from fpframe.paper.viewscores import ViewScores


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    return run(laboratory)


@pytest.fixture(scope="module")
def usual(laboratory: Laboratory) -> ZooAnswers:
    return laboratory.ask(UAP, "fit")


def scores(*, between: float, seed: int = 0) -> ViewScores:
    """40 independent calibration models in two strata: what is common to the views of a model varies by `between`."""
    draw = np.random.default_rng(seed)
    views = between * draw.normal(size=(40, 1)) + draw.normal(size=(40, 20))
    strata = {
        name: StratumPaths(views=views[rows], families=tuple(f"{name}{i}" for i in range(20)))
        for name, rows in (("one", slice(0, 20)), ("two", slice(20, 40)))
    }
    return ViewScores(
        scheme=UAP, points=1, queries=2, thefts=(), kinds=(), innocents=(), above=views, below=views, strata=strata
    )


def test_p_values_are_the_largest_over_strata_of_the_first_views() -> None:
    made, suspects = scores(between=1.0), np.random.default_rng(1).normal(1.0, 1.0, (3, 20))
    first = {name: StratumPaths(views=p.views[:, :7], families=p.families) for name, p in made.strata.items()}
    for row, suspect in enumerate(suspects):
        honest = max(stratum_p_value(mean_of_views(suspect[:7]), p.scores()).p for p in first.values())
        claimed = max(welch_p_value(suspect[:7].tolist(), p) for p in first.values())
        assert made.honest(suspects, 7)[row] == honest
        assert made.claimed(suspects, 7)[row] == pytest.approx(claimed)
    assert made.floor == pytest.approx(1 / 21)


def test_the_t_test_breaks_its_promise_only_where_views_of_a_model_rise_and_fall_together() -> None:
    alone = scores(between=0.0).claimed_of_calibration(20)
    assert len(alone) == 40
    assert np.mean(alone < 0.05) <= 0.15
    together = scores(between=2.0).claimed_of_calibration(20)
    assert np.mean(together < 0.0001) > 0.15


def test_a_calibration_model_is_not_tested_against_its_own_family() -> None:
    made = scores(between=0.0)
    kin = made.strata["one"].views.copy()
    kin[:2] += 5  # two that stand out together
    families = ("same", "same", *made.strata["one"].families[2:])
    mixed = attrs.evolve(made, strata={"one": StratumPaths(views=kin, families=families)})
    left = StratumPaths(views=kin[2:], families=families[2:])
    assert mixed.claimed_of_calibration(20)[0] == pytest.approx(welch_p_value(kin[0].tolist(), left))


def test_the_first_points_are_asked_clean_and_perturbed(usual: ZooAnswers) -> None:
    fewer, points = first_points(usual, 5), usual.questions.queries.parts[0].points
    images = usual.questions.queries.images
    assert torch.equal(fewer.questions.queries.images[:, :5], images[:, :5])
    assert torch.equal(fewer.questions.queries.images[:, 5:], images[:, points : points + 5])
    assert torch.equal(fewer.models[0][1][:, 5:], usual.models[0][1][:, points : points + 5])
    assert fewer.victim.shape[1] == 10
    assert torch.equal(first_points(usual, points).victim, usual.victim)


def test_further_views_leave_those_that_the_encoder_is_fitted_on_as_they_are(
    laboratory: Laboratory, usual: ZooAnswers
) -> None:
    many = laboratory.with_size(views=laboratory.recipe.experiments.fingerprints).ask(UAP, "test")
    views = usual.questions.queries.views
    assert torch.equal(many.questions.queries.images[:views], usual.questions.queries.images)
    assert torch.equal(many.victim[:views], usual.victim)


@pytest.mark.slow
def test_findings(laboratory: Laboratory, finding: Finding) -> None:
    curves = [each for each in finding.data["curves"] if each["kind"] == ALL_THEFTS]
    ours = [each for each in curves if each["scheme"] == UAP]
    most = laboratory.recipe.experiments.fingerprints
    assert [each["fingerprints"] for each in ours] == [1, 2, 3, 5, 10, most]
    assert [each["queries"] for each in ours] == [40 * each["fingerprints"] for each in ours]
    assert [each["fingerprints"] for each in curves if each["scheme"] == CONTROL] == finding.data["fingerprints"]
    # nine models calibrate each stratum: more fingerprints make the t-test surer and the conformal p-value no smaller
    assert all(each["honest"] >= 0.1 - 1e-9 for each in curves)
    assert ours[0]["claimed"] == 1.0
    assert ours[-1]["claimed"] < CLAIMED
    # too few independent models to speak of 5 %
    assert all(each["power"] is None for each in ours)
    assert [row[1] for row in finding.tables["points"].rows if row[0] == UAP and row[4] == ALL_THEFTS] == [5, 10, 20]
    assert all(len(row) == len(HEADER) for table in finding.tables.values() for row in table.rows)


@pytest.mark.slow
def test_the_baseline_is_compared_at_as_many_queries(finding: Finding) -> None:
    asked = {each["queries"] for each in finding.data["curves"] if each["scheme"] == UAP}
    baseline = [each for each in finding.data["curves"] if each["scheme"] == BASELINE]
    assert baseline
    assert {each["queries"] for each in baseline} <= asked
    assert f"`{UAP}` minus `{BASELINE}`, 40 queries each" in finding.data["contrasts"]


@pytest.mark.slow
def test_claims_follow_their_rules(finding: Finding) -> None:
    claimed, honest, kept = finding.claims
    assert claimed.outcome == "agrees"
    assert honest.outcome == "not comparable"
    assert "9999" in honest.why
    test = finding.data["t_test"]
    assert kept.ours.startswith(f"{test['independent_models_told_apart']} of {test['of']} ")
    assert test["of"] == 54
    assert kept.outcome == ("differs" if test["independent_models_told_apart"] else "undecided")


@pytest.mark.parametrize(
    ("fingerprints", "p_value", "outcome"),
    [(20, 1e-5, "agrees"), (12, 1e-5, "agrees"), (20, 1e-3, "differs"), (12, 1e-3, "not comparable")],
)
def test_the_headline_needs_its_fingerprints_to_be_contradicted(
    fingerprints: int, p_value: float, outcome: str
) -> None:
    made = _strength(fingerprints=fingerprints, claimed=p_value)
    assert _claims(made, 0, 54)[0].outcome == outcome
    assert _claims(made, 0, 54)[2].outcome == "undecided"
    assert _claims(made, 3, 54)[2].outcome == "differs"


def _strength(*, fingerprints: int, claimed: float) -> Strength:
    area = Separation(auc=0.9, interval=(0.8, 1.0), derived=10, independent=17)
    return Strength(
        scheme=UAP,
        points=20,
        fingerprints=fingerprints,
        queries=40 * fingerprints,
        kind=ALL_THEFTS,
        area=area,
        power=None,
        claimed=claimed,
        honest=0.1,
        floor=0.1,
    )

"""What an evaluation says of the verdicts: valid on models, planted faults show, and every table is written."""

from __future__ import annotations

import json

import attrs
import numpy as np
import pytest

from fpframe.decision.paths import StratumPaths
from fpframe.decision.pvalues import StratumScores
from fpframe.decision.validity import check_validity
from fpframe.enrolment.enrolment import Enrolment
from fpframe.evaluation.accusations import count_accusations
from fpframe.evaluation.diagnostics import diagnose
from fpframe.evaluation.evaluate_models import evaluate
from fpframe.recipe.run import Run
from fpframe.report.evaluation.folder import write_evaluations
from fpframe.report.evaluation.tables import evaluation_markdown

CHANNELS = ("probs", "rounded:2", "rounded:1", "top1")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def evaluations(tiny_enrolment, tiny_store):
    return evaluate([Enrolment.open(tiny_enrolment)], run=Run(store=tiny_store))


@pytest.fixture(scope="module")
def diagnoses(evaluations):
    return [diagnose(evaluation) for evaluation in evaluations]


def test_every_channel_of_the_enrolment_is_evaluated(evaluations):
    assert tuple(evaluation.channel for evaluation in evaluations) == CHANNELS
    assert {len(evaluation.suspects) for evaluation in evaluations} == {27}


def test_p_values_of_independent_models_are_valid_in_every_stratum_and_channel(diagnoses):
    for diagnosis in diagnoses:
        assert len(diagnosis.validity) == 6
        for cells in diagnosis.validity.values():
            assert [cell.level for cell in cells][-2:] == [0.2, 0.5]
            assert all(cell.resplits == 1000 for cell in cells)
            assert all(cell.holds for cell in cells)


def test_forgetting_the_teachers_turns_the_validity_check_red_on_models(evaluations):
    """Each independent teacher gets students that score as it does: families of different size, alike inside."""
    teachers = evaluations[0].yardstick.strata["same-data"]
    sizes = [1, 1, 12, 1, 12, 1, 1, 12, 1]
    pairs = [
        (score + 1e-6 * student, family)
        for score, family, size in zip(teachers.scores, teachers.families, sizes, strict=True)
        for student in range(size)
    ]
    students = StratumScores(scores=tuple(s for s, _ in pairs), families=tuple(f for _, f in pairs))
    levels = (0.1, 0.2, 0.5)

    def by_model(score, stratum):
        return (1 + sum(other >= score for other in stratum.scores)) / (1 + len(stratum.scores))

    assert all(cell.holds for cell in check_validity(students, levels=levels))
    assert not all(cell.holds for cell in check_validity(students, levels=levels, p_value=by_model))


def test_the_sequential_test_keeps_its_level_over_1000_divisions_of_independent_models(evaluations):
    for evaluation in evaluations:
        yardstick, alpha = evaluation.yardstick, 0.2
        source, accused, judged = np.random.default_rng(0), 0, 0
        pools = {
            name: [
                *zip(paths.views, paths.families, strict=True),
                *(
                    (np.array(item.verdict.view_scores), item.model.family)
                    for item in evaluation.suspects
                    if item.model.stratum == name and item.model.relation == "independent"
                ),
            ]
            for name, paths in yardstick.paths.items()
        }
        for number in range(1000 // len(CHANNELS)):
            name = sorted(pools)[number % len(pools)]
            members = [pools[name][i] for i in source.permutation(len(pools[name]))]
            views, others = members[0][0], [member for member in members[1:] if member[1] != members[0][1]]
            half = StratumPaths(views=np.array([v for v, _ in others]), families=tuple(f for _, f in others))
            null = attrs.evolve(yardstick, paths={name: half})
            accused += null.decide(views.tolist(), alpha=alpha, test="sequential").verdict == "DERIVED"
            judged += 1
        assert judged == 250
        assert accused / judged <= alpha + 4 * (alpha * (1 - alpha) / judged) ** 0.5


def test_clearly_derived_suspects_are_asked_at_most_60_percent_of_the_views(diagnoses):
    shares = [diagnosis.saving.derived for diagnosis in diagnoses if diagnosis.saving.derived is not None]
    assert len(shares) >= 3
    assert np.median(shares) <= 0.6


def test_leaving_a_stratum_out_counts_every_model_of_it(diagnoses):
    for diagnosis in diagnoses:
        counts = {left.stratum: left.n for left in diagnosis.left_out}
        assert counts == {
            "attacked": 12,
            "disjoint-data": 11,
            "other-architecture": 12,
            "other-teacher": 13,
            "same-data": 12,
            "thief-recipe": 11,
        }


def test_the_t_test_accuses_independent_models_far_more_often_than_it_says():
    """Six families of views that rise and fall together: what the t-test takes for many samples."""
    source = np.random.default_rng(0)
    strata = {}
    for name in ("a", "b", "c"):
        centres = source.normal(0, 1, (24, 1))
        strata[name] = StratumPaths(
            views=centres + source.normal(0, 0.3, (24, 10)), families=tuple(f"{name}{i}" for i in range(24))
        )
    rules = [("conformal", 0.1), ("welch", 0.1), ("welch", 1e-4), ("welch-by-stratum", 1e-4)]
    conformal, welch, sure, by_stratum = count_accusations(strata, rules, resplits=100)
    assert conformal.fraction <= 0.1
    assert welch.fraction > 0.3
    assert sure.fraction > 0.1
    assert by_stratum.fraction > 0.1
    assert (conformal.models, conformal.families, conformal.resplits) == (72, 72, 100)


def test_families_stay_on_one_side_across_strata():
    """A student that scores exactly as its teacher would be the highest of its kind half of the time."""
    source = np.random.default_rng(0)
    centres = source.normal(0, 1, (30, 1))
    views, families = np.repeat(centres, 4, axis=1), tuple(map(str, range(30)))
    twins = {
        "teachers": StratumPaths(views=views, families=families),
        "students": StratumPaths(views=views, families=families),
    }
    [alone] = count_accusations({"teachers": twins["teachers"]}, [("conformal", 0.1)], resplits=300)
    [both] = count_accusations(twins, [("conformal", 0.1)], resplits=300)
    assert both.fraction == pytest.approx(alone.fraction), "the students' calibration is the teachers' own again"


def test_everything_is_written_and_says_what_it_counted(evaluations, tmp_path):
    shown = [evaluations[0], evaluations[3]]
    write_evaluations(shown, tmp_path)
    text = (tmp_path / "table.md").read_text()
    assert text == evaluation_markdown(shown)
    assert "n too small (17)" in text, "one percent cannot be seen on 17 models"
    for words in ("Validity", "Leave one stratum out", "Tests side by side", "Stopping early", "variance"):
        assert words in text
    assert "!" not in text.split("Validity")[1].split("Leave one")[0].replace("`!`", "")
    result = json.loads((tmp_path / "result.json").read_text())
    assert [each["channel"] for each in result["evaluations"]] == ["probs", "top1"]
    assert result["evaluations"][0]["diagnostics"]["validity"]["attacked"][0]["resplits"] == 1000
    assert result["evaluations"][0]["separations"][0]["power"]["0.01"] is None
    for name in ("roc", "det", "strata-probs", "strata-top1", "similarity-top1", "tsne-probs"):
        assert (tmp_path / f"{name}.svg").read_text().startswith("<?xml")


@pytest.mark.slow
def test_evaluating_twice_gives_the_same_bytes(evaluations, tiny_enrolment, tiny_store, tmp_path):
    again = evaluate([Enrolment.open(tiny_enrolment)], channels=("top1",), run=Run(store=tiny_store))
    assert evaluation_markdown(again) == evaluation_markdown([evaluations[3]])

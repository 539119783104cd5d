"""An enrolment that an earlier release wrote opens, keeps its bytes and its digest, and gives the verdicts of then."""

from __future__ import annotations

import pytest

import fpframe
from frozen import ENROLMENT, EXPECTED, answers


def test_it_opens_and_is_saved_again_to_the_same_bytes(tmp_path):
    enrolment = fpframe.Enrolment.open(ENROLMENT)
    assert enrolment.digest == EXPECTED["digest"]
    enrolment.save(tmp_path / "again.enrolment")
    written = {path.name: path.read_bytes() for path in (tmp_path / "again.enrolment").iterdir()}
    assert written == {path.name: path.read_bytes() for path in ENROLMENT.iterdir()}


def test_everything_that_later_work_looks_at_is_in_it():
    enrolment = fpframe.Enrolment.open(ENROLMENT)
    assert enrolment.recipe.name == "frozen"
    assert (enrolment.recipe.queries.points, enrolment.recipe.alpha) == (8, 0.1)
    assert enrolment.calibration.counts == {"other-teacher": 9, "same-data": 9}
    assert list(enrolment.calibration.answers) == ["", "flip(0.5)"]
    assert set(enrolment.standards) == set(enrolment.encoders) == {"probs", "top1"}
    assert enrolment.victim["accuracy"] == pytest.approx(0.891667)
    assert set(enrolment.victim) >= {"absent", "address", "backbone", "digest", "images", "pool"}
    assert "assumption" in {note.code for note in enrolment.caveats}, "format 2 knows no codes"
    assert any("Which images the victim was trained on" in note.text for note in enrolment.caveats)


@pytest.mark.parametrize("test", ["conformal", "sequential"])
@pytest.mark.parametrize("suspect", ["derived", "independent", "labels", "flipping"])
def test_suspects_get_the_verdict_p_and_scores_of_then(suspect, test):
    [verdict] = fpframe.verify_many(ENROLMENT, answers=[answers(suspect)], test=test)
    told, expected = verdict.to_dict(), EXPECTED["verdicts"][suspect][test]
    for exact in ("verdict", "p_value", "channel", "through", "views", "stopped", "queries"):
        assert told[exact] == expected[exact], exact
    assert told["score"] == pytest.approx(expected["score"], abs=2e-6)
    assert told["view_scores"] == pytest.approx(expected["view_scores"], abs=2e-6)
    for name, stratum in expected["strata"].items():
        counted = {key: told["strata"][name][key] for key in ("p", "n", "families", "at_least", "families_at_least")}
        assert counted == {key: stratum[key] for key in counted}
    assert verdict.enrolment == EXPECTED["digest"]


def test_an_enrolment_shows_itself_on_one_line():
    shown = repr(fpframe.Enrolment.open(ENROLMENT))
    assert len(shown) < 200
    assert shown.endswith("calibration_models=18)")
    assert "\n" not in shown

"""An enrolment that an earlier release wrote opens, keeps its bytes and its digest, and accuses nobody any more."""

from __future__ import annotations

import pytest

import fpframe
from frozen import ENROLMENT, EXPECTED, able_enrolment, answers


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
def test_nobody_is_accused_by_it_and_who_was_not_shown_to_be_derived_is_not_now(suspect, test):
    """It does not say how able its models are, and answers are scored at one sharpness now."""
    [verdict] = fpframe.verify_many(ENROLMENT, answers=[answers(suspect)], test=test)
    told, expected = verdict.to_dict(), EXPECTED["verdicts"][suspect][test]
    for exact in ("channel", "through"):
        assert told[exact] == expected[exact], exact
    assert verdict.enrolment == EXPECTED["digest"]
    assert verdict.verdict != "DERIVED"
    if expected["verdict"] == "NOT_SHOWN":
        assert (verdict.verdict, verdict.reason_code) == ("NOT_SHOWN", "")
        assert {name: stratum.n for name, stratum in verdict.strata.items()} == {"other-teacher": 9, "same-data": 9}
    if suspect == "derived":
        assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "enrolment-lacks-ability")
    assert len(verdict.view_scores) == told["views"]


@pytest.mark.parametrize("test", ["conformal", "sequential"])
def test_were_its_models_known_to_be_able_a_copy_would_be_derived_as_it_was(test):
    [verdict] = fpframe.verify_many(able_enrolment(), answers=[answers("derived")], test=test)
    assert verdict.verdict == EXPECTED["verdicts"]["derived"][test]["verdict"] == "DERIVED"


def test_an_enrolment_shows_itself_on_one_line():
    shown = repr(fpframe.Enrolment.open(ENROLMENT))
    assert len(shown) < 200
    assert shown.endswith("calibration_models=18)")
    assert "\n" not in shown

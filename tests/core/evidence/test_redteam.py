"""The malicious owner: whatever the protocol can detect is refused or marked with its code, and the rest is said."""

from __future__ import annotations

import json

import attrs
import pytest

import fpframe
from fpframe.cli import run
from fpframe.errors import UsageError
from fpframe.evidence import REFUSALS
from fpframe.redteam import ATTEMPTS, UNSEEN, Attempt, Result, play
from fpframe.redteam.attempt import Said

pytestmark = pytest.mark.usefixtures("few_models")


@pytest.fixture(scope="module")
def results(sworn) -> dict[str, Result]:
    return {result.attempt.name: result for result in play(sworn.enrolment)}


@pytest.mark.slow
@pytest.mark.parametrize("attempt", [each for each in ATTEMPTS if each.expected], ids=lambda each: each.name)
def test_what_can_be_detected_is_answered_with_its_code(results, attempt):
    result = results[attempt.name]
    assert result.said.code in attempt.expected, result.said.text
    assert not result.missed


@pytest.mark.slow
@pytest.mark.parametrize("attempt", [each for each in ATTEMPTS if not each.expected], ids=lambda each: each.name)
def test_what_a_bundle_cannot_show_is_played_too_and_it_is_said_what_does_show_it(results, attempt):
    assert results[attempt.name].said.answer == "nothing", "a bundle shows it now: expect its code"
    assert attempt.instead


@pytest.mark.slow
def test_the_command_counts_what_was_answered(sworn, capsys):
    assert run(["redteam", str(sworn.enrolment), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["missed"] == 0
    detected = [each for each in told["attempts"] if each["answer"] in ("refused", "marked")]
    assert len(detected) >= 8
    assert {each["code"] for each in detected} <= set(REFUSALS)
    assert [each["name"] for each in told["unseen"]] == [each.name for each in UNSEEN]


def test_an_attempt_that_is_not_answered_as_it_should_be_is_a_miss_and_ends_the_command_so(monkeypatch, capsys):
    attempt = Attempt(name="a", what="Try.", act=lambda stage: Said(answer="nothing"), expected=("log-damaged",))
    missed = Result(attempt=attempt, said=Said(answer="nothing"))
    other = Result(attempt=attempt, said=Said(answer="refused", code="key-unknown"))
    right = Result(attempt=attempt, said=Said(answer="refused", code="log-damaged"))
    unplayed = Result(attempt=attempt, said=Said(answer="not played"))
    assert [each.missed for each in (missed, other, right, unplayed)] == [True, True, False, False]
    monkeypatch.setattr("fpframe.redteam.play", lambda enrolment: iter([right, missed]))
    assert run(["redteam", "my.enrolment"]) == 5
    said = capsys.readouterr().out
    assert "MISSED nothing: Try." in said
    assert "2 tricks: 1 refused, 0 marked, 1 nothing, 0 not played; 1 missed" in said


def test_an_enrolment_without_a_commitment_is_refused_for_nothing_could_be_seen(sworn):
    plain = attrs.evolve(fpframe.Enrolment.open(sworn.enrolment), commitment=None)
    with pytest.raises(UsageError, match="without a commitment"):
        next(play(plain))


def test_every_trick_has_a_name_of_its_own_and_a_code_that_is_registered():
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS)
    for attempt in ATTEMPTS:
        assert attempt.what.endswith("."), attempt.name
        assert set(attempt.expected) <= set(REFUSALS)
        assert bool(attempt.expected) != bool(attempt.instead), attempt.name

"""The malicious owner: whatever the protocol can detect is refused or marked with its code, and the rest is said."""

from __future__ import annotations

import json

import attrs
import pytest

import fpframe
from fpframe.cli import run
from fpframe.errors import UsageError
from fpframe.evidence import REFUSALS
from fpframe.redteam import ATTEMPTS, UNSEEN, Attempt, Rate, Result, claim_against_origins, play
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


@pytest.mark.slow
def test_a_victim_that_is_made_from_an_innocent_is_held_against_its_origin_and_others(sworn, digits, tmp_path, capsys):
    for seed in range(2):
        model = fpframe.build_backbone(sworn.run.registry, "paper:arc-d", 10, digits.image_shape, seed=seed)
        seen = digits.train[400 + 100 * seed : 1200 + 100 * seed]
        fpframe.train(model, seen.pixels, seen.labels, fpframe.Training(epochs=10, batch_size=32), seed=seed)
        fpframe.save_weights(model, tmp_path / f"{seed}.safetensors")
    models = fpframe.Independents(tmp_path, backbone="paper:arc-d")
    enrolment = fpframe.Enrolment.open(sworn.enrolment)
    [claims] = claim_against_origins(enrolment, models, victims=1, run=sworn.run)
    assert (claims.origins.tried, claims.others.tried) == (1, 1)
    assert claims.origins.accused == 1, "a fine-tuned copy is derived, whoever was first"
    assert str(Rate(2, 2)) == "2 of 2 (95 % interval 0.16 to 1.00)"
    unnamed = fpframe.Independents(tmp_path)
    with pytest.raises(UsageError, match="name their --backbone"):
        next(claim_against_origins(enrolment, unnamed, victims=1, run=sworn.run))


def test_options_about_innocents_need_innocents(monkeypatch, capsys):
    monkeypatch.setattr("fpframe.redteam.play", lambda enrolment: iter(()))
    assert run(["redteam", "my.enrolment", "--backbone", "paper:arc-d"]) == 2
    assert "name them with --independents" in capsys.readouterr().err


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

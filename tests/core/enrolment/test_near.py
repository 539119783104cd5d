"""Independent models that are copies of the victim or of the suspect, but for a little noise, are flagged."""

from __future__ import annotations

import attrs
import pytest
import torch

import fpframe
from fpframe.enrolment import PLAIN, near, usual_distance
from fpframe.enrolment.nearness import near_victim
from frozen import able_enrolment, answers


@pytest.fixture(scope="module")
def enrolment() -> fpframe.Enrolment:
    return able_enrolment()


def noisy(rows: torch.Tensor, scale: float, seed: int = 0) -> torch.Tensor:
    """Return probabilities with a little noise."""
    noise = torch.rand(rows.shape, generator=torch.Generator().manual_seed(seed))
    changed = rows + scale * noise
    return changed / changed.sum(-1, keepdim=True)


def test_honest_models_are_near_nobody(enrolment):
    plain = enrolment.calibration.answers[PLAIN]
    usual = usual_distance(plain, enrolment.victim_answers)
    assert near(plain, enrolment.victim_answers, usual=usual) == []
    assert near_victim([str(row) for row in range(len(plain))], plain, enrolment.victim_answers, usual=usual) == ()


@pytest.mark.parametrize("scale", [1e-4, 1e-3])
def test_nine_copies_of_the_victim_with_a_little_noise_are_all_flagged(enrolment, scale):
    plain = enrolment.calibration.answers[PLAIN]
    copies = torch.stack([noisy(enrolment.victim_answers, scale, seed) for seed in range(9)])
    usual = usual_distance(plain, enrolment.victim_answers)
    [note] = near_victim([f"copy {row}" for row in range(9)], copies, enrolment.victim_answers, usual=usual)
    assert note.code == "calibration-near-victim"
    assert note.text.startswith("9 of the models that calibrate")
    assert "copy 4 and others" in note.text


def test_a_copy_of_the_suspect_among_the_calibration_models_is_flagged_in_its_verdict(enrolment):
    [honest] = fpframe.verify_many(enrolment, answers=[answers("independent")])
    able, count = len(enrolment.able), enrolment.queries.queries
    assert "calibration-near-suspect" not in {note.code for note in honest.caveats}
    rows = torch.from_numpy(honest.transcript.answers[able : able + count]).reshape(enrolment.victim_answers.shape)
    plain = enrolment.calibration.answers[PLAIN].clone()
    plain[0] = noisy(rows, 1e-3)
    calibration = attrs.evolve(enrolment.calibration, answers={**enrolment.calibration.answers, PLAIN: plain})
    [verdict] = fpframe.verify_many(attrs.evolve(enrolment, calibration=calibration), answers=[answers("independent")])
    [note] = [note for note in verdict.caveats if note.code == "calibration-near-suspect"]
    assert note.text.startswith("1 of the calibration models")

"""Audits: an honest enrolment is derived again to the last bit, and a forged one is found part by part."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys

import attrs
import pytest
import torch

import fpframe
from fpframe.cli import run as run_command
from fpframe.enrolment import PLAIN
from fpframe.evidence import Case, EvidenceError, audit, auditing
from fpframe.evidence.derivation import Derivation, compare_calibration, compare_encoders, compare_questions

pytestmark = [pytest.mark.usefixtures("few_models"), pytest.mark.slow]


@pytest.fixture(scope="module")
def enrolment(sworn) -> fpframe.Enrolment:
    return fpframe.Enrolment.open(sworn.enrolment)


@pytest.fixture(scope="module")
def answered(sworn, enrolment, digits, tmp_path_factory):
    """The recorded answers of the victim itself."""
    path = tmp_path_factory.mktemp("answers") / "victim.npz"
    fpframe.verify(enrolment, sworn.network(digits)).transcript.save(path)
    return path


def likeness(rows):
    return {row.part: row.likeness for row in rows}


@pytest.fixture(scope="module")
def honest(sworn, answered):
    """What an audit of the honest enrolment says, with every calibration model trained again."""
    return audit(sworn.enrolment, sworn.victim, case=Case.open(sworn.case), models=4, answers=[answered], run=sworn.run)


def test_an_honest_enrolment_is_derived_to_the_last_bit_on_the_same_machine(honest):
    told = likeness(honest)
    assert set(told.values()) == {"same bits"}, told
    assert set(told) == {
        "commitment",
        "code",
        "victim",
        "queries",
        "perturbations",
        "victim's answers",
        "encoder probs",
        "calibration models",
        "calibration answers",
        "ability",
        "scores probs",
        "models trained again",
        "verdict of victim.npz",
    }


def test_both_p_are_shown(honest):
    text = next(row.text for row in honest if row.part.startswith("verdict"))
    assert text.count(" p ") == 2
    assert "derived again" in text


def test_without_the_victim_what_follows_from_it_is_not_derived(sworn):
    told = likeness(audit(sworn.enrolment, models=1, run=sworn.run))
    assert {part for part, like in told.items() if like == "not derived"} == {
        "queries",
        "perturbations",
        "victim's answers",
        "encoders",
    }
    assert {like for like in told.values() if like != "not derived"} == {"same bits"}


def test_an_enrolment_that_is_not_in_the_log_is_refused(sworn, enrolment):
    with pytest.raises(EvidenceError, match=r"\[commitment-of-another-case\]"):
        audit(attrs.evolve(enrolment, commitment=None), case=Case.open(sworn.case), run=sworn.run)


def test_other_code_is_said_and_is_no_difference_of_the_enrolment(sworn, enrolment):
    origin = attrs.evolve(enrolment.origin, source="00" * 32, packages={**enrolment.origin.packages, "torch": "1.0"})
    rows = audit(attrs.evolve(enrolment, origin=origin, commitment=None), models=0, run=sworn.run)
    [code] = [row for row in rows if row.part == "code"]
    assert code.likeness == "not derived"
    assert "another source of fpframe, torch" in code.text


def test_a_forged_encoder_is_found_although_its_scores_fit(enrolment):
    encoders = {name: copy.deepcopy(encoder) for name, encoder in enrolment.encoders.items()}
    with torch.no_grad():
        next(encoders["probs"].parameters()).add_(0.1)
    [row] = compare_encoders(attrs.evolve(enrolment, encoders=encoders), enrolment)
    assert row.likeness == "differs"
    assert "0.1 at most" in row.text


@pytest.mark.parametrize(
    ("steps", "images", "like"),
    [(0, 0, "same bits"), (1, 1, "within tolerance"), (2, 1, "differs"), (1, 40, "differs")],
)
def test_queries_may_differ_by_one_grey_level_in_one_image_of_a_hundred(enrolment, steps, images, like):
    changed = enrolment.queries.images.clone()
    flat = changed.flatten(0, 1)
    flat[:images, 0, 0, 0] = flat[:images, 0, 0, 0].int().sub(steps).abs().byte()
    queries = attrs.evolve(enrolment.queries, images=changed)
    rows = compare_questions(attrs.evolve(enrolment, queries=queries), enrolment)
    assert rows[0].likeness == like, rows[0]


@pytest.mark.parametrize(("images", "like"), [(1, "same bits"), (None, "not derived")])
def test_a_suspect_is_judged_again_by_its_answers_to_the_queries_that_it_was_asked(
    sworn, enrolment, answered, monkeypatch, images, like
):
    """On another machine a query may be derived that is a grey level apart, to which nobody has its answer."""
    changed = enrolment.queries.images.clone()
    changed[0, :images] = 255 - changed[0, :images] if images is None else changed[0, :images] ^ 1
    derived = attrs.evolve(enrolment, queries=attrs.evolve(enrolment.queries, images=changed))
    monkeypatch.setattr("fpframe.evidence.auditing._enrolled_again", lambda *_: derived)
    rows = audit(enrolment, sworn.victim, models=0, answers=[answered], run=sworn.run)
    assert likeness(rows)["verdict of victim.npz"] == like


def test_points_of_another_seed_are_found(enrolment):
    other = attrs.evolve(enrolment.queries, images=enrolment.queries.images.flip(0))
    rows = compare_questions(attrs.evolve(enrolment, queries=other), enrolment)
    assert rows[0].likeness == "differs"


def test_made_up_answers_of_a_calibration_model_are_found(enrolment):
    answers = enrolment.calibration.answers[PLAIN].clone()
    answers[0] = answers[1]
    forged = attrs.evolve(enrolment.calibration, answers={**enrolment.calibration.answers, PLAIN: answers})
    told = likeness(compare_calibration(attrs.evolve(enrolment, calibration=forged), enrolment))
    assert told["calibration answers"] == "differs"


def test_a_calibration_model_that_was_left_out_is_found(enrolment):
    fewer = attrs.evolve(enrolment.calibration, models=enrolment.calibration.models[1:])
    rows = compare_calibration(attrs.evolve(enrolment, calibration=fewer), enrolment)
    assert [(row.part, row.likeness, row.text) for row in rows] == [
        ("calibration models", "differs", "3 told, 4 found")
    ]


@pytest.mark.parametrize(
    ("difference", "like"),
    [
        (0.0, "same bits"),
        (1e-6, "within tolerance"),
        (1.0, "differs"),
        (float("nan"), "differs"),
        (float("inf"), "differs"),
    ],
)
def test_a_number_is_the_same_or_within_its_tolerance_or_differs(difference, like):
    assert Derivation.of_number("part", difference, 1e-4, what="it differs").likeness == like


def test_a_model_that_is_another_one_is_further_apart_than_seeds_are(sworn, enrolment, monkeypatch):
    def other(model, zoo, told):
        sound = looked(model, zoo, told)
        if "fpframe-audit-" in str(zoo.workspace.store.root):
            return attrs.evolve(sound, answers=sound.answers.flip(-1), accuracy=0.1)
        return sound

    looked = auditing._looked_at
    monkeypatch.setattr(auditing, "_looked_at", other)
    rows = audit(enrolment, models=2, run=sworn.run)
    [row] = [row for row in rows if row.part == "models trained again"]
    assert (row.likeness, row.text) == ("differs", "0 of 2 to the last bit, 2 further apart than seeds are")


def test_the_command_opens_victim_and_data_as_the_case_says(sworn, capsys, monkeypatch, answered):
    stored = json.loads((sworn.case / "leaves.json").read_text())
    assert stored["how"] == {}, "it was made in Python"
    monkeypatch.setenv("FPFRAME_HOME", str(sworn.folder / "store"))
    words = ["audit", str(sworn.enrolment), "--models", "1", "--answers", str(answered), "--json"]
    assert run_command([*words, "--victim", "paper:arc-e", "--weights", str(sworn.folder / "victim.safetensors")]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["likeness"] for row in rows} == {"same bits"}
    assert run_command([*words, "--commitment", str(sworn.case)]) == 2
    assert "name it with --victim" in capsys.readouterr().err


SCRIPT = """
import json, sys
import fpframe
from fpframe.decision import levels
from fpframe.evidence import audit

levels.HIGHEST_ALPHA = 0.5
folder = sys.argv[1]
victim = fpframe.Victim("paper:arc-e", weights=f"{folder}/victim.safetensors")
run = fpframe.Run(store=f"{folder}/store")
rows = audit(f"{folder}/my.enrolment", victim, models=0, answers=[sys.argv[2]], run=run)
print(json.dumps([[row.part, row.likeness, row.text] for row in rows]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("capability", ["default", "avx2"])
def test_under_another_instruction_set_every_part_is_within_its_tolerance_and_so_is_the_verdict(
    sworn, answered, capability
):
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": capability}
    command = [sys.executable, "-c", SCRIPT, str(sworn.folder), str(answered)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout.splitlines()[-1])
    assert {like for _, like, _ in rows} <= {"same bits", "within tolerance"}, rows

"""The command line: results on stdout, one line for a mistake, documented exit codes, no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.complaining import complaint
from fpframe.cli import run
from tiny import NEAREST


@pytest.mark.slow
def test_enrol_then_verify_several_kinds_of_suspect_as_json(here, capfd, registry):
    victim = ["--victim", "paper:arc-e", "--weights", "victim.safetensors"]
    assert run(["train", "--recipe", "tiny", "--out", "victim.safetensors"]) == 0
    assert "accuracy 0." in capfd.readouterr().out
    assert run(["enroll", "--recipe", "tiny", *victim, "--out", "my.enrolment", "--workers", "1"]) == 0
    strata = "9 attacked, 9 disjoint-data, 9 other-architecture, 9 other-teacher, 9 same-data, 9 thief-recipe"
    printed = capfd.readouterr().out
    assert f"200 queries, channels probs, rounded:2, rounded:1, top1; calibrated on {strata}" in printed

    assert run(["verify", "my.enrolment", "victim.safetensors", "--backbone", "paper:arc-e", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    [suspect] = told["suspects"]
    assert (told["alpha"], told["enrolment"]["digest"]) == (0.1, suspect["enrolment"])
    assert suspect["verdict"] == "DERIVED"
    assert suspect["suspect"]["address"] == "victim.safetensors"
    assert len(suspect["suspect"]["digest"]) == 64
    assert suspect["queries"] == 548
    assert suspect["scheme"] == "uap-contrastive"
    assert {name: stratum["n"] for name, stratum in suspect["strata"].items()} == {
        "same-data": 9,
        "disjoint-data": 9,
        "other-architecture": 9,
        "other-teacher": 9,
        "thief-recipe": 9,
        "attacked": 9,
    }
    assert suspect["settings"]["backbone"] == "paper:arc-e"
    assert len(suspect["caveats"]) >= 2

    Path("my_suspect.py").write_text(NEAREST)
    assert run(["verify", "my.enrolment", "python:my_suspect:predict", "--outputs", "probs"]) == 0
    assert "python:my_suspect:predict: NOT_SHOWN" in capfd.readouterr().out


@pytest.mark.parametrize("command", [["enroll", "--recipe", "tiny"], ["calibrate", "ENROLMENT"]])
def test_an_existing_output_is_refused_before_anything_is_trained(here, capfd, tiny_enrolment, monkeypatch, command):
    monkeypatch.setenv("FPFRAME_HOME", str(here / "empty"))
    command = [str(tiny_enrolment) if word == "ENROLMENT" else word for word in command]
    assert "exists already" in complaint(capfd, [*command, "--out", str(tiny_enrolment)], 2)
    assert not (here / "empty").exists()


@pytest.mark.parametrize("option", ["--weights", "--backbone", "--mean", "--std"])
@pytest.mark.parametrize(
    "command", [["enroll", "--out", "x"], ["compare", "--schemes", "akh"], ["zoo", "plan", "tiny"]]
)
def test_options_about_a_victim_need_one(here, capfd, command, option):
    assert f"{option} is about a victim of your own; name it with --victim" in complaint(
        capfd, [*command, option, "1"], 2
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["enrol"], 2, 'Did you mean "enroll"'),
        (["enroll"], 2, "--out"),
        (["enroll", "--out", "x", "--recipe", "tinny"], 2, "did you mean 'tiny'"),
        (["enroll", "--out", "x", "--recipe", "none.toml"], 2, "No such file"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--scheme", "uap"], 2, "unknown scheme 'uap'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--dataset", "digit"], 2, "did you mean 'digits'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--alpha", "0.01"], 2, "99 are needed"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--alpha", "1.5"], 2, "'alpha'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--workers", "0"], 2, "--workers must be at least 1"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--without", "other"], 2, "unknown stratum 'other'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "paper:arc-a"], 3, "without weights"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "paper:arc-z", "--weights", "w.pt"], 2, "arc-"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "python:no_such:make"], 2, "no_such"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "paper:arc-a", "--weights", "w.pt"], 3, "w.pt"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--weights", "w.safetensors"], 2, "--victim"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim-indices", "seen.npy"], 3, "seen.npy"),
        (["enroll", "--out", "x", "--recipe", "quick"], 2, "--data-root"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--dataset", "folder:missing"], 3, "missing"),
        (["verify", "nothing.enrolment", "a.onnx"], 2, "no such enrolment"),
        (["train", "--out", "victim.pt"], 2, ".safetensors"),
    ],
)
def test_a_wrong_command_ends_in_one_clear_line_and_leaves_nothing(here, capfd, arguments, code, message):
    assert message in complaint(capfd, arguments, code)
    assert list(here.iterdir()) == []


def test_help_and_version_print_to_stdout(capfd):
    assert run(["--help"]) == 0
    assert "enroll" in capfd.readouterr().out
    assert run(["verify", "--help"]) == 0
    assert "--max-queries" in capfd.readouterr().out
    assert run(["--version"]) == 0
    assert capfd.readouterr().out.strip() == "0.1.0"


def test_ctrl_c_is_told_on_one_line_with_its_exit_code(capfd, monkeypatch):
    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fpframe.registry.load_registry", interrupted)
    assert complaint(capfd, ["plugins"], 130) == "interrupted; finished work is kept; run again to continue"

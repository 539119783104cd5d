"""``fpframe corroborate``: a suspect's file beside the victim's, and files of independent models."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

import fpframe
from fpframe.cli import run

ARCHITECTURE = "paper:arc-a"


def network(registry, seed: int) -> fpframe.Classifier:
    return fpframe.build_backbone(registry, ARCHITECTURE, 10, (1, 8, 8), seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, registry):
    """A victim, its permuted copy in half precision, independent models, and a network of another architecture."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "others").mkdir()
    victim = network(registry, 1)
    fpframe.save_weights(victim, folder / "victim.safetensors")
    state = {name: value.clone() for name, value in victim.module.state_dict().items()}
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    state["8.weight"], state["8.bias"] = state["8.weight"][order], state["8.bias"][order]
    state["10.weight"] = state["10.weight"][:, order].contiguous()
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    save_file(halved, folder / "copy.safetensors")
    for number in range(3):
        fpframe.save_weights(network(registry, 20 + number), folder / "others" / f"{number}.safetensors")
    fpframe.save_weights(network(registry, 40), folder / "stranger.safetensors")
    other = fpframe.build_backbone(registry, "paper:arc-b", 10, (1, 8, 8), seed=2)
    fpframe.save_weights(other, folder / "other.safetensors")
    return folder


def call(folder, suspect: str, *words: str) -> int:
    independents = ["--independents", str(folder / "others")]
    return run(["corroborate", str(folder / "victim.safetensors"), str(folder / suspect), *independents, *words])


def test_a_copy_is_told_with_a_p_of_its_own(folder, capfd):
    assert call(folder, "copy.safetensors", "--from-scratch", "--json") == 0
    found = json.loads(capfd.readouterr().out)
    assert found["result"]["p"] == 0.25
    assert found["likeness"] > 0.999


def test_an_independent_model_is_like_the_others(folder, capfd):
    assert call(folder, "stranger.safetensors", "--from-scratch", "--json") == 0
    assert json.loads(capfd.readouterr().out)["likeness"] < 0.9


def test_what_a_person_reads_says_that_it_is_no_verdict(folder, capfd):
    assert call(folder, "copy.safetensors", "--from-scratch") == 0
    assert "Students" in capfd.readouterr().out


def test_another_architecture_is_not_comparable(folder, capfd):
    assert call(folder, "other.safetensors", "--from-scratch", "--json") == 7
    assert json.loads(capfd.readouterr().out)["result"] is None


def test_the_report_is_a_page_of_its_own_and_is_not_overwritten(folder, tmp_path, capfd):
    report = tmp_path / "report.html"
    words = ("--from-scratch", "--report", str(report))
    assert call(folder, "copy.safetensors", *words) == 0
    page = report.read_text()
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    assert call(folder, "copy.safetensors", *words) == 2
    assert "--force" in capfd.readouterr().err
    assert call(folder, "copy.safetensors", *words, "--force") == 0


def _pickle(path):
    path.write_bytes(pickle.dumps({"weight": Canary()}))


class Canary:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return eval, ("open('canary', 'w').close()",)


WRONG = {
    "missing": (lambda path: None, 3, "no such file"),
    "a hostile pickle": (_pickle, 3, ""),
    "noise": (lambda path: path.write_bytes(b"\x00" * 100), 3, ""),
    "a text": (lambda path: path.write_text("hello"), 3, ""),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_bad_file_is_refused_in_one_line_and_runs_nothing(kind, folder, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    make, code, message = WRONG[kind]
    make(tmp_path / "bad.pt")
    assert call(folder, str(tmp_path / "bad.pt"), "--from-scratch") == code
    told = capfd.readouterr().err
    assert told.startswith("fpframe: error:")
    assert message in told
    assert not (tmp_path / "canary").exists()


def test_a_victim_of_unknown_architecture_is_asked_for_it(folder, tmp_path, registry, capfd):
    bare = tmp_path / "bare.safetensors"
    save_file(dict(network(registry, 1).module.state_dict()), bare)
    words = ["corroborate", str(bare), str(folder / "copy.safetensors"), "--independents", str(folder / "others")]
    assert run([*words, "--from-scratch"]) == 2
    assert "--backbone" in capfd.readouterr().err
    said = ["--backbone", ARCHITECTURE, "--classes", "10", "--shape", "1x8x8"]
    assert run([*words, "--from-scratch", *said, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["likeness"] > 0.999


def test_a_file_that_is_not_the_enrolled_one_is_refused(folder, tiny_enrolment, tmp_path, registry, capfd):
    other = tmp_path / "other.safetensors"
    fpframe.save_weights(fpframe.build_backbone(registry, "paper:arc-e", 10, (1, 8, 8), seed=9), other)
    words = ["corroborate", str(other), str(other), "--independents", str(folder / "others")]
    assert run([*words, "--enrolment", str(tiny_enrolment)]) == 3
    assert "enrol" in capfd.readouterr().err

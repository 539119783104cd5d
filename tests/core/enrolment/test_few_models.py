"""A victim that is enrolled beside a few models of others, with nothing trained."""

from __future__ import annotations

import hashlib
import shutil

import pytest
import torch
from torch import nn

import fpframe
from fpframe.cli import run as cli
from fpframe.errors import DataError, ModelError, RecipeError, UsageError
from fpframe.models import Training, train

ARCHITECTURES = ("paper:arc-a", "paper:arc-b", "paper:arc-c", "paper:arc-d", "paper:arc-e")


def trained(registry, digits, address: str, seed: int, epochs: int = 12) -> fpframe.Classifier:
    network = fpframe.build_backbone(registry, address, 10, (1, 8, 8), seed=seed)
    third = slice(seed % 3 * 350, seed % 3 * 350 + 500)
    training = Training(epochs=epochs, batch_size=32)
    return train(network, digits.train.pixels[third], digits.train.labels[third], training, seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, registry, digits):
    """Five public models, by five architectures and with a list that says how each is opened."""
    folder = tmp_path_factory.mktemp("public")
    entries = []
    for number, address in enumerate(ARCHITECTURES):
        path = folder / f"public-{number}.safetensors"
        fpframe.save_weights(trained(registry, digits, address, 20 + number, epochs=30), path)
        entries.append(
            f'[[model]]\nfile = "{path.name}"\nbackbone = "{address}"\nlicence = "CC0-1.0"\n'
            f'digest = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\n'
        )
    (folder / "independents.toml").write_text("\n".join(entries))
    return folder


@pytest.fixture(scope="module")
def victim(registry, digits):
    return trained(registry, digits, "paper:arc-e", 7)


def owned(victim: fpframe.Classifier) -> fpframe.Victim:
    return fpframe.Victim(victim.module, from_scratch=True)


@pytest.fixture(scope="module")
def enrolment(victim, folder, registry, tmp_path_factory):
    saved = tmp_path_factory.mktemp("few") / "few.enrolment"
    run = fpframe.Run(store=saved.parent / "store", registry=registry)
    fpframe.enroll_on_files(owned(victim), folder, recipe="tiny", run=run).save(saved)
    return fpframe.Enrolment.open(saved)


@pytest.mark.slow
def test_nothing_is_trained_and_the_models_calibrate(enrolment):
    assert enrolment.calibration.counts == {"public": 5}
    assert enrolment.scheme == "akh"
    assert enrolment.recipe.independent == enrolment.recipe.derived == ()


def test_a_copy_stands_out_and_is_told_that_there_are_too_few_models(enrolment, victim):
    verdict = fpframe.verify(enrolment, victim.module)
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "too-few")
    assert "higher than all 5 calibration models" in verdict.reason
    assert "no p-value below 0.17" in verdict.reason
    assert "which so few cannot show" in verdict.reason


def test_an_independent_model_is_not_shown(enrolment, registry, digits):
    verdict = fpframe.verify(enrolment, trained(registry, digits, "paper:arc-c", 40).module)
    assert verdict.verdict == "NOT_SHOWN"


@pytest.mark.parametrize("test", ["welch", "welch-by-stratum", "sequential"])
def test_no_other_test_accuses_beside_so_few(test, enrolment, victim):
    with pytest.raises(UsageError, match="fewer models than its level needs"):
        fpframe.verify(enrolment, victim.module, test=test)


def test_certainty_is_refused(enrolment, victim):
    with pytest.raises(UsageError, match="cannot be reached"):
        fpframe.verify(enrolment, victim.module, certify=True)


def test_several_suspects_are_told_the_same(enrolment, victim):
    verdicts = fpframe.verify_many(enrolment, [victim.module, nn.Sequential(victim.module)])
    assert [verdict.reason_code for verdict in verdicts] == ["too-few", "too-few"]


@pytest.mark.slow
def test_more_models_may_be_added_until_they_are_enough(enrolment, victim, registry, digits, tmp_path):
    more = tmp_path / "more" / "public"
    more.mkdir(parents=True)
    for number in range(5):
        fpframe.save_weights(trained(registry, digits, "paper:arc-c", 60 + number), more / f"{number}.safetensors")
    added = fpframe.Independents(more.parent, backbone="paper:arc-c", add=True)
    judged = fpframe.calibrate(enrolment, independents=added)
    assert fpframe.verify(judged, victim.module).verdict == "DERIVED"


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copied")


WRONG = {
    "a missing file": ('file = "public-0', 'file = "public-9', DataError, "is not in the folder"),
    "a file twice": ('file = "public-0', 'file = "public-1', DataError, "is listed twice|is not the file"),
    "another digest": ('digest = "', 'digest = "00', DataError, "is not the file that was listed"),
    "a path outside": ('file = "public-0', 'file = "../public-0', RecipeError, "must be a path inside the folder"),
    "an absolute path": ('file = "public-0', 'file = "/public-0', RecipeError, "must be a path inside the folder"),
    "an unknown key": ('licence = "', 'license = "', RecipeError, "unknown key 'model.0.license'"),
    "an unknown kind of answers": (
        "[[model]]",
        '[[model]]\noutputs = "odds"',
        RecipeError,
        "'model.0.outputs' is wrong: odds",
    ),
    "no architecture": ('backbone = "paper:arc-a"\n', "", DataError, "holds weights alone; name its 'backbone'"),
    "another architecture": ("paper:arc-a", "paper:arc-b", ModelError, "paper:arc-b"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_list_that_is_wrong_says_so(case, folder, victim, registry, tmp_path):
    old, new, kind, message = WRONG[case]
    changed = copied(folder, tmp_path)
    text = (changed / "independents.toml").read_text()
    assert old in text
    (changed / "independents.toml").write_text(text.replace(old, new, 1))
    run = fpframe.Run(store=tmp_path / "store", registry=registry)
    with pytest.raises(kind, match=message):
        fpframe.enroll_on_files(owned(victim), changed, recipe="tiny", run=run)


def test_a_scheme_that_learns_is_refused(folder, victim, registry, tmp_path):
    run = fpframe.Run(store=tmp_path, registry=registry)
    with pytest.raises(UsageError, match="'residual' learns from models of a recipe"):
        fpframe.enroll_on_files(victim.module, folder, recipe="tiny", scheme="residual", run=run)


@pytest.mark.slow
def test_models_that_are_less_able_do_not_calibrate_and_two_are_too_few(victim, registry, digits, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for number, epochs in enumerate((12, 12, 1, 1)):
        fpframe.save_weights(
            trained(registry, digits, "paper:arc-b", 80 + number, epochs), few / f"{number}.safetensors"
        )
    run = fpframe.Run(store=tmp_path / "store", registry=registry)
    models = fpframe.Independents(few, backbone="paper:arc-b")
    with pytest.raises(UsageError, match=r"of 4 independent models \d are as able as the victim"):
        fpframe.enroll_on_files(owned(victim), models, recipe="tiny", run=run)


def test_a_copy_among_the_models_is_refused(folder, victim, registry, tmp_path):
    changed = copied(folder, tmp_path)
    (changed / "independents.toml").unlink()
    for path in changed.glob("*.safetensors"):
        path.unlink()
    for number in range(3):
        fpframe.save_weights(victim, changed / f"{number}.safetensors")
    models = fpframe.Independents(changed, backbone="paper:arc-e")
    run = fpframe.Run(store=tmp_path / "store", registry=registry)
    with pytest.raises(ModelError, match="answers exactly as the victim does"):
        fpframe.enroll_on_files(owned(victim), models, recipe="tiny", run=run)


def test_the_command_line_enrolls_beside_them(victim, folder, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "store"))
    fpframe.save_weights(victim, tmp_path / "victim.safetensors")
    words = ["--victim", "paper:arc-e", "--weights", str(tmp_path / "victim.safetensors"), "--from-scratch"]
    words += ["--recipe", "tiny", "--independents", str(folder), "--out", str(tmp_path / "few.enrolment")]
    assert cli(["enroll", *words]) == 0
    assert (
        cli(
            [
                "verify",
                str(tmp_path / "few.enrolment"),
                str(tmp_path / "victim.safetensors"),
                "--backbone",
                "paper:arc-e",
            ]
        )
        == 7
    )
    assert "higher than all 5 calibration models" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--independents", "x"], "name it with --victim"),
        (
            ["--independents", "x", "--victim", "paper:arc-a", "--without", "wild"],
            "--without is about models of a recipe",
        ),
        (
            ["--independents", "x", "--victim", "paper:arc-a", "--beacon", "2026-01-01:00"],
            "a commitment is to a recipe",
        ),
        (["--backbone-of", "paper:arc-a"], "--backbone-of is about models of others"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words, message, tmp_path, capfd):
    assert cli(["enroll", *words, "--recipe", "tiny", "--out", str(tmp_path / "x")]) == 2
    assert message in capfd.readouterr().err


def test_probabilities_are_taken_as_labels(enrolment, victim):
    softened = nn.Sequential(victim.module, Scale())
    assert fpframe.verify(enrolment, softened).reason_code == "too-few"


class Scale(nn.Module):
    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits / 10

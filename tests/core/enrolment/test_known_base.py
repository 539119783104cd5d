"""An enrolment of a victim whose public base is known, from end to end."""

from __future__ import annotations

import attrs
import pytest
import torch

import fpframe
from fpframe.cli import run as cli
from fpframe.errors import ModelError, RecipeError
from fpframe.models import Training, train
from fpframe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.recipe.recipe import Queries

ARCHITECTURE = "paper:arc-a"
RECIPE = Recipe(
    name="brief",
    scheme="akh",
    alpha=0.1,
    channels=("probs", "top1"),
    training=Training(epochs=8, batch_size=32),
    as_able_as_victim=False,
    queries=Queries(points=20, views=4),
    independent=(
        IndependentGroup(stratum="same-data", fit=1, calibrate=9, backbones=("base:head",)),
        IndependentGroup(stratum="other-teacher", fit=1, calibrate=9, backbones=("base:head",)),
        IndependentGroup(stratum="same-base", calibrate=9),
    ),
    derived=(DerivedGroup(attack="extract(soft)", fit=1), DerivedGroup(attack="finetune(all)", test=1)),
)


@pytest.fixture(scope="module")
def public(registry, digits):
    network = fpframe.build_backbone(registry, ARCHITECTURE, 10, (1, 8, 8), seed=3)
    turned = torch.rot90(digits.train.pixels, 1, (2, 3))
    return train(network, turned, (digits.train.labels * 3) % 10, Training(epochs=4, batch_size=32), seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("known-base")


@pytest.fixture(scope="module")
def run(folder, registry):
    return fpframe.Run(store=folder / "store", registry=registry)


@pytest.fixture(scope="module")
def owned(registry, digits, public, folder):
    """A victim: the public model with a last layer of its own."""
    base = fpframe.Victim(public, backbone=ARCHITECTURE)
    victim = fpframe.build_backbone(registry, ARCHITECTURE, 10, (1, 8, 8), seed=9)
    victim.module.load_state_dict(base.model.module.state_dict())
    train(victim.changing("10"), digits.train.pixels, digits.train.labels, Training(epochs=4, batch_size=32), seed=9)
    fpframe.save_weights(victim, folder / "victim.safetensors")
    fpframe.save_weights(public, folder / "public.safetensors")
    return fpframe.Victim(ARCHITECTURE, weights=folder / "victim.safetensors", base=str(folder / "public.safetensors"))


@pytest.fixture(scope="module")
def enrolment(owned, run, folder):
    made = fpframe.enroll(owned, recipe=RECIPE, run=run)
    made.save(folder / "known.enrolment")
    return fpframe.Enrolment.open(folder / "known.enrolment")


@pytest.mark.slow
def test_models_of_the_base_calibrate_and_nothing_is_said_to_be_unknown(enrolment):
    assert enrolment.calibration.counts["same-base"] >= 9
    assert "base-not-named" not in {note.code for note in enrolment.caveats}
    assert len(enrolment.victim["base"]) == 64


@pytest.mark.slow
def test_it_calibrates_again_with_its_base_and_not_without(enrolment, owned, public, run, registry):
    with pytest.raises(RecipeError, match="say with --base which model that is"):
        fpframe.calibrate(enrolment, run=run)
    other = fpframe.build_backbone(registry, ARCHITECTURE, 10, (1, 8, 8), seed=4)
    with pytest.raises(ModelError, match="is not the public model that the victim was enrolled with"):
        fpframe.calibrate(enrolment, past=fpframe.VictimPast(base=other), run=run)
    again = fpframe.calibrate(enrolment, past=owned.past, run=run)
    assert again.digest == enrolment.digest, "the models are those of the store"


@pytest.mark.slow
def test_the_command_line_makes_the_same_enrolment(enrolment, folder, run, monkeypatch):
    monkeypatch.setenv("FPFRAME_HOME", str(run.store.root))
    (folder / "brief.toml").write_text(RECIPE.to_toml())
    words = ["enroll", "--victim", ARCHITECTURE, "--weights", str(folder / "victim.safetensors"), "--workers", "1"]
    words += ["--recipe", str(folder / "brief.toml"), "--out", str(folder / "cli.enrolment")]
    assert cli([*words, "--base", str(folder / "public.safetensors")]) == 0
    assert fpframe.Enrolment.open(folder / "cli.enrolment").digest == enrolment.digest


def test_a_victim_without_an_address_of_its_architecture_cannot_have_a_base(public, run):
    with pytest.raises(fpframe.UsageError, match="name that with --backbone"):
        fpframe.plan_zoo(RECIPE, victim=fpframe.Victim(public.module, base=public), run=run)


def test_a_recipe_of_networks_at_the_base_needs_one(run):
    with pytest.raises(RecipeError, match="'brief' trains models that begin as the victim's public model does"):
        fpframe.plan_zoo(attrs.evolve(RECIPE, name="brief"), run=run)


@pytest.mark.parametrize("command", [["enroll"], ["zoo", "plan", "tiny"]], ids=["enroll", "zoo plan"])
def test_both_origins_at_once_are_refused(command, capfd, tmp_path):
    words = [*command, "--victim", ARCHITECTURE, "--base", "x.pt", "--from-scratch"]
    words += ["--recipe", "tiny", "--out", str(tmp_path / "x")] if command == ["enroll"] else []
    assert cli(words) == 2
    assert "has no base; say one or the other" in capfd.readouterr().err


def test_a_base_without_a_victim_is_refused(capfd, tmp_path):
    assert cli(["enroll", "--recipe", "tiny", "--base", "x.pt", "--out", str(tmp_path / "x")]) == 2
    assert "--base is about a victim of your own; name it with --victim" in capfd.readouterr().err

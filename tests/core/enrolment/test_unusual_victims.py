"""Victims that are computed in other ways are enrolled by every scheme that they can serve, and tell their copies."""

from __future__ import annotations

import attrs
import pytest
import torch
from torch import nn

import fpframe
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup, Recipe

# of tests with a recipe of few models
pytestmark = pytest.mark.usefixtures("few_models")


class InNumpy(nn.Module):
    """A linear model that NumPy computes, without weights that a thief could hold."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.weight, self.bias = weight.detach().numpy(), bias.detach().numpy()

    def forward(self, pixels):
        return torch.from_numpy(pixels.flatten(1).numpy() @ self.weight.T + self.bias)


@pytest.fixture(scope="module")
def network(digits) -> nn.Sequential:
    """A linear model, trained."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(digits.train.pixels[:400]), digits.train.labels[:400]).backward()
        optimizer.step()
    return network


def recipe_with(attack: str) -> Recipe:
    """Return a recipe of few models, with two thefts."""
    small = "python:shallow:network"
    own = IndependentGroup(stratum="other-architecture", fit=2, calibrate=2, backbones=("paper:arc-c", small))
    students = IndependentGroup(stratum="other-teacher", fit=1, calibrate=2, backbones=(small,))
    extracted = attack.startswith("extract")
    return attrs.evolve(
        Recipe.load("tiny"),
        alpha=0.5,
        channels=("top1",),
        training=fpframe.Training(epochs=20, batch_size=32),
        independent=(own, students) if extracted else (own,),
        derived=(DerivedGroup(attack=attack, fit=2, backbones=(small,) if extracted else ("victim",)),),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def shallow(tmp_path, monkeypatch):
    """An architecture that is trained in no time."""
    (tmp_path / "shallow.py").write_text(
        "from torch import nn\n\n\ndef network():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["residual", "akh", "sac"])
def test_a_victim_without_gradients_is_enrolled_by_what_only_asks_and_its_copy_is_found(
    scheme, network, digits, store, registry
):
    victim = InNumpy(network[1].weight, network[1].bias)
    run = fpframe.Run(store=store, registry=registry)
    enrolment = fpframe.enroll(victim, digits, recipe=recipe_with("extract(soft)"), scheme=scheme, run=run)
    assert enrolment.fitness.victim.gradients == 0
    assert enrolment.fitness.accepted == ()
    assert fpframe.verify(enrolment, network).verdict == "DERIVED"


@pytest.mark.slow
def test_a_victim_whose_weights_are_frozen_can_be_trained_by_thieves_and_stays_frozen(network, digits, store, registry):
    frozen = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    frozen.load_state_dict(network.state_dict())
    frozen.requires_grad_(False)
    run = fpframe.Run(store=store, registry=registry)
    enrolment = fpframe.enroll(frozen, digits, recipe=recipe_with("finetune(all)"), scheme="akh", run=run)
    assert enrolment.fitness.zoo.derived == 2
    assert not any(weight.requires_grad for weight in frozen.parameters())

"""Enrolments and verdicts in threads of one process: each is the one that it would be alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch

import fpframe
from fpframe.base import UNFIT
from fpframe.models.dataset import Dataset, Images
from fpframe.opening.backbones import build_backbone
from fpframe.opening.datasets import open_dataset
from fpframe.opening.weights import save_weights
from fpframe.recipe.recipe import Recipe

#: Every source of chance is in it: fresh weights, order, dropout, noisy queries, crafting, clusters, fitted encoders.
RECIPE = """
name = "threads"
dataset = "digits"
scheme = "uap-contrastive"
alpha = 0.5
channels = ["probs"]

[victim]
backbone = "python:dropping:network"

[training]
epochs = 2
batch_size = 16

[queries]
points = 5
views = 2
craft_images = 20

[queries.perturbation]
epsilon = 0.3
steps = 100

[queries.encoder]
steps = 20

[[independent]]
stratum = "same-data"
fit = 2
calibrate = 2

[[derived]]
attack = "extract-noise(soft)"
fit = 1
backbones = ["victim"]

[[derived]]
attack = "finetune(all)"
fit = 1
"""

#: A network that draws from the global generator at every step of its training.
BACKBONE = """
from torch import nn


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 10))
"""


pytestmark = pytest.mark.usefixtures("few_models")


@pytest.fixture(scope="module")
def data(registry):
    """Some of the digits."""
    whole = open_dataset(registry, "digits", None)
    parts = {"train": (whole.train, 300), "test": (whole.test, 40)}
    return Dataset(
        address="digits",
        classes=whole.classes,
        **{name: Images(part.images[:count], part.labels[:count]) for name, (part, count) in parts.items()},
    )


@pytest.fixture
def enroll(registry, data, tmp_path, monkeypatch):
    """Enrol with a seed, in a store."""
    (tmp_path / "dropping.py").write_text(BACKBONE)
    monkeypatch.syspath_prepend(tmp_path)

    def enroll(seed, store, victim=None):
        run = fpframe.Run(store=tmp_path / store, registry=registry)
        recipe = Recipe.parse(RECIPE)  # trained for two epochs, its models know hardly anything
        return fpframe.enroll(victim, data, recipe=recipe, seed=seed, run=run, accept_unfit=UNFIT)

    return enroll


def in_threads(calls):
    """Return what some calls return that are made at the same time, each in a thread of its own."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.mark.slow
def test_four_enrolments_in_threads_are_those_of_one_after_the_other(enroll):
    alone = {seed: enroll(seed, f"alone-{seed}").digest for seed in (0, 1)}
    assert alone[0] != alone[1]
    before = torch.get_rng_state(), torch.get_num_threads()
    # with other seeds and the same one, in a store of their own and in one together
    given = [(0, "a"), (0, "b"), (0, "b"), (1, "b")]
    together = in_threads([partial(enroll, seed, store) for seed, store in given])
    assert [enrolment.digest for enrolment in together] == [alone[seed] for seed, _ in given]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


@pytest.mark.slow
def test_one_network_may_be_the_victim_of_enrolments_in_threads(enroll, registry, data):
    def victim():
        module = build_backbone(registry, "python:dropping:network", 10, data.image_shape, seed=5).module
        # its owner has not finished with it
        return fpframe.Victim(module.train(), backbone="python:dropping:network")

    shared = victim().model
    owned = fpframe.Victim(shared, backbone="python:dropping:network")
    together = in_threads([partial(enroll, 0, store, owned) for store in "abc"])
    alone = enroll(0, "alone", victim())
    assert {enrolment.digest for enrolment in together} == {alone.digest}
    assert all(module.training for module in shared.modules())
    assert all(weight.requires_grad for weight in shared.parameters())


@pytest.mark.slow
def test_verdicts_beside_enrolments_are_those_of_before(enroll, registry, tmp_path):
    enrolment = enroll(0, "alone")
    shape = (1, 8, 8)
    networks = [build_backbone(registry, "python:dropping:network", 10, shape, seed=seed) for seed in (3, 4)]
    save_weights(networks[1], tmp_path / "suspect.safetensors")
    suspects = [
        lambda: fpframe.verify(enrolment, networks[0], registry=registry),
        lambda: fpframe.verify(enrolment, "python:dropping:network", registry=registry),
        lambda: fpframe.verify(
            enrolment, tmp_path / "suspect.safetensors", backbone="python:dropping:network", registry=registry
        ),
    ]
    alone = [verify().to_dict() for verify in suspects]
    again, *together = in_threads([partial(enroll, 0, "again"), *suspects, *suspects])
    assert again.digest == enrolment.digest
    assert [verdict.to_dict() for verdict in together] == alone * 2

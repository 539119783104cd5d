"""Networks of timm as victim and suspect: a residual one, an efficient one and a transformer."""

from __future__ import annotations

import pytest

import fpframe
from fpframe.backbones import build_backbone
from fpframe.store import Store
from fpframe.training import Training, train
from fpframe.weights import save_weights

NETWORKS = {
    "timm:test_resnet": Training(epochs=6, batch_size=64),
    "timm:test_efficientnet": Training(epochs=12, batch_size=32),
    "timm:test_vit": Training(epochs=24, batch_size=32),
}


@pytest.fixture(scope="module")
def digits(registry):
    return registry.create("dataset", "digits").open("", root=None)


@pytest.mark.parametrize("address", NETWORKS)
def test_a_timm_network_is_trained_enrolled_and_recognised(address, digits, registry, tiny_store, tmp_path):
    victim = build_backbone(registry, address, num_classes=10, image_shape=(1, 8, 8), seed=0)
    train(victim, digits.train.pixels[:479], digits.train.labels[:479], NETWORKS[address], seed=0)
    assert victim.accuracy(digits.test.pixels, digits.test.labels) > 0.8
    save_weights(victim, tmp_path / "victim.safetensors")
    other = build_backbone(registry, address, num_classes=10, image_shape=(1, 8, 8), seed=1)
    train(other, digits.train.pixels[:479], digits.train.labels[:479], NETWORKS[address], seed=1)
    save_weights(other, tmp_path / "other.safetensors")

    enrolment = fpframe.enroll(
        address,
        digits,
        weights=tmp_path / "victim.safetensors",
        recipe="tiny",
        absent=["same-data"],
        store=Store(tiny_store),
    )
    assert set(enrolment.calibration["probs"]) == {"other-architecture", "other-teacher"}
    stolen = fpframe.verify(enrolment, tmp_path / "victim.safetensors", backbone=address)
    innocent = fpframe.verify(enrolment, tmp_path / "other.safetensors", backbone=address)
    assert stolen.verdict == "DERIVED"
    assert innocent.verdict != "DERIVED"
    assert innocent.score < stolen.score - 0.2
    assert any("'same-data' is absent" in caveat for caveat in stolen.caveats)

"""Networks of timm as victim and suspect: a residual one, an efficient one and a transformer."""

from __future__ import annotations

from pathlib import Path

import pytest

import fpframe
from fpframe.models.classifier import Classifier
from fpframe.registry.strata import STRATA

# stopped early: on a victim without errors of its own the encoder learns accuracy instead of identity
TRAINING = {
    "timm:test_resnet": fpframe.Training(epochs=2, batch_size=64),
    "timm:test_efficientnet": fpframe.Training(epochs=4, batch_size=64),
    "timm:test_vit": fpframe.Training(epochs=16, batch_size=32),
}

#: The one that is enrolled on every run of the tests, and not only in the slow ones.
QUICK = "timm:test_resnet"


@pytest.fixture(scope="module")
def trained(registry, digits) -> dict[str, Classifier]:
    networks = {}
    for seed, (address, training) in enumerate(TRAINING.items()):
        network = fpframe.build_backbone(registry, address, num_classes=10, image_shape=(1, 8, 8), seed=seed)
        networks[address] = fpframe.train(network, digits.train.pixels, digits.train.labels, training, seed=seed)
    return networks


@pytest.fixture(scope="module")
def files(trained, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("timm")
    paths = {address: folder / f"{address.removeprefix('timm:')}.safetensors" for address in trained}
    for address, path in paths.items():
        fpframe.save_weights(trained[address], path)
    return paths


@pytest.mark.parametrize(
    "address", [each if each == QUICK else pytest.param(each, marks=pytest.mark.slow) for each in TRAINING]
)
def test_a_timm_victim_is_enrolled_on_the_cheap_zoo_and_recognised_among_timm_suspects(
    address, digits, trained, files, tiny_store
):
    assert trained[address].accuracy(digits.test.pixels, digits.test.labels) > 0.75
    enrolment = fpframe.enroll(
        fpframe.Victim(address, weights=files[address]),
        digits,
        recipe="tiny",
        without=["same-data"],
        run=fpframe.Run(store=tiny_store),
    )
    assert set(enrolment.calibration.counts) == set(STRATA) - {"same-data"}
    verdicts = {name: fpframe.verify(enrolment, path, backbone=name) for name, path in files.items()}
    assert verdicts[address].verdict == "DERIVED"
    assert any("'same-data' is absent" in note.text for note in verdicts[address].caveats)
    others = [verdict.score for name, verdict in verdicts.items() if name != address]
    assert max(others) < 0.98 < verdicts[address].score
    assert min(others) < 0, "at least one of the two that are not the victim is far from it"

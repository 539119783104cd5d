"""Networks of timm as victim and suspect: a residual one, an efficient one and a transformer."""

from __future__ import annotations

from functools import cache

import attrs
import pytest

import fpframe
from fpframe.models.classifier import Classifier
from fpframe.recipe.recipe import Recipe
from fpframe.registry.strata import STRATA

# stopped early: on a victim without errors of its own the encoder learns accuracy instead of identity; but not so early
# that the victim is less able than every calibration model, for then nothing is said about it
TRAINING = {
    "timm:test_resnet": fpframe.Training(epochs=2, batch_size=64),
    "timm:test_efficientnet": fpframe.Training(epochs=4, batch_size=64),
    "timm:test_vit": fpframe.Training(epochs=24, batch_size=32),
}

RESIDUAL, TRANSFORMER = "timm:test_resnet", "timm:test_vit"

pytestmark = pytest.mark.usefixtures("few_models")


@pytest.fixture(scope="module")
def trained(registry, digits):
    """Train a network when it is asked for, once."""

    @cache
    def train(address: str) -> Classifier:
        seed = list(TRAINING).index(address)
        network = fpframe.build_backbone(registry, address, num_classes=10, image_shape=(1, 8, 8), seed=seed)
        return fpframe.train(network, digits.train.pixels, digits.train.labels, TRAINING[address], seed=seed)

    return train


def small() -> Recipe:
    """Return `tiny` with few models of each kind, and with a level that these allow."""
    recipe = Recipe.load("tiny")
    return attrs.evolve(
        recipe,
        alpha=0.2,
        independent=tuple(attrs.evolve(group, fit=min(group.fit, 2), calibrate=4) for group in recipe.independent),
        derived=tuple(attrs.evolve(group, fit=min(group.fit, 1)) for group in recipe.derived),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "others"),
    # the residual one meets no transformer, which takes ten times as long to train as the others
    [(each, set(TRAINING) - {each, *([TRANSFORMER] if each == RESIDUAL else [])}) for each in TRAINING],
    ids=TRAINING,
)
def test_a_timm_victim_is_enrolled_on_the_cheap_zoo_and_recognised_among_timm_suspects(
    address, others, digits, trained, tiny_store, tmp_path
):
    assert trained(address).accuracy(digits.test.pixels, digits.test.labels) > 0.85
    files = {each: tmp_path / f"{each.removeprefix('timm:')}.safetensors" for each in (address, *others)}
    for each, path in files.items():
        fpframe.save_weights(trained(each), path)
    enrolment = fpframe.enroll(
        fpframe.Victim(address, weights=files[address]),
        digits,
        recipe=small(),
        without=["same-data"],
        accept_unfit=["pool-memorised"],  # these victims have seen all training images
        run=fpframe.Run(store=tiny_store),
    )
    assert set(enrolment.calibration.counts) == set(STRATA) - {"same-data"}
    verdicts = {name: fpframe.verify(enrolment, path, backbone=name) for name, path in files.items()}
    assert verdicts[address].verdict == "DERIVED"
    assert any("'same-data' is absent" in note.text for note in verdicts[address].caveats)
    assert verdicts[address].score > 0.98
    # where too few calibration models are as able as a suspect, it has no score
    assert all(not verdicts[name].score >= 0.98 for name in others)
    assert "DERIVED" not in {verdicts[name].verdict for name in others}

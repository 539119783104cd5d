"""The five architectures of `paper`."""

from __future__ import annotations

import pytest
import torch

import fpframe
from fpframe_plugins.backbones.paper import Paper
from fpframe_plugins.datasets.digits import Digits
from plugins.backbones.building import build


def test_the_five_architectures_differ_in_layers_and_size() -> None:
    models = [build(Paper(), name, (1, 28, 28)) for name in Paper().names()]
    sizes = {sum(weight.numel() for weight in model.parameters()) for model in models}
    layers = {tuple(type(layer).__name__ for layer in model.module.modules()) for model in models}
    assert len(sizes) == len(layers) == 5


@pytest.mark.parametrize("height", [8, 9, 13])
@pytest.mark.parametrize("name", ["arc-a", "arc-b", "arc-c", "arc-d", "arc-e"])
def test_the_five_architectures_take_odd_and_oblong_images(name: str, height: int) -> None:
    assert build(Paper(), name, (2, height, 11)).logits(torch.zeros(1, 2, height, 11)).shape == (1, 10)


def test_an_architecture_of_the_five_learns_the_digits() -> None:
    digits = Digits().open("", root=None)
    model = build(Paper(), "arc-c")
    before = model.accuracy(digits.test.pixels, digits.test.labels)
    fpframe.train(model, digits.train.pixels, digits.train.labels, fpframe.Training(epochs=4), seed=0)
    after = model.accuracy(digits.test.pixels, digits.test.labels)
    assert before < 0.5
    assert after > 0.9


def test_the_five_have_no_pretrained_weights() -> None:
    with pytest.raises(fpframe.UsageError, match="'paper:arc-a' has no pretrained weights"):
        Paper().build("arc-a", num_classes=10, image_shape=(1, 8, 8), pretrained=True, seed=0)


def test_images_that_are_too_small_for_the_five_are_refused() -> None:
    with pytest.raises(fpframe.ModelError, match=r"at least 8x8 pixels \(got 8x7\)"):
        build(Paper(), "arc-a", (1, 8, 7))

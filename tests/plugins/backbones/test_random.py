"""Architectures that a seed draws."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest
import torch

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.opening.backbones import build_backbone
from fpframe.opening.weights import load_weights, save_weights
from fpframe_plugins.backbones._layers import ACTIVATIONS, NORMS_1D, NORMS_2D
from fpframe_plugins.backbones._random_convolutions import Convolutions
from fpframe_plugins.backbones._random_patches import Patches
from fpframe_plugins.backbones._random_perceptron import Perceptron
from fpframe_plugins.backbones.random import Random, architecture
from plugins.backbones.building import build

MANY = [architecture(seed) for seed in range(3000)]


def drawn(family: type, field: str) -> set[object]:
    return {getattr(each, field) for each in MANY if isinstance(each, family)}


def test_nearly_every_seed_gives_an_architecture_of_its_own() -> None:
    assert len(set(MANY)) >= 2990


def test_three_in_five_are_convolutional_and_the_others_are_perceptrons_and_transformers() -> None:
    shares = {family: count / len(MANY) for family, count in Counter(map(type, MANY)).items()}
    assert shares == {
        Convolutions: pytest.approx(0.6, abs=0.03),
        Perceptron: pytest.approx(0.2, abs=0.03),
        Patches: pytest.approx(0.2, abs=0.03),
    }


def test_every_option_of_the_documented_space_is_drawn() -> None:
    assert drawn(Convolutions, "activation") == drawn(Perceptron, "activation") == set(ACTIVATIONS)
    assert drawn(Convolutions, "norm") == set(NORMS_2D)
    assert drawn(Perceptron, "norm") == set(NORMS_1D)
    for family in (Convolutions, Perceptron, Patches):
        assert drawn(family, "dropout") == {0.0, 0.1, 0.25}
    assert {len(each.widths) for each in MANY if isinstance(each, Convolutions)} == {2, 3}
    for field, options in {
        "blocks": {1, 2},
        "convolutions": {1, 2},
        "stem": {3, 5, 7},
        "kernel": {3, 5},
        "residual": {False, True},
        "separable": {False, True},
        "shrink": {"stride", "max", "average"},
        "grid": {1, 2, 3},
    }.items():
        assert drawn(Convolutions, field) == options, field
    assert {len(each.widths) for each in MANY if isinstance(each, Perceptron)} == {1, 2, 3}
    for field, options in {"grid": {4, 5, 6, 7}, "heads": {1, 2, 3, 4}, "layers": {1, 2, 3}}.items():
        assert drawn(Patches, field) == options, field


def test_what_a_seed_stands_for_is_the_same_in_every_release() -> None:
    # stored models are opened again by this: a change needs another `revision`
    assert [attrs.astuple(architecture(seed)) for seed in (0, 1, 4)] == [
        ((10, 18), 1, 2, 7, 3, "batch", "hardswish", False, False, "max", 3, 60, 0.25),
        ((108, 164), "none", "silu", 0.0),
        (5, 4, 15, 3, 1.2, "gelu", "mean", 0.1),
    ]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (2, 9, 13), (3, 64, 64)], ids=str)
def test_every_architecture_takes_images_of_every_size_and_any_number_of_classes(shape: tuple[int, int, int]) -> None:
    pixels = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    for seed in range(40):
        model = Random().build(str(seed), num_classes=1 + seed, image_shape=shape, seed=1).train()
        answers = model(pixels)
        assert answers.shape == (3, 1 + seed), seed
        answers.square().sum().backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters()), seed


def test_an_architecture_does_not_depend_on_the_size_of_images() -> None:
    kinds = [
        [type(layer).__name__ for layer in build(Random(), "3", shape).modules()] for shape in [(1, 8, 8), (3, 64, 64)]
    ]
    assert kinds[0] == kinds[1]


def test_a_stored_state_opens_again_by_the_same_address(tmp_path, registry) -> None:
    for name in Random().examples():
        model = build(Random(), name, (3, 16, 16), seed=5)
        save_weights(model, tmp_path / "weights.safetensors")
        again = build_backbone(registry, model.address, 10, (3, 16, 16), seed=9)
        assert state_digest(again.module) != state_digest(model.module)
        load_weights(again, tmp_path / "weights.safetensors")
        pixels = torch.rand(4, 3, 16, 16)
        assert torch.equal(again.logits(pixels), model.logits(pixels))


@pytest.mark.slow
def test_one_of_each_family_learns_the_digits(digits) -> None:
    for name in Random().examples():
        model = build(Random(), name)
        training = fpframe.Training(epochs=12, batch_size=32)
        fpframe.train(model, digits.train.pixels, digits.train.labels, training, seed=0)
        assert model.accuracy(digits.test.pixels, digits.test.labels) > 0.85, name


def test_one_of_each_family_can_be_exported_for_any_number_of_images() -> None:
    for name in Random().examples():
        model = build(Random(), name).eval()
        batch = torch.export.Dim("batch", min=1)
        program = torch.export.export(model, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=({0: batch},))
        pixels = torch.rand(5, 1, 8, 8)
        assert torch.allclose(program.module()(pixels), model.logits(pixels), atol=1e-5)


def test_random_architectures_have_no_pretrained_weights() -> None:
    with pytest.raises(fpframe.UsageError, match="'random:3' has no pretrained weights"):
        Random().build("3", num_classes=10, image_shape=(1, 8, 8), pretrained=True, seed=0)


def test_images_that_are_too_small_are_refused() -> None:
    with pytest.raises(fpframe.ModelError, match=r"'random:3' needs images of at least 8x8 pixels \(got 7x9\)"):
        build(Random(), "3", (1, 7, 9))

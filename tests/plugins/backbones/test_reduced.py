"""`reduced`: full architectures with a quarter of the channels."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from torch import nn

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.store.store import dump
from fpframe_plugins.backbones.reduced import Reduced
from fpframe_plugins.backbones.torchvision import TorchvisionBackbones
from plugins.backbones.building import build

REDUCED = ["densenet121", "googlenet", "resnet18", "resnet34", "vgg16"]


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 64, 64), (1, 28, 28), (1, 16, 19)], ids=str)
@pytest.mark.parametrize("name", REDUCED)
def test_a_reduced_network_answers_and_learns_on_images_of_every_size(name: str, shape: tuple[int, int, int]) -> None:
    model = build(Reduced(), name, shape)
    pixels = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    answers = model.train()(pixels)
    answers.square().sum().backward()
    assert answers.shape == (4, 10)
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in model.parameters())
    assert model.logits(pixels).std(dim=0).max() > 0, "the answer must depend on the image"


@pytest.mark.parametrize("name", REDUCED)
def test_a_reduced_network_is_the_full_one_with_a_quarter_of_the_channels(name: str) -> None:
    address = {"vgg16": "vgg16_bn"}.get(name, name)
    full = build(TorchvisionBackbones(), address, (3, 32, 32)).module
    reduced = build(Reduced(), name, (3, 32, 32)).module
    wide, narrow = (
        [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)] for network in (full, reduced)
    )
    assert [layer.out_channels for layer in narrow] == [layer.out_channels // 4 for layer in wide]
    # the widths of its heads alone would make a full VGG nine times as large as its convolutions
    convolutions = sum(weight.numel() for layer in wide for weight in layer.parameters())
    assert sum(weight.numel() for weight in reduced.parameters()) <= convolutions / 10


def test_the_digest_of_a_reduced_network_depends_on_the_seed_alone() -> None:
    for name in REDUCED:
        first = state_digest(build(Reduced(), name, (3, 32, 32), seed=1))
        torch.manual_seed(7)
        expected = torch.rand(2)
        torch.manual_seed(7)
        assert state_digest(build(Reduced(), name, (3, 32, 32), seed=1)) == first
        assert torch.equal(torch.rand(2), expected), "the global random state must be left as found"
        assert state_digest(build(Reduced(), name, (3, 32, 32), seed=2)) != first


@pytest.mark.parametrize("name", REDUCED)
def test_images_of_64_pixels_give_a_reduced_network_no_larger_maps(name: str) -> None:
    sides = []
    for side in (32, 64):
        model = build(Reduced(), name, (3, side, side))
        first = next(layer for layer in model.module.modules() if isinstance(layer, nn.Conv2d))
        first.register_forward_hook(lambda _layer, _inputs, output: sides.append(output.shape[-1]))
        model.logits(torch.zeros(1, 3, side, side))
    assert sides[0] == sides[1] == (32 if name == "vgg16" else 16)


def test_saved_weights_give_a_reduced_network_the_same_answers() -> None:
    model, other = (build(Reduced(), "resnet18", (3, 32, 32), seed=seed) for seed in (1, 2))
    pixels = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(model.logits(pixels), other.logits(pixels))
    other.module.load_state_dict(safetensors.torch.load(dump(model.module.state_dict(), {})))
    assert torch.equal(model.logits(pixels), other.logits(pixels))


def test_a_reduced_network_learns_where_the_bright_half_is() -> None:
    draw = torch.Generator().manual_seed(0)
    pixels, labels = torch.rand(192, 3, 32, 32, generator=draw) / 2, torch.arange(192) % 2
    pixels[labels == 1, :, :16] += 0.3
    pixels[labels == 0, :, 16:] += 0.3
    model = Reduced().build("resnet18", num_classes=2, image_shape=(3, 32, 32), seed=1)
    before = model.accuracy(pixels[128:], labels[128:])
    training = fpframe.Training(epochs=4, batch_size=32)
    fpframe.train(model, pixels[:128], labels[:128], training, seed=0)
    assert before < 0.8
    assert model.accuracy(pixels[128:], labels[128:]) > 0.95


def test_reduced_networks_have_no_pretrained_weights() -> None:
    with pytest.raises(fpframe.UsageError, match="'reduced:vgg16' has no pretrained weights"):
        Reduced().build("vgg16", num_classes=10, image_shape=(3, 32, 32), pretrained=True, seed=0)


def test_images_that_are_too_small_for_reduced_networks_are_refused() -> None:
    with pytest.raises(fpframe.ModelError, match=r"at least 16x16 pixels \(got 16x15\)"):
        build(Reduced(), "resnet18", (3, 16, 15))

"""The four sources of backbones: seeds, shapes and messages."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from torchvision import models

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.store.store import dump
from fpframe_plugins.backbones.paper import Paper
from fpframe_plugins.backbones.reduced import Reduced
from fpframe_plugins.backbones.timm import Timm
from fpframe_plugins.backbones.torchvision import TorchvisionBackbones
from fpframe_plugins.datasets.digits import Digits

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
#: One small architecture of each kind: the paper's, residual, efficient, transformer.
SMALL = [
    *((Paper(), name) for name in ("arc-a", "arc-b", "arc-c", "arc-d", "arc-e")),
    *((Timm(), name) for name in ("test_resnet", "test_efficientnet", "test_vit")),
    *((TorchvisionBackbones(), name) for name in ("resnet18", "mobilenet_v3_small", "squeezenet1_1")),
]
SOURCES = [(Paper(), "arc-c"), (Timm(), "test_resnet"), (TorchvisionBackbones(), "mobilenet_v3_small")]
REDUCED = ["densenet121", "googlenet", "resnet18", "resnet34", "vgg16"]


def build(
    source: fpframe.BackboneSource, name: str, shape: tuple[int, int, int] = (1, 8, 8), seed: int = 1
) -> fpframe.Classifier:
    return source.build(name, num_classes=10, image_shape=shape, seed=seed)


def label(value: object) -> str | None:
    return value.name if isinstance(value, fpframe.BackboneSource) else None


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("source", "name"), SMALL, ids=label)
def test_a_network_answers_and_learns_on_images_of_every_size(
    source: fpframe.BackboneSource, name: str, shape: tuple[int, int, int]
) -> None:
    model = build(source, name, shape)
    pixels = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    model.train()
    answers = model(pixels)
    answers.square().sum().backward()
    assert answers.shape == (4, 10)
    assert bool(answers.isfinite().all())
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in model.parameters())
    assert model.logits(pixels).std(dim=0).max() > 0, "the answer must depend on the image"


@pytest.mark.parametrize(("source", "name"), SOURCES, ids=label)
def test_the_seed_decides_the_weights(source: fpframe.BackboneSource, name: str) -> None:
    first = state_digest(build(source, name, seed=1))
    torch.manual_seed(7)
    assert state_digest(build(source, name, seed=1)) == first
    assert state_digest(build(source, name, seed=2)) != first


@pytest.mark.parametrize(("source", "name"), SOURCES, ids=label)
def test_building_leaves_the_global_random_state_as_found(source: fpframe.BackboneSource, name: str) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    build(source, name)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(("source", "name"), SOURCES, ids=label)
def test_the_classifier_knows_its_address_and_shape(source: fpframe.BackboneSource, name: str) -> None:
    model = build(source, name, (3, 32, 32))
    assert (model.address, model.image_shape, model.num_classes) == (f"{source.name}:{name}", (3, 32, 32), 10)


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


@pytest.mark.parametrize(
    ("source", "pattern", "some"),
    [
        (Paper(), "arc-[ab]", ["arc-a", "arc-b"]),
        (Reduced(), "resnet*", ["resnet18", "resnet34"]),
        (Timm(), "test_resne*", ["test_resnet"]),
        (TorchvisionBackbones(), "vgg1[16]", ["vgg11", "vgg16"]),
        (TorchvisionBackbones(), "*rcnn*", []),
    ],
    ids=str,
)
def test_names_are_found_by_a_shell_pattern(source: fpframe.BackboneSource, pattern: str, some: list[str]) -> None:
    assert source.names(pattern) == some


@pytest.mark.parametrize("source", [Paper(), Reduced(), Timm(), TorchvisionBackbones()], ids=label)
def test_names_are_sorted_and_each_can_be_asked_for(source: fpframe.BackboneSource) -> None:
    names = source.names()
    assert names == sorted(names)
    assert len(names) >= 5


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        (Reduced(), "resnet81", r"no architecture 'resnet81' \(reduced:resnet81\); did you mean 'resnet18'\?"),
        (Reduced(), "%", r"known: densenet121, googlenet, resnet18, resnet34, vgg16"),
        (Paper(), "arc-f", r"no architecture 'arc-f' \(paper:arc-f\); did you mean 'arc-[a-e]'\?"),
        (Timm(), "resnet81", r"timm has no architecture 'resnet81' \(timm:resnet81\); did you mean .*resnet18"),
        (Timm(), "%", r"see timm\.list_models\(\)"),
        (Timm(), "resnet18.a1_in2k", r"timm has no weights 'a1_in2k' of 'resnet18' .*did you mean 'a1_in1k'\?"),
        (TorchvisionBackbones(), "resnet_18", r"no architecture 'resnet_18' .*; did you mean resnet18,"),
        (TorchvisionBackbones(), "%", r"known: alexnet, "),
    ],
    ids=str,
)
def test_an_unknown_name_is_refused_with_close_ones(source: fpframe.BackboneSource, name: str, message: str) -> None:
    with pytest.raises(fpframe.UsageError, match=message):
        build(source, name)


def test_the_five_have_no_pretrained_weights() -> None:
    with pytest.raises(fpframe.UsageError, match="'paper:arc-a' has no pretrained weights"):
        Paper().build("arc-a", num_classes=10, image_shape=(1, 8, 8), pretrained=True, seed=0)


def test_images_that_are_too_small_for_the_five_are_refused() -> None:
    with pytest.raises(fpframe.ModelError, match=r"at least 8x8 pixels \(got 8x7\)"):
        build(Paper(), "arc-a", (1, 8, 7))


def test_what_cannot_be_adapted_is_refused_in_one_line() -> None:
    with pytest.raises(fpframe.ModelError, match="'timm:maxvit_pico_rw_256' cannot be built for images") as caught:
        build(Timm(), "maxvit_pico_rw_256", (1, 8, 8))
    assert "window" in str(caught.value), "the network's own reason must be told"
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("shape") == 1


@pytest.mark.parametrize(
    ("source", "name", "stem"),
    [(Timm(), "resnet10t", "conv1.0"), (TorchvisionBackbones(), "resnet18", "conv1")],
    ids=label,
)
def test_a_strided_stem_keeps_the_resolution_of_small_images_only(
    source: fpframe.BackboneSource, name: str, stem: str
) -> None:
    small, large = (build(source, name, (3, side, side)).module for side in (32, 64))
    assert isinstance(small.maxpool, nn.Identity)
    assert isinstance(large.maxpool, nn.MaxPool2d)
    strides = [network.get_submodule(stem).stride for network in (small, large)]
    assert strides == [(1, 1), (2, 2)]


@pytest.mark.parametrize(("side", "patches"), [(8, 16), (28, 49), (32, 64)])
def test_a_transformer_gets_small_patches_for_small_images(side: int, patches: int) -> None:
    assert build(Timm(), "test_vit", (1, side, side)).module.patch_embed.num_patches == patches


def test_a_transformer_takes_oblong_images() -> None:
    assert build(Timm(), "test_vit", (3, 16, 24)).logits(torch.zeros(1, 3, 16, 24)).shape == (1, 10)


def test_a_network_that_refuses_small_images_gets_them_enlarged() -> None:
    model = build(TorchvisionBackbones(), "inception_v3", (1, 8, 12))
    assert isinstance(model.module[0], nn.Upsample)
    assert model.module[0].size == (96, 144)
    assert model.module[1].Conv2d_1a_3x3.conv.stride == (2, 2), "enlarged images need no other stem"


def test_a_network_that_takes_small_images_gets_them_as_they_are() -> None:
    model = build(TorchvisionBackbones(), "googlenet", (3, 32, 32))
    assert type(model.module).__name__ == "GoogLeNet"
    assert model.module.aux1 is None


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_1", "inception_v3"])
def test_trained_torchvision_networks_get_a_head_and_channels_of_their_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = (
        models.get_model(name, weights=None, init_weights=False) if name == "inception_v3" else models.get_model(name)
    )
    expected = copy.deepcopy(original.state_dict())
    monkeypatch.setattr(models, "get_model", lambda name, *, weights: original)
    model = TorchvisionBackbones().build(name, num_classes=7, image_shape=(1, 96, 96), pretrained=True, seed=0)
    state = model.module.state_dict()
    changed = {key.rpartition(".")[0] for key in state if not torch.equal(state[key], expected[key])}
    assert model.train()(torch.rand(2, 1, 96, 96)).shape == (2, 7)
    assert len(changed) == 2, "the first and the last layer"


@pytest.mark.parametrize("source", [Timm(), TorchvisionBackbones()], ids=label)
@pytest.mark.parametrize(("channels", "mean"), [(1, 0.5), (2, 0.5), (3, 0.485)])
def test_photograph_statistics_are_for_three_channels_only(
    source: fpframe.BackboneSource, channels: int, mean: float
) -> None:
    name = "resnet10t" if isinstance(source, Timm) else "mobilenet_v3_small"
    model = build(source, name, (channels, 16, 16))
    assert model.get_buffer("_mean").shape == (1, channels, 1, 1)
    assert float(model.get_buffer("_mean")[0, 0]) == pytest.approx(mean)


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


def test_importing_the_plugins_does_not_import_their_libraries() -> None:
    plugins = ", ".join(
        f"fpframe_plugins.{name}"
        for name in ("backbones.reduced", "backbones.timm", "backbones.torchvision", "datasets.torchvision")
    )
    code = f"import sys, {plugins}; print([name for name in ('timm', 'torchvision') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.home())
    assert done.stdout.strip() == "[]"

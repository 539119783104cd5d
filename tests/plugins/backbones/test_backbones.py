"""What all sources of backbones keep to: seeds, shapes and messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import fpframe
from fpframe.models.classifier import state_digest
from fpframe_plugins.backbones.paper import Paper
from fpframe_plugins.backbones.random import Random
from fpframe_plugins.backbones.reduced import Reduced
from fpframe_plugins.backbones.timm import Timm
from fpframe_plugins.backbones.torchvision import TorchvisionBackbones
from plugins.backbones.building import build, label

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
#: One small architecture of each kind: the paper's, residual, efficient, transformer.
SMALL = [
    *((Paper(), name) for name in ("arc-a", "arc-b", "arc-c", "arc-d", "arc-e")),
    *((Random(), name) for name in Random().examples()),
    *((Timm(), name) for name in ("test_resnet", "test_efficientnet", "test_vit")),
    *((TorchvisionBackbones(), name) for name in ("resnet18", "mobilenet_v3_small", "squeezenet1_1")),
]
SOURCES = [(Paper(), "arc-c"), (Random(), "4"), (Timm(), "test_resnet"), (TorchvisionBackbones(), "mobilenet_v3_small")]


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


@pytest.mark.parametrize(
    ("source", "pattern", "some"),
    [
        (Paper(), "arc-[ab]", ["arc-a", "arc-b"]),
        (Reduced(), "resnet*", ["resnet18", "resnet34"]),
        (Random(), "1[02]", ["10", "12"]),
        (Timm(), "test_resne*", ["test_resnet"]),
        (TorchvisionBackbones(), "vgg1[16]", ["vgg11", "vgg16"]),
        (TorchvisionBackbones(), "*rcnn*", []),
    ],
    ids=str,
)
def test_names_are_found_by_a_shell_pattern(source: fpframe.BackboneSource, pattern: str, some: list[str]) -> None:
    assert source.names(pattern) == some


@pytest.mark.parametrize("source", [Paper(), Random(), Reduced(), Timm(), TorchvisionBackbones()], ids=label)
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
        (Random(), "seven", r"no architecture 'seven' \(random:seven\); name one by a whole number .*random:7"),
        (Random(), "07", r"no architecture '07'"),
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


def test_importing_the_plugins_does_not_import_their_libraries() -> None:
    plugins = ", ".join(
        f"fpframe_plugins.{name}"
        for name in ("backbones.reduced", "backbones.timm", "backbones.torchvision", "datasets.torchvision")
    )
    code = f"import sys, {plugins}; print([name for name in ('timm', 'torchvision') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.home())
    assert done.stdout.strip() == "[]"

"""Weights that a library saved are opened in the network that the library built, for images of every size."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

import fpframe
from fpframe.opening import build_for_weights, open_suspect
from plugins.backbones.building import telling_images_apart

SIDES = (8, 28, 32, 64, 224)
QUICK = (
    "timm:resnet10t",
    "timm:mobilenetv3_small_050",
    "timm:convnext_atto",
    "timm:test_vit",
    "torchvision:mobilenet_v3_small",
    "torchvision:shufflenet_v2_x0_5",
    "torchvision:squeezenet1_0",
)
SLOW = (
    "timm:resnet18",
    "timm:efficientnet_lite0",
    "timm:regnetx_002",
    "timm:densenet121",
    "timm:vit_tiny_patch16_224",
    "timm:swin_tiny_patch4_window7_224",
    "timm:resmlp_12_224",
    "timm:mobilevit_xxs",
    "timm:inception_v4",
    "timm:resnetv2_50",
    "torchvision:resnet18",
    "torchvision:vgg11",
    "torchvision:densenet121",
    "torchvision:googlenet",
    "torchvision:inception_v3",
    "torchvision:regnet_x_400mf",
    "torchvision:vit_b_16",
)


def own(address: str, channels: int = 3) -> nn.Module:
    """Return a network as its library builds it for ten classes, with weights that tell images apart."""
    library, _, name = address.partition(":")
    torch.manual_seed(1)
    if library == "timm":
        network: nn.Module = timm.create_model(name, num_classes=10, in_chans=channels)
    else:
        # the default, said in so many words, for it will change
        options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        network = models.get_model(name, num_classes=10, **options)
        if channels != 3:
            first = network.get_submodule("conv1")
            network.set_submodule("conv1", nn.Conv2d(channels, first.out_channels, 7, 2, 3, bias=False))
    return telling_images_apart(network, channels).eval()


def answers(network: nn.Module, pixels: Tensor) -> Tensor | None:
    """Return the library's own answers, or nothing where the network does not take such images."""
    try:
        with torch.no_grad():
            return network(pixels)
    except (RuntimeError, AssertionError):
        return None


def opened(path: Path, address: str, image_shape: tuple[int, ...], registry: fpframe.Registry) -> fpframe.Query:
    return open_suspect(
        path, registry=registry, num_classes=10, image_shape=image_shape, backbone=address, mean=0, std=1
    )


@pytest.mark.parametrize("address", [*QUICK, *(pytest.param(address, marks=pytest.mark.slow) for address in SLOW)])
def test_a_state_dict_answers_as_in_its_own_library_or_the_size_is_refused_by_name(
    address: str, registry: fpframe.Registry, tmp_path: Path
) -> None:
    network, path = own(address), tmp_path / "own.safetensors"
    save_file({name: value.clone() for name, value in network.state_dict().items()}, path)
    for side in SIDES:  # the network is built once, which takes longer than an answer
        require_the_same_answers(network, path, address, side, registry)


def require_the_same_answers(
    network: nn.Module, path: Path, address: str, side: int, registry: fpframe.Registry
) -> None:
    """Compare a library's own network with the one that is opened, for images of one size."""
    pixels = torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    expected = answers(network, pixels)
    if expected is None:
        with pytest.raises(fpframe.ModelError) as caught:
            opened(path, address, (3, side, side), registry)
        message = str(caught.value)
        library = address.partition(":")[0]
        assert f"'{address}(unchanged)', which is as {library} builds it, cannot be built for images" in message
        assert f"if that is what the weights were trained in, name {address}(" in message or "another" in message
        assert "\n" not in message
        return
    query = opened(path, address, (3, side, side), registry)
    torch.testing.assert_close(query(pixels), expected.softmax(1), rtol=0, atol=1e-5)
    built = build_for_weights(registry, address, path, 10, (3, side, side))
    module = fpframe.load_weights(built, path).module.eval()
    torch.testing.assert_close(answers(module, pixels), expected, rtol=1e-5, atol=1e-5)
    assert expected.std(0).max() > 1e-4, "or another network would pass too"
    assert query.architecture == f"{address}(unchanged)"
    assert "architecture-adapted" not in {note.code for note in query.notes}


@pytest.mark.slow
@pytest.mark.parametrize("address", ["timm:resnet10t", "torchvision:resnet18"])
def test_grey_images_are_no_exception(address: str, registry: fpframe.Registry, tmp_path: Path) -> None:
    network = own(address, channels=1)
    torch.save(network.state_dict(), tmp_path / "own.pth")
    pixels = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    query = opened(tmp_path / "own.pth", address, (1, 28, 28), registry)
    torch.testing.assert_close(query(pixels), network(pixels).detach().softmax(1), rtol=0, atol=1e-5)


def test_a_transformer_that_its_owner_built_for_another_size_is_opened_by_that_name(
    registry: fpframe.Registry, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = timm.create_model("vit_tiny_patch16_224", num_classes=10, img_size=64).eval()
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    address = "timm:vit_tiny_patch16_224(img_size=64)"
    query = opened(tmp_path / "own.safetensors", address, (3, 64, 64), registry)
    torch.testing.assert_close(query(pixels), network(pixels).detach().softmax(1), rtol=0, atol=1e-5)
    assert query.architecture == address

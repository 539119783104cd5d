"""Whatever a library's network is adapted by has a name, and the name alone builds it."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn
from torchvision import models

import fpframe
from fpframe.models import state_digest
from fpframe_plugins.backbones.timm import Timm
from fpframe_plugins.backbones.torchvision import TorchvisionBackbones
from plugins.backbones.building import build, label, telling_images_apart

#: Every kind of adaptation, with a network and images that need it, and the form that names it. "" is for none.
ADAPTED = [
    ("stride and pool of the stem", Timm(), "resnet10t", (3, 32, 32), "stem=small"),
    ("stride of the stem without a pool", Timm(), "mobilenetv3_small_050", (1, 28, 28), "stem=small"),
    ("patches of a network without attention", Timm(), "convnext_atto", (3, 32, 32), "stem=small"),
    ("several first convolutions", Timm(), "test_resnet", (1, 8, 8), "stem=small"),
    ("positions of patches", Timm(), "vit_tiny_patch16_224", (3, 64, 64), "img_size=64"),
    ("positions and size of patches", Timm(), "test_vit", (1, 8, 8), "img_size=8,patch_size=2"),
    ("images that are not square", Timm(), "test_vit", (3, 16, 24), "img_size=16x24,patch_size=2"),
    ("nothing for the size that it was made for", Timm(), "vit_tiny_patch16_224", (3, 224, 224), ""),
    ("nothing for large images", Timm(), "resnet10t", (3, 64, 64), ""),
    ("stride and pool of torchvision's stem", TorchvisionBackbones(), "resnet18", (3, 32, 32), "stem=small"),
    ("enlarged images", TorchvisionBackbones(), "vgg11", (3, 28, 28), "enlarged=32"),
    ("enlarged images that are not square", TorchvisionBackbones(), "inception_v3", (1, 8, 12),
     "aux_logits=false,enlarged=96x144"),
    ("side outputs", TorchvisionBackbones(), "googlenet", (3, 64, 64), "aux_logits=false"),
    ("nothing for torchvision's large images", TorchvisionBackbones(), "mobilenet_v3_small", (3, 64, 64), ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "name", "shape", "form"),
    [pytest.param(*row[1:], id=row[0], marks=[pytest.mark.slow] if row[2] == "vgg11" else []) for row in ADAPTED],
)
def test_an_adaptation_is_named_and_the_name_builds_it_again(
    source: fpframe.BackboneSource, name: str, shape: tuple[int, int, int], form: str
) -> None:
    model = build(source, name, shape)
    assert (model.address, model.form) == (f"{source.name}:{name}", form)
    assert model.adapted == bool(form)
    again = build(source, f"{name}({form})" if form else name, shape)
    assert again.architecture == model.architecture == f"{source.name}:{name}" + (f"({form})" if form else "")
    assert (state_digest(again.module), str(again.module)) == (state_digest(model.module), str(model.module))


@pytest.mark.parametrize(
    ("source", "name", "shape"),
    [row[1:4] for row in ADAPTED if "positions" not in row[0] and row[2] not in ("vgg11", "inception_v3")],
    ids=[row[0] for row in ADAPTED if "positions" not in row[0] and row[2] not in ("vgg11", "inception_v3")],
)
def test_the_unchanged_form_is_the_network_that_the_library_builds(
    source: fpframe.BackboneSource, name: str, shape: tuple[int, int, int]
) -> None:
    if name == "test_vit":
        shape = (shape[0], 32, 48)
    channels = shape[0]
    if isinstance(source, Timm):
        own: nn.Module = timm.create_model(name, num_classes=10, in_chans=channels)
    else:
        own = models.get_model(name, num_classes=10, **({"init_weights": True} if name == "googlenet" else {}))
    model = build(source, f"{name}(unchanged)", shape)
    assert model.form == "unchanged"
    assert not model.adapted
    assert layers(model.module) == layers(own)
    expected = {key: value.shape for key, value in own.state_dict().items()}
    assert {key: value.shape for key, value in model.module.state_dict().items()} == expected


def layers(network: nn.Module) -> dict[str, str]:
    """Return what each layer without parts says of itself: strides, paddings, sizes."""
    return {key: repr(layer) for key, layer in network.named_modules() if not list(layer.children())}


def test_what_torchvision_does_to_images_behind_its_own_weights_has_a_name() -> None:
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    names = ("googlenet(unchanged)", "googlenet(aux_logits=false)", "googlenet(aux_logits=false,transform_input=true)")
    plain, bare, transformed = (build(TorchvisionBackbones(), name, (3, 64, 64)) for name in names)
    telling_images_apart(plain.module, 3)
    for other in (bare, transformed):
        other.module.load_state_dict(
            {key: value for key, value in plain.module.state_dict().items() if not key.startswith("aux")}
        )
    assert torch.equal(plain.logits(pixels), bare.logits(pixels))
    assert not torch.allclose(plain.logits(pixels), transformed.logits(pixels))


def test_side_outputs_that_nobody_reads_are_kept_and_cost_nothing() -> None:
    model = build(TorchvisionBackbones(), "googlenet(unchanged)", (3, 64, 64)).train()
    answer = model(torch.rand(2, 3, 64, 64))
    answer.sum().backward()
    assert answer.shape == (2, 10)
    assert all(weight.grad is None for weight in model.module.aux1.parameters())


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        (Timm(), "resnet10t(stem=smal)", "gives 'stem' as 'smal'; forms are written as (unchanged) or with stem=small"),
        (Timm(), "resnet10t(steam=small)", "names an unknown form 'steam'; did you mean 'stem'?"),
        (Timm(), "test_vit(img_size=0)", "gives 'img_size' as '0'; forms are"),
        (Timm(), "test_vit(img_size=8,img_size=8)", "gives 'img_size' as '8'; forms are"),
        (Timm(), "resnet10t()", "'timm:resnet10t()' names no form; forms are"),
        (Timm(), "resnet10t(unchanged", "names no form; forms are"),
        (TorchvisionBackbones(), "resnet18(img_size=8)", "names an unknown form 'img_size'"),
        (TorchvisionBackbones(), "resnet18(aux_logits=false)", "'aux_logits' is for googlenet and inception_v3"),
    ],
    ids=label,
)
def test_a_form_that_nobody_knows_is_refused(source: fpframe.BackboneSource, name: str, words: str) -> None:
    with pytest.raises(fpframe.UsageError) as caught:
        build(source, name, (3, 32, 32))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("source", "name"),
    [(Timm(), "regnetx_002(img_size=32)"), (TorchvisionBackbones(), "vgg11(stem=small)")],
    ids=label,
)
def test_a_form_that_a_network_does_not_have_is_refused(source: fpframe.BackboneSource, name: str) -> None:
    with pytest.raises(fpframe.ModelError, match="cannot be built for images of shape"):
        build(source, name, (3, 32, 32))

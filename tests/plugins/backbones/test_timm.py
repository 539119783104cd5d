"""Networks of timm, fitted to images of any size."""

from __future__ import annotations

import pytest
import torch

import fpframe
from fpframe_plugins.backbones.timm import Timm
from plugins.backbones.building import build


def test_what_cannot_be_adapted_is_refused_in_one_line() -> None:
    with pytest.raises(fpframe.ModelError, match="'timm:maxvit_pico_rw_256' cannot be built for images") as caught:
        build(Timm(), "maxvit_pico_rw_256", (1, 8, 8))
    assert "window" in str(caught.value), "the network's own reason must be told"
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("shape") == 1


@pytest.mark.parametrize(("side", "patches"), [(8, 16), (28, 49), (32, 64)])
def test_a_transformer_gets_small_patches_for_small_images(side: int, patches: int) -> None:
    assert build(Timm(), "test_vit", (1, side, side)).module.patch_embed.num_patches == patches


def test_a_transformer_takes_oblong_images() -> None:
    assert build(Timm(), "test_vit", (3, 16, 24)).logits(torch.zeros(1, 3, 16, 24)).shape == (1, 10)

"""Photographs of ten classes of TinyImageNet as a folder, and the public network with what it makes of them."""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path

import attrs
import lite
import numpy as np
import torch
from torch import Tensor, nn

import fpframe
from fpframe.models import Images

#: Images that the victim's owner has; the others are those of thieves, and the pool of query images.
OWNED = 2000


def write_folder(tinyimagenet: Path, out: Path) -> None:
    """Copy ten classes, every fifth of the fifty, as ``photos/train`` and ``photos/test``."""
    for part, source in (("train", "train"), ("test", "val")):
        for folder in sorted((tinyimagenet / source).iterdir())[::5]:
            target = out / "photos" / part / folder.name
            if not target.exists():
                shutil.copytree(folder, target)


@attrs.define(slots=False)
class Material:
    """The data, divided, and the public network.

    Attributes:
        folder: holds ``photos``.
    """

    folder: Path

    @cached_property
    def data(self) -> fpframe.Dataset:
        """The photographs, of 64 pixels."""
        return fpframe.load_registry().create("dataset", "folder").open("photos", root=self.folder)

    @cached_property
    def owned(self) -> np.ndarray:
        """Indices of the owner's images."""
        order = np.random.default_rng(21).permutation(len(self.data.train))
        return np.sort(order[:OWNED])

    def images(self, kind: str, seed: int) -> Images:
        """Return images to train on: the ``owner's``, ``other`` ones, or some of ``all``; the last two are drawn."""
        chance, everything = np.random.default_rng(seed), np.arange(len(self.data.train))
        if kind == "owner's":
            chosen = self.owned
        else:
            among = np.setdiff1d(everything, self.owned) if kind == "other" else everything
            chosen = chance.choice(among, OWNED, replace=False)
        return self.data.train[torch.from_numpy(np.sort(chosen))]

    def network(self) -> nn.Module:
        """Return the public network with a fresh last layer."""
        network = lite.make()
        weights = torch.load(lite.public_weights(), weights_only=True)
        own = network.state_dict()
        network.load_state_dict({**own, **{k: v for k, v in weights.items() if v.shape == own[k].shape}})
        return network

    def prepared(self, images: Images, side: int = 224) -> Tensor:
        """Return images as the network takes them."""
        return _resized(images.pixels, side)

    def features(self, network: nn.Module, images: Images) -> Tensor:
        """Return what the layers before the last one make of images ``(N, 1280)``."""
        taken: list[Tensor] = []
        hook = network._fc.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
        with torch.no_grad():
            for batch in images.pixels.split(32):
                network.eval()(_resized(batch, 224))
        hook.remove()
        return torch.cat(taken)


def _resized(pixels: Tensor, side: int) -> Tensor:
    larger = nn.functional.interpolate(pixels, size=side, mode="bicubic", antialias=True, align_corners=False)
    return (larger.clamp(0, 1) - 0.5) / 0.5

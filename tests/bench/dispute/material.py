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

#: Images that the victim's owner has; the others are those of thieves, and the pool of query images.
OWNED = 2000


def write_folder(tinyimagenet: Path, out: Path, *, first: int) -> None:
    """Copy ten classes, every fifth of the fifty from one on, as ``photos/train`` and ``photos/test``."""
    for part, source in (("train", "train"), ("test", "val")):
        for folder in sorted((tinyimagenet / source).iterdir())[first::5]:
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

    def chosen(self, kind: str, seed: int) -> Tensor:
        """Return indices of images to train on: the ``owner's``, ``other`` ones, or some of ``all``."""
        chance, everything = np.random.default_rng(seed), np.arange(len(self.data.train))
        if kind == "owner's":
            return torch.from_numpy(self.owned)
        among = np.setdiff1d(everything, self.owned) if kind == "other" else everything
        return torch.from_numpy(np.sort(chance.choice(among, OWNED, replace=False)))

    def network(self, seed: int) -> nn.Module:
        """Return the public network with a fresh last layer, which a seed decides."""
        torch.manual_seed(seed)
        network = lite.make()
        weights = torch.load(lite.public_weights(), weights_only=True)
        own = network.state_dict()
        network.load_state_dict({**own, **{k: v for k, v in weights.items() if v.shape == own[k].shape}})
        return network

    def prepared(self, chosen: Tensor, side: int = 224) -> Tensor:
        """Return training images as the network takes them."""
        return _resized(self.data.train.pixels[chosen], side)

    @cached_property
    def features(self) -> Tensor:
        """What the layers of the public network before its last one make of the training images ``(N, 1280)``.

        They are the victim's too, which trained its last layer alone.
        """
        path = self.folder / "features.pt"
        if path.exists():
            return torch.load(path, weights_only=True)
        taken: list[Tensor] = []
        network = self.network(0).eval().to(memory_format=torch.channels_last)
        network._fc.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
        with torch.no_grad():
            for batch in self.data.train.pixels.split(32):
                network(_resized(batch, 224).contiguous(memory_format=torch.channels_last))
        torch.save(torch.cat(taken), path)
        return torch.cat(taken)


def _resized(pixels: Tensor, side: int) -> Tensor:
    larger = nn.functional.interpolate(pixels, size=side, mode="bicubic", antialias=True, align_corners=False)
    return (larger.clamp(0, 1) - 0.5) / 0.5

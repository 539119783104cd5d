"""`Remembered`: what the frozen layers of a public model make of images, once for all models that share them."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.base import content_key, machine_profile
from fpframe.models import Classifier, Dataset, Images, Pixels, to_pixels
from fpframe.models.frozen import pass_through
from fpframe.models.modes import copied, evaluation_mode
from fpframe.rng import threads
from fpframe.store import Store

#: Images that pass the layers at once.
_BATCH = 64
#: The parts of a data set whose features are kept.
_KEPT = ("train", "test")


@attrs.define(kw_only=True, eq=False)
class Remembered:
    """The layers of a network before its last one, which never change, and what they made of the images of a data set.

    Features of training and test images are kept in the store, where other processes and later runs find them. Other
    images, such as perturbed ones, pass the layers whenever they are asked.

    Attributes:
        head: the name of the last layer.
        key: what tells these layers from others.
        dataset: the data.
        store: where features are kept.
    """

    head: str
    key: list[str]
    dataset: Dataset
    store: Store
    _rows: dict[str, dict[bytes, int]] = attrs.field(factory=dict, init=False)
    _made: dict[str, Tensor] = attrs.field(factory=dict, init=False)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Remembered:
        return self  # copies of a network share what was made of images

    def __getstate__(self) -> dict[str, Any]:
        # features are found again in the store where this is unpickled
        told = {"head": self.head, "key": self.key, "dataset": self.dataset, "store": self.store}
        return {**told, "_rows": {}, "_made": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def features(self, model: Classifier, pixels: Tensor | Pixels, *, batch_size: int = 512) -> Tensor:
        """Return what the last layer takes ``(N, ...)`` for pixels ``(N, C, H, W)``, on the CPU."""
        names: list[bytes] = []
        for batch in pixels.split(batch_size):
            images = (batch * 255).round().to(torch.uint8)
            if not torch.equal(to_pixels(images), batch):
                return self._passed(model, pixels, batch_size)
            names += _names(images)
        for part in _KEPT:
            known: Images = getattr(self.dataset, part)
            if part not in self._rows:
                self._rows[part] = {
                    name: row for row, name in enumerate(name for batch in known.view.split() for name in _names(batch))
                }
            rows = self._rows[part]
            if all(name in rows for name in names):
                return self._of(part, known, model)[torch.tensor([rows[name] for name in names])]
        return self._passed(model, pixels, batch_size)

    def _of(self, part: str, known: Images, model: Classifier) -> Tensor:
        """Return the features of a part of the data; made once, and stored."""
        if part not in self._made:
            key = content_key(["features", *self.key, known.digest])
            entry = self.store.load(key)
            if entry is None:
                with threads(1):  # the same bits on any number of cores
                    self._made[part] = self._passed(model, known.stream, _BATCH)
                self.store.save(key, {"features": self._made[part]}, {}, sidecar={"profile": machine_profile()})
            else:
                self._made[part] = entry.tensors["features"]
        return self._made[part]

    def _passed(self, model: Classifier, pixels: Tensor | Pixels, batch_size: int) -> Tensor:
        taken: list[Tensor] = []
        # a copy, for in this layout convolutions of photographs take half the time
        lying = copied(model).changing().to(memory_format=torch.channels_last)
        with evaluation_mode(lying), torch.no_grad():
            for batch in pixels.split(batch_size):
                placed = batch.to(lying.device, memory_format=torch.channels_last)
                features, _ = pass_through(lying, f"module.{self.head}", placed)
                assert features is not None, "the last layer took another kind of input before"
                taken.append(features.to("cpu", torch.float32, copy=True))
        return torch.cat(taken)


def _names(images: Tensor) -> list[bytes]:
    """Return a digest of each image: a quarter of a million of whole ones would take as much memory as the data."""
    return [hashlib.blake2b(image.numpy().tobytes(), digest_size=16).digest() for image in images]

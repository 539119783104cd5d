"""`Remembered`: what the frozen layers of a public model make of images, once for all models that share them."""

from __future__ import annotations

import hashlib
from typing import Any
from weakref import WeakKeyDictionary

import attrs
import torch
from torch import Tensor, nn

from fpframe.base import content_key, machine_profile
from fpframe.models import Classifier, Dataset, Images, Pixels, copied, evaluating, to_pixels
from fpframe.rng import threads
from fpframe.store import Store
from fpframe.zoo.places import Place

#: Images whose features are one entry of the store.
SHARD = 256
#: Images that pass the layers at once.
_BATCH = 64
#: The parts of a data set whose features are kept.
PARTS = ("train", "test")


@attrs.define(kw_only=True, eq=False)
class Remembered:
    """The layers of a network that never change, and what they made of the images of a data set.

    Features of training and test images are kept in the store, some hundred images an entry, where other processes and
    later runs find them; they lie in the files and take no memory of a process. Other images, such as perturbed ones,
    pass the layers whenever they are asked.

    Attributes:
        place: where the layers end.
        key: what tells these layers from others.
        dataset: the data.
        store: where features are kept.
        behind: what fewer of the layers make of images, from which the features are made where it is stored.
    """

    place: Place
    key: list[str]
    dataset: Dataset
    store: Store
    behind: Remembered | None = None
    _rows: dict[str, dict[bytes, int]] = attrs.field(factory=dict, init=False)
    _shards: dict[tuple[str, int], Tensor] = attrs.field(factory=dict, init=False)
    _rests: WeakKeyDictionary[nn.Module, nn.Module] = attrs.field(factory=WeakKeyDictionary, init=False)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Remembered:
        return self  # copies of a network share what was made of images

    def __getstate__(self) -> dict[str, Any]:
        # features are found again in the store where this is unpickled
        told = {name: getattr(self, name) for name in ("place", "key", "dataset", "store", "behind")}
        return {**told, "_rows": {}, "_shards": {}, "_rests": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._rests = WeakKeyDictionary()

    @property
    def learns(self) -> tuple[str, ...]:
        """Names of the parts of `rest` that training changes; empty for all of it."""
        return self.place.learns

    def rest(self, model: Classifier, shape: tuple[int, ...]) -> nn.Module:
        """Return what is left of a network, with its weights: from features ``(N, *shape)`` to logits."""
        if model.module not in self._rests:
            self._rests[model.module] = self.place.rest(model.module, shape)
        return self._rests[model.module]

    def features(self, model: Classifier, pixels: Tensor | Pixels, *, batch_size: int = 512) -> Tensor:
        """Return what the rest of the network takes ``(N, ...)`` for pixels ``(N, C, H, W)``, on the CPU."""
        names: list[bytes] = []
        for batch in pixels.split(SHARD):
            images = (batch * 255).round().to(torch.uint8)
            if not torch.equal(to_pixels(images), batch):
                return self._passed(model, pixels, batch_size)
            names += _names(images)
        for part in PARTS:
            rows = self._rows_of(part)
            if all(name in rows for name in names):
                return self._of(part, [rows[name] for name in names], model)
        return self._passed(model, pixels, batch_size)

    def starts(self, part: str) -> range:
        """Return the numbers of the first images of the entries for a part of the data."""
        return range(0, len(self._images(part)), SHARD)

    def is_stored(self, part: str, start: int) -> bool:
        """Tell whether the features of some images are in the store."""
        return self.store.has(self._key(part, start))

    def shard(self, part: str, start: int, model: Classifier) -> Tensor:
        """Return the features of some images of a part ``(n, ...)``; made once, and stored.

        Args:
            part: ``train`` or ``test``.
            start: the number of the first image, one of `starts`.
            model: any network with these layers.
        """
        known = (part, start)
        if known not in self._shards:
            entry = self.store.map(self._key(part, start))
            if entry is None:
                self._make(part, start, model)
                entry = self.store.map(self._key(part, start))
                assert entry is not None, "what was just stored is there"
            self._shards[known] = entry.tensors["features"]
        return self._shards[known]

    def _make(self, part: str, start: int, model: Classifier) -> None:
        with threads(1):  # the same bits on any number of cores
            if self.behind is not None and self.behind.is_stored(part, start):
                made = self._from_behind(self.behind, self.behind.shard(part, start, model), model)
            else:
                made = self._passed(model, self._images(part).stream[start : start + SHARD], _BATCH)
        sidecar = {"profile": machine_profile()}
        self.store.save(self._key(part, start), {"features": made.contiguous()}, {}, sidecar=sidecar)

    def _from_behind(self, behind: Remembered, features: Tensor, model: Classifier) -> Tensor:
        rest = behind.rest(model, features.shape[1:])
        with evaluating(rest), torch.no_grad():
            return torch.cat([self.place.end(rest, batch) for batch in features.split(_BATCH)])

    def _of(self, part: str, rows: list[int], model: Classifier) -> Tensor:
        found = [(row // SHARD * SHARD, row % SHARD) for row in rows]
        shards = {start: self.shard(part, start, model) for start in sorted({start for start, _ in found})}
        return torch.stack([shards[start][row] for start, row in found])

    def _passed(self, model: Classifier, pixels: Tensor | Pixels, batch_size: int) -> Tensor:
        # a copy, for in this layout convolutions of photographs take half the time
        lying = copied(model).changing().to(memory_format=torch.channels_last)
        start = self.place.start(lying.module)
        taken: list[Tensor] = []
        with evaluating(lying), torch.no_grad():
            for batch in pixels.split(model.at_once(batch_size)):
                placed = batch.to(lying.device, memory_format=torch.channels_last)
                features = start(lying.prepared(placed))
                taken.append(features.to("cpu", torch.float32, copy=True))
        return torch.cat(taken)

    def _images(self, part: str) -> Images:
        images: Images = getattr(self.dataset, part)
        return images

    def _rows_of(self, part: str) -> dict[bytes, int]:
        if part not in self._rows:
            names = (name for batch in self._images(part).view.split() for name in _names(batch))
            self._rows[part] = {name: row for row, name in enumerate(names)}
        return self._rows[part]

    def _key(self, part: str, start: int) -> str:
        return content_key(["features", *self.key, self.place.key, self._images(part).digest, start, SHARD])


def _names(images: Tensor) -> list[bytes]:
    """Return a digest of each image: a quarter of a million of whole ones would take as much memory as the data."""
    return [hashlib.blake2b(image.numpy().tobytes(), digest_size=16).digest() for image in images]

"""`Base`: the public model that the victim was fine-tuned from, and the networks that begin as it does."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from fpframe.base import tensors_digest
from fpframe.errors import ModelError
from fpframe.models import Classifier, Dataset, Fitted, Preparation, evaluating
from fpframe.models.cut import Cut
from fpframe.models.frozen import deepen, ends_in, last_layers, layers_in_order
from fpframe.opening import AskedModel, base_weights, build_backbone
from fpframe.registry import Registry
from fpframe.store import Store
from fpframe.zoo.beginnings import ALL, BLOCK, DEEP, HEAD, PREFIX, word_of
from fpframe.zoo.candidates import named
from fpframe.zoo.features import Remembered
from fpframe.zoo.likeness import cosine
from fpframe.zoo.places import BeforeHead, BeforeParts

#: Share of the weights before the last layer that the last block has at least.
_BLOCK = 0.25
#: Share of the weights before the last layer that a base must have of the victim's architecture.
_ENOUGH = 0.5
#: The victim and its base are as like as two networks from scratch below this cosine: those reach a few hundredths.
_UNLIKE = 0.1
#: Bytes of what the layers before the last block make of all images, at most; where it is more it is not kept.
_MOST_BYTES = 8 * 2**30
#: Raised by one whenever a network begins otherwise for the same base.
REVISION = 2


@attrs.define(kw_only=True, eq=False)
class Base:
    """The public model that the victim was fine-tuned from, as far as the victim's architecture has its weights.

    Attributes:
        name: what it was called by.
        address: the victim's architecture.
        preparation: how images are prepared for it, as for the victim.
        weights: its weights, by name in the victim's architecture; without those of the last layer.
        digest: SHA-256 of these.
        head: name of the last layer.
        bodies: by word, what the layers that stay as they are make of images, which is remembered; nothing where that
            cannot be told from the rest.
        learns: by word, names of the layers that learn; none for all of them.
    """

    name: str
    address: str
    preparation: Preparation
    weights: Mapping[str, Tensor]
    digest: str
    head: str
    bodies: Mapping[str, Remembered]
    learns: Mapping[str, tuple[str, ...]]
    _blank: Classifier | None = attrs.field(default=None, init=False)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in attrs.fields(type(self)) if field.init}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._blank = None

    @classmethod
    def open(
        cls, base: Any, address: str, preparation: Preparation, dataset: Dataset, registry: Registry, store: Store
    ) -> Base:
        """Open the public model of a victim.

        Args:
            base: as `Victim.base` names it.
            address: the victim's architecture.
            preparation: how images are prepared for the victim.
            dataset: the data.
            registry: where backbones come from.
            store: where it is remembered what the base makes of these images.

        Raises:
            UsageError: the address cannot be a base.
            ModelError: it cannot be read, or is of another architecture.
        """
        shape = preparation.shape(dataset.image_shape)
        network = build_backbone(registry, address, dataset.num_classes, shape, seed=0)
        network = network.behind(preparation, dataset.image_shape) if str(preparation) else network
        name = named(base)
        if isinstance(network.module, Fitted):
            raise ModelError(f"'{address}' has no layers that could begin as those of a public model; leave out --base")
        # what the wrapper hands to the network, for two blank images
        images = _as_taken(network)
        order = layers_in_order(network.module, images)
        if not order:
            raise ModelError(f"no layer of '{address}' has weights of its own, so it cannot begin as a public model")
        head = order[-1]
        found = base_weights(base, network, registry)
        weights = {key: value.clone() for key, value in found.items() if not _within(key, head)}
        _require_enough(weights, network.module, head, name, address)
        fresh = tuple(each for each in order if each == head or _lacks(network.module, each, weights))
        digest = tensors_digest(weights)
        # parameters that belong to no layer, such as positions, may differ from network to network too
        block = tuple(dict.fromkeys((*fresh, *last_layers(network.module, order[:-1], share=_BLOCK))))
        key = [digest, str(network.module), str(network.preparation)]
        bodies = _bodies(network.module, weights, head, block, images, key, dataset, store)
        return cls(
            name=name,
            address=address,
            preparation=network.preparation,
            weights=weights,
            digest=digest,
            head=head,
            bodies=bodies,
            learns={HEAD: fresh, DEEP: fresh, BLOCK: block, ALL: ()},
        )

    def build(self, backbone: str, dataset: Dataset, registry: Registry, *, seed: int) -> Classifier:
        """Return a network that begins as the public model, with a last layer of its own.

        Args:
            backbone: ``base:head``, ``base:deep``, ``base:block`` or ``base:all``, which say what learns.
            dataset: the data.
            registry: where backbones come from.
            seed: decides the weights of the last layer.

        Raises:
            UsageError: there is no such address.
        """
        word = word_of(backbone)
        shape = self.preparation.shape(dataset.image_shape)
        network = build_backbone(registry, self.address, dataset.num_classes, shape, seed=seed)
        network.module.load_state_dict({**network.module.state_dict(), **self.weights})
        if word == DEEP:
            deepen(network.module, self.head, seed=seed)
        made = network.behind(self.preparation, dataset.image_shape)
        return made.changing(*self.learns[word], body=self.bodies.get(word))

    def blank(self, dataset: Dataset, registry: Registry) -> Classifier:
        """Return a network whose layers before the last one are the public model's; the same one each time."""
        if self._blank is None:
            self._blank = self.build(PREFIX + HEAD, dataset, registry, seed=0).changing()
        return self._blank

    def settled(self, network: Classifier) -> Classifier:
        """Return a network that was trained or loaded; if more changed than was to learn, it remembers nothing.

        An attack may change all weights of a student, whatever was to learn.
        """
        if network.body is not None:
            state = network.module.state_dict()
            still = {name: value for name, value in self.weights.items() if not _within(name, *network.learns)}
            if any(not torch.equal(state[name].cpu(), value) for name, value in still.items()):
                network.changing(*network.learns)
        return network

    def recognise(self, victim: Classifier) -> str | None:
        """Let a victim whose layers are still the public model's remember what these make of images.

        Return which layers are not: ``head``, or ``block``. Where it is more, such as the counts of batch
        normalisation, nothing is remembered, and it is ``None``.
        """
        if isinstance(victim.module, AskedModel) or str(victim.preparation) != str(self.preparation):
            return None
        state = victim.module.state_dict()
        for word in (HEAD, BLOCK):
            still = {name: value for name, value in self.weights.items() if not _within(name, *self.learns[word])}
            same = all(name in state and torch.equal(state[name].cpu(), value) for name, value in still.items())
            if same and word in self.bodies:
                victim.changing(*victim.learns, body=self.bodies[word])
                return word
        return None

    def likeness(self, victim: Classifier) -> float | None:
        """Return the cosine between all weight matrices of victim and base; ``None`` where the victim shows none."""
        if isinstance(victim.module, AskedModel):
            return None
        return cosine(victim, self.weights, [name for name, value in self.weights.items() if value.ndim > 1])

    def require_like(self, victim: Classifier) -> None:
        """Refuse a victim whose weights have nothing of the base.

        Raises:
            ModelError: says how unlike they are.
        """
        likeness = self.likeness(victim)
        if likeness is not None and likeness < _UNLIKE:
            raise ModelError(
                f"the victim's weights are unlike those of '{self.name}' (cosine {likeness:.2f}), and a fine-tuned "
                "model keeps most of them; name the model that it was fine-tuned from, or say --from-scratch"
            )


def _as_taken(network: Classifier) -> Tensor:
    """Return two blank images as the network inside a classifier takes them."""
    taken: list[Tensor] = []
    hook = network.module.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    try:
        network.logits(torch.zeros(2, *network.image_shape))
    finally:
        hook.remove()
    return taken[0].detach()


def _within(name: str, *layers: str) -> bool:
    return any(name.startswith(f"{layer}.") for layer in layers)


def _lacks(module: nn.Module, layer: str, weights: Mapping[str, Tensor]) -> bool:
    own = module.get_submodule(layer).named_parameters(recurse=False)
    return any(f"{layer}.{name}" not in weights for name, _ in own)


def _bodies(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    head: str,
    block: tuple[str, ...],
    images: Tensor,
    key: list[str],
    dataset: Dataset,
    store: Store,
) -> dict[str, Remembered]:
    """Return what is remembered of the layers before the last one, and before the last block."""
    found: dict[str, Remembered] = {}
    # torch traces a network by what all modules share, which would mislead other threads that ask theirs
    alone = not any(each is not threading.current_thread() and not each.daemon for each in threading.enumerate())
    cut = Cut.before(module, block, images) if alone else None
    if cut is not None and cut.start.state_dict().keys() <= weights.keys() and _is_small(cut, images, dataset):
        found[BLOCK] = Remembered(place=BeforeParts(parts=block, tried=images), key=key, dataset=dataset, store=store)
    # parameters that belong to no layer, such as positions, may differ from network to network too
    if _has_all_before(head, module, weights) and ends_in(module, head, images):
        found[HEAD] = found[DEEP] = Remembered(
            place=BeforeHead(head=head), key=key, dataset=dataset, store=store, behind=found.get(BLOCK)
        )
    return found


def _is_small(cut: Cut, images: Tensor, dataset: Dataset) -> bool:
    """Tell whether the disk has room for what a few layers less make of all images."""
    with evaluating(cut.start), torch.no_grad():
        each: int = cut.start(images)[0].numel() * 4
    return each * (len(dataset.train) + len(dataset.test)) <= _MOST_BYTES


def _has_all_before(head: str, module: nn.Module, weights: Mapping[str, Tensor]) -> bool:
    """Tell whether nothing but the last layer is drawn anew for each network; counters of batches change no answer."""
    state = module.state_dict().items()
    return all(name in weights or _within(name, head) for name, value in state if value.is_floating_point())


def _require_enough(weights: Mapping[str, Tensor], module: nn.Module, head: str, name: str, address: str) -> None:
    before = {key: value.numel() for key, value in module.named_parameters() if not _within(key, head)}
    found = sum(size for key, size in before.items() if key in weights)
    if not before or found < _ENOUGH * sum(before.values()):
        raise ModelError(
            f"'{name}' has {len(before.keys() & weights.keys())} of the {len(before)} weights that '{address}' has "
            "before its last layer, by name and shape; name the model that the victim was fine-tuned from, of the same "
            "architecture, and with --backbone the architecture as it is for these images"
        )

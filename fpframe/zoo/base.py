"""`Base`: the public model that the victim was fine-tuned from, and the networks that begin as it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
import torch
from torch import Tensor, nn

from fpframe.base import tensors_digest
from fpframe.errors import ModelError, RecipeError, UsageError, nearest
from fpframe.models import Classifier, Dataset, Fitted, Preparation, Training
from fpframe.models.frozen import ends_in, last_layers, layers_in_order
from fpframe.opening import AskedModel, Victim, base_weights, build_backbone
from fpframe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.registry import SAME_ARCHITECTURE, SAME_BASE, Registry
from fpframe.store import Store
from fpframe.zoo.features import Remembered

GroupT = TypeVar("GroupT", IndependentGroup, DerivedGroup)

#: Begins the address of a network that begins as the public model does.
PREFIX = "base:"
#: Which layers learn: the last one; the last ones, with a share of the weights; all.
HEAD, BLOCK, ALL = "head", "block", "all"
WORDS = (HEAD, BLOCK, ALL)
ADDRESSES = tuple(PREFIX + word for word in WORDS)
#: Stands in recipes for a base in place of ``victim``: all layers learn.
AT_BASE = PREFIX + ALL
#: Share of the weights before the last layer that the last block has at least.
_BLOCK = 0.25
#: Share of the weights before the last layer that a base must have of the victim's architecture.
_ENOUGH = 0.5
#: The victim and its base are as like as two networks from scratch below this cosine: those reach a few hundredths.
_UNLIKE = 0.1
#: The learning rate of layers that begin as a public model does, in that of layers that begin at random.
_SLOWER = 0.1
#: Raised by one whenever a network begins otherwise for the same base.
REVISION = 1


@attrs.frozen(kw_only=True, eq=False)
class Base:
    """The public model that the victim was fine-tuned from, as far as the victim's architecture has its weights.

    Attributes:
        name: what it was called by.
        address: the victim's architecture.
        preparation: how images are prepared for it, as for the victim.
        weights: its weights, by name in the victim's architecture; without those of the last layer.
        digest: SHA-256 of these.
        head: name of the last layer.
        body: what the layers before the last one make of images, which is remembered; ``None`` where the last layer is
            not the only one to learn.
        learns: by word, names of the layers that learn; none for all of them.
    """

    name: str
    address: str
    preparation: Preparation
    weights: Mapping[str, Tensor]
    digest: str
    head: str
    body: Remembered | None
    learns: Mapping[str, tuple[str, ...]]

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
        name = base if isinstance(base, str) else str(base) if hasattr(base, "__fspath__") else type(base).__name__
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
        alone = _has_all_before(head, network.module, weights) and ends_in(network.module, head, images)
        key = [digest, str(network.module), str(network.preparation)]
        body = Remembered(head=head, key=key, dataset=dataset, store=store) if alone else None
        block = last_layers(network.module, order[:-1], share=_BLOCK)
        return cls(
            name=name,
            address=address,
            preparation=network.preparation,
            weights=weights,
            digest=digest,
            head=head,
            body=body,
            learns={HEAD: fresh, BLOCK: tuple(dict.fromkeys((*fresh, *block))), ALL: ()},
        )

    def build(self, backbone: str, dataset: Dataset, registry: Registry, *, seed: int) -> Classifier:
        """Return a network that begins as the public model, with a last layer of its own.

        Args:
            backbone: ``base:head``, ``base:block`` or ``base:all``, which say what learns.
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
        made = network.behind(self.preparation, dataset.image_shape)
        return made.changing(*self.learns[word], body=self.body if word == HEAD else None)

    def settled(self, network: Classifier) -> Classifier:
        """Return a network that was trained or loaded; if more than its head changed, it remembers nothing any more.

        An attack may change all weights of a student, whatever was to learn.
        """
        if network.body is not None:
            state = network.module.state_dict()
            if any(not torch.equal(state[name].cpu(), value) for name, value in self.weights.items()):
                network.changing(*network.learns)
        return network

    def likeness(self, victim: Classifier) -> float | None:
        """Return the cosine between all weight matrices of victim and base; ``None`` where the victim shows none."""
        if isinstance(victim.module, AskedModel):
            return None
        state = victim.module.state_dict()
        pairs = [(state[name], value) for name, value in self.weights.items() if value.ndim > 1 and name in state]
        pairs = [(one.detach().cpu().double(), other.double()) for one, other in pairs if one.shape == other.shape]
        product = sum(float((one * other).sum()) for one, other in pairs)
        norms = [math.sqrt(sum(float(each.square().sum()) for each in side)) for side in zip(*pairs, strict=True)]
        return product / (norms[0] * norms[1]) if pairs and all(norms) else None

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


def word_of(backbone: str) -> str:
    """Return which layers of an address such as ``base:head`` learn.

    Raises:
        UsageError: there is no such address.
    """
    word = backbone.removeprefix(PREFIX)
    if word not in WORDS:
        raise UsageError(f"unknown architecture '{backbone}'{nearest(backbone, ADDRESSES)}")
    return word


def begins_at_base(backbone: str) -> bool:
    """Tell whether an address is that of a network that begins as the victim's public model."""
    return backbone.startswith(PREFIX)


def tuned(training: Training, backbone: str) -> Training:
    """Return how a model is fitted, by its architecture: slower where layers learn that begin as a public model does.

    Where the last layer learns alone images are left as they are, for they pass the other layers once.
    """
    if backbone in (PREFIX + BLOCK, AT_BASE):
        return attrs.evolve(training, learning_rate=training.learning_rate * _SLOWER)
    return attrs.evolve(training, augmentations=()) if backbone == PREFIX + HEAD else training


def needs_base(recipe: Recipe) -> bool:
    """Tell whether a recipe asks for networks that begin as the victim's public model."""
    groups = (*recipe.independent, *recipe.derived)
    return any(begins_at_base(name) for group in groups for name in (*group.backbones, *group.test_backbones))


def require_base(recipe: Recipe) -> None:
    """Refuse a recipe that needs a base, for want of one.

    Raises:
        RecipeError: says so.
    """
    if needs_base(recipe):
        raise RecipeError(
            f"recipe '{recipe.name}' trains models that begin as the victim's public model does; say with --base which "
            "model that is"
        )


def suited(recipe: Recipe, victim: Victim | None) -> Recipe:
    """Return a recipe for a victim, which may have begun as a public model."""
    return with_base(recipe) if victim is not None and victim.base is not None else recipe


def with_base(recipe: Recipe) -> Recipe:
    """Return a recipe for a victim that began as a public model.

    What was to have the victim's architecture begins as the public model too, all of it learning; and there is a
    stratum ``same-base``, with as many models as ``same-data`` where the recipe has none.
    """
    independent = tuple(map(_beginning, recipe.independent))
    if all(group.stratum != SAME_BASE for group in independent):
        sizes = [group for group in independent if group.stratum == SAME_ARCHITECTURE] or list(independent)
        independent += (
            IndependentGroup(
                stratum=SAME_BASE,
                fit=max((group.fit for group in sizes), default=0),
                calibrate=max((group.calibrate for group in sizes), default=0),
                test=max((group.test for group in sizes), default=0),
                backbones=ADDRESSES,
            ),
        )
    derived = tuple(map(_beginning, recipe.derived))
    epochs = {AT_BASE if name == "victim" else name: value for name, value in recipe.epochs.items()}
    return attrs.evolve(recipe, independent=independent, derived=derived, epochs=epochs)


def _beginning(group: GroupT) -> GroupT:
    """Return a group whose models of the victim's architecture begin as its public model."""

    def begun(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(AT_BASE if name == "victim" else name for name in names)

    return attrs.evolve(group, backbones=begun(group.backbones), test_backbones=begun(group.test_backbones))


def _as_taken(network: Classifier) -> Tensor:
    """Return two blank images as the network inside a classifier takes them."""
    taken: list[Tensor] = []
    hook = network.module.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    try:
        network.logits(torch.zeros(2, *network.image_shape))
    finally:
        hook.remove()
    return taken[0].detach()


def _within(name: str, layer: str) -> bool:
    return name.startswith(f"{layer}.")


def _lacks(module: nn.Module, layer: str, weights: Mapping[str, Tensor]) -> bool:
    own = module.get_submodule(layer).named_parameters(recurse=False)
    return any(f"{layer}.{name}" not in weights for name, _ in own)


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

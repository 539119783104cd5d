"""Strangers' models: architecture, share of the images and training are drawn for each alone."""

from __future__ import annotations

import attrs

from fpframe.models import SCHEDULES, Training
from fpframe.recipe import IndependentGroup, Recipe
from fpframe.registry import SAME_BASE
from fpframe.rng import Draws
from fpframe.zoo.beginnings import ADDRESSES, DEEP, HEAD, PREFIX
from fpframe.zoo.drawn import epochs_of, with_seed

#: Architectures of strangers, taken in turn. One in four is not made by gradient descent.
_BY_GRADIENT = ("random:*", "random:*", "random:*")
_AT_ONCE = (
    "sklearn:random-forest-*",
    "sklearn:svm-*",
    "sklearn:nearest-neighbours-*",
    "sklearn:extra-trees-*",
    "sklearn:logistic-regression-*",
)
ARCHITECTURES = tuple(address for kind in _AT_ONCE for address in (*_BY_GRADIENT, kind))
#: Parts of the training images, with the smallest and the largest fraction of each. The last one holds images of the
#: victim's share, of the thief's and of the pool.
_SHARES = (("victim", 0.6, 1.0), ("thief", 0.6, 1.0), ("everything", 0.25, 0.6))
_AUGMENTATIONS: tuple[tuple[str, ...], ...] = (
    (),
    (),
    ("flip",),
    ("shift",),
    ("noise",),
    ("cutout",),
    ("mixup",),
    ("shift", "cutout"),
)
#: Peak learning rates, in that of the recipe.
_RATES = (0.5, 1.0, 1.0, 1.5)
#: Nesterov momentum takes steps about ten times as long as AdamW's at the same rate.
_FASTER = 10
#: Weight decays of AdamW where last layers learn.
_DECAYS = (0.0, 1e-3, 1e-2, 0.05)
_LAST_LAYERS = (PREFIX + HEAD, PREFIX + DEEP)


@attrs.frozen(kw_only=True)
class Stranger:
    """How one stranger made a model.

    Attributes:
        backbone: address of its architecture.
        data: the part of the training images that it learns from.
        training: how it is fitted.
    """

    backbone: str
    data: str
    training: Training


def draw_stranger(group: IndependentGroup, split: str, index: int, recipe: Recipe, *, seed: int) -> Stranger:
    """Draw one stranger.

    Args:
        group: its group in the recipe; if that names architectures other than the victim's, they are taken in turn.
        split: its split. Those of ``fit`` are all made by gradient descent, for methods may craft on them.
        index: its number within the split.
        recipe: says how models are usually trained. Strangers train as long or longer, for weak models would protect
            nobody.
        seed: decides everything that is drawn.
    """
    draws = Draws(seed)
    backbone = with_seed(_backbone(group, split, index), draws.whole("architecture", 0, 2**62))
    part, low, high = draws.one_of("part", _SHARES)
    data = f"{part}:{draws.number('fraction', low, high):g}"
    return Stranger(backbone=backbone, data=data, training=draw_training(backbone, recipe, draws))


def draw_training(backbone: str, recipe: Recipe, draws: Draws) -> Training:
    """Draw how a model of some architecture is fitted, as a stranger would do it."""
    usual = attrs.evolve(recipe.training, epochs=epochs_of(backbone, recipe.epochs) or recipe.training.epochs)
    # what is fitted at once has no epochs; one of them keeps estimates of time right
    at_once = backbone.partition(":")[0] == "sklearn"
    return attrs.evolve(usual, epochs=1) if at_once else _training(draws, usual, backbone)


def architectures_of(group: IndependentGroup, split: str) -> tuple[str, ...]:
    """Return the addresses that architectures of strangers are drawn from."""
    named = group.backbones_of(split)
    if set(named) != {"victim"}:
        return tuple(named)
    if group.stratum == SAME_BASE:
        return ADDRESSES
    return _BY_GRADIENT if split == "fit" else ARCHITECTURES


def _backbone(group: IndependentGroup, split: str, index: int) -> str:
    named = architectures_of(group, split)
    return named[index % len(named)]


def _training(draws: Draws, usual: Training, backbone: str) -> Training:
    optimizer = draws.one_of("optimizer", ("adamw", "adamw", "sgd"))
    decays = (0.0, 5e-4) if optimizer == "sgd" else (0.0, usual.weight_decay, 0.05)
    training = attrs.evolve(
        usual,
        epochs=draws.whole("epochs", usual.epochs, 3 * usual.epochs // 2),
        batch_size=draws.one_of("batch", (max(2, usual.batch_size // 2), usual.batch_size, 2 * usual.batch_size)),
        learning_rate=_rate(usual.learning_rate * draws.one_of("rate", _RATES), optimizer),
        weight_decay=draws.one_of("decay", decays),
        optimizer=optimizer,
        augmentations=draws.one_of("augmentations", _AUGMENTATIONS),
        label_smoothing=draws.one_of("smoothing", (0.0, 0.0, 0.05, 0.1)),
    )
    return _last_layers(draws, training, usual) if backbone in _LAST_LAYERS else training


def _last_layers(draws: Draws, training: Training, usual: Training) -> Training:
    """Return a training of last layers alone, which take seconds, so that people try far more.

    Few steps, or first steps at full rate, leave their mark on weights that images decide little, and alike on all who
    learn from the same images: such models must be among those that others are compared with.
    """
    larger = draws.one_of("times the batch", (0.5, 1, 2, 4, 8, 16))
    times = 10 ** draws.number("power of the rate", -1, 1)
    return attrs.evolve(
        training,
        # larger batches make fewer steps of an epoch, so people make more epochs
        epochs=draws.whole("epochs", usual.epochs // 2 + 1, (2 if larger <= 1 else 5) * usual.epochs),
        batch_size=max(2, int(usual.batch_size * larger)),
        learning_rate=_rate(usual.learning_rate * times, training.optimizer),
        weight_decay=draws.one_of("decay", (0.0, 1e-4, 5e-4) if training.optimizer == "sgd" else _DECAYS),
        schedule=draws.one_of("schedule", SCHEDULES),
    )


def _rate(rate: float, optimizer: str) -> float:
    return float(f"{rate * (_FASTER if optimizer == 'sgd' else 1):.3g}")

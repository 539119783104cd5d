"""How a recipe says that a network begins as the victim's public model, and what of it learns."""

from __future__ import annotations

import attrs

from fpframe.errors import UsageError, nearest
from fpframe.models import Training

#: Begins the address of a network that begins as the public model does.
PREFIX = "base:"
#: Which layers learn: the last one; two in its place; the last ones, with a share of the weights; all.
HEAD, DEEP, BLOCK, ALL = "head", "deep", "block", "all"
WORDS = (HEAD, DEEP, BLOCK, ALL)
ADDRESSES = tuple(PREFIX + word for word in WORDS)
#: Stands in recipes for a base in place of ``victim``: all layers learn.
AT_BASE = PREFIX + ALL
#: The learning rate of layers that begin as a public model does, in that of layers that begin at random.
_SLOWER = 0.1


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
    return attrs.evolve(training, augmentations=()) if backbone in (PREFIX + HEAD, PREFIX + DEEP) else training

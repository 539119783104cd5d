"""Attack ``gate``: let a model of the thief's own answer where the stolen one is unsure."""

from __future__ import annotations

from typing import ClassVar

import attrs

import fpframe
from fpframe import Classifier
from fpframe.parameters import number
from fpframe_plugins.attacks._pairs import Gate as GatedPair, Pair, Paired


@attrs.frozen(kw_only=True)
class Gate(Paired):
    """Hide a stolen model where fingerprints look: near its decision boundaries.

    The thief trains a model of the victim's architecture on images of his own. It answers in place of the stolen one
    wherever that one's two likeliest classes are close, which is where queries tell models apart. Elsewhere the stolen
    model answers as it is.

    Attributes:
        margin: difference of the two largest probabilities below which the thief's own model answers, above 0 and at
            most 1.
    """

    name: ClassVar[str] = "gate"
    margin: float = attrs.field(default=0.2, validator=number(low=0, high=1, open_low=True))

    def pair(self, stolen: Classifier, own: Classifier) -> Pair:
        """Return what both are together."""
        return GatedPair(stolen, own, margin=self.margin)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Gate]

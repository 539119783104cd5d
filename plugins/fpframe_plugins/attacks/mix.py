"""Attack ``mix``: answer with a mean of a stolen model and one of the thief's own."""

from __future__ import annotations

from typing import ClassVar

import attrs

import fpframe
from fpframe import Classifier
from fpframe.parameters import number
from fpframe_plugins.attacks._pairs import Mixture, Pair, Paired


@attrs.frozen(kw_only=True)
class Mix(Paired):
    """Mix the probabilities of a stolen model with those of an independent one.

    The thief trains a model of the victim's architecture on images of his own, and answers with a mean of both, as
    ensembles do. That blurs what is the victim's own, and costs no accuracy. ``mix(0.5)->extract(soft)`` puts both into
    one network.

    Attributes:
        share: weight of the thief's own model, above 0 and at most 0.95; the stolen one has the rest.
    """

    name: ClassVar[str] = "mix"
    share: float = attrs.field(default=0.5, validator=number(low=0, high=0.95, open_low=True))

    def pair(self, stolen: Classifier, own: Classifier) -> Pair:
        """Return what both are together."""
        return Mixture(stolen, own, share=self.share)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Mix]

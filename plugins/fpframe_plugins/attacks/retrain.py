"""Attack ``retrain``: forget the last layer of a stolen model and learn it anew."""

from __future__ import annotations

from typing import ClassVar

import attrs

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import number, one_of, whole
from fpframe.rng import derive_seed, isolated
from fpframe_plugins.attacks._layers import last_layer
from fpframe_plugins.attacks._tuning import Tuning


@attrs.frozen(kw_only=True)
class Retrain(Tuning):
    """Give the last layer fresh weights, then train it alone or all layers on the thief's true labels.

    These are RTLL and RTAL of Adi et al., "Turning your weakness into a strength" (USENIX Security 2018).

    Attributes:
        layers: what is trained after that: the ``last`` layer, or ``all``.
        epochs: passes over the thief's images.
        learning_rate: peak of the schedule; higher than for fine-tuning, for a fresh layer has a long way to go.
    """

    name: ClassVar[str] = "retrain"
    layers: str = attrs.field(default="last", validator=one_of("last", "all"))
    epochs: int = attrs.field(default=2, validator=whole(low=1))
    learning_rate: float = attrs.field(default=3e-3, validator=number(low=0, open_low=True))

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student with a last layer that was learned from true labels.

        Raises:
            ModelError: there is no last layer with weights.
        """
        layer = last_layer(student.module)
        with isolated(derive_seed(seed, "reset")):
            layer.reset_parameters()
        taught = layer if self.layers == "last" else None
        return self.tuned(student, data, context, seed=derive_seed(seed, "fit"), layer=taught)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Retrain]

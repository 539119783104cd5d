"""Attack ``finetune``: go on training a stolen model."""

from __future__ import annotations

from typing import ClassVar

import attrs

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import flag, number, one_of, whole
from fpframe_plugins.attacks._layers import last_layer, put_back, zeros_of
from fpframe_plugins.attacks._tuning import Tuning

#: Share of zeros from which on a weight is taken for a pruned one; a trained one has almost none.
_PRUNED = 0.01


@attrs.frozen(kw_only=True)
class Finetune(Tuning):
    """Train all layers or only the last one on the thief's images with their true labels.

    These are FTAL and FTLL of Adi et al., "Turning your weakness into a strength" (USENIX Security 2018).

    Attributes:
        layers: ``all``, or ``last``: the layer that makes the logits.
        epochs: passes over the thief's images.
        learning_rate: peak of the schedule.
        keep_zeros: whether the zeros of pruned weights stay zero, as a thief wants who pruned for a small model.
    """

    name: ClassVar[str] = "finetune"
    layers: str = attrs.field(default="all", validator=one_of("all", "last"))
    epochs: int = attrs.field(default=2, validator=whole(low=1))
    learning_rate: float = attrs.field(default=5e-4, validator=number(low=0, open_low=True))
    keep_zeros: bool = attrs.field(default=True, validator=flag)

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student, trained further on true labels.

        Raises:
            ModelError: only the last layer is to learn, and there is none with weights.
        """
        return self.tuned(
            student,
            data,
            context,
            seed=seed,
            layer=last_layer(student.module) if self.layers == "last" else None,
            after_step=put_back(zeros_of(student.module, least=_PRUNED)) if self.keep_zeros else None,
        )


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Finetune]

"""Attack ``prune-channels``: silence the weakest channels of a stolen model's convolutions."""

from __future__ import annotations

from typing import ClassVar

import attrs

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import number, whole
from fpframe_plugins.attacks._layers import hidden_convolutions, put_back, silence_weakest
from fpframe_plugins.attacks._tuning import Tuning


@attrs.frozen(kw_only=True)
class PruneChannels(Tuning):
    """Silence the output channels with the smallest L1 norm of weights, then fine-tune.

    Follows Li et al., "Pruning Filters for Efficient ConvNets" (ICLR 2017). The channels are set to zero and not cut
    out, through the batch normalisation that takes a convolution's output, and stay zero while the rest learns: the
    answers are those of the smaller network, in the architecture of the victim. A convolution that makes the logits
    is left alone.

    Attributes:
        ratio: share of the channels of each convolution, rounded down.
        epochs: passes over the thief's images afterwards; 0 for none.
        learning_rate: peak of the schedule.
    """

    name: ClassVar[str] = "prune-channels"
    ratio: float = attrs.field(default=0.2, validator=number(low=0, high=0.999))
    epochs: int = attrs.field(default=1, validator=whole(low=0))
    learning_rate: float = attrs.field(default=5e-4, validator=number(low=0, open_low=True))

    @property
    def deterministic(self) -> bool:
        """Whether nothing is drawn by chance."""
        return self.epochs == 0

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the pruned student.

        Raises:
            ModelError: there is no convolution before the last layer.
        """
        zeros = []
        for channels in hidden_convolutions(student):
            norms = channels.layer.weight.detach().abs().flatten(1).sum(1)
            zeros += silence_weakest(channels, norms, self.ratio)
        return self.tuned(student, data, context, seed=seed, after_step=put_back(zeros))


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [PruneChannels]

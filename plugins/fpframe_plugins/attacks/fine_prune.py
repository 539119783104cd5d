"""Attack ``fine-prune``: silence the sleeping channels of a stolen model, then fine-tune."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.models import Pixels
from fpframe.parameters import number, whole
from fpframe.rng import derive_seed, generator
from fpframe_plugins.attacks._layers import Channels, hidden_convolutions, put_back, silence_weakest
from fpframe_plugins.attacks._tuning import Tuning

#: Most images on which activity is measured; means settle long before.
_MEASURED = 2000


@attrs.frozen(kw_only=True)
class FinePrune(Tuning):
    """Silence the channels of the last convolution that the thief's images wake least, then fine-tune.

    Follows Liu et al., "Fine-Pruning" (RAID 2018), made against backdoors: channels that natural images do not use may
    be the ones that answer to unnatural queries. Activity is the mean positive part of a channel after the batch
    normalisation that follows, if one does, for that is about what most activation functions let through.

    Attributes:
        ratio: share of the channels of the last convolution before the logits, rounded down.
        epochs: passes over the thief's images afterwards; 0 for none.
        learning_rate: peak of the schedule.
    """

    name: ClassVar[str] = "fine-prune"
    ratio: float = attrs.field(default=0.3, validator=number(low=0, high=0.999))
    epochs: int = attrs.field(default=2, validator=whole(low=0))
    learning_rate: float = attrs.field(default=5e-4, validator=number(low=0, open_low=True))

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the fine-pruned student.

        Raises:
            ModelError: there is no convolution before the last layer.
        """
        channels = hidden_convolutions(student)[-1]
        seen = data[torch.randperm(len(data), generator=generator(seed, "measure"))[:_MEASURED]]
        activity = _activity(student, channels, seen.stream)
        zeros = silence_weakest(channels, activity, self.ratio)
        return self.tuned(student, data, context, seed=derive_seed(seed, "fit"), after_step=put_back(zeros))


def _activity(model: Classifier, channels: Channels, pixels: Pixels) -> Tensor:
    """Return the mean positive part of each output channel over all images and places."""
    sums: list[Tensor] = []

    def note(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
        sums.append(output.clamp_min(0).flatten(2).mean(2).sum(0))

    hook = channels.last.register_forward_hook(note)
    try:
        model.logits(pixels)
    finally:
        hook.remove()
    return torch.stack(sums).sum(0) / len(pixels)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [FinePrune]

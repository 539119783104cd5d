"""`SharedClasses`: compare models on some of the victim's classes only, as if they told no others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import attrs
import torch
from torch import Tensor

from fpframe.models.channel import through_channel


@attrs.frozen(eq=False, slots=False)  # without slots, for what is computed once
class SharedClasses:
    """The classes that a suspect shares with the victim, as a filter that all answers go through.

    Whatever a model gives to other classes is left out, and the rest divided by its sum. Encoders have learnt on
    answers about all classes. So what nobody can compare is taken from the victim, for every model alike: its
    probabilities of the other classes, and its whole answer where its label is none of the shared ones. What remains of
    a model is how it divides among the shared classes what the victim gives to them. The filter is the same for the
    suspect and for the calibration models, and depends on the victim's answers alone.

    Attributes:
        shared: numbers of the classes, in order.
        victim_answers: the victim's probabilities ``(V, Q, K)``.
    """

    shared: tuple[int, ...]
    victim_answers: Tensor

    @cached_property
    def kept(self) -> Tensor:
        """Which queries ``(V, Q)`` are compared: those whose label by the victim is shared."""
        return torch.isin(self.victim_answers.argmax(-1), torch.tensor(self.shared))

    @property
    def labels(self) -> int:
        """The smallest number of labels that the victim gives to the queries of a view that are compared."""
        labels = self.victim_answers.argmax(-1)
        return min(len(given[kept].unique()) for given, kept in zip(labels, self.kept, strict=True))

    def __call__(self, answers: Tensor, channel: str) -> Tensor:
        """Return answers ``(..., V, Q, K)`` to all views or the first, as they are compared in a channel."""
        victim, columns = self.victim_answers[: answers.shape[-3]], list(self.shared)
        # cut down first: a model that reveals its label alone has one of the shared classes
        part = through_channel(self.only(answers), channel)[..., columns]
        rows = victim.expand_as(answers).clone()
        rows[..., columns] = part * victim[..., columns].sum(-1, keepdim=True)
        rows = torch.where(self.kept[: len(victim), :, None], rows, victim)
        return torch.where(answers.isfinite().all(-1, keepdim=True), rows, torch.nan)

    def only(self, answers: Tensor) -> Tensor:
        """Return answers ``(..., K)`` without those to other classes; a row of which nothing is left is even."""
        rows = torch.zeros_like(answers)
        rows[..., list(self.shared)] = kept_shares(answers, list(self.shared))
        return torch.where(answers.isfinite().all(-1, keepdim=True), rows, torch.nan)


def shared_classes(shared: Sequence[int], victim_answers: Tensor) -> SharedClasses | None:
    """Return the filter that restricts answers to some classes; ``None`` where these are all."""
    return SharedClasses(tuple(shared), victim_answers) if len(shared) < victim_answers.shape[-1] else None


def kept_shares(answers: Tensor, columns: Sequence[int]) -> Tensor:
    """Return what answers ``(..., K)`` give to some classes, where they are the only ones; even where that is nothing.

    It is divided by its sum where something was left out, and otherwise stays as it is: rounded answers of a model that
    tells no other classes need not sum to 1, and divided they would be rounded twice.
    """
    part = answers[..., list(columns)]
    total = part.sum(-1, keepdim=True)
    others = [column for column in range(answers.shape[-1]) if column not in set(columns)]
    left_out = (answers[..., others] > 0).any(-1, keepdim=True)
    divided = torch.where(left_out, part / total.clamp_min(torch.finfo(part.dtype).tiny), part)
    return torch.where(total > 0, divided, 1 / len(columns))

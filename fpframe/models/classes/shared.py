"""`SharedClasses`: compare models on some of the victim's classes only, as if they told no others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import attrs
import torch
from torch import Tensor


@attrs.frozen(eq=False, slots=False)  # without slots, for what is computed once
class SharedClasses:
    """The classes that a suspect shares with the victim, as a filter that all answers go through.

    Whatever a model gives to other classes is left out, and the rest divided by its sum. Queries for which the victim's
    answer is another class show nothing that the suspect could say: there every model has the same row. The victim, the
    calibration models and the suspect go through the same filter, which depends on the victim's answers alone.

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

    def __call__(self, answers: Tensor) -> Tensor:
        """Return answers ``(..., V, Q, K)`` to all views or the first, restricted to the shared classes."""
        columns = list(self.shared)
        part = answers[..., columns]
        total = part.sum(-1, keepdim=True)
        even = part.new_full((), 1 / len(columns))
        part = torch.where(total > 0, part / total.clamp_min(torch.finfo(part.dtype).tiny), even)
        views = answers.shape[-3]
        part = torch.where(self.kept[:views, :, None], part, even)
        rows = torch.zeros_like(answers)
        rows[..., columns] = part
        return torch.where(answers.isfinite().all(-1, keepdim=True), rows, torch.nan)

    def renumbered(self, labels: Tensor) -> Tensor:
        """Return labels by their place among the shared classes; -1 for any other."""
        places = torch.full((self.victim_answers.shape[-1] + 1,), -1, dtype=torch.long)
        places[list(self.shared)] = torch.arange(len(self.shared))
        return places[labels.long()]  # -1 is the last place, which is none


def shared_classes(shared: Sequence[int], victim_answers: Tensor) -> SharedClasses | None:
    """Return the filter that restricts answers to some classes; ``None`` where these are all."""
    return SharedClasses(tuple(shared), victim_answers) if len(shared) < victim_answers.shape[-1] else None

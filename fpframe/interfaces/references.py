"""`References`: the models of the fit split, for components that declare ``needs_references``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import torch
from torch import Tensor

from fpframe.models import Classifier, Pixels


@attrs.frozen(eq=False)
class References:
    """Models that a method may learn from; never a model that calibrates or tests a verdict.

    Both are sequences that may load a model anew each time it is asked for, so that a zoo need not fit into memory:
    take each one once.

    Attributes:
        derived: models made from the victim.
        independent: models not made from it.
    """

    derived: Sequence[Classifier] = ()
    independent: Sequence[Classifier] = ()

    def answers(self, pixels: Tensor | Pixels) -> tuple[Tensor, Tensor]:
        """Return what the derived and the independent models answer: probabilities ``(M, P, K)`` each.

        Prefer it to a loop of your own: fpframe keeps the answers, and asks nothing twice. One model is in memory at a
        time.

        Args:
            pixels: ``(P, C, H, W)`` in [0, 1].
        """
        derived, independent = (
            [model.logits(pixels).softmax(1) for model in models] for models in (self.derived, self.independent)
        )
        return _stacked(derived, len(pixels)), _stacked(independent, len(pixels))

    def reduced(self, pixels: Tensor | Pixels, reduce: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Return what `reduce` makes of the answers of each derived and of each independent model, stacked.

        Prefer it to `answers` where less than all probabilities are needed: those of one model are in memory at a time.

        Args:
            pixels: ``(P, C, H, W)`` in [0, 1].
            reduce: from probabilities ``(P, K)`` to a tensor, which is at least as small.
        """
        return self._reduced(self.derived, pixels, reduce), self._reduced(self.independent, pixels, reduce)

    def _reduced(
        self, models: Sequence[Classifier], pixels: Tensor | Pixels, reduce: Callable[[Tensor], Tensor]
    ) -> Tensor:
        rows = [reduce(model.logits(pixels).softmax(1)) for model in models]
        return torch.stack(rows) if rows else torch.zeros(0, len(pixels))


def _stacked(answers: list[Tensor], points: int) -> Tensor:
    return torch.stack(answers) if answers else torch.zeros(0, points, 0)

"""The models of the fit split as a method sees them: loaded when they are asked for, and their answers kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import attrs
import torch
from torch import Tensor

from fpframe.interfaces import References
from fpframe.models import Classifier, Pixels
from fpframe.zoo.answers import ask_pixels
from fpframe.zoo.model import ZooModel
from fpframe.zoo.zoo import Zoo


@attrs.frozen(eq=False)
class LazyModels(Sequence[Classifier]):
    """Models of a zoo, each loaded when it is taken."""

    zoo: Zoo
    models: tuple[ZooModel, ...]

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self.models)

    @overload
    def __getitem__(self, index: int) -> Classifier: ...
    @overload
    def __getitem__(self, index: slice) -> LazyModels: ...
    def __getitem__(self, index: int | slice) -> Classifier | LazyModels:
        """Load one model, or choose some without loading any."""
        if isinstance(index, slice):
            return LazyModels(self.zoo, self.models[index])
        return self.zoo.load(self.models[index])


@attrs.frozen(eq=False)
class ZooReferences(References):
    """References that lie in a store.

    Attributes:
        keep: whether their answers are stored and found again.
    """

    derived: LazyModels
    independent: LazyModels
    keep: bool = True
    _spared: list[float] = attrs.field(factory=list, init=False)

    @property
    def spared(self) -> float:
        """Seconds that asking would have taken, had no answers been found."""
        return sum(self._spared)

    @classmethod
    def of(cls, zoo: Zoo, *, keep: bool) -> ZooReferences:
        """Return the models of the fit split of a zoo, but for failed thefts."""
        fit = zoo.fitting()
        derived, independent = (
            LazyModels(zoo, tuple(model for model in fit if model.relation == relation))
            for relation in ("derived", "independent")
        )
        return cls(derived, independent, keep)

    def answers(self, pixels: Tensor | Pixels) -> tuple[Tensor, Tensor]:
        """Return what the derived and the independent models answer: probabilities ``(M, P, K)`` each."""
        return self._answers(self.derived, pixels), self._answers(self.independent, pixels)

    def reduced(self, pixels: Tensor | Pixels, reduce: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Return what `reduce` makes of the answers of each derived and of each independent model, stacked."""
        return self._answers(self.derived, pixels, reduce), self._answers(self.independent, pixels, reduce)

    def _answers(
        self, models: LazyModels, pixels: Tensor | Pixels, reduce: Callable[[Tensor], Tensor] = lambda answers: answers
    ) -> Tensor:
        found = ask_pixels(models.zoo, models.models, pixels, purpose="a method", keep=self.keep, reduce=reduce)
        self._spared.extend(answer.seconds for answer in found if answer.found)
        if not found:
            return reduce(torch.zeros(len(pixels), models.zoo.workspace.dataset.num_classes))[None][:0]
        return torch.stack([answer.tensors["answers"] for answer in found])

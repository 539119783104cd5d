"""The models of the fit split as a method sees them: loaded when they are asked for, and their answers kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import attrs
import torch
from torch import Tensor

from fpframe.base import tensors_digest
from fpframe.interfaces import References
from fpframe.models import Classifier
from fpframe.rng import threads
from fpframe.store import Store, remember
from fpframe.zoo.keys import model_key
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
        store: where their answers are kept; ``None`` asks anew each time.
    """

    derived: LazyModels
    independent: LazyModels
    store: Store | None = None
    _found: list[float] = attrs.field(factory=list, init=False)

    @property
    def spared(self) -> float:
        """Seconds that asking would have taken, had no answers been found."""
        return sum(self._found)

    @classmethod
    def of(cls, zoo: Zoo, *, store: Store | None) -> ZooReferences:
        """Return the models of the fit split of a zoo."""
        fit = zoo.of("fit")
        derived, independent = (
            LazyModels(zoo, tuple(model for model in fit if model.relation == relation))
            for relation in ("derived", "independent")
        )
        return cls(derived, independent, store)

    def answers(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the derived and the independent models answer: probabilities ``(M, P, K)`` each."""
        digest = tensors_digest({"pixels": pixels})
        return self._answers(self.derived, pixels, digest), self._answers(self.independent, pixels, digest)

    def _answers(self, models: LazyModels, pixels: Tensor, digest: str) -> Tensor:
        workspace, rows = models.zoo.workspace, []
        for model in models.models:
            identity = ["answers to a method", model_key(model, workspace), digest]

            asked = False

            def ask(model: ZooModel = model) -> dict[str, Tensor]:
                nonlocal asked
                asked = True
                with threads(1):
                    return {"answers": models.zoo.query(model)(pixels)}

            found = remember(self.store, identity, ask)
            self._found.append(0.0 if asked else found.seconds)
            rows.append(found.tensors["answers"])
        return torch.stack(rows) if rows else torch.zeros(0, len(pixels), workspace.dataset.num_classes)

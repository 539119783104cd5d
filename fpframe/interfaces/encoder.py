"""`Encoder`: from the answers of a model to an embedding whose cosine is the score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from fpframe.errors import PluginError
from fpframe.interfaces.component import Component
from fpframe.interfaces.fence import fenced, require
from fpframe.rng import isolated

Relation = Literal["victim", "derived", "independent"]


class Encoder(Component):
    """Fit a network that embeds fingerprints.

    The network maps answers ``(B, Q, K)`` to embeddings ``(B, E)`` of unit L2 norm. A stored encoder is loaded by
    filling the weights of ``module(q, k)``, so everything that `fit` learns is a weight or a buffer.

    The network may have a method ``by_query(embeddings, q)`` that returns embeddings ``(B, E)`` as parts ``(B, Q, F)``
    of single queries, so that the parts of two embeddings have the cosine of the whole. A verdict of one view then has
    an interval over its points, and is inconclusive where it hangs on their choice.

    The network may have an attribute ``against_first_view``. Where it is true, each view of a model is compared with
    the victim's first view, in place of the same view. The victim itself then scores below 1.

    The network may have an attribute ``probabilities_alone``. Where it is true, a model that answers with probabilities
    is scored by them alone. Otherwise its labels are scored by the encoder of labels too, and the higher score counts.

    Attributes:
        learns: whether it learns from the models that it is fitted on, so that some of each kind are needed.
    """

    kind = "encoder"
    learns: ClassVar[bool] = True

    @abstractmethod
    def module(self, q: int, k: int) -> nn.Module:
        """Return the network for Q queries and K classes, not yet fitted."""

    @abstractmethod
    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Fit `module` in place on answers ``(M, V, Q, K)`` of M models.

        `relation` says what each model is to the victim; `groups` ``(M,)`` numbers the families, which a method that
        holds models out must keep together. The global random state is seeded.
        """

    @final
    def fit(self, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int) -> nn.Module:
        """Return a fitted network in evaluation mode.

        Raises:
            PluginError: it failed, or its embeddings have another shape, are not finite or not of unit length.
        """
        doing = "fitting its network"
        with fenced(self, doing=doing), isolated(seed):
            module = require(self, self.module(*answers.shape[2:]), nn.Module, doing=doing)
            self.fit_module(module, answers.clone(), relation, groups.clone(), seed=seed)
            module.eval().requires_grad_(False)
            embeddings = require(self, module(answers[0]), Tensor, doing=doing)
        if embeddings.ndim != 2 or len(embeddings) != answers.shape[1]:
            raise PluginError(
                f"'{self.name}' gives embeddings of shape {tuple(embeddings.shape)}, expected ({answers.shape[1]}, E)"
            )
        if not torch.allclose(embeddings.norm(dim=1), torch.ones(len(embeddings)), atol=1e-4):
            raise PluginError(f"'{self.name}' gives embeddings that are not finite or not of unit L2 norm")
        return module

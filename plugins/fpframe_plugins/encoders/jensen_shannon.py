"""Encoder ``jensen-shannon``: one less the mean Jensen-Shannon divergence of two models' answers.

The metric JSD of "Copy, Right? A Testing Framework for Copyright Protection of Deep Learning Models" (DeepJudge; Chen
et al., IEEE S&P 2022), by the feature map of "Efficient Additive Kernels via Explicit Feature Maps" (Vedaldi and
Zisserman, IEEE TPAMI 2012).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe_plugins.encoders._unit_norm import unit_norm

#: The kernel's spectrum is sampled at 0 and at this many multiples of the spacing: 17 numbers for each probability, and
#: a score that is right to 0.001, and to 0.0001 for models that answer much alike.
SAMPLES, SPACING = 8, 0.3
#: A probability below this adds less than float32 shows.
_LEAST = 1e-30


class JensenShannonFeatures(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, Q * K * 17 + 1)`` whose products are Jensen-Shannon kernels.

    Of probabilities a and b the kernel is ``(a log2(1 + b / a) + b log2(1 + a / b)) / 2``, and summed over the classes
    it is one less the Jensen-Shannon divergence in bits. Divided by sqrt(a b) it depends on log(a / b) alone, so it is
    a sum of cosines of that, weighed by its spectrum.
    """

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        frequencies = SPACING * torch.arange(SAMPLES + 1, dtype=answers.dtype, device=answers.device)
        spectrum = 2 / math.log(4) / torch.cosh(math.pi * frequencies) / (1 + 4 * frequencies.square())
        # the negative frequencies are the same as the positive ones
        weights = (spectrum * SPACING * torch.where(frequencies == 0, 1, 2)).sqrt()
        phases = answers.clamp_min(_LEAST).log().unsqueeze(3) * frequencies
        waves = torch.cat([phases.cos() * weights, (phases.sin() * weights)[..., 1:]], dim=3)
        return unit_norm(F.normalize((answers.sqrt().unsqueeze(3) * waves).flatten(2), dim=2).flatten(1))

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        """Return embeddings as parts ``(B, Q, K * 17)`` of single queries.

        The last coordinate is of none: it is only for models that give no class any probability.
        """
        return embeddings[:, :-1].reshape(len(embeddings), q, -1)


@attrs.frozen(kw_only=True)
class JensenShannon(fpframe.Encoder):
    """Compare answers by their Jensen-Shannon divergence: the cosine is one less its mean over the queries, in bits.

    DeepJudge takes natural logarithms, and no square root in spite of its word "distance": its figure is ln 2 times
    (1 - cosine). Through labels alone the cosine is the matching rate. Nothing is learnt.
    """

    name: ClassVar[str] = "jensen-shannon"
    learns: ClassVar[bool] = False

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, which has no weights."""
        return JensenShannonFeatures()

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn nothing."""


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [JensenShannon]

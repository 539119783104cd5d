"""Encoder ``contrastive``: a small network fitted with a supervised contrastive loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe.parameters import flag, number, one_of, whole
from fpframe_plugins.encoders._contrastive_losses import log_of_sum_loss, supervised_contrastive_loss
from fpframe_plugins.encoders._fingerprint_network import FingerprintNetwork
from fpframe_plugins.encoders.answer_features import LogProbabilities, Probabilities

_LOSSES = {"supcon": supervised_contrastive_loss, "log-of-sum": log_of_sum_loss}


@attrs.frozen(kw_only=True)
class Contrastive(fpframe.Encoder):
    """Separate models made from the victim from independent ones (Peng et al., CVPR 2022).

    The victim and the models derived from it are one class, the independent models the other; every view of every
    model is a sample.

    Attributes:
        features: what is seen of answers: ``log-probs``, floored, standardised log-probabilities, or ``probs``, the
            probabilities as they are.
        hidden: width of the hidden layer.
        embedding: size E of an embedding.
        last_relu: whether the last layer is followed by a ReLU too.
        loss: ``supcon``, the mean of logarithms over the positives of an anchor (Khosla et al., 2020, L_out), or
            ``log-of-sum``, the logarithm of the sum over them (L_in) where the anchor is one of its own positives.
        temperature: divides the cosines in the loss.
        victim_alone: whether the victim is a class of its own, apart from the models derived from it.
        steps: passes over all fingerprints; each is one step of the optimiser where no `batch_size` divides it.
        batch_size: fingerprints of one step; ``None`` takes all of them.
        learning_rate: of Adam.
        weight_decay: of Adam.
        against_first_view: whether each view is compared with the victim's first one, in place of the same view.
    """

    name: ClassVar[str] = "contrastive"
    features: Literal["log-probs", "probs"] = attrs.field(default="log-probs", validator=one_of("log-probs", "probs"))
    hidden: int = attrs.field(default=256, validator=whole(low=1))
    embedding: int = attrs.field(default=64, validator=whole(low=2))
    last_relu: bool = attrs.field(default=False, validator=flag)
    loss: Literal["supcon", "log-of-sum"] = attrs.field(default="supcon", validator=one_of("supcon", "log-of-sum"))
    temperature: float = attrs.field(default=0.2, validator=number(low=0, open_low=True))
    victim_alone: bool = attrs.field(default=False, validator=flag)
    steps: int = attrs.field(default=120, validator=whole(low=1))
    batch_size: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))
    learning_rate: float = attrs.field(default=1e-3, validator=number(low=0, open_low=True))
    weight_decay: float = attrs.field(default=1e-4, validator=number(low=0))
    against_first_view: bool = attrs.field(default=False, validator=flag)

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, not yet fitted."""
        return FingerprintNetwork(
            LogProbabilities(q, k) if self.features == "log-probs" else Probabilities(),
            nn.Sequential(nn.Linear(q * k, self.hidden), nn.ReLU(), nn.Linear(self.hidden, self.embedding)),
            last_relu=self.last_relu,
            against_first_view=self.against_first_view,
        )

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Minimise the loss over all views of all models."""
        assert isinstance(module, FingerprintNetwork)
        models, views = answers.shape[:2]
        samples = answers.reshape(models * views, *answers.shape[2:])
        classes = self.classes(relation).repeat_interleave(views)
        module.features.fit(samples)
        # they hold nothing that is learned: the logarithms of all answers are taken once, not in every step
        features = module.features(samples)
        optimizer = torch.optim.Adam(module.layers.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        for chosen in self._minibatches(len(samples)):
            embedded = module.embed(features[chosen])
            loss = _LOSSES[self.loss](embedded, classes[chosen], temperature=self.temperature)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    def classes(self, relation: Sequence[Relation]) -> Tensor:
        """Return the class ``(M,)`` of each model in the loss.

        It is 1 for the victim and derived models and 0 for independent ones; where the victim is alone, 0 for the
        victim, 1 for derived and 2 for independent models.
        """
        if self.victim_alone:
            return torch.tensor([("victim", "derived", "independent").index(kind) for kind in relation])
        return torch.tensor([kind != "independent" for kind in relation]).long()

    def _minibatches(self, count: int) -> Iterator[Tensor | slice]:
        """Yield what each step is made on, in a new order for each pass."""
        for _ in range(self.steps):
            if self.batch_size is None:
                yield slice(None)
            else:
                yield from torch.randperm(count).split(self.batch_size)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Contrastive]

"""`meta-trained`: images that are trained, together with a verifier, to tell derived from independent models.

From "MetaV: A Meta-Verifier Approach to Task-Agnostic Model Fingerprinting" (Pan et al., KDD 2022): the adaptive
fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.interfaces import Relation
from fpframe.models import Pixels
from fpframe.parameters import number, whole
from fpframe.rng import derive_seed, generator, isolated
from fpframe_plugins._references import held
from fpframe_plugins.augmenters._dealing import deal
from fpframe_plugins.encoders.meta_verifier import Verifier, verifier_loss


@attrs.frozen(kw_only=True)
class MetaTrained(Augmenter):
    """Follow the gradient of a verifier's loss through the victim and reference models into the images.

    The verifier is a small network on the answers to all points of a view. In each step it and the images learn from
    the victim, from a few derived and from a few independent models, drawn anew; all models stay as they are. The paper
    was not at hand, only its abstract and a public implementation that is not the authors' (grasses/MetaV). That does
    one of ten transformations to the images in a step, of which noise is done here. The number drawn is its, and so are
    the rates, which it lowers, the width of the verifier and the size of the noise; it makes fewer steps.

    Views are trained one by one from different images, each with a verifier of its own. `meta-verifier` fits the
    one that judges.

    Attributes:
        models: how many derived models and how many independent ones are learnt from; all, where there are fewer. They
            are held in memory at once.
        drawn: how many of each are in a step.
        steps: gradient steps.
        learning_rate: step size of Adam for images, in pixel units.
        verifier_rate: of Adam for the verifier.
        hidden: width of the verifier's hidden layer.
        noise: standard deviation of the noise on images in a step, in pixel units.
    """

    name: ClassVar[str] = "meta-trained"
    needs_references: ClassVar[bool] = True
    needs_gradients: ClassVar[bool] = True
    streams: ClassVar[bool] = True

    models: int = attrs.field(default=16, validator=whole(low=1))
    drawn: int = attrs.field(default=3, validator=whole(low=1))
    steps: int = attrs.field(default=200, validator=whole(low=1))
    learning_rate: float = attrs.field(default=0.01, validator=number(low=0, open_low=True))
    verifier_rate: float = attrs.field(default=0.01, validator=number(low=0, open_low=True))
    hidden: int = attrs.field(default=128, validator=whole(low=1))
    noise: float = attrs.field(default=0.05, validator=number(low=0))

    def choose(
        self,
        model: Classifier,
        pool: Tensor | Pixels,
        labels: Tensor,
        *,
        points: int,
        views: int,
        references: References | None,
        seed: int,
    ) -> Tensor:
        """Return 8-bit pixels ``(V, N, C, H, W)`` in [0, 1]; true labels do not matter.

        Raises:
            DataError: the pool has fewer than ``V * N`` images, or there are no reference models of both kinds.
        """
        references = references or References()
        drawn = deal(torch.randperm(len(pool), generator=generator(seed, "points")), points=points, views=views)
        with ExitStack() as stack:
            derived, independent = (
                held(models, self.models, relation=relation, name=self.name, stack=stack, seed=seed)
                for models, relation in ((references.derived, "derived"), (references.independent, "independent"))
            )
            return torch.stack(
                [
                    self.train(pool[indices], model, derived, independent, seed=derive_seed(seed, "view", view))
                    for view, indices in enumerate(drawn)
                ]
            )

    def train(
        self,
        images: Tensor,
        victim: Classifier,
        derived: Sequence[Classifier],
        independent: Sequence[Classifier],
        *,
        seed: int,
    ) -> Tensor:
        """Return the images ``(N, C, H, W)`` that training makes of `images`, on the 8-bit grid.

        Args:
            images: pixels in [0, 1].
            victim: in evaluation mode with frozen weights, like all others.
            derived: models made from it.
            independent: models not made from it.
            seed: decides the verifier's first weights, which models are drawn, and the noise.
        """
        with isolated(derive_seed(seed, "verifier")):
            verifier = Verifier(len(images), victim.num_classes, self.hidden).to(victim.device)
        draws = generator(seed, "draws")
        x = images.to(victim.device, copy=True).requires_grad_()
        on_images = torch.optim.Adam([x], lr=self.learning_rate)
        on_verifier = torch.optim.Adam(verifier.parameters(), lr=self.verifier_rate)
        for _ in range(self.steps):
            asked: dict[Relation, list[Classifier]] = {
                "victim": [victim],
                "derived": self._some(derived, draws),
                "independent": self._some(independent, draws),
            }
            relation = [kind for kind, models in asked.items() for _ in models]
            noise = self.noise * torch.randn(x.shape, generator=draws).to(x.device)
            with torch.enable_grad():
                moved = (x + noise).clamp(0, 1)
                answers = torch.stack([_probabilities(model, moved) for models in asked.values() for model in models])
                # the zero ties the images into the graph of models that ignore them
                loss = verifier_loss(verifier.number(answers), relation) + 0 * moved.sum()
                gradients = torch.autograd.grad(loss, [x, *verifier.parameters()])
            for parameter, gradient in zip([x, *verifier.parameters()], gradients, strict=True):
                parameter.grad = gradient.nan_to_num(0, 0, 0)
            on_images.step()
            on_verifier.step()
            with torch.no_grad():
                x.clamp_(0, 1)
        return (x.detach().cpu() * 255).round() / 255

    def _some(self, models: Sequence[Classifier], draws: torch.Generator) -> list[Classifier]:
        """Return a few of the models, each at most once."""
        order = torch.randperm(len(models), generator=draws)[: self.drawn]
        return [models[index] for index in order.tolist()]


def _probabilities(model: Classifier, x: Tensor) -> Tensor:
    """Return what a model answers ``(N, K)``, on the device of `x`, whichever that of the model is."""
    logits: Tensor = model(x.to(model.device))
    return logits.softmax(1).to(x.device)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `meta-trained`."""
    return [MetaTrained]

"""`trajectories`: images on the way from one class of the victim into others, step by step.

From "United We Stand, Divided We Fall: Fingerprinting Deep Neural Networks via Adversarial Trajectories" (ADV-TRA; Xu
et al., NeurIPS 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels
from fpframe.parameters import number, whole
from fpframe.rng import generator
from fpframe_plugins.augmenters._dealing import deal
from fpframe_plugins.perturbations._escaping import BATCH, escape_gradient


@attrs.frozen(kw_only=True)
class Trajectories(Augmenter):
    """Walk from images drawn at random into other classes, a leg for each, with steps that shrink before the boundary.

    A step changes each pixel by its size, against the gradient of the cross-entropy of the class to go to. The first
    `half` steps of a leg shrink from one to the next; their common scale is sought so that the last of them is the
    first to enter the class. The same sizes, backwards, lead as many steps deeper into it, where the next leg begins.
    Classes are drawn at random, each at most once. All images are of 8 bits, so no step is below 1/255.

    The paper's loss also lets single sizes vary, and pulls each towards a constant share of the one before; here that
    share is exact. Trajectories on which a leg does not arrive are left out as long as others are left, of twice as
    many as are needed. A trajectory is ``1 + 2 * half * legs`` points, and the last one of a view is cut off where the
    points end.

    Attributes:
        legs: classes that a trajectory goes into; all others, where there are fewer. A public implementation of the
            paper goes into nine, at 37 images for each trajectory.
        half: steps of a leg before the boundary, and behind it.
        first_step: size of the first step that is tried, in pixel units.
        decay: size of a step as a share of the one before it.
        search: by what the scale is multiplied where a class is entered early, and divided where it is not reached. It
            comes closer to 1 from try to try.
        tries: scales that are tried for each leg.
    """

    name: ClassVar[str] = "trajectories"
    streams: ClassVar[bool] = True
    needs_gradients: ClassVar[bool] = True

    legs: int = attrs.field(default=3, validator=whole(low=1))
    half: int = attrs.field(default=2, validator=whole(low=1))
    first_step: float = attrs.field(default=0.05, validator=number(low=0, high=1, open_low=True))
    decay: float = attrs.field(default=0.95, validator=number(low=0, high=1, open_low=True))
    search: float = attrs.field(default=0.9, validator=number(low=0.5, high=0.99))
    tries: int = attrs.field(default=100, validator=whole(low=1))

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
        """Return pixels ``(V, N, C, H, W)`` in [0, 1], trajectory after trajectory; true labels do not matter.

        Raises:
            DataError: the pool has fewer images than trajectories are needed.
        """
        legs = min(self.legs, model.num_classes - 1)
        count = -(-points // (1 + 2 * self.half * legs))
        drawn = torch.randperm(len(pool), generator=generator(seed, "points"))[: 2 * count * views]
        x = pool[drawn]
        own = model.logits(x).argmax(1)
        chances = torch.rand(len(x), model.num_classes, generator=generator(seed, "classes"))
        targets = chances.scatter(1, own.unsqueeze(1), -1).topk(legs, dim=1).indices
        walked = [
            self._walk(model, images.to(model.device), classes.to(model.device))
            for images, classes in zip(x.split(BATCH), targets.split(BATCH), strict=True)
        ]
        paths, arrived = (torch.cat(parts).cpu() for parts in zip(*walked, strict=True))
        order = torch.argsort(~arrived, stable=True)
        return paths[deal(order, points=count, views=views)].flatten(1, 2)[:, :points]

    def _walk(self, model: nn.Module, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return trajectories ``(N, L, C, H, W)`` from images, and on which all legs arrived ``(N,)``."""
        path, arrived = x.unsqueeze(1), torch.ones(len(x), dtype=torch.bool, device=x.device)
        for target in targets.unbind(1):
            steps, there = self.leg(model, path[:, -1], target)
            path, arrived = torch.cat([path, steps], dim=1), arrived & there
        return path, arrived

    def leg(self, model: nn.Module, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images ``(N, 2 * half, C, H, W)`` of one leg, and which legs arrived ``(N,)``.

        Args:
            model: maps pixels to logits ``(N, K)``; in evaluation mode with frozen weights.
            x: pixels ``(N, C, H, W)`` in [0, 1] on the model's device, not in their target class.
            targets: the classes ``(N,)`` to go to.
        """
        shares = self.decay ** torch.arange(self.half, device=x.device)
        scale = torch.full((len(x), 1), self.first_step, device=x.device)
        going = torch.arange(len(x), device=x.device)
        for turn in range(self.tries):
            _, inside = _steps(model, x[going], targets[going], scale[going] * shares)
            early = inside[:, :-1].any(1)
            going, early = (each[early | ~inside[:, -1]] for each in (going, early))
            if len(going) == 0:
                break
            by = self.search + (1 - self.search) / 2 * turn / self.tries
            scale[going] = (scale[going] * torch.where(early, by, 1 / by).unsqueeze(1)).clamp(1 / 255, 1)
        arrived = torch.ones(len(x), dtype=torch.bool, device=x.device)
        arrived[going] = False
        sizes = scale * shares
        return _steps(model, x, targets, torch.cat([sizes, sizes.flip(1)], dim=1))[0], arrived


def _steps(model: nn.Module, x: Tensor, targets: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the 8-bit images after each step ``(N, S, C, H, W)``, and which are in the target class ``(N, S)``.

    Args:
        model: maps pixels to logits.
        x: pixels ``(N, C, H, W)`` to start from.
        targets: the classes ``(N,)`` to go to.
        sizes: size of each step, ``(N, S)`` in pixel units.
    """
    images, inside = [], []
    for size in sizes.unbind(1):
        # the gradient of leaving a class has the sign of that of its cross-entropy, and does not vanish inside it
        gradient, _ = escape_gradient(model, x, targets)
        whole_steps = (size * 255).round().clamp_min(1).reshape(-1, 1, 1, 1)
        x = ((x * 255).round() - whole_steps * gradient.sign()).clamp(0, 255) / 255
        with torch.no_grad():
            inside.append(model(x).argmax(1) == targets)
        images.append(x)
    return torch.stack(images, dim=1), torch.stack(inside, dim=1)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `trajectories`."""
    return [Trajectories]

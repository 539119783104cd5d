"""`PerturbationGenerator`: what is added to query points."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, final

import attrs
import torch
from torch import Tensor

from fpframe.errors import PluginError
from fpframe.interfaces.component import Component
from fpframe.interfaces.fence import fenced, require
from fpframe.interfaces.references import References
from fpframe.interfaces.streaming import taken_by
from fpframe.models import Classifier, Pixels, evaluating
from fpframe.rng import isolated


@attrs.frozen(eq=False)
class Perturbation:
    """What a generator made.

    Attributes:
        delta: pixel units; ``(1, C, H, W)`` for a universal, ``(N, C, H, W)`` for a local generator.
        converged: bool ``(N,)``: whether the method reached its aim on each image.
        steps: iterations that it took.
    """

    delta: Tensor
    converged: Tensor
    steps: int


class PerturbationGenerator(Component):
    """Make perturbations that carry what is particular about a model.

    Authors write `generate`; callers use the object itself, which checks shapes, projects onto the norm ball
    and leaves model, inputs and random state as found.

    Attributes:
        scope: ``universal`` (one delta for all images) or ``local`` (one per image).
        norm: ``linf`` or ``l2``, the norm that epsilon bounds.
        needs_references: whether the models of the fit split are handed over.
        needs_gradients: whether it follows the victim's gradients, so that a victim without any is refused; ``False``
            where answers are all that it takes.
        streams: whether `generate` takes `Pixels`, which are made batch by batch when they are read, in place of a
            tensor: many images need not fit into memory then. It may be called with a tensor all the same.
        epsilon: bound in pixel units: in (0, 1) for linf, in (0, sqrt(CHW)) for l2, ``None`` for minimum-norm methods.
    """

    kind = "perturbation"
    scope: ClassVar[Literal["universal", "local"]]
    norm: ClassVar[Literal["linf", "l2"]] = "linf"
    needs_references: ClassVar[bool] = False
    needs_gradients: ClassVar[bool] = True
    streams: ClassVar[bool] = False

    @property
    def bound(self) -> float | None:
        """The bound on the norm of a delta, in pixel units; ``None`` where there is none."""
        return getattr(self, "epsilon", None)

    @abstractmethod
    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return perturbations for pixels `x` ``(N, C, H, W)`` with labels ``(N,)``.

        The model is in evaluation mode with frozen weights, and the global random state is seeded.
        """

    @final
    def __call__(
        self, model: Classifier, x: Tensor | Pixels, labels: Tensor, *, references: References | None = None, seed: int
    ) -> Perturbation:
        """Generate, check and project.

        Raises:
            PluginError: the generator failed, changed the model, or returned something else than perturbations of the
                right shape that are finite, and at most 1 where it has no bound.
        """
        doing = "making a perturbation"
        with fenced(self, model, doing=doing), evaluating(model), isolated(seed):
            taken = x.detach().clone() if isinstance(x, Tensor) else taken_by(self, x)
            made = self.generate(model, taken, labels.clone(), references=references, seed=seed)
        made = require(self, made, Perturbation, doing=doing)
        for tensor in (made.delta, made.converged):
            require(self, tensor, Tensor, doing=doing)
        rows = 1 if self.scope == "universal" else len(x)
        expected = (rows, *x.shape[1:])
        if made.delta.shape != expected or made.converged.shape != (rows,):
            raise PluginError(
                f"'{self.name}' returned delta {tuple(made.delta.shape)} and converged {tuple(made.converged.shape)}, "
                f"expected {expected} and ({rows},)"
            )
        delta = made.delta.detach().to(torch.float32)
        if not bool(delta.isfinite().all()):
            raise PluginError(f"'{self.name}' returned a perturbation that is not finite")
        if self.bound is None and float(delta.abs().max()) > 1:
            raise PluginError(
                f"'{self.name}' returned a perturbation of up to {float(delta.abs().max()):g}, where pixels are from 0 "
                "to 1; divide it by 255 if it counts grey levels"
            )
        return attrs.evolve(made, delta=project(delta, self.norm, self.bound))


def project(delta: Tensor, norm: str, epsilon: float | None) -> Tensor:
    """Return `delta` ``(N, C, H, W)`` pulled into the ball of radius `epsilon`, sample by sample."""
    if epsilon is None:
        return delta
    if norm == "linf":
        limit = torch.tensor(epsilon, dtype=delta.dtype)
        if float(limit) > epsilon:  # the nearest float32 to 0.1 lies above it, and a bound is a bound
            limit = torch.nextafter(limit, torch.zeros_like(limit))
        return delta.clamp(-limit, limit)
    lengths: Tensor = torch.linalg.vector_norm(delta, dim=(1, 2, 3), keepdim=True)
    return delta * (epsilon / lengths.clamp_min(1e-12)).clamp(max=1)

"""Jitter: random noise for each image, as a perturbation, and a scheme that puts it to use."""

import attrs
import torch

import fpframe
from fpframe import ComponentSpec, Part, Scheme
from fpframe.parameters import epsilon_pixels

fpframe_api = 1


@attrs.frozen(kw_only=True)
class Jitter(fpframe.PerturbationGenerator):
    """Add uniform noise to each image, without looking at the model.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
    """

    name = "jitter"
    scope = "local"
    norm = "linf"
    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)

    def generate(self, model, x, labels, *, references, seed):
        """Return delta (N, C, H, W) for images x (N, C, H, W); the global random state is seeded."""
        delta = self.epsilon * (2 * torch.rand_like(x) - 1)
        return fpframe.Perturbation(delta=delta, converged=torch.ones(len(x), dtype=torch.bool), steps=0)


@fpframe.hookimpl
def fpframe_components():
    """Offer the perturbation."""
    return [Jitter]


@fpframe.hookimpl
def fpframe_schemes():
    """Offer a scheme that differs from `uap-contrastive` in the perturbation alone."""
    part = Part(augmenter=ComponentSpec("kmeans-neighbours"), perturbation=ComponentSpec("jitter"))
    return [Scheme(name="jitter", summary="random jitter", parts=(part,), encoder=ComponentSpec("contrastive"))]

"""The direction in which an image leaves its class."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from fpframe_plugins.perturbations._escaping import escape_gradient
from plugins.perturbations.small_models import linear


def test_the_direction_of_escape_is_that_of_the_cross_entropy_and_does_not_vanish_where_a_model_is_sure():
    weights = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    x = torch.rand(20, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    unsure, sure = linear(weights), linear(1000 * weights)
    labels = unsure.logits(x).argmax(1)
    inputs = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(unsure(inputs), labels, reduction="sum"), inputs)
    gradient, changed = escape_gradient(unsure, x, labels)
    assert not changed.any()
    assert torch.allclose(F.normalize(gradient.flatten(1)), F.normalize(slope.flatten(1)), atol=1e-4)
    inputs = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(sure(inputs), labels, reduction="sum"), inputs)
    assert int((slope.flatten(1).norm(dim=1) == 0).sum()) > 5
    assert float(escape_gradient(sure, x, labels)[0].flatten(1).norm(dim=1).min()) > 1

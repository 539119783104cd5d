"""The supervised contrastive loss against pytorch-metric-learning."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning.losses import SupConLoss

from fpframe_plugins.encoders._contrastive_losses import supervised_contrastive_loss


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_loss_and_gradient_equal_those_of_pytorch_metric_learning(classes, temperature):
    random = torch.Generator().manual_seed(classes)
    embeddings = torch.randn(40, 16, generator=random, dtype=torch.float64)
    labels = torch.randint(classes, (40,), generator=random)
    ours, theirs = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    loss = supervised_contrastive_loss(F.normalize(ours, dim=1), labels, temperature=temperature)
    expected = SupConLoss(temperature=temperature)(F.normalize(theirs, dim=1), labels)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    loss.backward()
    expected.backward()
    assert float(theirs.grad.abs().max()) > 1e-3
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


def test_an_anchor_without_a_positive_counts_no_more_than_there():
    embeddings = F.normalize(torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64), dim=1)
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 2])
    loss = supervised_contrastive_loss(embeddings, labels, temperature=0.2)
    expected = SupConLoss(temperature=0.2)(embeddings, labels)
    # pytorch-metric-learning takes the mean over the anchors that have a positive, as fpframe does
    assert float(loss) == pytest.approx(float(expected), abs=1e-6)

"""Two losses that pull embeddings of one label together and push the others away.

Not a plugin: `contrastive` is fitted with one of them.
"""

from __future__ import annotations

import torch
from torch import Tensor


def supervised_contrastive_loss(embeddings: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Take the mean of the logarithms over the positives of an anchor (Khosla et al., 2020, L_out).

    Args:
        embeddings: ``(B, E)``, of unit L2 norm.
        labels: ``(B,)``.
        temperature: divides the cosines.

    Returns:
        The mean over the anchors that have a positive, 0 where none has; an anchor is never its own positive.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positive = (labels.unsqueeze(0) == labels.unsqueeze(1)) & ~itself
    cosines = (embeddings @ embeddings.T / temperature).masked_fill(itself, float("-inf"))
    log_share = cosines - torch.logsumexp(cosines, dim=1, keepdim=True)
    counts = positive.sum(1)
    anchors = counts > 0
    if not bool(anchors.any()):
        return 0 * embeddings.sum()  # a small minibatch can be all of different labels
    per_anchor = -log_share.masked_fill(~positive, 0).sum(1)[anchors] / counts[anchors]
    return per_anchor.mean()


def log_of_sum_loss(embeddings: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Take the logarithm of the sum over the positives of an anchor, which is one of them itself.

    It is the L_in of Khosla et al. (2020), but for that: ``-log(sum over the label / sum over all)`` of the
    exponentials of cosines over the temperature. The anchor's own term, the largest that there can be, damps the
    gradient of all others.

    Args:
        embeddings: ``(B, E)``, of unit L2 norm.
        labels: ``(B,)``.
        temperature: divides the cosines.

    Returns:
        The mean over all anchors.
    """
    cosines = embeddings @ embeddings.T / temperature
    others = labels.unsqueeze(0) != labels.unsqueeze(1)
    near = torch.logsumexp(cosines.masked_fill(others, float("-inf")), dim=1)
    return (torch.logsumexp(cosines, dim=1) - near).mean()

"""Labels as rows with a single one among zeros."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.models.answers.shares import is_one_hot
from fpframe.models.answers.unread import UnreadError


def one_hot(answer: Tensor, num_classes: int) -> Tensor:
    """Return labels ``(N,)``, or the classes with the highest of the numbers ``(N, K)``, as rows ``(N, K)``.

    Rows that are not finite, and labels that are NaN, stay so, for a verdict must see them.

    Raises:
        UnreadError: they are not whole numbers from 0 to K - 1.
    """
    if answer.ndim == 2:
        if is_one_hot(answer):
            return answer.to(torch.float32)
        rows = F.one_hot(answer.nan_to_num(0).argmax(1), num_classes).to(torch.float32)
        return rows.where(answer.isfinite().all(1, keepdim=True), torch.nan)
    finite = answer[answer.isfinite()]
    if finite.is_floating_point() and bool((finite != finite.round()).any()):
        raise UnreadError(
            "the model answers with fractions where whole labels are expected", "say --outputs logits or probs"
        )
    if len(finite) and int(finite.max()) == num_classes and int(finite.min()) >= 1:
        raise UnreadError(
            f"the model answers with labels outside 0..{num_classes - 1}: they seem to count from 1 to {num_classes}",
            "subtract 1 from each label",
        )
    if bool(((finite < 0) | (finite >= num_classes)).any()):
        raise UnreadError(
            f"the model answers with labels outside 0..{num_classes - 1}",
            f"where it tells other classes than these {num_classes}, name its own with --classes",
        )
    known = answer.isfinite()
    rows = F.one_hot(answer.where(known, 0).long(), num_classes).to(torch.float32)
    return rows.where(known[:, None], torch.nan)

"""`ReadAlready`: probabilities that another reader made, in the place of raw answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fpframe.models.answers.kinds import Outputs
from fpframe.models.answers.reading import Reading
from fpframe.models.answers.shares import out_of_range
from fpframe.models.answers.unread import UnreadError
from fpframe.models.answers.unwrapping import Unwrapped, unwrap


class ReadAlready:
    """Pass on probabilities that another reader made, and refuse anything else.

    Attributes:
        reading: how they were read; whoever made them knows.
    """

    reading: Reading | None = None
    outputs: Outputs = "probs"

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes

    def take(self, answer: Any, count: int) -> Unwrapped:
        """Take a tensor of probabilities ``(N, K)``.

        Raises:
            UnreadError: it is something else.
        """
        taken = unwrap(answer, count, self._num_classes, ())
        if tuple(taken.numbers.shape) != (count, self._num_classes):
            raise UnreadError(
                f"the model answers in shape {taken.shape} where ({count}, {self._num_classes}) is expected",
                f"where it tells other classes than these {self._num_classes}, name its own with --classes",
            )
        finite = taken.numbers[taken.numbers.isfinite()]
        if bool(out_of_range(finite).any()):
            raise UnreadError(
                f"the model answers with values from {finite.min():.3g} to {finite.max():.3g} where probabilities are "
                "expected",
                "say --outputs logits",
            )
        return taken

    def read(self, batches: Sequence[Unwrapped]) -> Tensor:
        """Return them."""
        return torch.cat([batch.numbers.float() for batch in batches])

"""Networks that take certain numbers of images at once: more are asked one batch after the other."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import torch
from torch import Tensor


@attrs.frozen
class BatchLimits:
    """How many images a network takes at once.

    Attributes:
        least: the fewest.
        most: the most; ``None`` for no limit.
        step: it takes multiples of this number.
    """

    least: int = 1
    most: int | None = None
    step: int = 1

    def __call__(self, ask: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Return a function that asks within the limits.

        A batch is filled up with its last image where it is too small; answers to the filling are dropped.
        """
        if self == BatchLimits():
            return ask
        size = None if self.most is None else max(self.step, self.most // self.step * self.step)

        def ask_chunks(pixels: Tensor) -> Tensor:
            answers = []
            for chunk in torch.split(pixels, size or max(1, len(pixels))):
                wanted = -(-max(len(chunk), self.least) // self.step) * self.step
                missing = wanted - len(chunk)
                full = torch.cat([chunk, chunk[-1:].expand(missing, *chunk.shape[1:])]) if missing else chunk
                answers.append(ask(full)[: len(chunk)])
            return torch.cat(answers)

        return ask_chunks


def in_chunks(ask: Callable[[Tensor], Tensor], size: int) -> Callable[[Tensor], Tensor]:
    """Ask exactly `size` images at a time, for a network whose batch size was fixed when it was exported.

    The last chunk is filled up with its last image; answers to the filling are dropped.
    """
    return BatchLimits(least=size, most=size, step=size)(ask)

"""`Interview`: ask a suspect, and keep every answer in the order in which it was given."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fpframe.models import Query, image_digests, to_pixels


class Interview:
    """Ask a suspect 8-bit images and keep the answers.

    Attributes:
        query: the suspect.
    """

    def __init__(self, query: Query) -> None:
        self.query = query
        self._keys: list[bytes] = []
        self._answers: list[Tensor] = []

    def ask(self, images: Tensor, *, alone: bool = False) -> Tensor:
        """Return probabilities ``(N, K)`` for images ``(N, C, H, W)``; `alone` asks them one by one."""
        pixels = to_pixels(images)
        rows = torch.cat([self.query(one) for one in pixels.split(1)]) if alone else self.query(pixels)
        self._keys += image_digests(images)
        self._answers.append(rows)
        return rows

    @property
    def asked(self) -> int:
        """How many images were answered."""
        return len(self._keys)

    @property
    def images(self) -> np.ndarray:
        """SHA-256 of each image that was asked, ``(N, 32)`` bytes."""
        return np.frombuffer(b"".join(self._keys), dtype=np.uint8).reshape(-1, 32)

    @property
    def answers(self) -> np.ndarray:
        """All answers ``(N, K)``."""
        return torch.cat([torch.zeros(0, self.query.num_classes), *self._answers]).numpy()

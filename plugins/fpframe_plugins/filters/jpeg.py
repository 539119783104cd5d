"""Filter ``jpeg``: compress images before they are answered."""

from __future__ import annotations

import io
from typing import ClassVar

import attrs
import numpy as np
import torch
from PIL import Image
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query
from fpframe.parameters import whole


@attrs.frozen(kw_only=True)
class Jpeg(fpframe.AnswerFilter):
    """Compress each image as JPEG and open it again (Dziugaite et al., 2016).

    Attributes:
        quality: JPEG's scale from 1 to 95; less is smaller and coarser.
    """

    name: ClassVar[str] = "jpeg"
    quality: int = attrs.field(default=75, validator=whole(low=1, high=95))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access through the filter; nothing is random, and `seed` is not used."""
        return FilteredQuery(query, self, images=self._compress)

    def _compress(self, pixels: Tensor) -> Tensor:
        if pixels.shape[1] not in (1, 3):
            raise fpframe.UsageError(
                f"filter 'jpeg' takes images with 1 or 3 channels (got {pixels.shape[1]}); leave the filter out"
            )
        levels = (pixels.clamp(0, 1) * 255).round().to(torch.uint8)
        opened = [self._round_trip(image.permute(1, 2, 0).numpy()) for image in levels]
        return torch.from_numpy(np.stack(opened)).permute(0, 3, 1, 2).to(pixels.dtype) / 255

    def _round_trip(self, image: np.ndarray) -> np.ndarray:
        """Return an 8-bit image ``(H, W, C)`` after compression."""
        compressed = io.BytesIO()
        # Pillow knows grey images without a channel axis
        Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(compressed, "JPEG", quality=self.quality)
        with Image.open(compressed) as opened:
            return np.asarray(opened).reshape(image.shape)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [Jpeg]

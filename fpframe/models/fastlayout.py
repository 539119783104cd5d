"""`FastLayout`: large images lie in memory as convolutions read them fastest."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

#: Pixels of the side from which on it pays to let channels come last: a convolution takes two thirds of the time.
_LARGE = 96


class FastLayout:
    """Lets channels of large images come last, unless the network that is asked cannot take that.

    Some cannot, such as one that reshapes what a convolution made with `view`: it raises an error once, and gets images
    as they are from then on.
    """

    def __init__(self) -> None:
        self._refused = False

    def ask(self, network: nn.Module, images: Tensor) -> Any:
        """Return what a network makes of images as it takes them ``(N, C, H, W)``; any other shape stays as it is.

        So it does for a network without weights, which asks somebody else and is never asked twice.
        """
        if (
            self._refused
            or images.ndim != 4
            or min(images.shape[2:]) < _LARGE
            or next(network.parameters(), None) is None
        ):
            return network(images)
        try:
            return network(images.contiguous(memory_format=torch.channels_last))
        except RuntimeError:  # of torch; whatever else is wrong is raised again below
            self._refused = True
            return network(images.contiguous())

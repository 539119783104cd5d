"""What sources of networks of our own have in common: their names, and what they refuse.

Not a plugin: `paper` and `reduced` use it.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import ClassVar

import fpframe
from fpframe.errors import nearest


class OurNetworks(fpframe.BackboneSource):
    """A fixed list of architectures without trained weights.

    Attributes:
        architectures: their names.
        least_side: smallest height and width of images, in pixels.
    """

    architectures: ClassVar[Collection[str]]
    least_side: ClassVar[int]

    def names(self, pattern: str = "*") -> list[str]:
        """Return the architectures that match a shell pattern, sorted."""
        return sorted(name for name in self.architectures if fnmatchcase(name, pattern))

    def checked_address(self, name: str, image_shape: tuple[int, int, int], *, pretrained: bool) -> str:
        """Return the address of an architecture that can be built.

        Raises:
            UsageError: there is no such architecture, or trained weights are asked for.
            ModelError: the images are too small.
        """
        address, (_, height, width) = f"{self.name}:{name}", image_shape
        if name not in self.architectures:
            raise fpframe.UsageError(f"no architecture '{name}' ({address}){nearest(name, self.architectures)}")
        if pretrained:
            raise fpframe.UsageError(
                f"'{address}' has no pretrained weights; use timm:NAME or torchvision:NAME for those"
            )
        if min(height, width) < self.least_side:
            raise fpframe.ModelError(
                f"'{address}' needs images of at least {self.least_side}x{self.least_side} pixels "
                f"(got {height}x{width}); enlarge the images"
            )
        return address

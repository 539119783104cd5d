"""`BackboneSource`: a family of architectures behind one address prefix."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from fpframe.interfaces.component import Component
from fpframe.models import Classifier


class BackboneSource(Component):
    """Build networks for addresses ``NAME:ARCHITECTURE``, where NAME is the component's name.

    Attributes:
        seeded: whether its architectures are drawn by a seed: a whole number at the end of their name. Then a recipe
            may write ``*`` in its place, and each model gets another one.
        imports_code: whether building an architecture imports a module that its address names; such an address is
            followed only where the user names it, never because an enrolment or another file of somebody else does.
    """

    kind = "backbone"
    imports_code: ClassVar[bool] = False
    seeded: ClassVar[bool] = False

    @abstractmethod
    def names(self, pattern: str = "*") -> list[str]:
        """Return the architectures that match a shell pattern, sorted."""

    def examples(self) -> tuple[str, ...]:
        """Return a few architectures that are small and quick to build, for `fpframe.testing`."""
        return tuple(self.names()[:2])

    def unchanged(self, name: str) -> str:
        """Return the name of an architecture as its library builds it; weights that come from elsewhere are opened so.

        A source that adapts architectures to their images, so that the same weights give other answers, names its forms
        in round brackets: ``resnet18(unchanged)``, and ``resnet18(stem=small)``. `build` takes these names for images
        of any shape, and for a bare one chooses a form; `Classifier.form` says which. A name that has its form already
        is returned as it is. The default is for sources that adapt nothing.
        """
        return name

    @abstractmethod
    def build(
        self,
        name: str,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        pretrained: bool = False,
        seed: int,
    ) -> Classifier:
        """Return a network with fresh weights that depend on `seed` alone.

        Raises:
            UsageError: there is no such architecture; the message lists close names.
            ModelError: the architecture cannot be adapted to images of this shape, or takes none of it in the form
                that the name says.
        """

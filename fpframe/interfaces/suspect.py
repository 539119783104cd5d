"""`SuspectSource`: how a suspect is opened for questions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import attrs

from fpframe.interfaces.component import Component
from fpframe.models import Classifier, Outputs, Query
from fpframe.spending import Terms


@attrs.frozen(kw_only=True, eq=False)
class SuspectRequest:
    """What the caller says about a suspect.

    Attributes:
        address: where it is.
        num_classes: number of classes K that the victim tells.
        image_shape: channels, height and width of the queries.
        backbone: builds the fresh network that ``--backbone`` names; ``None`` when no backbone was named.
        outputs: how its answers are to be read.
        mean: per-channel mean to subtract from pixels, or ``None``.
        std: per-channel standard deviation to divide pixels by, or ``None``.
        device: torch device to run it on.
        batch_size: images per call.
        max_queries: most images that it may be sent.
        classes: names of the classes, for a suspect that answers with names; empty where they are not known.
        trust_code: whether a file may be opened whose author's code can run then.
        checkpoint_key: where in a file of weights those of the suspect lie, such as ``state_dict_ema``; ``None`` where
            nobody said.
        terms: how fast, and for how much money, a service may be asked, and where that is written down.
    """

    address: str
    num_classes: int
    image_shape: tuple[int, int, int]
    backbone: Callable[[], Classifier] | None = None
    outputs: Outputs = "auto"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    device: str = "cpu"
    batch_size: int = 256
    max_queries: int | None = None
    classes: tuple[str, ...] = ()
    trust_code: bool = False
    checkpoint_key: str | None = None
    terms: Terms = attrs.field(factory=Terms)


class SuspectSource(Component):
    """Open suspects of one kind: a file format, an importable function, a remote service.

    Attributes:
        forms: what its addresses look like, for messages, such as ``FILE.onnx``.
        needs_backbone: whether its suspects are bare weights, so that somebody has to name their architecture.
        needs_network: whether it reaches its suspects over the network, from which others are kept.
        imports_code: whether opening an address imports a module that the address names; such an address is followed
            only where the user names it, never because an enrolment or another file of somebody else does.
    """

    kind = "suspect"
    forms: ClassVar[tuple[str, ...]] = ()
    needs_backbone: ClassVar[bool] = False
    needs_network: ClassVar[bool] = False
    imports_code: ClassVar[bool] = False

    @abstractmethod
    def matches(self, address: str) -> bool:
        """Tell from the address alone whether this source opens it."""

    @abstractmethod
    def open(self, request: SuspectRequest) -> Query:
        """Return counted access to the suspect.

        Raises:
            UsageError: something that is needed to open it was not said.
            ModelError: it is missing, damaged, or does not fit the victim's classes and images.
        """

    def variables(self, address: str) -> Sequence[str]:
        """Return the names of the environment variables that a service at an address needs, such as one with a key.

        Its suspects see them, and no others that may hold secrets.

        Raises:
            UsageError: what describes the service cannot be read.
        """
        return ()

    def companions(self, address: str) -> Sequence[str]:
        """Return the paths of further files that belong to the suspect at a path, such as weights beside their graph.

        In a folder of models they are not taken for models of their own, and whatever belongs to none is an error.
        """
        return ()

    def example(self, folder: Path, model: Classifier) -> SuspectRequest:
        """Write `model` into `folder` as a suspect of this kind, and return what opens it, for `fpframe.testing`.

        `folder` is empty, and is the current folder whenever the suspect is opened. `model` is in evaluation mode, and
        small: ``model.module`` flattens images and ends in a `torch.nn.Linear` without bias, which most formats can
        hold. Where a backbone is needed, the request has one that builds the architecture of `model`.
        """
        raise NotImplementedError(
            f"{type(self).__name__}.example is not written; let it write a model as a suspect of '{self.name}', and "
            "return the request that opens it"
        )

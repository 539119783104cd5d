"""`SuspectSource`: how a suspect is opened for questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import attrs
from torch import nn

from fpframe.interfaces.component import Component
from fpframe.interfaces.forms import has_form, is_one_of
from fpframe.models import PLAIN, Classifier, Outputs, Preparation, Query
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
        preparation: what happens to pixels before it takes them, as far as the caller says.
        device: torch device to run it on.
        batch_size: images per call.
        max_queries: most images that it may be sent.
        classes: names of the classes, for a suspect that answers with names; empty where they are not known.
        trust_code: whether a file may be opened whose author's code can run then.
        checkpoint_key: where in a file of weights those of the suspect lie, such as ``state_dict_ema``; ``None`` where
            nobody said.
        read_output: which of several outputs of a network are its answers: the name, or the number counted from 1;
            ``None`` where nobody said.
        terms: how fast, and for how much money, a service may be asked, and where that is written down.
    """

    address: str
    num_classes: int
    image_shape: tuple[int, int, int]
    backbone: Callable[[], Classifier] | None = None
    outputs: Outputs = "auto"
    preparation: Preparation = PLAIN
    device: str = "cpu"
    batch_size: int = 256
    max_queries: int | None = None
    classes: tuple[str, ...] = ()
    trust_code: bool = False
    checkpoint_key: str | None = None
    read_output: str | None = None
    terms: Terms = attrs.field(factory=Terms)

    @property
    def prepared_shape(self) -> tuple[int, int, int]:
        """Channels, height and width, in this order, of what the queries become before the suspect takes them.

        Raises:
            UsageError: images of the queries' shape cannot be prepared so.
        """
        return self.preparation.shape(self.image_shape)

    @property
    def mean(self) -> tuple[float, ...] | None:
        """Per-channel mean to subtract from pixels."""
        return self.preparation.mean

    @property
    def std(self) -> tuple[float, ...] | None:
        """Per-channel standard deviation to divide pixels by."""
        return self.preparation.std


@attrs.frozen(kw_only=True, eq=False)
class SuspectExample:
    """A model that a source has made into a suspect, for `fpframe.testing`.

    Attributes:
        request: what opens it, or goes with the object.
        suspect: the object of this process, where it is one; ``None`` for what lies at the address of the request.
        model: what it answers like, where that is another model than the source was handed, such as one that a library
            has trained.
    """

    request: SuspectRequest
    suspect: Any = None
    model: Classifier | None = None


#: What `SuspectSource.example` may return; the block ends what it has started.
ShownSuspect = SuspectRequest | SuspectExample | AbstractContextManager[SuspectRequest | SuspectExample]


class SuspectSource(Component):
    """Open suspects of one kind: a file format, an importable function, a remote service, objects of a library.

    A source of addresses declares `forms` and writes `open`; one of objects declares `objects` and writes `adapt`. What
    is declared is known of a plugin without importing it, which happens for the suspects that it fits.

    Attributes:
        forms: what its addresses look like: ``PREFIX:...``, ``FILE.suffix``, or ``FOLDER/NAME`` for a folder that has a
            file of this name in it. Messages show them.
        objects: classes of the objects that it takes, each as ``PACKAGE.CLASS``, such as ``sklearn.BaseEstimator``: the
            top-level package that the class comes from, and its name. ``builtins.object`` is every object.
        needs_backbone: whether its suspects are bare weights, so that somebody has to name their architecture.
        needs_network: whether it reaches its suspects over the network, from which others are kept.
        is_service: whether its suspects are services, which keep to times of their own, wait as long as they are asked
            to, and write down what they send; limits on time do not hold for them.
        imports_code: whether opening an address imports a module that the address names; such an address is followed
            only where the user names it, never because an enrolment or another file of somebody else does.
    """

    kind = "suspect"
    forms: ClassVar[tuple[str, ...]] = ()
    objects: ClassVar[tuple[str, ...]] = ()
    needs_backbone: ClassVar[bool] = False
    needs_network: ClassVar[bool] = False
    is_service: ClassVar[bool] = False
    imports_code: ClassVar[bool] = False

    def matches(self, address: str) -> bool:
        """Tell from the address alone whether this source opens it: by its forms, unless it is overridden."""
        return any(has_form(address, form) for form in self.forms)

    def adapts(self, suspect: object) -> bool:
        """Tell whether this source asks an object of the caller's process: by its class, unless it is overridden.

        Nothing may be imported for that: whoever has an object of a library has imported it.
        """
        return is_one_of(suspect, self.objects)

    def open(self, request: SuspectRequest) -> Query:
        """Return counted access to the suspect at the address of a request.

        Raises:
            UsageError: something that is needed to open it was not said.
            ModelError: it is missing, damaged, or does not fit the victim's classes and images.
        """
        raise NotImplementedError(f"{type(self).__name__}.open is not written; write it, or declare no forms")

    def adapt(self, suspect: Any, request: SuspectRequest) -> Query:
        """Return counted access to an object that this source takes; it is left as it is.

        The request's address says what it is called in verdicts, and opens nothing.

        Raises:
            UsageError: something that is needed to ask it was not said.
            ModelError: it does not fit the victim's classes and images.
        """
        raise NotImplementedError(f"{type(self).__name__}.adapt is not written; write it, or declare no objects")

    def as_network(self, request: SuspectRequest) -> nn.Module | None:
        """Return a torch network that answers as the model at an address does, where it can be converted into one.

        An owner's model gets gradients by it. What it answers is compared with the model's own answers before it is
        used. ``None`` says that there is none, as by default.
        """
        return None

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

    def example(self, folder: Path, model: Classifier) -> ShownSuspect:
        """Write `model` into `folder` as a suspect of this kind, and return what opens it, for `fpframe.testing`.

        `folder` is empty, and is the current folder whenever the suspect is opened. `model` is in evaluation mode, and
        small: ``model.module`` flattens images and ends in a `torch.nn.Linear` without bias, which most formats can
        hold; where yours cannot, return a `SuspectExample` with a model that it can. Where a backbone is needed, the
        request has one that builds the architecture of `model`. Where something must be started for it, such as a
        server, return a context manager that ends it again.

        A source that takes objects only makes one here; see `example_object`.
        """
        raise NotImplementedError(
            f"{type(self).__name__}.example is not written; let it write a model as a suspect of '{self.name}', and "
            "return the request that opens it"
        )

    def example_object(self, folder: Path, model: Classifier) -> ShownSuspect:
        """Return `model` as a `SuspectExample` with an object that this source takes, for `fpframe.testing`.

        By default it is the `example`.
        """
        return self.example(folder, model)

"""`OpeningRequest`: how a suspect is opened, as plain data that can be sent to another process."""

from __future__ import annotations

import attrs

from fpframe.models import Outputs, Preparation, Query, as_preparation
from fpframe.opening import Suspect, open_suspect
from fpframe.registry import Registry
from fpframe.spending import Terms

#: Images that are sent at once at least, so that their answers show how to read them; the suspect's side batches them.
_AT_ONCE = 64


@attrs.frozen(kw_only=True)
class OpeningRequest:
    """How a suspect is opened; `fpframe.open_suspect` explains each.

    Attributes:
        num_classes: number of classes K that the victim tells.
        image_shape: channels, height and width of the queries.
        backbone: address of the architecture that bare weights belong to.
        outputs: how answers are to be read.
        preparation: what happens to pixels before it takes them; its text will do.
        device: torch device to run it on.
        batch_size: images per call.
        max_queries: most images that it may be sent.
        classes: names of the classes, for a suspect that answers with names.
        trust_code: whether a file may be opened whose author's code can run then.
        checkpoint_key: where in a file of weights those of the suspect lie.
        read_output: which of several outputs of a network are its answers.
        terms: how fast, and for how much money, a service may be asked, and where that is written down.
    """

    num_classes: int
    image_shape: tuple[int, int, int]
    backbone: str | None = None
    outputs: Outputs = "auto"
    preparation: Preparation = attrs.field(default=None, converter=as_preparation)
    device: str = "cpu"
    batch_size: int = 256
    max_queries: int | None = None
    classes: tuple[str, ...] = ()
    trust_code: bool = False
    checkpoint_key: str | None = None
    read_output: str | None = None
    terms: Terms = attrs.field(factory=Terms)

    @property
    def at_once(self) -> int:
        """Most images that cross to the suspect's side at once."""
        return max(self.batch_size, _AT_ONCE)

    def open(self, suspect: Suspect, registry: Registry) -> Query:
        """Open a suspect in this process; see `fpframe.open_suspect`."""
        return open_suspect(suspect, registry=registry, **attrs.asdict(self, recurse=False))

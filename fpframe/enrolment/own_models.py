"""`Independents`: a folder of independent models of the user's own, and how they are opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import attrs

from fpframe.errors import UsageError
from fpframe.isolation import Limits
from fpframe.models import Outputs, Preparation, as_preparation, finite, per_channel, positive
from fpframe.models.classes import Classes, ClassList, read_class_list


def _outputs(owner: Any, field: attrs.Attribute[Any], value: object) -> None:
    if value not in get_args(Outputs):
        raise UsageError(f"'outputs' must be one of {', '.join(get_args(Outputs))} (got '{value}')")


def _classes(given: Classes) -> ClassList | None:
    if given is None:
        return None
    return read_class_list(given) if isinstance(given, str | Path) else ClassList.of(given)


@attrs.frozen
class Independents:
    """A folder of independent models of the user's own, and how they are opened.

    Attributes:
        folder: models as files, sorted as ``FILE``, ``STRATUM/FILE`` or ``STRATUM/FAMILY/FILE``, or written by
            `export_zoo`.
        backbone: address of the architecture, for files of weights.
        outputs: how their answers are read.
        preparation: what happens to pixels before they take them, as a `Preparation` or its text; `mean` and `std` are
            taken into it.
        mean: per-channel mean that they subtract from pixels, where `preparation` says none.
        std: per-channel standard deviation that they divide them by.
        classes: which classes they tell, as `fpframe.verify` takes it; ``None`` for the victim's, or those that their
            own files name.
        trust_code: open also files whose author's code can run then, such as ``.pt2``.
        add: whether they calibrate beside the models that do so already, and not in their place.
        checkpoint_key: where in their files the weights lie; needed only where several fit.
        limits: what each may use in the process that it is opened in; `Limits.usual` by default.
    """

    folder: Path = attrs.field(converter=Path)
    backbone: str | None = attrs.field(default=None, kw_only=True)
    outputs: Outputs = attrs.field(default="auto", validator=_outputs, kw_only=True)
    preparation: Preparation = attrs.field(default=None, converter=as_preparation, kw_only=True)
    mean: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=finite, kw_only=True)
    std: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=positive, kw_only=True)
    classes: ClassList | None = attrs.field(default=None, converter=_classes, kw_only=True)
    trust_code: bool = attrs.field(default=False, kw_only=True)
    add: bool = attrs.field(default=False, kw_only=True)
    checkpoint_key: str | None = attrs.field(default=None, kw_only=True)
    limits: Limits = attrs.field(factory=Limits.usual, kw_only=True)

    def __attrs_post_init__(self) -> None:
        whole = Preparation.of(self.preparation, mean=self.mean, std=self.std)
        object.__setattr__(self, "preparation", whole)

    @classmethod
    def of(cls, independents: Independents | str | Path) -> Independents:
        """Return a folder of models; a bare path is one without anything to be said about it."""
        return independents if isinstance(independents, Independents) else cls(independents)

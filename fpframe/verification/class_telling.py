"""How the classes of suspects are told: by nobody, by whoever asks, by their own files, or by labelled images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from fpframe.enrolment import Enrolment
from fpframe.errors import UsageError
from fpframe.models import Query
from fpframe.models.classes import (
    AUTO,
    FEWEST,
    NONE,
    Classes,
    ClassList,
    ClassMap,
    enough_images,
    map_classes,
    read_class_list,
)


@attrs.frozen(kw_only=True)
class ClassTelling:
    """How the classes of suspects are told.

    Attributes:
        told: what somebody said of them; ``None`` for nothing.
        heed_own: whether the names in a suspect's own files count where nobody said anything.
        match: whether the order of the classes is looked for on the labelled images.
    """

    told: ClassList | None = None
    heed_own: bool = True
    match: bool = False

    @classmethod
    def of(cls, classes: Classes = AUTO, *, match: bool = False) -> ClassTelling:
        """Return what options say.

        Raises:
            UsageError: they exclude each other, or these are not classes.
            DataError: a file of classes cannot be used.
        """
        if classes is None or classes in (AUTO, NONE):
            return cls(heed_own=classes != NONE and not match, match=match)
        if match:
            raise UsageError("classes that are named need not be matched; leave out --match-classes or --classes")
        if isinstance(classes, str | Path):
            return cls(told=read_class_list(classes))
        return cls(told=ClassList.of(classes))

    @property
    def as_enrolled(self) -> bool:
        """Whether nothing was chosen."""
        return self == ClassTelling()

    @property
    def count(self) -> int | None:
        """How many classes a suspect tells, where somebody said so."""
        return len(self.told.said) or None if self.told is not None else None

    def asked(self, classes: Sequence[str]) -> tuple[str, ...]:
        """Return the names that a suspect may answer with: those that were said, or the victim's."""
        return tuple(classes) if self.told is None or self.count is None else self.told.spoken

    def map_of(self, query: Query, classes: Sequence[str]) -> ClassMap:
        """Return which of the victim's `classes` those of an open suspect are.

        One whose classes are to be matched has them in the victim's order until labelled images say otherwise.

        Raises:
            UsageError: what was said cannot be.
            ModelError: the suspect tells another number of classes.
        """
        heeded = query.class_names if self.heed_own or (self.told is not None and self.told.renamed) else ()
        return map_classes(self.told, heeded, query.num_classes, classes)

    def refuse_unmatchable(self, enrolment: Enrolment) -> None:
        """Refuse to match classes by images that are too few for it, before anybody is asked.

        Raises:
            UsageError: says how many there are.
        """
        if not self.match:
            return
        count, ability = len(enrolment.classes), enrolment.ability
        if ability is None or not enough_images(ability.truth, count):
            images = 0 if ability is None else len(ability.truth)
            raise UsageError(
                f"{images} labelled images are too few to match {count} classes by them: {FEWEST} of each are needed; "
                "name the classes with --classes"
            )

    def to_setting(self) -> object:
        """Return what was said, as JSON-able data."""
        if self.told is not None:
            return self.told.to_data()
        return AUTO if self.heed_own or self.match else NONE

"""`ClassMap`: which of the victim's classes each class of a suspect is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import attrs
import torch
from torch import Tensor

from fpframe.errors import ModelError, UsageError, nearest
from fpframe.models.classes.classlist import ClassList, listed
from fpframe.models.classes.shared import kept_shares
from fpframe.models.classes.spelling import FoundNames, find_names

#: How it is known which class is which: the same number, named by whoever asks, named by the suspect's own files, or
#: found by labelled images.
How = Literal["order", "named", "own", "matched"]


@attrs.frozen(kw_only=True, slots=False)  # without slots, for what is computed once
class ClassMap:
    """Which of the victim's classes each class of a suspect is.

    Attributes:
        means: by class of the suspect the number of the victim's class; ``None`` where the victim has none such.
        victim: what the victim calls its classes.
        names: what the suspect calls its own; empty where that is not known.
        how: how that is known.
        spelling: what is to be said about differences of spelling; empty where there are none.
    """

    means: tuple[int | None, ...]
    victim: tuple[str, ...]
    names: tuple[str, ...] = ()
    how: How = "order"
    spelling: str = ""

    @classmethod
    def in_order(cls, victim: Sequence[str], names: Sequence[str] = ()) -> ClassMap:
        """Return the map of a suspect whose classes are the victim's, in its order."""
        return cls(means=tuple(range(len(victim))), victim=tuple(victim), names=tuple(names))

    @classmethod
    def told(cls, told: ClassList, victim: Sequence[str], own: Sequence[str] = ()) -> ClassMap:
        """Return the map that somebody says.

        Args:
            told: what was said.
            victim: what the victim calls its classes.
            own: what the suspect's own files call its classes.

        Raises:
            UsageError: it names a class twice, one that may be several, or one that is not there.
        """
        if told.renamed:
            return cls._renamed(told, victim, own)
        numbers = [entry for entry in told.said if isinstance(entry, int)]
        if not numbers:
            names = [entry if isinstance(entry, str) else None for entry in told.said]
            return cls._found(find_names(names, victim), names, victim, how="named")
        if max(numbers) >= len(victim):
            raise UsageError(
                f"the victim has no class number {max(numbers)}: its classes are numbered from 0 to {len(victim) - 1}"
            )
        if set(told.inverse) & set(victim) and not _agrees(told, victim):
            raise UsageError(
                "the map of classes leads from numbers to numbers, and the victim's classes are called by numbers too, "
                "so it may be read in two ways; write a list of names in the suspect's order"
            )
        means = tuple(entry if isinstance(entry, int) else None for entry in told.said)
        return cls(means=means, victim=tuple(victim), names=tuple(own), how="named")

    @classmethod
    def by_own_names(cls, own: Sequence[str], victim: Sequence[str]) -> ClassMap | None:
        """Return the map that a suspect's own files say; ``None`` where their names are not the victim's.

        They are where every class of the suspect is one of the victim's, or every class of the victim's one of its.
        """
        try:
            made = cls._found(find_names(own, victim), own, victim, how="own")
        except UsageError:  # a name occurs twice there
            return None
        return made if made.shared and (None not in made.means or made.is_complete) else None

    @classmethod
    def matched(cls, order: Sequence[int], victim: Sequence[str], names: Sequence[str] = ()) -> ClassMap:
        """Return the map of an order that labelled images show."""
        return cls(means=tuple(order), victim=tuple(victim), names=tuple(names), how="matched")

    @classmethod
    def _found(cls, found: FoundNames, names: Sequence[str | None], victim: Sequence[str], *, how: How) -> ClassMap:
        told = tuple(name or "" for name in names)
        return cls(means=found.means, victim=tuple(victim), names=told, how=how, spelling=found.spelling)

    @classmethod
    def _renamed(cls, told: ClassList, victim: Sequence[str], own: Sequence[str]) -> ClassMap:
        if not own:
            raise UsageError(
                "the map of classes leads from names to names, and nothing says in which order the suspect tells "
                "its classes; write a list of names in its order"
            )
        unknown = [name for name in told.renamed if name not in own]
        if unknown:
            raise UsageError(f"the suspect's files name no class '{unknown[0]}'{nearest(unknown[0], own)}")
        strange = [name for name in told.renamed.values() if find_names([name], victim).means == (None,)]
        if strange:
            raise UsageError(f"the victim has no class '{strange[0]}'{nearest(strange[0], victim)}")
        found = find_names([told.renamed.get(name) for name in own], victim)
        return attrs.evolve(cls._found(found, own, victim, how="named"), names=tuple(own))

    @cached_property
    def shared(self) -> tuple[int, ...]:
        """The victim's classes that the suspect tells too, in the victim's order."""
        return tuple(sorted(number for number in self.means if number is not None))

    @property
    def is_complete(self) -> bool:
        """Whether the suspect tells all classes of the victim's."""
        return len(self.shared) == len(self.victim)

    @property
    def changes(self) -> bool:
        """Whether answers have to be changed at all."""
        return self.means != tuple(range(len(self.victim)))

    @property
    def lacking(self) -> list[str]:
        """The victim's classes that the suspect does not tell."""
        return [name for number, name in enumerate(self.victim) if number not in set(self.shared)]

    @property
    def further(self) -> list[str]:
        """The suspect's classes that the victim does not tell; a number where no name is known."""
        names = [name or str(number) for number, name in enumerate(self.names or map(str, range(len(self.means))))]
        return [name for name, meant in zip(names, self.means, strict=True) if meant is None]

    def rows(self, answers: Tensor) -> Tensor:
        """Return answers ``(..., K')`` of the suspect as answers ``(..., K)`` about the victim's classes.

        Columns are put into the victim's order. What the suspect gives to further classes is left out, and the rest
        divided by its sum where that was something; where nothing is left, every shared class has the same. Classes
        that it does not tell have zeros. Rows that are not finite stay so.
        """
        if not self.changes:
            return answers
        places = [place for place, meant in enumerate(self.means) if meant is not None]
        kept = kept_shares(answers, places) if None in self.means else answers[..., places]
        rows = answers.new_zeros((*answers.shape[:-1], len(self.victim)))
        rows[..., [meant for meant in self.means if meant is not None]] = kept
        finite = answers.isfinite().all(-1, keepdim=True)
        return torch.where(finite, rows, torch.nan)

    def silent(self, answers: Tensor) -> Tensor:
        """Return which rows ``(...)`` of answers ``(..., K')`` give nothing to any shared class."""
        places = [place for place, meant in enumerate(self.means) if meant is not None]
        return answers.isfinite().all(-1) & (answers[..., places].sum(-1) <= 0)

    def labels(self, answers: Tensor) -> Tensor:
        """Return the labels ``(...)`` of answers ``(..., K')``, by the victim's numbers; -1 for none that is shared."""
        labels = self.rows(answers).argmax(-1)
        return torch.where(self.silent(answers), -1, labels)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {"how": self.how, "means": list(self.means), "names": list(self.names)}


def map_classes(told: ClassList | None, own: Sequence[str], count: int, victim: Sequence[str]) -> ClassMap:
    """Return which of the victim's classes the classes of a suspect are.

    Args:
        told: what somebody said of them; ``None`` for nothing.
        own: what the suspect's own files call them; empty where they are not to be heeded.
        count: how many the suspect tells.
        victim: what the victim calls its classes.

    Raises:
        UsageError: what was said cannot be.
        ModelError: the suspect tells another number of classes than was said, or than the victim where nobody said
            which ones.
    """
    found = ClassMap.told(told, victim, own) if told is not None else ClassMap.by_own_names(own, victim)
    if found is None and count == len(victim):
        found = ClassMap.in_order(victim, own)
    if found is None:
        called = f", which its files call {listed(own)}" if own else ""
        raise ModelError(
            f"the suspect tells {count} classes{called}, where the victim tells {len(victim)}; "
            "say with --classes which of the victim's they are"
        )
    if len(found.means) != count:
        raise ModelError(
            f"{len(found.means)} classes are named where the suspect tells {count}; name each class of the suspect "
            "once, in its order"
        )
    return found


def _agrees(told: ClassList, victim: Sequence[str]) -> bool:
    """Tell whether a map of numbers says the same where the first ones are names of classes."""
    by_place = {place: name for name, place in told.inverse.items()}
    names = [by_place.get(place) for place in range(len(told.said))]
    return [victim.index(name) if name in victim else None for name in names] == list(told.said)

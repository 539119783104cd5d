"""`ClassList`: what somebody says of the classes that a suspect tells, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from fpframe.errors import UsageError

#: Classes are compared by the names in the suspect's own files, where these are the victim's; otherwise in their order.
AUTO = "auto"
#: Classes are compared in their order, whatever the suspect's own files call them.
NONE = "none"
_FORMS = (
    'write a list of names, one for each class in the suspect\'s order; {"0": "cat", ...} or {"cat": 0, ...} with the '
    "suspect's numbers; or {\"0\": 3, ...} from the suspect's numbers to the victim's"
)


@attrs.frozen
class ClassList:
    """What somebody says of the classes that a suspect tells.

    Attributes:
        said: for each class of the suspect, in its order, its name or the number of the victim's class; ``None`` where
            the victim has no such class.
        renamed: in place of that, the victim's names by those in the suspect's own files.
        inverse: what the same numbers would say if the first ones were names of classes; empty where they could not be.
    """

    said: tuple[str | int | None, ...] = ()
    renamed: Mapping[str, str] = attrs.field(factory=dict)
    inverse: Mapping[str, int] = attrs.field(factory=dict)

    @classmethod
    def of(cls, given: object) -> ClassList:
        """Return what a list of names says, or a mapping in one of the forms that files may have.

        Raises:
            UsageError: it has another form, leaves out a number, or says something twice.
        """
        if isinstance(given, ClassList):
            return given
        if isinstance(given, Mapping):
            return _of_mapping(given)
        if isinstance(given, str) or not isinstance(given, Sequence) or not len(given):
            raise UsageError(f"these are not classes ({type(given).__name__}); {_FORMS}")
        return cls(tuple(_name(entry) for entry in given))

    @property
    def names(self) -> tuple[str, ...]:
        """The names, where all classes have one."""
        return tuple(name for name in self.said if isinstance(name, str))

    @property
    def spoken(self) -> tuple[str, ...]:
        """The names that a model may answer with: all, where each class has one, and none otherwise."""
        return self.names if len(self.names) == len(self.said) else ()

    def to_data(self) -> Any:
        """Return it as JSON-able data that says the same to `of`."""
        if self.renamed:
            return dict(self.renamed)
        if any(isinstance(entry, int) for entry in self.said):
            return {str(number): entry for number, entry in enumerate(self.said)}
        return list(self.said)


#: How the classes of suspects are told.
Classes = ClassList | Sequence[str] | Mapping[Any, Any] | str | Path | None


def _of_mapping(given: Mapping[Any, Any]) -> ClassList:
    labels = given.get("id2label")
    if isinstance(labels, Mapping):  # the whole config.json of a model
        given = labels
    if not given:
        raise UsageError(f"the map of classes is empty; {_FORMS}")
    keys, values = list(given), list(given.values())
    if all(_number(key) is not None for key in keys):
        if all(value is None or isinstance(value, str) for value in values):
            return ClassList(_in_order({_number(key): value for key, value in given.items()}, keys))
        if all(value is None or _is_number(value) for value in values):
            told = _in_order({_number(key): value for key, value in given.items()}, keys)
            texts = all(isinstance(key, str) for key in keys) and None not in values
            return ClassList(_once(told), inverse={str(key): int(given[key]) for key in keys} if texts else {})
    elif all(isinstance(key, str) and key for key in keys):
        if all(_is_number(value) for value in values):
            return ClassList(_in_order({value: key for key, value in given.items()}, values))
        if all(isinstance(value, str) and value for value in values):
            return ClassList(renamed=_renamed(given))
    raise UsageError(f"the map of classes mixes names and numbers; {_FORMS}")


def _in_order(by_number: Mapping[int | None, Any], numbers: Sequence[Any]) -> tuple[Any, ...]:
    count = len(numbers)
    if len(by_number) < count:
        raise UsageError(f"the map of classes says something twice; {_FORMS}")
    missing = next((number for number in range(count) if number not in by_number), None)
    if missing is not None:
        raise UsageError(f"the map of {count} classes leaves out number {missing}; numbers count from 0 without gaps")
    return tuple(by_number[number] for number in range(count))


def _once(numbers: tuple[int | None, ...]) -> tuple[int | None, ...]:
    known = [number for number in numbers if number is not None]
    twice = next((number for number in known if known.count(number) > 1), None)
    if twice is not None:
        raise UsageError(f"two classes of the suspect are mapped to the victim's {twice}; each can be only one")
    return numbers


def _renamed(given: Mapping[str, str]) -> dict[str, str]:
    seen: set[str] = set()
    for name in given.values():
        if name in seen:
            raise UsageError(f"two classes of the suspect are mapped to the victim's '{name}'; each can be only one")
        seen.add(name)
    return dict(given)


def _name(entry: object) -> str | None:
    if entry is None or (isinstance(entry, str) and entry):
        return entry
    raise UsageError(f"the list of classes holds {entry!r}, which is not a name; {_FORMS}")


def _number(key: object) -> int | None:
    if _is_number(key):
        return int(key)  # type: ignore[call-overload, no-any-return]
    return int(key) if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10 else None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names for a message: the first of them, each in quotes."""
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")

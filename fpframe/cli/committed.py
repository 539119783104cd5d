"""How a case remembers on which words its victim and data were named, and how they are named again by these."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from fpframe.cli.options import RunOptions, VictimDetails, VictimOptions
from fpframe.errors import UsageError

if TYPE_CHECKING:
    from fpframe.opening import Victim
    from fpframe.recipe import Run


#: What of the data is remembered.
_DATA = ("dataset", "data_root", "classes")


def told(victim: str, details: VictimDetails, run: RunOptions) -> dict[str, Any]:
    """Return how victim and data were named, with files under their full names."""
    words = {name: value for name, value in attrs.asdict(details).items() if value not in (None, False, ())}
    data = {name: value for name in _DATA if (value := getattr(run, name)) is not None}
    return {
        "victim": _named(victim),
        "details": {
            name: [_named(each) for each in value] if name == "base" else _plain(value) for name, value in words.items()
        },
        "data": {name: _plain(value) for name, value in data.items()},
    }


def named_again(how: Mapping[str, Any], given: VictimOptions, run: RunOptions) -> tuple[Victim, RunOptions]:
    """Return the victim and the data of a case; what the command line names goes before.

    Raises:
        UsageError: neither names a victim, or what the case says cannot be read.
    """
    data = how.get("data", {})
    try:
        known: dict[str, Any] = {name: _typed(RunOptions, name, data[name]) for name in _DATA if name in data}
        run = attrs.evolve(run, **{name: value for name, value in known.items() if getattr(run, name) is None})
        named = given.named()
        if named is not None:
            return named, run
        words = {name: _typed(VictimDetails, name, value) for name, value in _details(how).items()}
        victim = how["victim"]
        if not isinstance(victim, str):
            raise TypeError("its victim is not text")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"the case does not say how the victim was named ({error}); name it with --victim") from error
    return VictimDetails(**words).victim_of(victim), run


def refuse_code_of(how: Mapping[str, Any], given: VictimOptions, run: Run) -> None:
    """Refuse to import what only the folder of a case names: it may be of somebody else.

    Raises:
        UsageError: names the address.
    """
    from fpframe.opening import refuse_code

    if run.trust_code:
        return
    details, data = _details(how), how.get("data")
    places = {
        "the victim": how.get("victim") if given.victim is None else None,
        "the victim's backbone": details.get("backbone"),
        "the data": data.get("dataset") if isinstance(data, dict) else None,
    }
    named = {address: place for place, address in places.items() if isinstance(address, str)}
    bases = details.get("base")
    named |= {str(address): "the victim's base" for address in (bases if isinstance(bases, list) else [])}
    refuse_code(run.registry, named, whose="the case", trusted=[given.victim, given.backbone, *given.base])


def _details(how: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a case says of the victim; an earlier release named one base, and not a list."""
    details = how.get("details")
    told = dict(details) if isinstance(details, dict) else {}
    return {**told, "base": [told["base"]]} if isinstance(told.get("base"), str) else told


def _named(model: str) -> str:
    """Return an address, or the full name of the file that it names."""
    return str(Path(model).resolve()) if Path(model).exists() else model


def _plain(value: object) -> object:
    return str(value.resolve()) if isinstance(value, Path) else value


def _typed(kind: type, name: str, value: object) -> Any:
    if name == "from_scratch" and value is True:
        return True
    if name == "base" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    if not isinstance(value, str):
        raise TypeError(f"'{name}' is not text")
    if name not in {field.name for field in attrs.fields(kind)}:
        raise ValueError(f"'{name}' is unknown")
    return Path(value) if name in ("weights", "victim_indices", "data_root", "classes") else value

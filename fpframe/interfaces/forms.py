"""What suspects look like, in words that sources declare: forms of addresses, and classes of objects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fpframe.base import Address

#: What stands in a form for the path of a file, or of a folder.
_FILE, _FOLDER = "FILE", "FOLDER/"


def has_form(address: str, form: str) -> bool:
    """Tell whether an address has a form.

    Args:
        address: the address.
        form: ``PREFIX:...``; ``FILE.suffix``, in any case of letters; or ``FOLDER/NAME``, which is the path of a folder
            that has a file of this name in it.
    """
    prefix, wanted = Address.parse(address).prefix, Address.parse(form).prefix
    if prefix or wanted:
        return prefix == wanted
    if form.startswith(_FOLDER):
        return bool(address) and _is_file(Path(address, form.removeprefix(_FOLDER)))
    return form.startswith(_FILE) and address.lower().endswith(form.removeprefix(_FILE).lower())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def is_one_of(suspect: object, classes: Iterable[str]) -> bool:
    """Tell whether an object is of one of some classes, without importing what they come from.

    Args:
        suspect: the object.
        classes: each as ``PACKAGE.CLASS``: the top-level package that the class comes from, wherever in it, since
            libraries move their classes between modules. ``builtins.object`` is every object.
    """
    own = {f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}" for cls in type(suspect).__mro__}
    return not own.isdisjoint(classes)

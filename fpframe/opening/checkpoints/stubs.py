"""What stands for whatever a pickle names and nobody needs: it takes everything, and does nothing."""

from __future__ import annotations

from typing import Any, ClassVar


class Stub:
    """An object of a class that is not imported; it keeps what the pickle puts into it.

    Attributes:
        called: the full name of the class.
        entries: what a subclass of `dict` held.
        state: what would have become its attributes.
    """

    called: ClassVar[str] = ""
    #: PyTorch asks this of classes whose source stands in a file: there is nothing to write down.
    dump_patches: ClassVar[bool] = False
    entries: dict[Any, Any]
    state: object

    def __new__(cls, *_: object, **__: object) -> Stub:
        """Return one, whatever its class would have been given."""
        made = object.__new__(cls)
        made.entries, made.state = {}, None
        return made

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, name: Any, value: object) -> None:
        self.entries[name] = value

    def append(self, _: object) -> None:
        """Take an element of a list."""

    def extend(self, _: object) -> None:
        """Take elements of a list."""

    def add(self, _: object) -> None:
        """Take an element of a set."""

    @property
    def attributes(self) -> dict[Any, Any]:
        """What would have become its attributes, where a plain mapping of names says so."""
        state = self.state[0] if isinstance(self.state, tuple) and len(self.state) == 2 else self.state
        return state if isinstance(state, dict) else {}


class Odd:
    """A tensor of a kind that is not read.

    Attributes:
        kind: in a word, which.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __setstate__(self, state: object) -> None: ...


def stub_called(name: str) -> type[Stub]:
    """Return the class of the objects that stand for those of a class."""
    return type("Stub", (Stub,), {"called": name})

"""`Entry`: one line of a distribution's entry points."""

from __future__ import annotations

import attrs


@attrs.frozen
class Entry:
    """An entry point of the group ``fpframe``.

    Attributes:
        name: what the plugin is called by.
        value: where it is, as in the distribution's metadata: the dotted name of a module.
    """

    name: str
    value: str

    @property
    def module(self) -> str:
        """The dotted name of the module; what may stand behind a colon is not used."""
        return self.value.partition(":")[0].strip()

    @property
    def package(self) -> str:
        """The top-level package of the module."""
        return self.module.partition(".")[0]

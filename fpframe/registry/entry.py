"""`Entry`: one line of a distribution's entry points."""

from __future__ import annotations

import re

import attrs

#: As packaging.python.org writes them: ``module``, ``module:object``, and what is installed for them in brackets.
_VALUE = re.compile(r"\s*(?P<module>[\w.]+)\s*(:\s*(?P<object>[\w.]+)\s*)?(\[[^\]]*\]\s*)?")


@attrs.frozen
class Entry:
    """An entry point of the group ``fpframe``.

    Attributes:
        name: what the plugin is called by.
        value: where it is, as in the distribution's metadata: ``module`` or ``module:object``; extras in brackets
            behind it are not used.
    """

    name: str
    value: str

    @property
    def target(self) -> str:
        """The dotted name of the module, and behind a colon that of an object in it, where one is named.

        A value that is not written as one comes as it is, and names nothing that can be imported.
        """
        found = _VALUE.fullmatch(self.value)
        if found is None:
            return self.value.strip()
        return found["module"] + (f":{found['object']}" if found["object"] else "")

    @property
    def package(self) -> str:
        """The top-level package of the module."""
        return self.target.partition(":")[0].partition(".")[0]

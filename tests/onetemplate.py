"""One process that suspects' processes are forked from, for all tests of a worker: each would take seconds to start."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Mapping

from fpframe.isolation.template import Template
from fpframe.registry import Registry

#: What tests change from one to the next, and no suspect reads.
_OF_ONE_TEST = ("FPFRAME_HOME",)
_kept: dict[tuple[object, ...], KeptTemplate] = {}


class KeptTemplate(Template):
    """A template that outlives whoever asked for it."""

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """Wait until what suspects printed is shown; they have ended by now."""
        for chatter in self._chatters:
            chatter.finish()


def kept_template(registry: Registry, variables: Mapping[str, str]) -> Template:
    """Return a template that sees what is wanted, and start one where there is none."""
    seen = tuple(sorted((name, value) for name, value in variables.items() if name not in _OF_ONE_TEST))
    key = (registry.blocked, registry.pinned, seen, tuple(sys.path))
    if key not in _kept or not _kept[key].alive:
        _kept[key] = KeptTemplate(registry, variables)
    return _kept[key]


@atexit.register
def _end_all() -> None:
    for template in _kept.values():
        Template.close(template)

"""The two hooks by which a plugin offers what it has."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from fpframe.interfaces import Component, Scheme

hookspec = pluggy.HookspecMarker("fpframe")
hookimpl = pluggy.HookimplMarker("fpframe")


class HookSpecs:
    """What fpframe asks of a plugin module."""

    @hookspec
    def fpframe_components(self) -> Sequence[type[Component]]:  # type: ignore[empty-body]
        """Return component classes; their kind is that of the interface they implement."""

    @hookspec
    def fpframe_schemes(self) -> Sequence[Scheme]:  # type: ignore[empty-body]
        """Return schemes, which combine components by name."""

"""The hooks by which a plugin offers what it has, and the version of what plugins may rely on."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from fpframe.interfaces import Component, Scheme, Stratum

#: Version of the plugin API: the hooks, the interfaces, and the names of `fpframe` that plugins import. Raised by one
#: whenever something is added that a plugin may need; a plugin says what it needs as ``fpframe_api = 1``.
PLUGIN_API = 1

hookspec = pluggy.HookspecMarker("fpframe")
#: Marks a function of a plugin as an implementation of the hook that has its name.
hookimpl = pluggy.HookimplMarker("fpframe")


class HookSpecs:
    """What fpframe asks of a plugin module."""

    @hookspec
    def fpframe_components(self) -> Sequence[type[Component]]:  # type: ignore[empty-body]
        """Return component classes; their kind is that of the interface they implement."""

    @hookspec
    def fpframe_schemes(self) -> Sequence[Scheme]:  # type: ignore[empty-body]
        """Return schemes, which combine components by name."""

    @hookspec
    def fpframe_strata(self) -> Sequence[Stratum]:  # type: ignore[empty-body]
        """Return strata: further kinds of independent model."""

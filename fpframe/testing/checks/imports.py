"""The check that a plugin rests on nothing that may change without notice."""

from __future__ import annotations

import sys

from fpframe.interfaces import Component
from fpframe.testing.bench import Bench
from fpframe.testing.check import check, require
from fpframe.testing.imports import unpromised_in

_HOOKS = ("fpframe_components", "fpframe_schemes")


def _is_in_a_plugin(component: Component) -> bool:
    """Tell whether the component lies in a module that plugins are made of, and not in a test or a notebook."""
    module = type(component).__module__
    around = [module, *(module.rsplit(".", count)[0] for count in range(1, module.count(".") + 1))]
    return any(hasattr(sys.modules.get(name), hook) for name in around for hook in _HOOKS)


@check(when=_is_in_a_plugin)
def imports_only_what_is_promised(component: Component, bench: Bench) -> None:
    """Its module takes from fpframe only names that are promised to plugins."""
    found = unpromised_in(type(component).__module__)
    require(
        not found,
        f"it takes names from fpframe that may change in any release: {'; '.join(found)}; use what the page on names "
        "for plugins lists",
    )

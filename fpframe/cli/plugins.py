"""``fpframe plugins`` and ``fpframe plugins show``."""

from __future__ import annotations

import inspect
import json
from typing import Annotated, Any

import attrs
from cyclopts import App, Parameter

from fpframe.errors import PluginError, nearest

plugins = App(name="plugins", help="List components, or show one.")


@plugins.default
def list_(*, json_: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """List every component with its kind, distribution, version and parameters.

    Args:
        json_: Print exactly one JSON object.
    """
    from fpframe.loading import load_registry
    from fpframe.registry import KINDS
    from fpframe.report.verdicts import columns

    registry = load_registry()
    components: list[dict[str, Any]] = [
        {
            "kind": kind,
            "name": name,
            "plugin": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "parameters": _parameters(offer),
        }
        for kind in KINDS
        for name in registry.names(kind)
        for found, info, offer in registry.find(name)
        if found == kind
    ]
    broken = [{"plugin": i.name, "distribution": i.distribution, "error": i.error} for i in registry.plugins if i.error]
    if json_:
        print(json.dumps({"components": components, "broken": broken}, indent=2))
        return
    rows = [["kind", "name", "distribution", "parameters"]]
    for item in components:
        parameters = " ".join(f"{key}={value}" for key, value in item["parameters"].items())
        rows.append([item["kind"], item["name"], f"{item['distribution']} {item['version']}", parameters])
    print("\n".join(columns(rows)))
    for item in broken:
        print(f"broken: plugin '{item['plugin']}' of {item['distribution']}: {item['error']}")


@plugins.command
def show(name: str) -> None:
    """Show a component's documentation, fields, and for a family of backbones what fits.

    Args:
        name: Name of a component or scheme.
    """
    from fpframe.loading import load_registry
    from fpframe.registry import KINDS

    registry = load_registry()
    found = registry.find(name)
    if not found:
        known = {known for kind in KINDS for known in registry.names(kind)}
        raise PluginError(f"unknown component '{name}'{nearest(name, known)}")
    for kind, info, offer in found:
        print(f"{kind} '{name}' ({info.distribution} {info.version})\n")
        print(offer.summary if kind == "scheme" else inspect.getdoc(offer), end="\n\n")
        for key, value in _parameters(offer).items():
            print(f"  {key} = {value}")
        if kind == "backbone":
            names = offer().names("*")
            print(f"\n{len(names)} architectures:\n  " + "\n  ".join(names))


def _parameters(offer: Any) -> dict[str, Any]:
    if inspect.isclass(offer):
        component: Any = offer()
        return dict(attrs.asdict(component))
    plain: dict[str, Any] = json.loads(json.dumps(attrs.asdict(offer)))
    return {key: plain[key] for key in ("parts", "encoder")}

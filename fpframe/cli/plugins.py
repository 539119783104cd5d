"""``fpframe plugins``, ``fpframe plugins show`` and ``fpframe plugins check``."""

from __future__ import annotations

import json
from typing import Any

from cyclopts import App

from fpframe.cli.options import Flag, Json
from fpframe.cli.streams import say
from fpframe.errors import PluginError, nearest
from fpframe.registry import Description, PluginInfo, Registry

plugins = App(name="plugins", help="List components, show one, or check that it keeps the promises of its kind.")


@plugins.default
def list_(*, refresh: Flag = False, json_: Json = False) -> None:
    """List every component with its kind, distribution, version and parameters.

    No plugin is imported for it: what each offers was learned in a child process, and is kept until its files change.

    Args:
        refresh: Look at every plugin again.
        json_: Print exactly one JSON object.
    """
    from fpframe.registry import load_registry
    from fpframe.report import columns

    registry = load_registry(refresh=refresh)
    components: list[dict[str, Any]] = [
        {
            "kind": told.kind,
            "name": told.name,
            "plugin": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "parameters": told.parameters,
        }
        for info, told in registry.described()
    ]
    broken = [{"plugin": i.name, "distribution": i.distribution, "error": i.error} for i in registry.plugins if i.error]
    if json_:
        say(json.dumps({"components": components, "broken": broken}, indent=2))
        return
    rows = [["kind", "name", "distribution", "parameters"]]
    for item in components:
        parameters = " ".join(f"{key}={value}" for key, value in item["parameters"].items())
        rows.append([item["kind"], item["name"], f"{item['distribution']} {item['version']}", parameters])
    say("\n".join(columns(rows)))
    for item in broken:
        say(f"broken: plugin '{item['plugin']}' of {item['distribution']}: {item['error']}")


@plugins.command
def show(name: str) -> None:
    """Show a component's documentation and fields, and the architectures of a family of backbones.

    Args:
        name: Name of a component, scheme or stratum.
    """
    from fpframe.registry import load_registry

    registry = load_registry()
    for info, told in named(registry, name):
        say(f"{told.kind} '{name}' ({info.distribution} {info.version})\n")
        say(told.doc, end="\n\n")
        for key, value in told.parameters.items():
            say(f"  {key} = {value}")
        if told.kind == "backbone":
            source = registry.create("backbone", name)
            names = source.names("*")
            count = "As many architectures as seeds, such as" if source.seeded else f"{len(names)} architectures"
            say(f"\n{count}:\n  " + "\n  ".join(names))


@plugins.command
def check(name: str, *, json_: Json = False) -> int:
    """Check that a component, scheme or stratum keeps every promise of its kind, on small models and images.

    Exits with 2 if it does not. docs/reference/conformance.md lists the checks.

    Args:
        name: Name of a component, scheme or stratum.
        json_: Print exactly one JSON object.
    """
    from fpframe.registry import DATA, load_registry
    from fpframe.testing import report_data, report_lines, run_checks, run_data_checks

    registry = load_registry()
    checked: list[dict[str, Any]] = []
    for info, told in named(registry, name):
        offer = registry.get(told.kind, name)
        results = run_data_checks(offer, registry) if told.kind in DATA else run_checks(offer.for_checks())
        label = f"{told.kind} '{name}' ({info.distribution} {info.version})"
        if not json_:
            say("\n".join(report_lines(label, results)))
        checked.append({"kind": told.kind, "name": name, "plugin": info.name, "checks": report_data(results)})
    if json_:
        say(json.dumps({"checked": checked}, indent=2))
    failed = any(each["outcome"] == "failed" for one in checked for each in one["checks"])
    return PluginError.exit_code if failed else 0


def named(registry: Registry, name: str) -> list[tuple[PluginInfo, Description]]:
    """Return everything that is called `name`, of whatever kind and plugin.

    Raises:
        PluginError: there is nothing of this name.
    """
    found = [(info, told) for info, told in registry.described() if told.name == name]
    if found:
        return found
    for info in registry.plugins:
        if info.name == name and info.error:
            raise PluginError(f"plugin {info.label} does not load: {info.error}")
    hint = nearest(name, {told.name for _, told in registry.described()})
    broken = [f"{info.label} ({info.error})" for info in registry.plugins if info.error]
    failed = f"; plugins that do not load: {', '.join(broken)}" if broken else ""
    raise PluginError(f"unknown component '{name}'{hint}{failed}")

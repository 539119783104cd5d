"""The component table: what each installed distribution offers, learned once and kept in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from fpframe.registry.entry import Entry
from fpframe.registry.hookspecs import PLUGIN_API
from fpframe.registry.offers import Description
from fpframe.registry.pins import plain_name
from fpframe.registry.probe import Finding, probe
from fpframe.registry.registry import Plugin
from fpframe.registry.stamp import environment_stamp, interfaces_stamp, sources_stamp

#: Folder of the tables, where it is not the one in the user's cache.
CACHE = "FPFRAME_PLUGIN_CACHE"


def installed_plugins(
    entries: Sequence[Entry], distribution: str, version: str, *, refresh: bool = False
) -> list[Plugin]:
    """Return the plugins of one distribution, from its table, or by looking at them in a child process.

    Args:
        entries: its entry points.
        distribution: its name.
        version: its version.
        refresh: look at them again.

    Raises:
        ResourceError: the child process cannot work.
    """
    file, keys = _file(distribution), _keys(entries, version)
    kept = {} if refresh else _kept(file, keys)
    new = [entry for entry in entries if entry not in kept]
    if new:
        kept |= dict(zip(new, probe(new), strict=True))
        _keep(file, keys, kept)
    return [
        Plugin(
            name=entry.name,
            module=entry.target,
            offers=kept[entry].offers,
            distribution=distribution,
            version=version,
            error=kept[entry].error,
        )
        for entry in entries
    ]


def _file(distribution: str) -> Path:
    """Return where the table of a distribution lies: one for each environment, so that they do not grow in number."""
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        cache = os.devnull  # without a home there is no cache, and every process looks anew
    base = Path(os.environ.get(CACHE) or Path(cache) / "fpframe" / "plugins")
    environment = hashlib.sha256(sys.prefix.encode()).hexdigest()[:16]
    return base / environment / f"{plain_name(distribution) or 'unnamed'}.json"


def _keys(entries: Sequence[Entry], version: str) -> dict[Entry, str]:
    """Return for each entry point a digest of all that decides whether what is known of it still holds.

    Other installed packages matter for faults only, and have a stamp of their own.
    """
    common = [sys.version, PLUGIN_API, interfaces_stamp(), version]
    by_package = {
        package: hashlib.sha256(json.dumps([*common, sources_stamp(package)]).encode()).hexdigest()
        for package in {entry.package for entry in entries}
    }
    return {entry: by_package[entry.package] for entry in entries}


def _kept(file: Path, keys: Mapping[Entry, str]) -> dict[Entry, Finding]:
    """Return what was kept and still holds."""
    try:
        table: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        findings = {
            entry: Finding(offers=tuple(Description(**each) for each in row["offers"]), error=row["error"])
            for row in table["findings"]
            if (entry := Entry(row["name"], row["value"])) in keys and row["key"] == keys[entry]
        }
        # a plugin may have failed for want of another package: it is looked at again when something was installed
        faults_hold = table["environment"] == environment_stamp()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {entry: finding for entry, finding in findings.items() if finding.error is None or faults_hold}


def _keep(file: Path, keys: Mapping[Entry, str], findings: Mapping[Entry, Finding]) -> None:
    rows = [attrs.asdict(entry) | attrs.asdict(finding) | {"key": keys[entry]} for entry, finding in findings.items()]
    table = {"environment": environment_stamp(), "findings": rows}
    # without a cache everything works, and every process looks anew
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as written:
            json.dump(table, written)
        Path(written.name).replace(file)

"""The component table: what each installed distribution offers, learned once and kept in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import attrs

from fpframe.hookspecs import PLUGIN_API
from fpframe.loading.probe import Finding, probe
from fpframe.loading.stamp import environment_stamp, interfaces_stamp, sources_stamp
from fpframe.naming import plain_name
from fpframe.offers import Description
from fpframe.registry import Plugin

#: Folder of the tables, where it shall not be the user's cache.
CACHE = "FPFRAME_PLUGIN_CACHE"

#: Entry points of one distribution, as ``(name, value)``.
Entries = tuple[tuple[str, str], ...]


def installed_plugins(entries: Entries, distribution: str, version: str, *, refresh: bool = False) -> list[Plugin]:
    """Return the plugins of one distribution, from its table, or by looking at them in a child process.

    Args:
        entries: its entry points, as ``(name, value)``.
        distribution: its name.
        version: its version.
        refresh: look at them again.

    Raises:
        ResourceError: the child process cannot work.
    """
    file, key = _file(distribution), _key(entries, distribution, version)
    findings = None if refresh else _kept(file, key)
    if findings is None:
        findings = probe(entries)
        _keep(file, key, findings)
    return [
        Plugin(
            name=name,
            module=value.partition(":")[0].strip(),
            offers=finding.offers,
            distribution=distribution,
            version=version,
            error=finding.error,
        )
        for (name, value), finding in zip(entries, findings, strict=True)
    ]


def _file(distribution: str) -> Path:
    """Return where the table of a distribution lies: one for each environment, so that they do not grow in number."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(os.environ.get(CACHE) or Path(cache) / "fpframe" / "plugins")
    environment = hashlib.sha256(sys.prefix.encode()).hexdigest()[:16]
    return base / environment / f"{plain_name(distribution) or 'unnamed'}.json"


def _key(entries: Entries, distribution: str, version: str) -> str:
    """Return a digest of all that decides whether a table still holds, but for what else is installed."""
    parts = [
        sys.version,
        PLUGIN_API,
        interfaces_stamp(),
        distribution,
        version,
        entries,
        sources_stamp(value.partition(":")[0].strip() for _, value in entries),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _kept(file: Path, key: str) -> list[Finding] | None:
    """Return what was kept; ``None`` where it no longer holds, or cannot be read."""
    try:
        table: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        findings = [
            Finding(offers=tuple(Description(**each) for each in row["offers"]), error=row["error"])
            for row in table["findings"]
        ]
        # a plugin may have failed for want of another package: it is looked at again when something was installed
        lasting = all(finding.error is None for finding in findings) or table["environment"] == environment_stamp()
        return findings if table["key"] == key and lasting else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(file: Path, key: str, findings: list[Finding]) -> None:
    table = {"key": key, "environment": environment_stamp(), "findings": [attrs.asdict(each) for each in findings]}
    # without a cache everything works, and every process looks anew
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as written:
            json.dump(table, written)
        Path(written.name).replace(file)

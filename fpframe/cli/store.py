"""``fpframe store``: where trained models are kept, whether they are whole, and clearing up."""

from __future__ import annotations

import json
from collections import Counter

from cyclopts import App

from fpframe.cli.options import Flag, Json
from fpframe.cli.streams import say
from fpframe.errors import IntegrityError

store = App(name="store", help="Show, check or clear up the folder in which trained models are kept.")

_CALLED = {
    "temporary": "temporary files",
    "damaged": "damaged entries",
    "sidecar": "sidecars without an entry",
    "folder": "empty folders",
}


@store.command
def path() -> None:
    """Print the folder of the store: FPFRAME_HOME, or the one in the user's cache."""
    from fpframe.store import Store

    say(str(Store.default().root))


@store.command
def verify(*, json_: Json = False) -> None:
    """Read every entry and check its digest; damaged ones are set aside, and will be trained again.

    Args:
        json_: Print exactly one JSON object.

    Raises:
        IntegrityError: an entry was damaged.
    """
    from fpframe.store import Store

    place = Store.default()
    entries = place.verify()
    damaged = [entry for entry in entries if not entry.sound]
    size = sum(entry.bytes for entry in entries)
    if json_:
        listed = [{"key": entry.key, "path": str(entry.path), "bytes": entry.bytes} for entry in damaged]
        facts = {"store": str(place.root), "entries": len(entries), "bytes": size, "damaged": listed}
        say(json.dumps(facts, indent=2))
    else:
        say(f"{len(entries)} entries, {megabytes(size)}, {len(damaged)} damaged in {place.root}")
        for entry in damaged:
            say(f"damaged: {entry.path}")
    if damaged:
        raise IntegrityError(
            f"{len(damaged)} of {len(entries)} entries are damaged ({place.root}); they were set aside and will be "
            "trained again, and 'fpframe store gc' removes them"
        )


@store.command
def gc(*, dry_run: Flag = False, json_: Json = False) -> None:
    """Remove what killed runs left, and damaged entries that were set aside. It is safe while others work.

    Args:
        dry_run: Say what would be removed, and remove nothing.
        json_: Print exactly one JSON object.
    """
    from fpframe.store import Store

    place = Store.default()
    found = place.collect_garbage(dry_run=dry_run)
    size = sum(garbage.bytes for garbage in found)
    counts = Counter[str](garbage.kind for garbage in found)
    if json_:
        listed = [{"path": str(item.path), "kind": item.kind, "bytes": item.bytes} for item in found]
        facts = {"store": str(place.root), "removed": not dry_run, "count": len(found), "bytes": size}
        say(json.dumps({**facts, "garbage": listed}, indent=2))
        return
    kinds = ", ".join(f"{called}: {counts[kind]}" for kind, called in _CALLED.items() if counts[kind])
    done = "would remove" if dry_run else "removed"
    say(f"{done} {len(found)}{kinds and f' ({kinds})'}, {megabytes(size)} in {place.root}")


def megabytes(size: int) -> str:
    """Return a number of bytes as text in MB, or in bytes below a tenth of one."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size} bytes"

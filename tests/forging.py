"""Change an enrolment in its folder, with digests that fit, as a later release or a forger would."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fpframe.store.sealed import MANIFEST, SEAL, SIZES, Manifest


def forge(folder: Path, *, members: dict[str, bytes | None] | None = None, **said: Any) -> None:
    """Change members and what the manifest says; ``None`` takes out a member or an entry."""
    about = json.loads((folder / MANIFEST).read_text())
    digests, sealed, sizes = about.pop("members"), about.pop(SEAL, None) is not None, about.pop(SIZES, {})
    for name, content in (members or {}).items():
        digests.pop(name, None)
        sizes.pop(name, None)
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)
            digests[name], sizes[name] = hashlib.sha256(content).hexdigest(), len(content)
    about = {key: value for key, value in {**about, **said}.items() if value is not None}
    manifest = Manifest(about=about, members=digests, sizes=sizes if sealed else None)
    (folder / MANIFEST).write_bytes(manifest.to_bytes())


def forge_json(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change what a member in JSON says."""
    stored = json.loads((folder / name).read_text())
    change(stored)
    forge(folder, members={name: json.dumps(stored).encode()})

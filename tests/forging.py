"""Change an enrolment in its folder, with digests that fit, as a later release or a forger would."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fpframe.store.sealed import MANIFEST, SEAL, Manifest


def forge(folder: Path, *, members: dict[str, bytes | None] | None = None, **said: Any) -> None:
    """Change members and what the manifest says; ``None`` takes out a member or an entry."""
    about = json.loads((folder / MANIFEST).read_text())
    digests, sealed = about.pop("members"), about.pop(SEAL, None) is not None
    for name, content in (members or {}).items():
        digests.pop(name, None)
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)
            digests[name] = hashlib.sha256(content).hexdigest()
    about = {key: value for key, value in {**about, **said}.items() if value is not None}
    (folder / MANIFEST).write_bytes(Manifest(about=about, members=digests, sealed=sealed).to_bytes())


def forge_json(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change what a member in JSON says."""
    stored = json.loads((folder / name).read_text())
    change(stored)
    forge(folder, members={name: json.dumps(stored).encode()})

"""Makes the suspects of a dispute, in any number of processes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import lite
import torch
from material import Material
from suspects import THIEVES, competitor, twin

#: Innocent competitors, and those of them that begin as the victim did.
COMPETITORS, TWINS = 40, 8


def suspects(out: Path, draw: int) -> list[tuple[Path, str, int, int]]:
    """Return what is to be made: a folder, ``innocent``, ``thief`` or ``twin``, a number, and which draw of them."""
    wanted = [("innocent", number) for number in range(COMPETITORS)]
    wanted += [("thief", number) for number in range(len(THIEVES))]
    wanted += [("twin", number) for number in range(TWINS)]
    return [(out, side, number, draw) for side, number in wanted if not _path(out, side, number).exists()]


def make_suspect(out: Path, side: str, number: int, draw: int) -> None:
    """Train one suspect, and keep it."""
    torch.set_num_threads(1)
    started, material = time.monotonic(), Material(out)
    if side in ("innocent", "twin"):
        kind, made = (competitor if side == "innocent" else twin)(number, draw, material)
    else:
        kind, steal = list(THIEVES.items())[number]
        owned = lite.make()
        owned.load_state_dict(torch.load(out / "victim.pt", weights_only=True))
        made = steal(owned.eval(), material, draw)
    path = _path(out, side, number)
    _write(made, kind, path)
    print(f"{path.stem} ({kind}): {time.monotonic() - started:.0f} s", flush=True)


def _path(out: Path, side: str, number: int) -> Path:
    return out / "suspects" / f"{side}-{number:02d}.pt"


def _write(made: torch.nn.Module, kind: str, path: Path) -> None:
    deep = isinstance(made._fc, torch.nn.Sequential)
    path.with_suffix(".json").write_text(json.dumps({"kind": kind, "deep": deep}))
    torch.save(made.state_dict(), path.with_suffix(".partial"))
    path.with_suffix(".partial").rename(path)

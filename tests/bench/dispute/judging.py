"""Questions the suspects of a dispute, in any number of processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lite
import torch

import fpframe


def judge_suspect(path: Path, suspect: Path) -> dict[str, Any]:
    """Return what an enrolment says of one suspect."""
    torch.set_num_threads(1)
    known = json.loads(suspect.with_suffix(".json").read_text())
    verdict = fpframe.verify(
        path,
        str(suspect),
        backbone="python:lite:make_deep" if known["deep"] else "python:lite:make",
        preparation=lite.PREPARATION,
    )
    told = {
        "accuracy": verdict.ability.suspect,
        "verdict": verdict.verdict,
        "code": verdict.reason_code,
        "p": verdict.p_value,
        "score": verdict.score,
    }
    print(suspect.stem, known["kind"], verdict.verdict, f"{verdict.score:.3f}", verdict.reason_code or "", flush=True)
    return {"suspect": suspect.stem, **known, **told}

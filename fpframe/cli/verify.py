"""``fpframe verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fpframe.cli.options import numbers
from fpframe.cli.progress import ProgressBars

INCONCLUSIVE_EXIT = 7


def verify(
    enrolment: Path,
    suspect: str,
    *suspects: str,
    backbone: str | None = None,
    outputs: Literal["auto", "logits", "probs", "labels"] = "auto",
    mean: str | None = None,
    std: str | None = None,
    device: str = "cpu",
    batch_size: int = 256,
    max_queries: int | None = None,
    alpha: float | None = None,
    channel: str | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Question suspects and say what was shown of each.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        suspect: A .onnx, .pt2, .safetensors or .pt file, or python:MODULE:FUNCTION.
        suspects: Further suspects; they share alpha by Holm's procedure.
        backbone: Architecture of weights, such as timm:resnet18.
        outputs: How answers are read.
        mean: Per-channel mean to subtract from pixels, separated by commas.
        std: Per-channel standard deviation to divide them by.
        device: Torch device, such as cuda:0.
        batch_size: Images per call.
        max_queries: Most images that one suspect may be asked.
        alpha: Highest p-value at which a suspect is called derived.
        channel: What the suspects reveal, such as rounded:2; told from their answers by default.
        json_: Print exactly one JSON object.
    """
    from fpframe.decision import INCONCLUSIVE
    from fpframe.report.verdicts import verdicts_text
    from fpframe.verification import verify_many

    with ProgressBars() as bars:
        verdicts = verify_many(
            enrolment,
            [suspect, *suspects],
            backbone=backbone,
            outputs=outputs,
            mean=numbers(mean, "--mean"),
            std=numbers(std, "--std"),
            device=device,
            batch_size=batch_size,
            max_queries=max_queries,
            alpha=alpha,
            channel=channel,
            on_event=bars,
        )
    if json_:
        print(json.dumps({"suspects": [verdict.to_dict() for verdict in verdicts]}, indent=2, allow_nan=False))
    else:
        print(verdicts_text(verdicts))
    return INCONCLUSIVE_EXIT if all(verdict.verdict == INCONCLUSIVE for verdict in verdicts) else 0

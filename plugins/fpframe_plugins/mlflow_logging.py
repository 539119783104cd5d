"""Keep a verdict in MLflow, in the run of whatever was judged."""

from __future__ import annotations

import math
import re

from fpframe import UsageError, Verdict
from fpframe_plugins._mlflow import mlflow_library


def log_verdict(verdict: Verdict, *, name: str = "verdict", run_id: str | None = None) -> None:
    """Log a verdict to MLflow: numbers as metrics, words as tags, and all of it as a file ``NAME.json``.

    Metrics are ``NAME.score``, ``NAME.p_value``, ``NAME.alpha`` and ``NAME.queries``, as far as the verdict has
    them. Tags are ``NAME`` (``DERIVED``, ``NOT_SHOWN`` or ``INCONCLUSIVE``), ``NAME.reason_code``,
    ``NAME.suspect``, ``NAME.scheme`` and ``NAME.sentence``. `fpframe.Verdict.from_dict` reads the file.

    Args:
        verdict: what `fpframe.verify` returned.
        name: what the names of metrics, tags and file begin with; one for each verdict of a run.
        run_id: the run; ``None`` takes the active one, and starts one where there is none.

    Raises:
        UsageError: MLflow is not installed, or the name has characters that MLflow does not take.
    """
    if not re.fullmatch(r"[\w.\- ]+", name):
        raise UsageError(f"a name has letters, digits, spaces and any of _ . - (got '{name}')")
    mlflow = mlflow_library("log_verdict")
    run = run_id or (mlflow.active_run() or mlflow.start_run()).info.run_id
    client = mlflow.MlflowClient()
    numbers = {"score": verdict.score, "p_value": verdict.p_value, "alpha": verdict.alpha, "queries": verdict.queries}
    for key, value in numbers.items():
        if math.isfinite(value):
            client.log_metric(run, f"{name}.{key}", float(value))
    words = {
        name: verdict.verdict,
        f"{name}.reason_code": verdict.reason_code,
        f"{name}.suspect": verdict.suspect["address"],
        f"{name}.scheme": verdict.scheme,
        f"{name}.sentence": verdict.sentence,
    }
    for key, word in words.items():
        if word:
            client.set_tag(run, key, word)
    client.log_dict(run, verdict.to_dict(), f"{name}.json")

"""A verdict is kept in a run of MLflow and read back, and the page that shows it runs."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import attrs
import mlflow
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import fpframe
from adapters.networks import layered
from docpages import ROOT, blocks
from fpframe_plugins.mlflow_logging import log_verdict
from frozen import modern_enrolment


@pytest.fixture
def tracking(tmp_path, monkeypatch):
    """MLflow with a store of its own."""
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


def judged(network: nn.Module) -> fpframe.Verdict:
    return fpframe.verify(modern_enrolment(), network)


def kept(client: mlflow.MlflowClient, run_id: str, name: str = "verdict") -> dict[str, object]:
    """Return the verdict that a run has as a file."""
    return json.loads(Path(client.download_artifacts(run_id, f"{name}.json")).read_text())


def test_numbers_words_and_the_whole_verdict_are_in_the_active_run(tracking):
    images, labels = load_digits(return_X_y=True)
    forest = RandomForestClassifier(random_state=0).fit(images / 16, labels)
    verdict = fpframe.verify(modern_enrolment(), forest, outputs="probs")
    with mlflow.start_run() as run:
        log_verdict(verdict)
        log_verdict(verdict, name="second look")
    data = tracking.get_run(run.info.run_id).data
    assert data.tags["verdict"] == data.tags["second look"] == verdict.verdict
    assert data.tags["verdict.sentence"] == verdict.sentence
    assert data.metrics["verdict.queries"] == verdict.queries
    assert data.metrics["second look.score"] == pytest.approx(verdict.score)
    assert data.metrics["verdict.p_value"] == pytest.approx(verdict.p_value)
    for name in ("verdict", "second look"):
        assert fpframe.Verdict.from_dict(kept(tracking, run.info.run_id, name)) == verdict


def test_a_run_that_is_over_is_named_and_without_a_run_one_is_started(tracking):
    verdict = judged(layered())
    with mlflow.start_run() as run:
        pass
    log_verdict(verdict, run_id=run.info.run_id)
    assert mlflow.active_run() is None
    assert tracking.get_run(run.info.run_id).data.tags["verdict"] == verdict.verdict
    log_verdict(verdict)
    assert kept(tracking, mlflow.active_run().info.run_id)["verdict"] == verdict.verdict


def test_a_number_that_the_verdict_does_not_have_is_left_out(tracking):
    verdict = judged(layered())
    without = attrs.evolve(verdict, decision=attrs.evolve(verdict.decision, score=math.nan, p_value=math.nan))
    with mlflow.start_run() as run:
        log_verdict(without)
    assert set(tracking.get_run(run.info.run_id).data.metrics) == {"verdict.alpha", "verdict.queries"}


@pytest.mark.parametrize("name", ["", "a/b", "../up", "a\nb"])
def test_a_name_that_is_no_name_is_refused_before_anything_is_logged(name, tracking):
    with pytest.raises(fpframe.UsageError, match="a name has letters, digits, spaces and any of"):
        log_verdict(judged(layered()), name=name)
    assert mlflow.active_run() is None


def test_without_mlflow_it_says_what_to_install(monkeypatch):
    verdict = judged(layered())
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(fpframe.UsageError, match=r"pip install 'fpframe\[mlflow\]'"):
        log_verdict(verdict)


def test_the_page_runs(tracking, monkeypatch):
    (block,) = [each for each in blocks(ROOT / "docs/how-to/trackers.md", "python") if "log_verdict" in each.code]
    modern_enrolment().save(Path("my.enrolment"))
    network = layered()
    verify = fpframe.verify
    monkeypatch.setattr(fpframe, "verify", lambda enrolment, suspect: verify(enrolment, network))
    names: dict[str, object] = {}
    exec(compile(block.code, "trackers.md", "exec"), names)
    (run,) = tracking.search_runs(["0"])
    assert run.data.tags["verdict"] == names["verdict"].verdict

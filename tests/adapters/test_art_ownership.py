"""An evaluation of ART returns the verdict of fpframe, and the page that shows it runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from art.estimators.classification import PyTorchClassifier, SklearnClassifier
from art.evaluations.evaluation import Evaluation
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import fpframe
from adapters.networks import SHAPE, K, layered
from docpages import ROOT, blocks
from fpframe_plugins.art_ownership import FpframeOwnership
from frozen import ENROLMENT, modern_enrolment


def estimator(network: nn.Module) -> PyTorchClassifier:
    return PyTorchClassifier(
        network, loss=nn.CrossEntropyLoss(), input_shape=SHAPE, nb_classes=K, clip_values=(0, 1), device_type="cpu"
    )


def test_it_is_an_evaluation_with_the_verdict_on_the_model_itself():
    images, labels = load_digits(return_X_y=True)
    forest = RandomForestClassifier(random_state=0).fit(images / 16, labels)
    enrolment = modern_enrolment()
    told = FpframeOwnership(enrolment, outputs="probs").evaluate(SklearnClassifier(forest, clip_values=(0, 1)))
    expected = fpframe.verify(enrolment, forest, outputs="probs")
    assert issubclass(FpframeOwnership, Evaluation)
    assert told.verdict == expected.verdict == "NOT_SHOWN"
    assert len(told.view_scores) == enrolment.queries.views
    assert (told.p_value, *told.view_scores) == pytest.approx((expected.p_value, *expected.view_scores), abs=1e-5)


def test_options_of_the_call_go_before_those_of_the_evaluation():
    with pytest.raises(fpframe.ResourceError, match="more queries are needed"):
        FpframeOwnership(modern_enrolment(), max_queries=10**6).evaluate(estimator(layered()), max_queries=5)


def test_what_is_no_classifier_is_refused():
    with pytest.raises(fpframe.ModelError, match=r"ownership is told of classifiers \(got Sequential\)"):
        FpframeOwnership(ENROLMENT).evaluate(layered())


def test_the_page_runs_and_is_ten_lines(tmp_path, monkeypatch):
    [block] = blocks(ROOT / "docs/how-to/art.md", "python")
    assert block.lines <= 10
    monkeypatch.chdir(tmp_path)
    modern_enrolment().save(Path("my.enrolment"))
    exec(compile(block.code, "art.md", "exec"), {})


def test_without_art_its_import_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "art"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "art", None)
    monkeypatch.delitem(sys.modules, "fpframe_plugins.art_ownership")
    with pytest.raises(
        fpframe.UsageError, match=r"is not installed \(FpframeOwnership\); pip install 'fpframe\[art\]'"
    ):
        __import__("fpframe_plugins.art_ownership")

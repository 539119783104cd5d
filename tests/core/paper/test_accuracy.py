"""The table holds every architecture, and its means are those of the models' labels."""

from __future__ import annotations

import numpy as np
import pytest

from fpframe.paper.accuracy.architectures import models_of
from fpframe.paper.accuracy.experiment import EXTRACTED, NORMAL, Row, run
from fpframe.paper.experiment import Finding
from fpframe.paper.laboratory import Laboratory


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    return run(laboratory)


def test_every_architecture_has_enough_models_of_both_kinds(laboratory: Laboratory, finding: Finding) -> None:
    rows = finding.data["rows"]
    names = [f"paper:arc-{letter}" for letter in "acde"]
    assert [(row["backbone"], row["how"]) for row in rows] == [(n, how) for n in names for how in (NORMAL, EXTRACTED)]
    assert all(len(row["accuracies"]) >= laboratory.recipe.experiments.accuracy_models for row in rows)


def test_a_mean_is_that_of_the_models_themselves(laboratory: Laboratory, finding: Finding) -> None:
    test = laboratory.setting.workspace.dataset.test
    models = models_of(laboratory, "paper:arc-e", extracted=True)
    accuracies = [laboratory.zoo.load(model).accuracy(test.pixels, test.labels) for model in models]
    row = next(r for r in finding.data["rows"] if (r["backbone"], r["how"]) == ("paper:arc-e", EXTRACTED))
    assert row["accuracies"] == pytest.approx(accuracies, abs=1e-6)


def test_extracted_models_learned_from_the_victim_and_nothing_else_was_done(laboratory: Laboratory) -> None:
    for model in models_of(laboratory, "paper:arc-e", extracted=True):
        assert model.relation == "derived"
        assert [step.name for step in model.lineage.steps[:1]] == ["victim"]
        assert len(model.lineage.steps) == 2
    assert all(model.relation == "independent" for model in models_of(laboratory, "paper:arc-e", extracted=False))


def test_what_the_paper_says_is_only_shown_for_its_own_data(finding: Finding) -> None:
    assert all(row["published"] is None for row in finding.data["rows"])
    assert finding.claims[-1].outcome == "not comparable"


def test_a_row_says_mean_deviation_and_number() -> None:
    row = Row(backbone="x", how=NORMAL, accuracies=(0.8, 0.9), failed=1)
    assert row.text == f"0.8500 ({np.std([0.8, 0.9], ddof=1):.4f}), n = 2, 1 of them failed thefts"
    assert Row(backbone="x", how=NORMAL, accuracies=(0.8,), failed=0).text == "0.8000, n = 1"
    assert Row(backbone="x", how=NORMAL, accuracies=(), failed=0).text == "-"

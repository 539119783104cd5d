"""An enrolment that lacks what a verdict needs opens, and the verdict is inconclusive, with a code."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
import torch

import fpframe
from forging import forge_json
from fpframe.report.verdict.page import verdict_html
from frozen import ENROLMENT, answers
from tiny import larger


@pytest.fixture
def doctored(tmp_path) -> Path:
    """The frozen enrolment without the standards that an early stop needs, as if from before there were any."""
    folder = Path(shutil.copytree(ENROLMENT, tmp_path / "doctored.enrolment"))
    forge_json(folder, "calibration.json", lambda scored: scored.update(standards={}))
    return folder


def test_a_verdict_that_needs_what_is_missing_is_inconclusive_and_nothing_is_asked(doctored, registry):
    def refuse(pixels: torch.Tensor) -> torch.Tensor:
        raise AssertionError("it was asked")

    enrolment = larger(fpframe.Enrolment.open(doctored, registry=registry), 3)
    suspects = [fpframe.Query(refuse, num_classes=10, address=name) for name in ("one", "two")]
    for verdict in fpframe.verify_many(enrolment, suspects, test="sequential", registry=registry):
        told = verdict.to_dict()
        assert (told["verdict"], told["reason_code"]) == ("INCONCLUSIVE", "enrolment-lacks-standards")
        assert (told["queries"], told["views"], told["view_scores"]) == (0, 0, [])
        assert math.isnan(verdict.p_value)
        assert "leave out --sequential" in told["sentence"]
        assert verdict.transcript is not None
        assert verdict.transcript.answers.shape == (0, 10)
        assert "The suspect was not asked" in verdict_html([verdict], enrolment, registry=registry)
    assert [suspect.spent for suspect in suspects] == [0, 0]


@pytest.mark.parametrize("suspect", ["derived", "independent"])
def test_a_verdict_that_does_not_need_it_is_as_ever(doctored, registry, suspect):
    [verdict] = fpframe.verify_many(doctored, answers=[answers(suspect)], registry=registry)
    assert verdict.reason_code != "enrolment-lacks-standards"
    assert len(verdict.view_scores) == verdict.views == 3


def test_it_is_saved_as_it_was_opened(doctored, tmp_path):
    opened = fpframe.Enrolment.open(doctored)
    opened.save(tmp_path / "again.enrolment")
    assert fpframe.Enrolment.open(tmp_path / "again.enrolment").digest == opened.digest
    assert not opened.standards

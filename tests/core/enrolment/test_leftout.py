"""Each calibration model is judged by the others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fpframe.decision import StratumPaths
from fpframe.enrolment.calibration import Calibration, CalibrationModel
from fpframe.enrolment.leftout import leave_each_out


def judged(scores: dict[str, list[float]], alpha: float, families: dict[str, list[str]] | None = None):
    models, paths = [], {}
    for stratum, values in scores.items():
        named = (families or {}).get(stratum) or [f"{stratum} {row}" for row in range(len(values))]
        models += [
            CalibrationModel(name=f"{stratum}-{row}", stratum=stratum, family=named[row]) for row in range(len(values))
        ]
        paths[stratum] = StratumPaths(views=np.array(values)[:, None], families=tuple(named))
    calibration = Calibration(models=tuple(models), answers={}, views={}, source="")
    return leave_each_out(calibration, paths, None, alpha=alpha)


def test_a_model_is_accused_that_scores_higher_than_all_others():
    found = judged({"same-data": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 9.0]}, 0.1)
    assert found.accused == ("same-data-9",)
    assert found.highest == "same-data-9"
    assert found.gap == pytest.approx((9.0 - 0.5) / np.std(np.arange(1, 10) / 10, ddof=1))
    assert "1 of 10 would be called derived (same-data-9)" in found.in_words()


def test_every_stratum_has_a_say():
    low, high = [0.01 * row for row in range(10)], [1 + 0.01 * row for row in range(10)]
    assert judged({"same-data": [*low, 0.5], "same-base": high}, 0.1).accused == ("same-base-9",)


def test_so_few_that_nobody_can_be_accused_are_told_with_how_far_one_stands_out():
    found = judged({"public": [0.1, 0.2, 0.3, 0.2, 0.9]}, 0.1)
    assert found.floor == pytest.approx(0.2)
    assert not found.accused
    assert "none of 5 can be called derived, for so few allow no p-value below 0.2" in found.in_words()
    assert "public-4, 8.6 standard deviations above the others" in found.in_words()


def test_a_family_does_not_judge_its_own():
    scores = {"public": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 9.0, 9.1]}
    together = {"public": [*(f"{row}" for row in range(9)), "twins", "twins"]}
    assert not judged(scores, 0.1).accused[1:]
    assert judged(scores, 0.1, together).accused == ("public-9", "public-10")


def test_two_others_tell_nothing_of_a_spread():
    assert math.isnan(judged({"public": [0.1, 0.2, 0.9]}, 0.1).gap)

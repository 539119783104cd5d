"""The level is the enrolment's, and what was chosen when the suspect was known is said."""

from __future__ import annotations

import attrs
import pytest
import torch

import fpframe
from fpframe.decision.levels import HIGHEST_ALPHA, refuse_alpha
from fpframe.enrolment.enrolment import Enrolment


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


def never(pixels: torch.Tensor) -> torch.Tensor:
    raise AssertionError("it was asked")


@pytest.mark.parametrize("test", ["conformal", "sequential", "welch", "welch-by-stratum"])
@pytest.mark.parametrize("alpha", [0.100001, 0.2, 0.5, 0.9, 1.0, 2.0, 0.0, -0.1, float("nan"), float("inf")])
def test_a_level_above_one_in_ten_is_refused_before_anything_is_asked(enrolment, alpha, test):
    with pytest.raises(fpframe.UsageError, match=r"alpha must lie in \(0, 0.1\]"):
        fpframe.verify(enrolment, never, alpha=alpha, test=test)


@pytest.mark.parametrize("test", ["conformal", "welch"])
def test_a_level_is_not_raised_when_the_suspect_is_known(enrolment, test):
    strict = attrs.evolve(enrolment, recipe=attrs.evolve(enrolment.recipe, alpha=0.05))
    with pytest.raises(fpframe.UsageError, match=r"alpha 0\.1 is higher than the 0\.05 of the enrolment"):
        fpframe.verify(strict, never, alpha=0.1, test=test)


@pytest.mark.parametrize("alpha", [0.11, 0.5])
def test_nobody_is_enrolled_with_a_level_above_one_in_ten(alpha, tmp_path):
    with pytest.raises(fpframe.UsageError, match=r"alpha must lie in \(0, 0.1\]"):
        fpframe.enroll(recipe="tiny", alpha=alpha, run=fpframe.Run(store=tmp_path))
    assert not list(tmp_path.iterdir()), "nothing was trained"


def test_the_highest_level_itself_is_one():
    refuse_alpha(HIGHEST_ALPHA)
    refuse_alpha(0.1 + 1e-12)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({}, set()),
        ({"alpha": 0.1}, set()),
        ({"channel": "top1"}, {"channel"}),
        ({"through": "none"}, {"through"}),
        ({"test": "welch"}, {"test"}),
        ({"classes": "none"}, {"classes"}),
        ({"test": "sequential", "channel": "top1"}, {"test", "channel"}),
    ],
)
def test_a_verdict_says_what_was_chosen_afterwards(enrolment, options, chosen):
    def innocent(pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1)[:, :10].softmax(1)

    verdict = fpframe.verify(enrolment, innocent, **options)
    assert {name for name, choice in verdict.choices.items() if choice == "chosen"} == chosen
    assert set(verdict.choices) == {"alpha", "test", "channel", "through", "classes"}
    said = [note.text for note in verdict.caveats if note.code == "chosen-afterwards"]
    assert len(said) == bool(chosen)

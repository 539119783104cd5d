"""The calibration that suspects are measured against is scored once, however many suspects there are."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe.enrolment import agreement, scoring
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import UsageError
from fpframe.report.verdict.page import verdict_html
from fpframe.verification.yardsticks import Yardsticks
from tiny import larger


@pytest.fixture(scope="module")
def opened(tiny_enrolment) -> Enrolment:
    return larger(Enrolment.open(tiny_enrolment), 4)


@pytest.fixture
def enrolment(opened) -> Enrolment:
    """An enrolment of which nothing was computed yet."""
    return attrs.evolve(opened)


@pytest.fixture
def scorings(monkeypatch) -> list[str]:
    """The channels in which calibration models were scored, in order."""
    scored, views = [], scoring.Scorer.views

    def counting(self, answers):
        scored.append(self.channel)
        return views(self, answers)

    monkeypatch.setattr(scoring.Scorer, "views", counting)
    return scored


def suspects(enrolment, count):
    """Return suspects that answer with three decimals, for which no calibration scores are stored."""
    answers = enrolment.calibration.answers[""]
    rows = [fpframe.through_channel(each, "rounded:3").flatten(0, 1) for each in answers[:count]]
    images = enrolment.queries.images.flatten(0, 1).float() / 255

    def replay(number):
        def suspect(pixels):
            same = (pixels[:, None] - images[None]).abs().amax((2, 3, 4)).argmin(1)
            return rows[number][same]

        return suspect

    return [replay(number) for number in range(count)]


def test_calibration_models_are_scored_once_for_each_channel_and_not_for_each_suspect(enrolment, scorings):
    verdicts = fpframe.verify_many(enrolment, suspects(enrolment, 3))
    assert {verdict.channel for verdict in verdicts} == {"rounded:3"}
    assert scorings == ["rounded:3"]


@pytest.mark.slow
def test_calibration_models_are_scored_once_for_each_filter(enrolment, scorings):
    fpframe.verify_many(enrolment, suspects(enrolment, 2), through="round(2)")
    # with the filter's name, before anybody is asked, and then in the suspects' channel: through it and as they are
    assert sorted(scorings) == ["probs", "probs", "rounded:3", "rounded:3"]


def test_a_report_on_many_suspects_scores_the_calibration_models_once(enrolment, scorings):
    verdicts = fpframe.verify_many(enrolment, suspects(enrolment, 3))
    verdict_html(verdicts, enrolment)
    assert scorings == ["rounded:3"]


def test_calibration_models_are_scored_once_for_as_long_as_the_enrolment_is_open(enrolment, scorings):
    first, second = (fpframe.verify(enrolment, suspects(enrolment, 1)[0]) for _ in range(2))
    assert first == second
    assert scorings == ["rounded:3"]


@pytest.mark.slow
def test_what_was_scored_once_is_what_is_scored_anew(enrolment, registry):
    yardsticks = Yardsticks(enrolment, registry)
    first = yardsticks.of("rounded:3", "answer-noise(0.1)")
    assert yardsticks.of("rounded:3", "answer-noise(0.1)") is first
    assert yardsticks.of("rounded:3") is not first
    again = Yardsticks(attrs.evolve(enrolment), registry).of("rounded:3", "answer-noise(0.1)")
    assert (again.strata, again.through, again.caveats) == (first.strata, first.through, first.caveats)


def test_what_cannot_be_calibrated_is_refused_again_and_again(enrolment, registry):
    yardsticks = Yardsticks(enrolment, registry)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"the calibration models were not asked through 'flip\(0.5\)'"):
            yardsticks.of("probs", "flip(0.5)")


def test_the_agreement_of_the_calibration_models_is_computed_once_for_as_many_views(enrolment, monkeypatch):
    seen, agree = [], agreement.label_agreement

    def counting(answers, victim_answers, kept=None):
        seen.append(answers.ndim)
        return agree(answers, victim_answers, kept)

    monkeypatch.setattr(agreement, "label_agreement", counting)
    verdicts = fpframe.verify_many(enrolment, suspects(enrolment, 3))
    assert len(verdicts) == 3
    assert sorted(seen) == [3, 3, 3, 4], "three suspects, and all calibration models together"

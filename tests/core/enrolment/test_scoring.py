"""The score of a model: labels count beside what is revealed, and the larger of both, for everybody alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fpframe.decision.sequential import Standard
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.scoring import Scorer, cosine_scores, score_views
from frozen import ENROLMENT

#: Two images, three classes, of which the victim is sure of the first.
VICTIM = torch.tensor([[[0.90, 0.06, 0.04], [0.90, 0.06, 0.04]]])
STANDARD = Standard(means=(0.0,), deviations=(0.5,))


class Centred(nn.Module):
    """Embeds a view as its answers less the mean of each row."""

    def forward(self, answers: torch.Tensor) -> torch.Tensor:
        return (answers - answers.mean(-1, keepdim=True)).flatten(-2)


@pytest.fixture
def scorer():
    def scorer(channel: str = "probs", **standards: Standard) -> Scorer:
        both = {"probs": STANDARD, "top1": STANDARD} | standards
        return Scorer({"probs": Centred(), "top1": Centred()}, both, VICTIM, channel)

    return scorer


def score(scorer: Scorer, answers: list[list[float]]) -> float:
    return float(scorer(torch.tensor([answers]))[0])


def test_probabilities_that_hide_what_the_labels_tell_do_not_help_a_thief(scorer):
    hidden = [[0.98, 0.01, 0.01], [0.34, 0.33, 0.33]]
    alone = float(score_views(Centred(), torch.tensor([[hidden]]), VICTIM, "probs")[0, 0])
    assert alone < 0.99
    assert score(scorer(), hidden) == pytest.approx(1, abs=1e-5), "its labels are all the victim's"
    assert score(scorer("top1"), hidden) == pytest.approx(1)


def test_the_larger_of_both_scores_counts(scorer):
    likely = [[0.40, 0.42, 0.18], [0.90, 0.06, 0.04]]
    probs = float(score_views(Centred(), torch.tensor([[likely]]), VICTIM, "probs")[0, 0])
    labels = score(scorer("top1"), likely)
    assert labels < probs
    assert score(scorer(), likely) == pytest.approx(probs)


def test_labels_are_brought_to_the_scale_of_the_channel_by_what_independent_models_score(scorer):
    answers = [[0.34, 0.36, 0.30], [0.34, 0.33, 0.33]]
    labels = score(scorer("top1"), answers)
    wide = Standard(means=(0.2,), deviations=(1.5,))  # independent models agree with the victim in labels this often
    expected = np.tanh(0.5 * (np.arctanh(labels) - 0.2) / 1.5)
    assert labels == pytest.approx(0.25)
    probs = float(score_views(Centred(), torch.tensor([[answers]]), VICTIM, "probs")[0, 0])
    assert score(scorer(top1=wide), answers) == pytest.approx(max(probs, expected), abs=1e-5)


def test_without_an_encoder_for_labels_or_their_standard_the_channel_scores_alone():
    answers = torch.tensor([[[0.40, 0.35, 0.25], [0.40, 0.25, 0.35]]])
    alone = score_views(Centred(), answers[None], VICTIM, "probs")[0]
    for encoders, standards in (
        ({"probs": Centred()}, {"probs": STANDARD}),
        ({"probs": Centred(), "top1": Centred()}, {}),
    ):
        assert Scorer(encoders, standards, VICTIM, "probs")(answers).tolist() == pytest.approx(list(alone))


def test_an_encoder_may_ask_for_probabilities_alone():
    own, hidden = Centred(), torch.tensor([[[0.98, 0.01, 0.01], [0.34, 0.33, 0.33]]])
    own.probabilities_alone = True
    encoders, both = {"probs": own, "top1": Centred()}, {"probs": STANDARD, "top1": STANDARD}
    alone = score_views(own, hidden[None], VICTIM, "probs")[0]
    assert Scorer(encoders, both, VICTIM, "probs")(hidden).tolist() == pytest.approx(list(alone))
    # a suspect of whom labels are all that is seen is scored by them nevertheless
    assert Scorer(encoders, both, VICTIM, "top1")(hidden).tolist() == pytest.approx([1])


def test_calibration_models_are_scored_as_a_suspect_with_the_same_answers_is():
    enrolment = Enrolment.open(ENROLMENT)
    for channel in enrolment.encoders:
        paths = enrolment.paths(channel)
        for stratum, rows in enrolment.calibration.rows.items():
            for place, row in enumerate(rows):
                suspect = enrolment.view_scores(enrolment.calibration.answers[""][row], channel)
                assert suspect.tolist() == list(paths[stratum].views[place])


class AgainstFirst(Centred):
    """The same, each view against the victim's first one."""

    against_first_view = True


def test_a_network_can_ask_for_the_victims_first_view_in_place_of_the_same():
    source = torch.Generator().manual_seed(0)
    victim = torch.randn(4, 5, 3, generator=source).softmax(-1)
    # as sharp as the victim in every view, or its answers would be changed before they are compared
    model = torch.stack([view[:, [1, 2, 0]] for view in victim])
    embed = Centred()
    pairs = [(embed(model[view]), embed(victim[reference])) for view in range(4) for reference in (0, view)]
    by_hand = [float((ours * theirs).sum() / (ours.norm() * theirs.norm())) for ours, theirs in pairs]
    first = score_views(AgainstFirst(), model[None], victim, "probs")[0]
    same = score_views(Centred(), model[None], victim, "probs")[0]
    assert first == pytest.approx(by_hand[::2], abs=1e-5)
    assert same == pytest.approx(by_hand[1::2], abs=1e-5)
    assert first[0] == same[0]
    assert abs(first[1:] - same[1:]).min() > 0.01
    few = cosine_scores(AgainstFirst(), model[:2], victim, "probs")
    assert few.tolist() == first[:2].tolist(), "a view has its score before the next is asked"
    judged = Scorer({"probs": AgainstFirst()}, {}, victim, "probs")
    assert judged(model).tolist() == first.tolist()
    assert float(judged.roughly(model[None, 2], 2)[0]) == pytest.approx(first[2], abs=1e-3)

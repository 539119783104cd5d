"""What encoders are fitted on, and what they never score."""

import attrs
import pytest
import torch
from torch import nn

import fpframe
from fpframe.enrolment.encoders import fit_standards
from fpframe.enrolment.sharpness import scored_answers
from fpframe.zoo import plan_models

VIEWS, QUERIES, CLASSES = 3, 4, 10


class Remembers(nn.Module):
    """Embeds the answers that it was fitted on in one direction, and all others in another one."""

    def __init__(self, fitted):
        super().__init__()
        self.fitted = fitted

    def forward(self, answers):
        known = torch.stack([(self.fitted == row).flatten(1).all(1).any() for row in answers])
        return torch.stack([known, ~known], 1).float()


@attrs.frozen(kw_only=True)
class Spy(fpframe.Encoder):
    """Notes what it is fitted on."""

    name = "spy"
    revision = 1
    deterministic = True
    seen: list = attrs.field(factory=list)

    def module(self, q, k):
        return nn.Flatten()

    def fit_module(self, module, answers, relation, groups, *, seed):
        pass

    def fit(self, answers, relation, groups, *, seed):
        self.seen.append(answers)
        return Remembers(answers.flatten(0, 1))


@pytest.fixture
def answered(registry):
    source = torch.Generator().manual_seed(0)
    plan = plan_models(fpframe.Recipe.load("tiny"), registry, splits=("fit",))
    return [(model, torch.rand(VIEWS, QUERIES, CLASSES, generator=source)) for model in plan]


def test_no_model_is_scored_by_an_encoder_that_it_fitted(answered):
    spy, victim = Spy(), torch.rand(VIEWS, QUERIES, CLASSES, generator=torch.Generator().manual_seed(1))
    standards = fit_standards(spy, answered, victim, ["probs"], seed=0)
    assert len(spy.seen) == 2
    # every encoder knows the victim, so a model that it was fitted on would have a cosine of 1 and not of 0
    assert standards["probs"].means == (0.0,) * VIEWS


def test_families_are_in_one_half_each_and_every_model_is_in_one(answered):
    spy = Spy()
    victim = torch.zeros(VIEWS, QUERIES, CLASSES)
    fit_standards(spy, answered, victim, ["probs"], seed=0)
    scored = [(model, scored_answers(answer, victim, "probs")) for model, answer in answered]
    halves = [[model for model, answer in scored if any(torch.equal(answer, row) for row in seen)] for seen in spy.seen]
    assert sorted(m.lineage.exact for half in halves for m in half) == sorted(m.lineage.exact for m, _ in answered)
    assert not {model.family for model in halves[0]} & {model.family for model in halves[1]}

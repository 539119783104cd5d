"""Fences around plugins in use: each way in which a component's code goes wrong is one error that names it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn

import fpframe
from fpframe.errors import PluginError, UsageError
from fpframe.models import Query, state_digest
from fpframe.zoo.chain import put_before

PIXELS, LABELS = torch.rand(6, 1, 4, 4), torch.zeros(6, dtype=torch.long)


def victim() -> fpframe.Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    return fpframe.Classifier(network, num_classes=3, image_shape=(1, 4, 4))


def raises(*_: Any, **__: Any) -> Any:
    raise ValueError("the first line\nand a second one")


def exits(*_: Any, **__: Any) -> Any:
    sys.exit(0)


def nothing(*_: Any, **__: Any) -> Any:
    return None


@attrs.frozen(kw_only=True)
class Generator(fpframe.PerturbationGenerator):
    name = "mine"
    scope = "universal"
    act: Callable[..., Any]

    def generate(self, model, x, labels, *, references, seed):
        return self.act(model)


@attrs.frozen(kw_only=True)
class Points(fpframe.Augmenter):
    name = "mine"
    act: Callable[..., Any]

    def choose(self, model, pool, labels, *, points, views, references, seed):
        return self.act(model)


@attrs.frozen(kw_only=True)
class Embedding(fpframe.Encoder):
    name = "mine"
    act: Callable[..., Any]

    def module(self, q, k):
        return self.act()

    def fit_module(self, module, answers, relation, groups, *, seed):
        pass


@attrs.frozen(kw_only=True)
class Filter(fpframe.AnswerFilter):
    name = "mine"
    act: Callable[..., Any]

    def wrap(self, query, *, seed):
        return self.act()


@attrs.frozen(kw_only=True)
class Changing(fpframe.AnswerFilter):
    name = "mine"
    act: Callable[..., Any]

    def wrap(self, query, *, seed):
        return fpframe.FilteredQuery(query, self, answers=self.act)


def perturb(act: Callable[..., Any]) -> Any:
    return Generator(act=act)(victim(), PIXELS, LABELS, seed=0)


def choose(act: Callable[..., Any]) -> Any:
    return Points(act=act)(victim(), PIXELS, LABELS, points=2, views=1, seed=0)


def embed(act: Callable[..., Any]) -> Any:
    answers = torch.rand(4, 1, 2, 3)
    return Embedding(act=act).fit(answers, ["victim", "derived"] * 2, torch.arange(4), seed=0)


def wrap(act: Callable[..., Any]) -> Any:
    return put_before(victim().as_query(), Filter(act=act), seed=0)


def change(act: Callable[..., Any]) -> Any:
    filtered: Query = put_before(victim().as_query(), Changing(act=act), seed=0)
    return filtered(PIXELS)


USES = {"perturbation": perturb, "augmenter": choose, "encoder": embed, "filter": wrap, "filter in use": change}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("act", "words"),
    [
        (raises, "ValueError: the first line; mend it"),
        (exits, "it ended the process with code 0; mend it"),
        (nothing, "returned nothing .*, where a"),
    ],
)
def test_what_goes_wrong_in_a_component_is_one_error_that_names_it(use, act, words):
    kind = use.partition(" ")[0]
    with pytest.raises(PluginError, match=rf"^{kind} 'mine' \(package \w+\) .*{words}"):
        USES[use](act)


def test_an_error_of_fpframe_passes():
    def refuse(*_: Any) -> Any:
        raise UsageError("epsilon is too small")

    with pytest.raises(UsageError, match=r"^epsilon is too small$"):
        perturb(refuse)


def test_an_interrupt_passes():
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        perturb(interrupted)


@attrs.frozen
class Made:
    """What an honest generator returns, after it has done something to the model."""

    harm: Callable[[fpframe.Classifier], Any]
    delta: Tensor = attrs.field(factory=lambda: torch.zeros(1, 1, 4, 4))

    def __call__(self, model: fpframe.Classifier) -> fpframe.Perturbation:
        self.harm(model)
        return fpframe.Perturbation(delta=self.delta, converged=torch.ones(1, dtype=torch.bool), steps=1)


def zeroed(model: fpframe.Classifier) -> None:
    for weight in model.parameters():
        weight.data.zero_()


def trained(model: fpframe.Classifier) -> None:
    with torch.no_grad():
        next(iter(model.parameters())).add_(1e-3)


def replaced(model: fpframe.Classifier) -> None:
    model.module[1].weight = nn.Parameter(torch.ones(3, 16))


@pytest.mark.parametrize("harm", [zeroed, trained, replaced])
@pytest.mark.parametrize("ends", [Made, None], ids=["and returns", "and raises"])
def test_a_model_that_a_component_changes_is_as_it_was(harm, ends):
    def act(model: fpframe.Classifier) -> Any:
        return Made(harm)(model) if ends else raises(harm(model))

    mine = victim()
    before = state_digest(mine)
    with pytest.raises(PluginError, match="changed the weights of a model" if ends else "ValueError"):
        Generator(act=act)(mine, PIXELS, LABELS, seed=0)
    assert state_digest(mine) == before


def test_a_perturbation_in_grey_levels_is_refused():
    with pytest.raises(PluginError, match="up to 9, where pixels are from 0 to 1; divide it by 255"):
        perturb(Made(lambda model: None, torch.full((1, 1, 4, 4), 9.0)))


def test_an_honest_component_is_left_alone():
    made = perturb(Made(lambda model: model.logits(PIXELS), torch.full((1, 1, 4, 4), 0.5)))
    assert float(made.delta.max()) == 0.5

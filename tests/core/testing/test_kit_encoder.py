"""The checks of encoders: each fails for one that breaks that promise alone."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe.interfaces.component import Component
from fpframe.testing.results import check_component
from kit import failures, require_fault_alone


class Shifted(nn.Module):
    """Answers less their mean over the models, to unit length."""

    centre: Tensor

    def __init__(self, q: int, k: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(q * k))

    def forward(self, answers: Tensor) -> Tensor:
        return F.normalize(answers.flatten(1) - self.centre, dim=1)


@attrs.frozen(kw_only=True)
class Shift(fpframe.Encoder):
    """Take off what independent models answer on average, and a little chance."""

    name: ClassVar[str] = "shift"
    network: ClassVar[Any] = Shifted

    def module(self, q: int, k: int) -> nn.Module:
        return self.network(q, k)

    def fit_module(self, module: Any, answers: Any, relation: Any, groups: Any, *, seed: int) -> None:
        others = answers[[name == "independent" for name in relation]]
        module.centre.copy_(others.mean((0, 1)).flatten() + 1e-4 * torch.rand(module.centre.shape))


class Unscaled(Shifted):
    """Give other lengths for sure answers."""

    def forward(self, answers: Tensor) -> Tensor:
        sure = (answers.amax((1, 2)) == 1).float().unsqueeze(1)
        return super().forward(answers) * (1 + sure)


class Long(Shift):
    """Let lengths depend on the answers."""

    network: ClassVar[Any] = Unscaled


class Batched(Shifted):
    """Take off a part of the mean of the batch."""

    def forward(self, answers: Tensor) -> Tensor:
        rows = answers.flatten(1) - self.centre
        return F.normalize(rows - 0.01 * rows.mean(0), dim=1)


class Gregarious(Shift):
    """Let embeddings depend on their neighbours."""

    network: ClassVar[Any] = Batched


class Remembering(Shifted):
    """Keep the centre where no file finds it."""

    def __init__(self, q: int, k: int) -> None:
        nn.Module.__init__(self)
        self.centre = torch.zeros(q * k)


class Forgetful(Shift):
    """Learn outside the weights."""

    network: ClassVar[Any] = Remembering


class Uniform(Shifted):
    """Give one embedding to all."""

    def forward(self, answers: Tensor) -> Tensor:
        return F.normalize(torch.ones(len(answers), self.centre.numel()), dim=1)


class Blind(Shift):
    """Embed everything alike."""

    network: ClassVar[Any] = Uniform


class Dropping(Shifted):
    """Drop a part of the answers by chance."""

    def forward(self, answers: Tensor) -> Tensor:
        return F.normalize(F.dropout(answers.flatten(1) - self.centre, 0.2, training=True), dim=1)


class Restless(Shift):
    """Never embed twice alike."""

    network: ClassVar[Any] = Dropping


class Many(Shift):
    """Need more models than there may be."""

    def fit_module(self, module: Any, answers: Any, relation: Any, groups: Any, *, seed: int) -> None:
        assert len(answers) > 6, "too few models"
        super().fit_module(module, answers, relation, groups, seed=seed)


class Swapped(Shifted):
    """Say that parts of embeddings are of other queries than they are, in one of two that are compared."""

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        parts = embeddings.unflatten(1, (q, -1))
        return torch.cat([parts[:1], parts[1:].flip(1)])


class Mistaken(Shift):
    """Say wrongly which part of an embedding is of which query."""

    network: ClassVar[Any] = Swapped


BROKEN: dict[str, Component] = {
    "embeddings_have_unit_length": Long(),
    "an_embedding_does_not_depend_on_its_batch": Gregarious(),
    "a_saved_encoder_is_loaded_exactly": Forgetful(),
    "derived_models_are_nearer_than_independent_ones": Blind(),
    "the_victim_is_most_like_itself": Restless(),
    "few_models_are_enough": Many(),
    "parts_of_queries_have_the_cosine_of_the_whole": Mistaken(),
}
WORDS = {
    "embeddings_have_unit_length": "embeddings of one-hot answers have lengths from 2 to 2; divide by the length",
    "an_embedding_does_not_depend_on_its_batch": "with the batch; use no statistics of the batch",
    "a_saved_encoder_is_loaded_exactly": "a loaded encoder embeds differently; keep all that is learnt in parameters",
    "derived_models_are_nearer_than_independent_ones": "models near the victim score 1.000 and models apart 1.000",
    "the_victim_is_most_like_itself": "against itself; it should be 1",
    "few_models_are_enough": "too few models",
    "parts_of_queries_have_the_cosine_of_the_whole": "the products of the parts of 'by_query' differ from the cosine",
}
#: What cannot be true where the first is not.
FOLLOWING = {
    "the_victim_is_most_like_itself": {
        "an_embedding_does_not_depend_on_its_batch",
        "a_saved_encoder_is_loaded_exactly",
        "gives_the_same_again",
        "leaves_the_random_state",
    }
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_encoder_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check], FOLLOWING.get(check, ()))


def test_sound_encoders_pass(registry: fpframe.Registry) -> None:
    check_component(Shift())
    check_component(registry.create("encoder", "residual"))


def test_a_slight_dependence_on_the_batch_is_found() -> None:
    class Leaning(Shifted):
        def forward(self, answers: Tensor) -> Tensor:
            rows = answers.flatten(1) - self.centre
            return F.normalize(rows - 1e-5 * rows.mean(0), dim=1)

    class Slight(Shift):
        __doc__ = Shift.__doc__
        network: ClassVar[Any] = Leaning

    failed = failures(Slight())
    assert failed.keys() == {"an_embedding_does_not_depend_on_its_batch"}
    assert "embeddings change by " in failed["an_embedding_does_not_depend_on_its_batch"]


def test_weights_that_do_not_fit_a_fresh_module_are_told() -> None:
    class Growing(Shift):
        __doc__ = Shift.__doc__

        def fit_module(self, module: Any, answers: Any, relation: Any, groups: Any, *, seed: int) -> None:
            super().fit_module(module, answers, relation, groups, seed=seed)
            module.register_buffer("seen", torch.ones(len(answers)))

    failed = failures(Growing())
    assert failed.keys() == {"a_saved_encoder_is_loaded_exactly"}
    assert "its weights do not fit a fresh module" in failed["a_saved_encoder_is_loaded_exactly"]

"""The checks of perturbations: each fails for one that breaks that promise alone."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

import attrs
import pytest
import torch

import fpframe
from fpframe.interfaces.component import Component
from fpframe.parameters import epsilon_pixels
from fpframe.testing import timelimit
from fpframe.testing.results import check_component
from kit import failures, require_fault_alone

#: Ends what would never end, when its test is over.
OVER = {"over": False}


@attrs.frozen(kw_only=True)
class Slope(fpframe.PerturbationGenerator):
    """Go along the sign of the gradient of the predicted class, and some noise.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
    """

    name: ClassVar[str] = "slope"
    scope: ClassVar[Any] = "local"
    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)

    def generate(self, model: Any, x: Any, labels: Any, *, references: Any, seed: int) -> Any:
        return self.made(self.epsilon * (2 * torch.rand_like(x) - 1), model, x)

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        return fpframe.Perturbation(delta=delta, converged=torch.ones(len(delta), dtype=torch.bool), steps=0)


class Raw(Slope):
    """Skip what the caller does: shapes, projection and finite values."""

    __doc__ = Slope.__doc__

    def __call__(self, model: Any, x: Any, labels: Any, *, references: Any = None, seed: int) -> Any:
        with fpframe.evaluating(model):
            source = torch.Generator().manual_seed(seed)
            noise = self.epsilon * (2 * torch.rand(x.shape, generator=source) - 1)
            return self.made(noise, model, x)


class Numbered(Raw):
    """Say by a number whether it converged."""

    __doc__ = Slope.__doc__

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        return fpframe.Perturbation(delta=delta, converged=torch.ones(len(delta)), steps=0)


class Long(Raw):
    """Go further than epsilon in one sample."""

    __doc__ = Slope.__doc__

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        longer = torch.cat([delta[:1] * 1.5, delta[1:]])
        return super().made(longer, model, x)


class Brittle(Raw):
    """Divide by the spread of an image."""

    __doc__ = Slope.__doc__

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        spread = x.flatten(1).std(1).reshape(-1, 1, 1, 1)
        return super().made(delta * spread / spread, model, x)


class Crowded(Slope):
    """Need two images."""

    __doc__ = Slope.__doc__

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        assert len(x) > 1, "one image is not enough"
        return super().made(delta, model, x)


class Secretive(Slope):
    """Follow the gradient, and say that it does not."""

    __doc__ = Slope.__doc__
    needs_gradients: ClassVar[bool] = False

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        (slope,) = torch.autograd.grad(model(x.requires_grad_()).logsumexp(1).sum(), x)
        return super().made(delta * slope.sign(), model, x)


class Modest(Slope):
    """Look at answers alone."""

    __doc__ = Slope.__doc__
    needs_gradients: ClassVar[bool] = False

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        return super().made(delta * model.logits(x).softmax(1).amax(1).reshape(-1, 1, 1, 1), model, x)


class Stubborn(Slope):
    """Go on until the model changes its mind."""

    __doc__ = Slope.__doc__

    def made(self, delta: Any, model: Any, x: Any) -> Any:
        while len(model.logits(x + torch.randn_like(x)).argmax(1).unique()) == 1 < len(x) and not OVER["over"]:
            time.sleep(0.001)
        return super().made(delta, model, x)


BROKEN: dict[str, Component] = {
    "delta_has_the_shape_of_its_scope": Numbered(),
    "the_bound_holds_for_each_sample": Long(),
    "deltas_are_finite_float32": Brittle(),
    "one_image_is_enough": Crowded(),
    "crafting_needs_no_gradients": Secretive(),
    "it_ends_on_a_constant_model": Stubborn(),
}
WORDS = {
    "delta_has_the_shape_of_its_scope": "'converged' is of torch.float32; use torch.bool",
    "the_bound_holds_for_each_sample": "a delta has linf norm 0.14",
    "deltas_are_finite_float32": "delta is not finite float32",
    "one_image_is_enough": "one image is not enough",
    "crafting_needs_no_gradients": "it needs gradients (element 0 of tensors does not require grad",
    "it_ends_on_a_constant_model": "it does not end within 0.5 seconds; bound the number of steps",
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_perturbation_fails_the_check_of_its_fault_alone(check: str, monkeypatch) -> None:
    monkeypatch.setattr(timelimit, "SECONDS", 0.5)
    monkeypatch.setitem(OVER, "over", False)
    try:
        require_fault_alone(BROKEN[check], check, WORDS[check])
    finally:
        OVER["over"] = True
        for thread in threading.enumerate():
            if thread.name == timelimit.NAME:
                thread.join()


def test_sound_perturbations_pass() -> None:
    check_component(Slope())
    check_component(Raw(epsilon=0.5))
    check_component(Modest())


def test_a_perturbation_that_does_without_gradients_where_there_are_none_must_make_the_same() -> None:
    class Falling(Modest):
        __doc__ = Slope.__doc__

        def made(self, delta: Any, model: Any, x: Any) -> Any:
            return super().made(delta if model(x.requires_grad_()).requires_grad else -delta, model, x)

    assert "it makes another delta of a model without gradients" in failures(Falling())["crafting_needs_no_gradients"]


def test_the_bound_of_l2_is_that_of_the_whole_image() -> None:
    class Far(Raw):
        __doc__ = Slope.__doc__
        norm: ClassVar[Any] = "l2"

    failed = failures(Far())
    assert "a delta has l2 norm" in failed["the_bound_holds_for_each_sample"]


def test_a_wrong_shape_is_told_in_the_words_of_the_caller() -> None:
    class Single(Slope):
        __doc__ = Slope.__doc__

        def made(self, delta: Any, model: Any, x: Any) -> Any:
            return super().made(delta[:1], model, x)

    failed = failures(Single())
    assert "returned delta (1, 1, 12, 12) and converged (1,), expected (12, 1, 12, 12)" in str(failed)


def test_references_are_handed_to_those_that_declare_it() -> None:
    class Curious(Slope):
        __doc__ = Slope.__doc__
        needs_references: ClassVar[bool] = True

        def generate(self, model: Any, x: Any, labels: Any, *, references: Any, seed: int) -> Any:
            derived, independent = references.answers(x)
            assert len(derived) == 2
            assert len(independent) == 3
            return super().generate(model, x, labels, references=references, seed=seed)

    check_component(Curious())


def test_references_must_stay_as_they_are_too() -> None:
    class Greedy(Slope):
        __doc__ = Slope.__doc__
        needs_references: ClassVar[bool] = True

        def generate(self, model: Any, x: Any, labels: Any, *, references: Any, seed: int) -> Any:
            with torch.no_grad():
                next(references.derived[1].parameters()).mul_(1.01)
            references.independent[0].train()
            return super().generate(model, x, labels, references=references, seed=seed)

    failed = failures(Greedy())
    assert failed.keys() == {"leaves_the_weights", "leaves_the_train_flags"}
    assert "it changes weights: derived reference 1; work on a copy" in failed["leaves_the_weights"]
    assert "it changes train flags: independent reference 0; use" in failed["leaves_the_train_flags"]

"""The checks of augmenters: each fails for one that breaks that promise alone."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import pytest
import torch

import fpframe
from fpframe.interfaces.component import Component
from fpframe.testing.results import check_component
from kit import failures, require_fault_alone


@attrs.frozen(kw_only=True)
class Shuffled(fpframe.Augmenter):
    """Draw points of the pool, and make each view a little darker than the one before."""

    name: ClassVar[str] = "shuffled"

    def choose(self, model: Any, pool: Any, labels: Any, *, points: int, views: int, references: Any, seed: int) -> Any:
        self.look(model, pool)
        drawn = pool[torch.randperm(len(pool))[:points]]
        return self.seen(torch.stack([drawn * (1 - 0.1 * view) for view in range(views)]))

    def look(self, model: Any, pool: Any) -> None:
        """Look at the model first."""

    def seen(self, images: Any) -> Any:
        return images


class Doubled(Shuffled):
    """Show one image twice."""

    def seen(self, images: Any) -> Any:
        return torch.cat([images[:, :1], images[:, :1], images[:, 2:]], dim=1)


class Monotonous(Shuffled):
    """Show the same in each view."""

    def seen(self, images: Any) -> Any:
        return images[:1].expand_as(images).clone()


class Precise(Shuffled):
    """Return images of another dtype."""

    def seen(self, images: Any) -> Any:
        return images.double()


class Sociable(Shuffled):
    """Need another view."""

    def seen(self, images: Any) -> Any:
        assert len(images) > 1, "one view is not enough"
        return images


class Choosy(Shuffled):
    """Want a model with an opinion."""

    def look(self, model: Any, pool: Any) -> None:
        assert len(model.logits(pool).argmax(1).unique()) > 1, "this model is boring"


class Sloping(Shuffled):
    """Look at slopes first."""

    def look(self, model: Any, pool: Any) -> None:
        few = pool[:4].clone().requires_grad_()
        torch.autograd.grad(model(few).sum(), few)


class Wasteful(Shuffled):
    """Take other images for every view."""

    def choose(self, model: Any, pool: Any, labels: Any, *, points: int, views: int, references: Any, seed: int) -> Any:
        return torch.randperm(len(pool))[: points * views].reshape(views, points)


BROKEN: dict[str, Component] = {
    "the_points_of_a_view_are_distinct": Doubled(),
    "views_differ": Monotonous(),
    "images_of_its_own_are_finite_pixels": Precise(),
    "one_view_is_enough": Sociable(),
    "a_constant_model_has_points_too": Choosy(),
    "choosing_needs_no_gradients": Sloping(),
    "a_small_pool_is_used_up_or_refused": Wasteful(),
}
WORDS = {
    "the_points_of_a_view_are_distinct": "a view of 6 points shows 5 different images; let each differ",
    "views_differ": "views 0 and 1 show the same images; choose other points, or vary them",
    "images_of_its_own_are_finite_pixels": "it returns torch.float64; return indices as torch.int64, or images as",
    "one_view_is_enough": "one view is not enough",
    "a_constant_model_has_points_too": "this model is boring",
    "choosing_needs_no_gradients": "it needs gradients (element 0 of tensors does not require grad",
    "a_small_pool_is_used_up_or_refused": "fails while it is tried: RuntimeError: shape '[4, 8]' is invalid",
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_augmenter_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check])


def test_sound_augmenters_pass(registry: fpframe.Registry) -> None:
    check_component(Shuffled())
    check_component(registry.create("augmenter", "random"))


def test_an_augmenter_that_declares_to_follow_gradients_may() -> None:
    class Open(Sloping):
        __doc__ = Sloping.__doc__
        needs_gradients: ClassVar[bool] = True

    check_component(Open())


def test_an_augmenter_that_does_without_gradients_where_there_are_none_must_choose_the_same() -> None:
    class Falling(Shuffled):
        __doc__ = Shuffled.__doc__

        def choose(self, model: Any, pool: Any, labels: Any, **rest: Any) -> Any:
            follows = model(pool[:1].clone().requires_grad_()).requires_grad
            return super().choose(model, pool if follows else pool.flip(0), labels, **rest)

    assert "it chooses others for a model without gradients" in failures(Falling())["choosing_needs_no_gradients"]


def test_references_must_stay_as_they_are_too() -> None:
    class Greedy(Shuffled):
        __doc__ = Shuffled.__doc__
        needs_references: ClassVar[bool] = True

        def choose(self, model: Any, pool: Any, labels: Any, *, references: Any, **rest: Any) -> Any:
            with torch.no_grad():
                next(references.independent[2].parameters()).mul_(1.01)
            return super().choose(model, pool, labels, references=references, **rest)

    failed = failures(Greedy())
    assert failed.keys() == {"leaves_the_weights"}
    assert "it changes weights: independent reference 2; work on a copy" in failed["leaves_the_weights"]


@pytest.mark.parametrize(("message", "words"), [("too\nsmall: 8", "several lines"), ("too small", "tells no numbers")])
def test_a_refusal_of_a_small_pool_is_one_line_with_numbers(message: str, words: str) -> None:
    class Refusing(Wasteful):
        __doc__ = Wasteful.__doc__

        def choose(self, model: Any, pool: Any, labels: Any, *, points: int, views: int, **rest: Any) -> Any:
            if len(pool) < points * views:
                raise fpframe.DataError(message)
            return super().choose(model, pool, labels, points=points, views=views, **rest)

    failed = failures(Refusing())
    assert failed.keys() == {"a_small_pool_is_used_up_or_refused"}
    assert words in failed["a_small_pool_is_used_up_or_refused"]

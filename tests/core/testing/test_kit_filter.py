"""The checks for answer filters: each fails for a component that breaks that promise alone."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import pytest
import torch

import fpframe
from fpframe import AnswerFilter, FilteredQuery, Query, UsageError
from fpframe.interfaces.component import Component
from fpframe.rng import generator
from fpframe.testing.check import ConformanceError
from fpframe.testing.results import check_component
from kit import require_fault_alone


@attrs.frozen(kw_only=True)
class Dull(AnswerFilter):
    """Halve the contrast of every image, and mix every answer with the uniform one."""

    name: ClassVar[str] = "dull"
    needs: ClassVar[Any] = "probs"

    @property
    def deterministic(self) -> bool:
        return True

    def change_images(self, pixels: Any) -> Any:
        return 0.25 + pixels / 2

    def change_answers(self, answers: Any) -> Any:
        return (answers + 1 / answers.shape[1]) / 2

    def wrap(self, query: Any, *, seed: int) -> Any:
        return FilteredQuery(query, self, images=self.change_images, answers=self.change_answers)


class Unscaled(Dull):
    """Give rows that do not sum to 1."""

    def change_answers(self, answers: Any) -> Any:
        return answers / 2


class Negative(Dull):
    """Give values below 0."""

    def change_answers(self, answers: Any) -> Any:
        return 3 * answers - 0.5


class Wide(Dull):
    """Give a class more."""

    def change_answers(self, answers: Any) -> Any:
        return torch.cat([answers, torch.zeros(len(answers), 1)], dim=1)


class Softening(Dull):
    """Make probabilities of labels."""

    needs: ClassVar[Any] = "any"


class Unreadable(FilteredQuery):
    """Access that refuses nothing."""

    def _refuse_labels(self) -> None:
        pass


class Hungry(Dull):
    """Take labels for probabilities."""

    def wrap(self, query: Any, *, seed: int) -> Any:
        return Unreadable(query, self, images=self.change_images, answers=self.change_answers)


class Healing(Dull):
    """Make an answer of none."""

    def change_answers(self, answers: Any) -> Any:
        return super().change_answers(answers.nan_to_num(0.25, 1, 0)).softmax(1)


class Unbooked(FilteredQuery):
    """Access that does not count."""

    def __call__(self, pixels: Any) -> Any:
        answers = super().__call__(pixels)
        self.spent = 0
        return answers


class Uncounted(Dull):
    """Forget to count."""

    def wrap(self, query: Any, *, seed: int) -> Any:
        return Unbooked(query, self, images=self.change_images, answers=self.change_answers)


class Unlimited(FilteredQuery):
    """Access that looks at its own limit alone."""

    def require(self, count: int) -> None:
        Query.require(self, count)

    def _filtered(self, batch: Any) -> Any:
        self._query.max_queries = None
        return super()._filtered(batch)


class Greedy(Dull):
    """Lift the limit of what is wrapped."""

    def wrap(self, query: Any, *, seed: int) -> Any:
        return Unlimited(query, self, images=self.change_images, answers=self.change_answers)


class Nameless(Dull):
    """Leave the address as it is."""

    def wrap(self, query: Any, *, seed: int) -> Any:
        wrapped = super().wrap(query, seed=seed)
        wrapped.address = query.address
        return wrapped


class ByBatch(Dull):
    """Draw one number for a batch."""

    @property
    def deterministic(self) -> bool:
        return False

    def wrap(self, query: Any, *, seed: int) -> Any:
        source = generator(seed, "by batch")

        def shift(answers: Any) -> Any:
            weight = 0.5 * torch.rand((), generator=source)
            return (1 - weight) * answers + weight / answers.shape[1]

        return FilteredQuery(query, self, answers=shift)


class Brighter(Dull):
    """Leave the range of pixels."""

    def change_images(self, pixels: Any) -> Any:
        return pixels + 0.1


class Cropped(Dull):
    """Show a part of each image."""

    def change_images(self, pixels: Any) -> Any:
        return pixels[:, :, 2:-2, 2:-2]


class Innermost(Dull):
    """Refuse to go around another filter."""

    def wrap(self, query: Any, *, seed: int) -> Any:
        if isinstance(query, FilteredQuery):
            raise UsageError("one filter is enough")
        return super().wrap(query, seed=seed)


class Suspicious(Dull):
    """Detect itself everywhere."""

    @classmethod
    def detect(cls, probe: Any) -> Any:
        return cls()


class Garrulous(Dull):
    """Detect a sentence."""

    @classmethod
    def detect(cls, probe: Any) -> Any:
        changed = not torch.equal(probe.answers[0], probe.answers[1])
        return "this is dull" if changed else None


BROKEN: dict[str, Component] = {
    "answers_stay_probabilities": Unscaled(),
    "labels_stay_labels": Softening(),
    "a_suspect_of_labels_is_refused": Hungry(),
    "answers_that_are_not_finite_stay_so": Healing(),
    "images_are_counted_on_both_sides": Uncounted(),
    "the_limits_of_both_sides_hold": Greedy(),
    "says_what_it_is": Nameless(),
    "answers_do_not_depend_on_batches": ByBatch(),
    "images_inside_stay_pixels": Brighter(),
    "goes_around_another_filter": Innermost(),
    "detects_nothing_where_answers_are_stable": Suspicious(),
    "what_it_detects_is_a_filter_of_its_class": Garrulous(),
}
WORDS = {
    "answers_stay_probabilities": "its rows do not sum to 1; divide each by its sum",
    "labels_stay_labels": "labels come out as something else; leave one-hot rows one-hot, or declare needs = 'probs'",
    "a_suspect_of_labels_is_refused": "it takes a suspect that reveals labels only; return a FilteredQuery",
    "answers_that_are_not_finite_stay_so": "12 of 12 rows that were not finite became answers; let them through",
    "images_are_counted_on_both_sides": "12 images were asked and 0 are counted; return a FilteredQuery",
    "the_limits_of_both_sides_hold": "it goes over the limit of the inner query",
    "says_what_it_is": "its address is 'suspect.onnx'; make it 'suspect.onnx|dull()'",
    "answers_do_not_depend_on_batches": "cut into other batches, the same questions get other answers; draw random",
    "images_inside_stay_pixels": "clip them to [0, 1]",
    "goes_around_another_filter": "fails while it is tried: UsageError: one filter is enough",
    "detects_nothing_where_answers_are_stable": "it detects Suspicious() where answers never change; return None",
    "what_it_detects_is_a_filter_of_its_class": "it detects 'this is dull'; return None or a Garrulous",
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_filter_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check])


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (Negative(), "; keep them in [0, 1]"),
        (Wide(), "it answers torch.float32 (12, 5); give float32 (12, 4)"),
        (Cropped(), "the suspect sees images of shape (1, 8, 8); keep their shape"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_faults_are_told_too(component: Component, words: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_component(component)
    assert words in str(caught.value)


def test_a_sound_filter_passes(registry: fpframe.Registry) -> None:
    check_component(Dull())
    check_component(registry.create("filter", "flip", probability=0.5))
    check_component(registry.create("filter", "round", decimals=1))

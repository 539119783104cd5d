"""The checks for attacks: each fails for a component that breaks that promise alone."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import pytest
import torch

import fpframe
from fpframe import AttackSimulator, ParameterError
from fpframe.interfaces.component import Component
from fpframe.rng import derive_seed
from fpframe.testing.bench import Bench
from fpframe.testing.check import ConformanceError
from fpframe.testing.checks import attack as checks
from fpframe.testing.results import check_component
from fpframe_plugins.attacks.extract import Extract
from fpframe_plugins.attacks.knockoff import Knockoff
from fpframe_plugins.attacks.weight_noise import WeightNoise
from kit import require_fault_alone


@attrs.frozen(kw_only=True)
class Thief(AttackSimulator):
    """Ask everything that is owned, and learn the answers."""

    name: ClassVar[str] = "thief"
    access: ClassVar[Any] = "probs"
    natural: ClassVar[bool] = True

    def images(self, data: Any, context: Any) -> Any:
        return data

    def pixels(self, images: Any) -> Any:
        return images.pixels

    def ask(self, teacher: Any, pixels: Any) -> Any:
        return teacher(pixels)

    def simulate(self, student: Any, teacher: Any, data: Any, *, context: Any, seed: int) -> Any:
        images = self.images(data, context)
        pixels = self.pixels(images)
        targets = images.labels if teacher is None else self.ask(teacher, pixels)
        return fpframe.train(student, pixels, targets, context.training, seed=seed)


@attrs.frozen(kw_only=True)
class Blurring(AttackSimulator):
    """Blur the weights of a stolen model."""

    name: ClassVar[str] = "blurring"
    access: ClassVar[Any] = "weights"

    def simulate(self, student: Any, teacher: Any, data: Any, *, context: Any, seed: int) -> Any:
        assert teacher is None
        source = torch.Generator().manual_seed(derive_seed(seed, "blur"))
        with torch.no_grad():
            for weight in student.parameters():
                weight.add_(0.01 * torch.randn(weight.shape, generator=source))
        return student.eval()


class OfNothing(Thief):
    """Declare a holding that there is none of."""

    access: ClassVar[Any] = "queries"


class InTraining(Blurring):
    """Leave the student in training mode."""

    def simulate(self, *args: Any, **options: Any) -> Any:
        return super().simulate(*args, **options).train()


class Diverging(Blurring):
    """Give a student that is broken."""

    def simulate(self, *args: Any, **options: Any) -> Any:
        student = super().simulate(*args, **options)
        with torch.no_grad():
            next(student.parameters()).fill_(torch.inf)
        return student


class Hooked(Blurring):
    """Change answers beside the weights."""

    def simulate(self, *args: Any, **options: Any) -> Any:
        student = super().simulate(*args, **options)
        student.module.register_forward_hook(lambda module, inputs, logits: logits / 3)
        return student


class Rebuilt(Blurring):
    """Cut the last layer into two."""

    def simulate(self, *args: Any, **options: Any) -> Any:
        student = super().simulate(*args, **options)
        student.module = torch.nn.Sequential(student.module, torch.nn.Linear(4, 4))
        return student.eval()


class PastTheBooks(Thief):
    """Ask the model behind the query."""

    def ask(self, teacher: Any, pixels: Any) -> Any:
        return teacher._ask(pixels).softmax(1)


class Silent(Thief):
    """Ask nothing."""

    def ask(self, teacher: Any, pixels: Any) -> Any:
        return torch.full((len(pixels), 4), 0.25)


class RaisingTheLimit(Thief):
    """Set the limit to what is wanted."""

    def ask(self, teacher: Any, pixels: Any) -> Any:
        teacher.max_queries = len(pixels)
        return teacher(pixels)


class InBytes(Thief):
    """Ask pixels from 0 to 255."""

    natural: ClassVar[bool] = False

    def pixels(self, images: Any) -> Any:
        return images.pixels * 255


class Mirroring(Thief):
    """Call mirrored images natural."""

    def pixels(self, images: Any) -> Any:
        return images.pixels.flip(-1)


class Knowing(Thief):
    """Mix true labels into the answers."""

    def simulate(self, student: Any, teacher: Any, data: Any, *, context: Any, seed: int) -> Any:
        answers = torch.eye(4)[data.labels]
        if teacher is not None:
            answers = (answers + teacher(data.pixels)) / 2
        return fpframe.train(student, data.pixels, answers, context.training, seed=seed)


class SoftAfterAll(Thief):
    """Declare labels and learn probabilities."""

    @property
    def learns_labels(self) -> bool:
        return True


class Idle(Thief):
    """Learn nothing without a teacher."""

    def simulate(self, student: Any, teacher: Any, data: Any, *, context: Any, seed: int) -> Any:
        if teacher is None:
            return student.eval()
        return super().simulate(student, teacher, data, context=context, seed=seed)


class Collecting(Thief):
    """Name a pool that is never used."""

    @property
    def pools(self) -> tuple[str, ...]:
        return ("folder:other",)


class Uncounted(Thief):
    """Give no estimate."""

    def image_passes(self, available: int, epochs: int) -> float:
        return float("inf")


BROKEN: dict[str, Component] = {
    "declares_what_it_holds_of_the_victim": OfNothing(),
    "the_student_gives_finite_logits": InTraining(),
    "the_student_is_its_weights": Hooked(),
    "every_question_is_counted": PastTheBooks(),
    "the_victims_limit_holds": RaisingTheLimit(),
    "it_asks_pixels": InBytes(),
    "a_natural_attack_asks_images_as_they_were_found": Mirroring(),
    "true_labels_teach_nothing_where_there_is_a_teacher": Knowing(),
    "an_attack_on_labels_learns_nothing_else": SoftAfterAll(),
    "without_a_teacher_it_learns_true_labels": Idle(),
    "it_draws_from_the_pools_that_it_names": Collecting(),
    "image_passes_can_be_estimated": Uncounted(),
}
WORDS = {
    "declares_what_it_holds_of_the_victim": "access is 'queries'; declare one of weights, probs, labels",
    "the_student_gives_finite_logits": "the student is in training mode; return student.eval()",
    "the_student_is_its_weights": "a network with the student's weights answers differently; put the change into",
    "every_question_is_counted": "the victim saw 40 images and its query counted 0; ask by calling the teacher",
    "the_victims_limit_holds": "it asks 40 images of a victim that allows 20; never raise teacher.max_queries",
    "it_asks_pixels": "it asks pixels from 0 to 255; clip them to [0, 1]",
    "a_natural_attack_asks_images_as_they_were_found": "40 images that it sends are not images that it found; send",
    "true_labels_teach_nothing_where_there_is_a_teacher": "it learns the true labels though it has a teacher; learn",
    "an_attack_on_labels_learns_nothing_else": "its student depends on probabilities; take",
    "without_a_teacher_it_learns_true_labels": "its student does not depend on the labels; learn data.labels",
    "it_draws_from_the_pools_that_it_names": "it asks nothing of the pool 'folder:other', which is opened for it",
    "image_passes_can_be_estimated": "image_passes(2, 1) is inf; return a number of images",
}
#: Who goes past the books is stopped by no limit either.
FOLLOWING = {"every_question_is_counted": {"the_victims_limit_holds"}}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_attack_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check], FOLLOWING.get(check, ()))


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (Diverging(), "the student's logits are not finite"),
        (Rebuilt(), "the student has other weights than its architecture: Error(s) in loading state_dict"),
        (Silent(), "it asks nothing, though it holds nothing else of the victim; ask the teacher"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_faults_are_told_too(component: Component, words: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_component(component)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "component",
    [
        Thief(),
        Blurring(),
        Extract(labels="top1"),
        Extract(budget=10),
        Knockoff(policy="adaptive"),
        WeightNoise(level=0),
        Knockoff(pool="folder:other", labels="top1"),
    ],
    ids=lambda component: component.spec(),
)
def test_a_sound_attack_passes(component: Component) -> None:
    check_component(component)


def test_a_pool_has_classes_that_the_victim_does_not_know() -> None:
    pool = checks.arrange(Knockoff(pool="digits"), Bench()).context.pools["digits"]
    assert int(pool.labels.max()) >= 4


def test_a_pool_that_is_no_text_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match=r"'pool' of 'knockoff' must be the address of a data set \(got 3\)"):
        Knockoff(pool=3)

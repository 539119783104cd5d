"""Checks for attacks."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.errors import ResourceError
from fpframe.interfaces import AttackContext, AttackSimulator
from fpframe.models import Classifier, Images, Query, Training, to_pixels
from fpframe.testing.bench import CLASSES, Bench
from fpframe.testing.check import check, require
from fpframe.testing.exercise import Setting, Task, recorded

#: Images that the thief owns, and images in each pool.
IMAGES = 40
#: Several steps, so that the order of the images matters, also to a thief who takes a part of them.
TRAINING = Training(epochs=1, batch_size=4, learning_rate=1e-2)


@attrs.frozen(kw_only=True, eq=False)
class Scene:
    """All that an attack is given.

    Attributes:
        victim: the model that is stolen, which must stay as it is.
        student: what the attack may change.
        teacher: the victim behind a plain function; ``None`` where the attack holds its weights.
        data: what the thief owns.
        context: training and pools.
        asked: the images that the victim sees, batch by batch.
    """

    victim: Classifier
    student: Classifier
    teacher: Query | None
    data: Images
    context: AttackContext
    asked: list[Tensor]

    def play(self, component: AttackSimulator, *, seed: int = 0) -> Theft:
        """Let the attack happen."""
        made = component.simulate(self.student, self.teacher, self.data, context=self.context, seed=seed)
        return Theft(student=made, asked=self.asked, counted=self.teacher.spent if self.teacher else 0)


@attrs.frozen(kw_only=True, eq=False)
class Theft:
    """What came of an attack: what it returned, what the victim saw, and how many images its query counted."""

    student: Any
    asked: list[Tensor]
    counted: int

    @property
    def seen(self) -> int:
        """Images that the victim saw."""
        return sum(map(len, self.asked))

    @property
    def weights(self) -> dict[str, Tensor]:
        """The student's weights and buffers, by name."""
        require(
            isinstance(self.student, Classifier),
            f"it returns a {type(self.student).__name__}; return the student, which is a Classifier",
        )
        return dict(self.student.module.state_dict())

    def same_student(self, other: Theft) -> bool:
        """Whether both students have the same weights, to the last bit."""
        return all(torch.equal(value, other.weights[name]) for name, value in self.weights.items())


def arrange(
    component: AttackSimulator,
    bench: Bench,
    setting: Setting = Setting(),  # noqa: B008
    *,
    labels: bool = False,
    max_queries: int | None = None,
) -> Scene:
    """Return a scene for an attack.

    Args:
        component: the attack.
        bench: where images and models come from.
        setting: channels and device.
        labels: whether the victim reveals labels only, whatever the attack holds of it.
        max_queries: most images that the victim answers.
    """
    channels = setting.channels
    victim = bench.classifier(channels=channels).to(setting.device)
    asked: list[Tensor] = []
    only_labels = labels or component.access == "labels"

    def ask(pixels: Tensor) -> Tensor:
        asked.append(pixels.clone())
        answers = victim.logits(pixels)
        return answers.argmax(1) if only_labels else answers

    holds_weights = component.access == "weights"
    teacher = Query(ask, num_classes=CLASSES, outputs="labels" if only_labels else "logits", max_queries=max_queries)
    student = bench.classifier(channels=channels) if holds_weights else bench.untrained(channels=channels, seed=9)
    pools = {
        address: _other_images(bench, channels, seed=50 + number) for number, address in enumerate(component.pools)
    }
    return Scene(
        victim=victim,
        student=student.to(setting.device),
        teacher=None if holds_weights else teacher,
        data=bench.images(IMAGES, channels=channels, seed=5),
        context=AttackContext(
            training=TRAINING,
            pools=pools,
            companion=bench.untrained(channels=channels, seed=11).to(setting.device) if component.companion else None,
        ),
        asked=asked,
    )


def _other_images(bench: Bench, channels: int, *, seed: int) -> Images:
    """Return images of a pool, whose classes are not the victim's: there are more of them."""
    return Images(bench.images(IMAGES, channels=channels, seed=seed).images, torch.arange(IMAGES) % (CLASSES + 3))


def prepare(component: AttackSimulator, bench: Bench, setting: Setting) -> Task:
    """Let it steal a trained model."""
    scene = arrange(component, bench, setting)
    tensors = {"the thief's images": scene.data.pixels, "the thief's labels": scene.data.labels}
    for address, pool in scene.context.pools.items():
        tensors |= {f"images of '{address}'": pool.pixels, f"labels of '{address}'": pool.labels}
    return Task(
        work=lambda: scene.play(component, seed=setting.seed),
        results=lambda theft: theft.weights,
        models={"the victim": scene.victim},
        tensors=tensors,
    )


_run = partial(recorded, prepare=prepare)


def _asks(component: AttackSimulator) -> bool:
    return component.access != "weights"


def _relabelled(images: Images) -> Images:
    return Images(images.images, (images.labels + 1) % CLASSES)


@check("attack")
def declares_what_it_holds_of_the_victim(component: AttackSimulator, bench: Bench) -> None:
    """`access` says what the thief holds: the victim's weights, its probabilities or its labels."""
    known = ("weights", "probs", "labels")
    require(component.access in known, f"access is {component.access!r}; declare one of {', '.join(known)}")


@check("attack")
def the_student_gives_finite_logits(component: AttackSimulator, bench: Bench) -> None:
    """What comes out tells the victim's classes of the victim's images, in evaluation mode."""
    for channels in (1, 3):
        theft: Theft = _run(component, bench, Setting(channels=channels)).made
        training = [name for name, module in theft.student.named_modules() if module.training]
        require(not training, "the student is in training mode; return student.eval()")
        logits = theft.student.logits(bench.images(8, channels=channels, seed=6).pixels)
        require(logits.shape == (8, CLASSES), f"the student answers in shape {tuple(logits.shape)}; tell every class")
        require(logits.isfinite().all(), "the student's logits are not finite; keep the training from diverging")


@check("attack")
def the_student_is_its_weights(component: AttackSimulator, bench: Bench) -> None:
    """Its weights alone make the student again: they are what is stored of it."""
    student = _run(component, bench).made.student
    pixels = bench.images(8, seed=6).pixels
    again = component.join(bench.untrained(seed=1), bench.untrained(seed=2))
    try:
        again.module.load_state_dict(student.module.state_dict())
    except RuntimeError as error:
        raise AssertionError(
            f"the student has other weights than its architecture: {' '.join(str(error).split())}; change their "
            "values, and neither names nor shapes"
        ) from error
    require(
        torch.allclose(again.logits(pixels), student.logits(pixels), atol=1e-5),
        "a network with the student's weights answers differently; put the change into the weights, and remove hooks",
    )


@check("attack", when=_asks)
def every_question_is_counted(component: AttackSimulator, bench: Bench) -> None:
    """What the victim sees is what its query counts."""
    theft = _run(component, bench).made
    require(theft.seen, "it asks nothing, though it holds nothing else of the victim; ask the teacher")
    require(
        theft.seen == theft.counted,
        f"the victim saw {theft.seen} images and its query counted {theft.counted}; ask by calling the teacher",
    )


@check("attack", when=_asks)
def the_victims_limit_holds(component: AttackSimulator, bench: Bench) -> None:
    """Where the victim answers fewer images than the attack wants, it sees no more, and nobody raises the limit."""
    most = max(2, _run(component, bench).made.seen // 2)
    scene = arrange(component, bench, max_queries=most)
    with suppress(ResourceError):
        scene.play(component)
    seen = sum(map(len, scene.asked))
    require(seen <= most, f"it asks {seen} images of a victim that allows {most}; never raise teacher.max_queries")


@check("attack", when=_asks)
def it_asks_pixels(component: AttackSimulator, bench: Bench) -> None:
    """It asks images in the victim's shape, as float32 pixels in [0, 1]."""
    for channels in (1, 3):
        shape = bench.images(1, channels=channels).images.shape[1:]
        for batch in _run(component, bench, Setting(channels=channels)).made.asked:
            require(batch.shape[1:] == shape, f"it asks images of shape {tuple(batch.shape[1:])}; ask {tuple(shape)}")
            require(batch.dtype == torch.float32, f"it asks images of {batch.dtype}; ask float32 pixels")
            inside = float(batch.min()) >= 0 and float(batch.max()) <= 1
            require(inside, f"it asks pixels from {batch.min():.3g} to {batch.max():.3g}; clip them to [0, 1]")


@check("attack", when=lambda component: _asks(component) and component.natural)
def a_natural_attack_asks_images_as_they_were_found(component: AttackSimulator, bench: Bench) -> None:
    """An attack that declares itself natural asks what it owns and what is in its pools, unchanged."""
    scene = arrange(component, bench)
    owned = [scene.data, *scene.context.pools.values()]
    known = {image.numpy().tobytes() for images in owned for image in to_pixels(images.images)}
    asked = _run(component, bench).made.asked
    made = sum(image.numpy().tobytes() not in known for batch in asked for image in batch)
    require(
        not made, f"{made} images that it sends are not images that it found; send them unchanged, or remove natural"
    )


@check("attack", when=_asks)
def true_labels_teach_nothing_where_there_is_a_teacher(component: AttackSimulator, bench: Bench) -> None:
    """The student learns what the teacher says; true labels may at most choose what is asked first."""
    scene = arrange(component, bench)
    first: Theft = _run(component, bench).made
    other = attrs.evolve(scene, data=_relabelled(scene.data)).play(component)
    # classes may tell a thief what is worth asking: then it asks other images from the start
    chosen_by_label = bool(first.asked) and not torch.equal(first.asked[0], other.asked[0])
    require(
        chosen_by_label or first.same_student(other),
        "it learns the true labels though it has a teacher; learn what the teacher answers",
    )


@check("attack", when=lambda component: component.access == "probs" and component.learns_labels)
def an_attack_on_labels_learns_nothing_else(component: AttackSimulator, bench: Bench) -> None:
    """Where it learns labels only, a teacher that gives labels only makes the same student."""
    require(
        _run(component, bench).made.same_student(arrange(component, bench, labels=True).play(component)),
        "its student depends on probabilities; take teacher(pixels).argmax(1), or let learns_labels be False",
    )


@check("attack", when=lambda component: _asks(component) and component.takes_true_labels)
def without_a_teacher_it_learns_true_labels(component: AttackSimulator, bench: Bench) -> None:
    """The same recipe without a teacher makes a model that has learned the true labels."""
    scenes = [attrs.evolve(arrange(component, bench), teacher=None) for _ in range(2)]
    right, wrong = scenes[0], attrs.evolve(scenes[1], data=_relabelled(scenes[1].data))
    one, other = right.play(component), wrong.play(component)
    require(
        not one.same_student(other),
        "without a teacher its student does not depend on the labels; learn data.labels, or let takes_true_labels be "
        "False",
    )
    logits = one.student.logits(right.data.pixels)
    require(logits.isfinite().all(), "without a teacher its student's logits are not finite")


@check("attack", when=lambda component: bool(component.pools))
def it_draws_from_the_pools_that_it_names(component: AttackSimulator, bench: Bench) -> None:
    """Every pool that it names is by address, and what it asks depends on it."""
    for address in component.pools:
        named = isinstance(address, str) and address.strip() == address != ""
        require(named, f"{address!r} is not the address of a data set; name pools as in digits or folder:PATH")
        scene = arrange(component, bench)
        other = {**scene.context.pools, address: _other_images(bench, 1, seed=99)}
        changed = attrs.evolve(scene, context=attrs.evolve(scene.context, pools=other)).play(component)
        same = torch.equal(torch.cat(_run(component, bench).made.asked), torch.cat(changed.asked))
        require(not same, f"it asks nothing of the pool '{address}', which is opened for it; use it, or do not name it")


@check("attack")
def image_passes_can_be_estimated(component: AttackSimulator, bench: Bench) -> None:
    """The number of images learned from is finite and not negative, for few images and for many."""
    for available, epochs in ((2, 1), (100, 4), (60_000, 30)):
        passes = component.image_passes(available, epochs)
        number = isinstance(passes, int | float) and math.isfinite(passes) and passes >= 0
        require(number, f"image_passes({available}, {epochs}) is {passes!r}; return a number of images")

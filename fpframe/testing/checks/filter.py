"""Checks for answer filters."""

from __future__ import annotations

from functools import partial

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.errors import ResourceError, UsageError
from fpframe.interfaces import AnswerFilter, FilteredQuery, Probe
from fpframe.models import TOP1, Outputs, Query, infer_outputs
from fpframe.rng import generator
from fpframe.testing.bench import CLASSES, SIDE, Bench
from fpframe.testing.check import check, require
from fpframe.testing.exercise import Setting, Task, recorded

#: Images that are asked through a filter.
IMAGES = 12
#: Times that a suspect is asked the same images.
ROUNDS = 3


class Suspect:
    """A function from pixels to logits that remembers the images it saw.

    It answers with the means of the quarters of an image: those of one image never depend on the others in its batch.
    """

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, CLASSES)``."""
        self.seen.append(pixels.clone())
        return 12 * F.adaptive_avg_pool2d(pixels.mean(1), 2).flatten(1)

    def labels(self, pixels: Tensor) -> Tensor:
        """Return labels ``(N,)``."""
        return self(pixels).argmax(1)

    def broken(self, pixels: Tensor) -> Tensor:
        """Return probabilities ``(N, CLASSES)`` of which one in each row is not finite, by turns NaN and infinite."""
        answers = self(pixels).softmax(1)
        answers[0::2, 0] = torch.nan
        answers[1::2, 1] = torch.inf
        return answers

    @property
    def count(self) -> int:
        """Images seen so far."""
        return sum(map(len, self.seen))


@attrs.frozen(kw_only=True)
class _Plain(AnswerFilter):
    """Change nothing."""

    name = "plain"

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access that changes nothing."""
        return FilteredQuery(query, self)


def opened(suspect: Suspect, outputs: Outputs = "logits", *, max_queries: int | None = None) -> Query:
    """Return access to a suspect in the way in which it answers."""
    ask = suspect.labels if outputs == "labels" else suspect.broken if outputs == "probs" else suspect
    return Query(
        ask, num_classes=CLASSES, outputs=outputs, max_queries=max_queries, address="suspect.onnx", digest="ab" * 32
    )


def prepare(component: AnswerFilter, bench: Bench, setting: Setting) -> Task:
    """Let it stand between a trained model and a few questions."""
    model = bench.classifier(channels=setting.channels).to(setting.device)
    pixels = bench.images(IMAGES, channels=setting.channels, seed=1).pixels
    return Task(
        work=lambda: component.wrap(model.as_query(), seed=setting.seed)(pixels),
        results=lambda answers: {"answers": answers},
        models={"the model": model},
        tensors={"the questions": pixels},
    )


_run = partial(recorded, prepare=prepare)


def _detects(component: AnswerFilter) -> bool:
    """Whether the class recognises itself; the base class never does."""
    own, base = type(component).detect, AnswerFilter.detect
    return own.__func__ is not base.__func__  # type: ignore[attr-defined]  # class methods have one


@check("filter")
def answers_stay_probabilities(component: AnswerFilter, bench: Bench) -> None:
    """Answers are float32 rows in [0, 1] that sum to 1, up to the decimals that they are rounded to."""
    for channels in (1, 3):
        answers = _run(component, bench, Setting(channels=channels)).made
        shape, dtype = tuple(answers.shape), answers.dtype
        require(
            shape == (IMAGES, CLASSES) and dtype == torch.float32,
            f"it answers {dtype} {shape}; give float32 ({IMAGES}, {CLASSES})",
        )
        inside = bool(((answers >= -1e-6) & (answers <= 1 + 1e-6)).all())
        require(inside, f"it answers values from {answers.min():.3g} to {answers.max():.3g}; keep them in [0, 1]")
        require(infer_outputs(answers, CLASSES) == "probs", "its rows do not sum to 1; divide each by its sum")


@check("filter", when=lambda component: component.needs == "any")
def labels_stay_labels(component: AnswerFilter, bench: Bench) -> None:
    """A suspect that reveals labels only does so through the filter: one-hot rows, and the channel says so."""
    query = component.wrap(opened(Suspect(), "labels"), seed=0)
    answers = query(bench.images(IMAGES, seed=1).pixels)
    one_hot = bool(((answers == 0) | (answers == 1)).all()) and bool((answers.sum(1) == 1).all())
    require(one_hot, "labels come out as something else; leave one-hot rows one-hot, or declare needs = 'probs'")
    require(query.channel == TOP1, f"it makes labels look like '{query.channel}'; return a FilteredQuery")


@check("filter", when=lambda component: component.needs == "probs")
def a_suspect_of_labels_is_refused(component: AnswerFilter, bench: Bench) -> None:
    """A filter that needs probabilities refuses a suspect that reveals labels only, at once or after its answers."""
    for query in (opened(Suspect(), "labels"), Query(Suspect().labels, num_classes=CLASSES)):
        try:
            component.wrap(query, seed=0)(bench.images(IMAGES, seed=1).pixels)
        except UsageError as error:
            require("\n" not in str(error), "its refusal has several lines; say it in one")
        else:
            raise AssertionError("it takes a suspect that reveals labels only; return a FilteredQuery, which refuses")


@check("filter")
def answers_that_are_not_finite_stay_so(component: AnswerFilter, bench: Bench) -> None:
    """No row with a NaN or an infinity becomes an answer, for a verdict must see that the suspect gives none."""
    answers = component.wrap(opened(Suspect(), "probs"), seed=0)(bench.images(IMAGES, seed=1).pixels)
    healed = int(answers.isfinite().all(1).sum())
    require(not healed, f"{healed} of {IMAGES} rows that were not finite became answers; let them through as they are")


@check("filter")
def images_are_counted_on_both_sides(component: AnswerFilter, bench: Bench) -> None:
    """Every image is counted where it is asked, and what the suspect sees is counted by the query inside."""
    suspect = Suspect()
    inner = opened(suspect)
    outer = component.wrap(inner, seed=0)
    outer(bench.images(IMAGES, seed=1).pixels)
    require(outer.spent == IMAGES, f"{IMAGES} images were asked and {outer.spent} are counted; return a FilteredQuery")
    require(
        inner.spent == suspect.count >= IMAGES,
        f"of {IMAGES} images the suspect saw {suspect.count} and its query counted {inner.spent}; ask by calling the "
        "query",
    )


@check("filter")
def the_limits_of_both_sides_hold(component: AnswerFilter, bench: Bench) -> None:
    """What goes over the limit of either query is a `ResourceError`, and nothing is asked then."""
    for side in ("inner", "outer"):
        suspect = Suspect()
        outer = component.wrap(opened(suspect, max_queries=IMAGES - 1 if side == "inner" else None), seed=0)
        if side == "outer":
            outer.max_queries = IMAGES - 1
        try:
            outer(bench.images(IMAGES, seed=1).pixels)
        except ResourceError:
            require(not suspect.count, f"it asks {suspect.count} images before the {side} limit is found out; use it")
        else:
            raise AssertionError(f"it goes over the limit of the {side} query; return a FilteredQuery")


@check("filter")
def says_what_it_is(component: AnswerFilter, bench: Bench) -> None:
    """The address tells the filter, and digest and classes are the model's own."""
    inner = opened(Suspect())
    outer = component.wrap(inner, seed=0)
    expected = f"{inner.address}|{component.spec()}"
    require(outer.address == expected, f"its address is '{outer.address}'; make it '{expected}'")
    require(outer.digest == inner.digest, "its digest is not that of the model; hand it on")
    require(outer.num_classes == CLASSES, f"it tells {outer.num_classes} classes of {CLASSES}; hand the number on")


@check("filter")
def answers_do_not_depend_on_batches(component: AnswerFilter, bench: Bench) -> None:
    """The same questions in the same order get the same answers, however they are cut into batches."""
    pixels = bench.images(IMAGES, seed=1).pixels
    whole, pieces = (component.wrap(opened(Suspect()), seed=0) for _ in range(2))
    cut = torch.cat([pieces(part) for part in pixels.split([1, 5, IMAGES - 6])])
    require(
        torch.allclose(whole(pixels), cut, atol=1e-4),
        "cut into other batches, the same questions get other answers; draw random numbers image by image",
    )


@check("filter")
def images_inside_stay_pixels(component: AnswerFilter, bench: Bench) -> None:
    """The suspect sees float32 pixels in [0, 1] in the shape that was asked, black and white images included."""
    for channels in (1, 3):
        asked = bench.images(4, channels=channels, seed=1).pixels
        asked[0], asked[1] = 0, 1
        suspect = Suspect()
        component.wrap(opened(suspect), seed=0)(asked)
        for seen in suspect.seen:
            shape = tuple(seen.shape[1:])
            require(shape == (channels, SIDE, SIDE), f"the suspect sees images of shape {shape}; keep their shape")
            require(seen.dtype == torch.float32, f"the suspect sees images of {seen.dtype}; keep them float32")
            inside = float(seen.min()) >= 0 and float(seen.max()) <= 1
            require(inside, f"the suspect sees pixels from {seen.min():.3g} to {seen.max():.3g}; clip them to [0, 1]")


@check("filter")
def goes_around_another_filter(component: AnswerFilter, bench: Bench) -> None:
    """It can be put around a filter, and asks through it."""
    suspect = Suspect()
    inner = _Plain().wrap(opened(suspect), seed=0)
    answers = component.wrap(inner, seed=1)(bench.images(IMAGES, seed=1).pixels)
    require(answers.shape == (IMAGES, CLASSES), f"around another filter it answers in shape {tuple(answers.shape)}")
    require(inner.spent == suspect.count, "it goes past the filter that it is put around; ask by calling the query")


@check("filter", when=_detects)
def detects_nothing_where_answers_are_stable(component: AnswerFilter, bench: Bench) -> None:
    """Nothing is detected in a suspect that says the same each time."""
    query = opened(Suspect())
    pixels = bench.images(IMAGES, seed=1).pixels
    found = type(component).detect(Probe(pixels=pixels, answers=query(pixels).expand(ROUNDS, -1, -1), ask=query))
    require(found is None, f"it detects {found!r} where answers never change; return None")


@check("filter", when=_detects)
def what_it_detects_is_a_filter_of_its_class(component: AnswerFilter, bench: Bench) -> None:
    """In answers that change it detects itself or nothing."""
    pixels = bench.images(IMAGES, seed=1).pixels
    own = component.wrap(opened(Suspect()), seed=0)
    noise = 0.1 * torch.randn(ROUNDS, IMAGES, CLASSES, generator=generator(0, "rounds"))
    noisy = (opened(Suspect())(pixels) + noise).softmax(2)
    for answers in (torch.stack([own(pixels) for _ in range(ROUNDS)]), noisy):
        found = type(component).detect(Probe(pixels=pixels, answers=answers, ask=own))
        require(
            found is None or isinstance(found, type(component)),
            f"it detects {found!r}; return None or a {type(component).__name__}",
        )

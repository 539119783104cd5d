"""Checks for augmenters."""

from __future__ import annotations

import itertools
from functools import partial

import torch
from torch import Tensor

from fpframe.errors import DataError, first_line
from fpframe.interfaces import Augmenter
from fpframe.testing.bench import Bench
from fpframe.testing.check import check, require
from fpframe.testing.exercise import Setting, Task, models_by_name, recorded

#: Images in the pool, points of a view, and views.
POOL, POINTS, VIEWS = 96, 6, 3


def prepare(component: Augmenter, bench: Bench, setting: Setting) -> Task:
    """Let it choose from a small pool for a trained model."""
    pool = bench.images(POOL, channels=setting.channels, seed=1)
    model = bench.classifier(channels=setting.channels).to(setting.device)
    references = bench.references_for(component, channels=setting.channels)
    pixels = pool.pixels

    def work() -> Tensor:
        return component(
            model, pixels, pool.labels, points=POINTS, views=VIEWS, references=references, seed=setting.seed
        )

    return Task(
        work=work,
        results=lambda chosen: {"chosen": chosen},
        models=models_by_name(model, references),
        tensors={"the pool": pixels, "labels": pool.labels},
    )


_run = partial(recorded, prepare=prepare)


def _shown(chosen: Tensor, pool: Tensor) -> Tensor:
    """Return the images ``(V, N, C, H, W)`` that were chosen, whether as indices or as images."""
    return chosen if chosen.ndim == 5 else pool[chosen]


@check("augmenter")
def the_points_of_a_view_are_distinct(component: Augmenter, bench: Bench) -> None:
    """No image is shown twice in one view."""
    for view in _shown(_run(component, bench).made, bench.images(POOL, seed=1).pixels):
        distinct = len(view.flatten(1).unique(dim=0))
        require(distinct == POINTS, f"a view of {POINTS} points shows {distinct} different images; let each differ")


@check("augmenter")
def views_differ(component: Augmenter, bench: Bench) -> None:
    """No two views show the same points."""
    shown = _shown(_run(component, bench).made, bench.images(POOL, seed=1).pixels).flatten(2)
    for first, second in itertools.combinations(range(VIEWS), 2):
        require(
            not torch.equal(shown[first], shown[second]),
            f"views {first} and {second} show the same images; choose other points, or vary them",
        )


@check("augmenter")
def images_of_its_own_are_finite_pixels(component: Augmenter, bench: Bench) -> None:
    """What it returns are indices of type int64, or float32 images in [0, 1] like those of the pool."""
    for channels in (1, 3):
        chosen = _run(component, bench, Setting(channels=channels)).made
        require(
            chosen.dtype == (torch.float32 if chosen.ndim == 5 else torch.int64),
            f"it returns {chosen.dtype}; return indices as torch.int64, or images as torch.float32",
        )
        require(bool(chosen.isfinite().all()), "it returns images that are not finite; keep them in [0, 1]")


@check("augmenter")
def one_view_is_enough(component: Augmenter, bench: Bench) -> None:
    """It can choose a single view."""
    pool = bench.images(POOL, seed=1)
    references = bench.references_for(component)
    chosen = component(
        bench.classifier(), pool.pixels, pool.labels, points=POINTS, views=1, references=references, seed=0
    )
    require(chosen.shape[:2] == (1, POINTS), f"with one view it returns shape {tuple(chosen.shape)}")


@check("augmenter")
def a_constant_model_has_points_too(component: Augmenter, bench: Bench) -> None:
    """It chooses points for a model that gives one answer to every image."""
    pool = bench.images(POOL, seed=1)
    references = bench.references_for(component)
    component(bench.constant(), pool.pixels, pool.labels, points=POINTS, views=VIEWS, references=references, seed=0)


@check("augmenter", when=lambda component: not component.needs_gradients)
def choosing_needs_no_gradients(component: Augmenter, bench: Bench) -> None:
    """One that does not declare to need gradients chooses the same for a model that has none."""
    pool, references = bench.images(POOL, seed=1), bench.references_for(component)
    model = bench.without_gradients()
    try:
        chosen = component(model, pool.pixels, pool.labels, points=POINTS, views=VIEWS, references=references, seed=0)
    except RuntimeError as error:
        raise AssertionError(f"it needs gradients ({first_line(error)}); declare 'needs_gradients = True'") from error
    require(
        torch.equal(chosen, _run(component, bench).made),
        "it chooses others for a model without gradients; declare 'needs_gradients = True'",
    )


@check("augmenter")
def a_small_pool_is_used_up_or_refused(component: Augmenter, bench: Bench) -> None:
    """Where the pool cannot give as many points as are asked for, it says so in a `DataError` on one line."""
    pool = bench.images(8, seed=1)
    references = bench.references_for(component)
    try:
        component(bench.classifier(), pool.pixels, pool.labels, points=8, views=4, references=references, seed=0)
    except DataError as error:
        require("\n" not in str(error), "its refusal of a small pool has several lines; say it in one")
        require(any(map(str.isdigit, str(error))), f"its refusal tells no numbers: {error}; say how many are there")

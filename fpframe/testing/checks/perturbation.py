"""Checks for perturbation generators."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from fpframe.errors import first_line
from fpframe.interfaces import Perturbation, PerturbationGenerator
from fpframe.testing.bench import Bench
from fpframe.testing.check import check, require
from fpframe.testing.exercise import Setting, Task, models_by_name, recorded
from fpframe.testing.timelimit import in_time

#: Images that a generator is tried on.
IMAGES = 12


def prepare(component: PerturbationGenerator, bench: Bench, setting: Setting) -> Task:
    """Let it perturb a few images of a trained model."""
    few = bench.images(IMAGES, channels=setting.channels, seed=1)
    model = bench.classifier(channels=setting.channels).to(setting.device)
    references = bench.references_for(component, channels=setting.channels)
    pixels = few.pixels
    return Task(
        work=lambda: component(model, pixels, few.labels, references=references, seed=setting.seed),
        results=_results,
        models=models_by_name(model, references),
        tensors={"images": pixels, "labels": few.labels},
    )


def _results(made: Perturbation) -> dict[str, Tensor]:
    return {"delta": made.delta, "converged": made.converged}


_run = partial(recorded, prepare=prepare)


@check("perturbation")
def delta_has_the_shape_of_its_scope(component: PerturbationGenerator, bench: Bench) -> None:
    """A universal generator gives one delta for all images, a local one gives one for each."""
    for channels in (1, 3):
        made = _run(component, bench, Setting(channels=channels)).made
        rows = 1 if component.scope == "universal" else IMAGES
        require(made.delta.shape[:2] == (rows, channels), f"delta {tuple(made.delta.shape)} does not fit its scope")
        require(made.converged.dtype == torch.bool, f"'converged' is of {made.converged.dtype}; use torch.bool")


@check("perturbation", when=lambda component: component.bound is not None)
def the_bound_holds_for_each_sample(component: PerturbationGenerator, bench: Bench) -> None:
    """No sample's delta is longer than epsilon, in the norm that the generator declares."""
    delta = _run(component, bench).made.delta.flatten(1).double()
    bound = component.bound
    assert bound is not None
    lengths = delta.abs().amax(1) if component.norm == "linf" else delta.norm(dim=1)
    # an l2 length is a sum of rounded squares; a pixel is not
    slack = 0.0 if component.norm == "linf" else 1e-6 * bound
    longest = float(lengths.max())
    require(longest <= bound + slack, f"a delta has {component.norm} norm {longest:.6g}, over its bound of {bound:.6g}")


@check("perturbation")
def deltas_are_finite_float32(component: PerturbationGenerator, bench: Bench) -> None:
    """Every number is finite, on ordinary images and on ones that are all black or all white."""
    few = bench.images(IMAGES, seed=1)
    blank = torch.cat([torch.zeros_like(few.pixels[: IMAGES // 2]), torch.ones_like(few.pixels[IMAGES // 2 :])])
    references = bench.references_for(component)
    made = component(bench.classifier(), blank, few.labels, references=references, seed=0)
    for delta in (_run(component, bench).made.delta, made.delta):
        require(delta.dtype == torch.float32 and bool(delta.isfinite().all()), "delta is not finite float32")


@check("perturbation")
def one_image_is_enough(component: PerturbationGenerator, bench: Bench) -> None:
    """It works on a single image."""
    one = bench.images(1, seed=1)
    references = bench.references_for(component)
    made = component(bench.classifier(), one.pixels, one.labels, references=references, seed=0)
    require(len(made.delta) == 1, f"for one image it gives {len(made.delta)} deltas")


@check("perturbation", when=lambda component: not component.needs_gradients)
def crafting_needs_no_gradients(component: PerturbationGenerator, bench: Bench) -> None:
    """One that declares to need no gradients makes the same of a model that has none."""
    few, references = bench.images(IMAGES, seed=1), bench.references_for(component)
    try:
        made = component(bench.without_gradients(), few.pixels, few.labels, references=references, seed=0)
    except RuntimeError as error:
        raise AssertionError(
            f"it needs gradients ({first_line(error)}); leave out 'needs_gradients = False'"
        ) from error
    require(
        torch.equal(made.delta, _run(component, bench).made.delta),
        "it makes another delta of a model without gradients; leave out 'needs_gradients = False'",
    )


@check("perturbation")
def it_ends_on_a_constant_model(component: PerturbationGenerator, bench: Bench) -> None:
    """It comes to an end where no perturbation can change an answer."""
    few = bench.images(4, seed=1)
    model, references = bench.constant(), bench.references_for(component)
    made = in_time(lambda: component(model, few.pixels, few.labels, references=references, seed=0))
    require(bool(made.delta.isfinite().all()), "on a model that always gives one answer its delta is not finite")

"""Checks for all kinds that do work: the same seed gives the same result, and nothing else changes."""

from __future__ import annotations

from typing import Any

import torch

from fpframe.interfaces import Component
from fpframe.testing.bench import Bench
from fpframe.testing.check import NotHere, check, require
from fpframe.testing.checks import attack, augmenter, backbone, dataset, encoder, filter, perturbation, suspect
from fpframe.testing.exercise import Prepare, Recording, Setting, recorded

#: How components of a kind are put to work.
PREPARE: dict[str, Prepare] = {
    "perturbation": perturbation.prepare,
    "augmenter": augmenter.prepare,
    "encoder": encoder.prepare,
    "attack": attack.prepare,
    "filter": filter.prepare,
    "backbone": backbone.prepare,
    "dataset": dataset.prepare,
    "suspect": suspect.prepare,
}
#: Kinds whose results may depend on a seed.
SEEDED = ("perturbation", "augmenter", "encoder", "attack", "filter", "backbone")
#: Kinds that are handed a model.
ASKS_MODELS = ("perturbation", "augmenter", "attack", "filter")


def run(component: Component, bench: Bench, setting: Setting = Setting()) -> Recording:  # noqa: B008
    """Put a component to work in the way of its kind."""
    return recorded(component, bench, setting, prepare=PREPARE[component.kind])


def _chance(component: Any) -> bool:
    return component.kind in SEEDED and not component.deterministic


@check()
def gives_the_same_again(component: Component, bench: Bench) -> None:
    """The same input and the same seed give the same result, to the last bit."""
    first, second = run(component, bench), run(component, bench, Setting(repeat=1))
    require(
        first.same_as(second),
        "two runs with one seed differ; draw all random numbers from the seed, and keep nothing between calls",
    )


@check(when=_chance)
def another_seed_gives_another_result(component: Component, bench: Bench) -> None:
    """Another seed gives another result, unless the component declares that it is deterministic."""
    require(
        any(not run(component, bench).same_as(run(component, bench, Setting(seed=seed))) for seed in (1, 2)),
        "other seeds give the same result; use the seed, or declare it: deterministic = True",
    )


@check(when=lambda component: component.kind in SEEDED and component.deterministic)
def no_seed_changes_a_deterministic_result(component: Component, bench: Bench) -> None:
    """A component that declares itself deterministic gives the same result for every seed."""
    require(
        all(run(component, bench).same_as(run(component, bench, Setting(seed=seed))) for seed in (1, 2)),
        "another seed gives another result; do not declare it deterministic",
    )


@check()
def leaves_its_inputs(component: Component, bench: Bench) -> None:
    """Images, labels and answers that it was given are as they were."""
    _unchanged(component, bench, "inputs", "work on a copy")


@check()
def leaves_the_weights(component: Component, bench: Bench) -> None:
    """Models that it was given have the weights and buffers that they had."""
    _unchanged(component, bench, "weights", "work on a copy.deepcopy of the model")


@check()
def leaves_the_train_flags(component: Component, bench: Bench) -> None:
    """Models are in the mode they were in, and hold no gradients."""
    _unchanged(component, bench, "train flags", "use fpframe.evaluating(model), and torch.autograd.grad")


@check()
def leaves_no_hooks(component: Component, bench: Bench) -> None:
    """Models have the hooks that they had."""
    _unchanged(component, bench, "hooks", "remove a hook in a finally block")


@check()
def leaves_the_random_state(component: Component, bench: Bench) -> None:
    """The global generators of torch, numpy and random are as they were."""
    _unchanged(component, bench, "random state", "use fpframe.rng.isolated(seed) or fpframe.rng.generator(seed, ...)")


@check()
def leaves_dtype_and_threads(component: Component, bench: Bench) -> None:
    """Torch's default dtype and its number of threads are as they were."""
    _unchanged(component, bench, "dtype", "restore torch.set_default_dtype")
    _unchanged(component, bench, "threads", "use fpframe.rng.threads(n)")


@check()
def leaves_the_process(component: Component, bench: Bench) -> None:
    """Current folder, environment, logging, warnings, and the modes of torch and numpy are as they were."""
    _unchanged(component, bench, "process", "restore what you change")


@check(when=lambda component: component.kind not in ("dataset", "encoder"))
def works_on_three_channels(component: Component, bench: Bench) -> None:
    """It works on colour images as on grey ones."""
    run(component, bench, Setting(channels=3))


def has_cuda() -> bool:
    """Whether a GPU can be used here."""
    return torch.cuda.is_available()


@check(*ASKS_MODELS)
def works_with_a_model_on_cuda(component: Component, bench: Bench) -> None:
    """It works with a model that lies on a GPU."""
    if not has_cuda():
        raise NotHere("no CUDA device is here")
    run(component, bench, Setting(device="cuda"))


@check()
def keeps_nothing_of_its_work(component: Component, bench: Bench) -> None:
    """After work it has the parameters that it had, and no attribute besides."""
    _unchanged(component, bench, "the component itself", "return results, and keep nothing between calls")


@check()
def prints_nothing(component: Component, bench: Bench) -> None:
    """It writes nothing to stdout, where the results of commands stand."""
    _unchanged(component, bench, "output", "use the logging of the standard library, or warnings")


def _unchanged(component: Component, bench: Bench, topic: str, remedy: str) -> None:
    changed = run(component, bench).changed.get(topic)
    require(changed is None, f"it changes {topic}: {changed}; {remedy}")

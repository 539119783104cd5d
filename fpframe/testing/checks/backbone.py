"""Checks for sources of backbones."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial

import torch
from torch import Tensor

from fpframe.errors import UsageError
from fpframe.interfaces import BackboneSource
from fpframe.models import Classifier, Training, state_digest, train
from fpframe.rng import generator, isolated
from fpframe.testing.bench import CLASSES, Bench
from fpframe.testing.check import check, require
from fpframe.testing.exercise import Setting, Task, recorded

#: Height and width of the images, in pixels: as small as data that networks are made for.
SIDE = 32
IMAGES = 4


def pixels(channels: int = 1) -> Tensor:
    """Return pixels ``(IMAGES, channels, SIDE, SIDE)``."""
    return torch.rand(IMAGES, channels, SIDE, SIDE, generator=generator(0, "backbone", channels))


def build(component: BackboneSource, name: str, *, channels: int = 1, seed: int = 0) -> Classifier:
    """Return one architecture, built anew."""
    return component.build(name, num_classes=CLASSES, image_shape=(channels, SIDE, SIDE), seed=seed)


def prepare(component: BackboneSource, bench: Bench, setting: Setting) -> Task:
    """Let it build its examples."""
    return Task(
        work=lambda: {
            name: build(component, name, channels=setting.channels, seed=setting.seed) for name in component.examples()
        },
        results=lambda made: _weights(made) | _logits(made, setting),
    )


def _weights(made: dict[str, Classifier]) -> dict[str, Tensor]:
    for name, model in made.items():
        require(isinstance(model, Classifier), f"{name} is a {type(model).__name__}; return a Classifier")
    return {f"{name}.{key}": value for name, model in made.items() for key, value in model.module.state_dict().items()}


def _logits(made: dict[str, Classifier], setting: Setting) -> dict[str, Tensor]:
    few = pixels(setting.channels)
    return {name: copy.deepcopy(model).to(setting.device).logits(few) for name, model in made.items()}


_run = partial(recorded, prepare=prepare)


def _examples(component: BackboneSource, bench: Bench, *, channels: int = 1) -> Iterator[tuple[str, Classifier]]:
    """Yield name and a copy of every example."""
    for name, model in _run(component, bench, Setting(channels=channels)).made.items():
        yield name, copy.deepcopy(model)


@check("backbone")
def names_are_sorted_and_match_patterns(component: BackboneSource, bench: Bench) -> None:
    """`names` lists every architecture once, sorted, or those that match a shell pattern."""
    names = component.names()
    require(names, "it has no architectures; list their names")
    require(names == sorted(set(names)), "its names are not sorted, or one occurs twice; return sorted(...)")
    first = names[0]
    for pattern in (first, f"{first[0]}*", "*", f"[!{first[0]}]*", "no such architecture"):
        expected = [name for name in names if fnmatchcase(name, pattern)]
        found = component.names(pattern)
        require(found == expected, f"names('{pattern}') has {len(found)} names, not {len(expected)}; use fnmatch")


@check("backbone")
def examples_are_among_its_names(component: BackboneSource, bench: Bench) -> None:
    """`examples` names at least one of its architectures."""
    examples = component.examples()
    require(examples, "it has no examples; name an architecture or two that are small")
    strangers = sorted(set(examples) - set(component.names()))
    require(not strangers, f"its examples {', '.join(strangers)} are not among its names; name some of these")


@check("backbone")
def an_unknown_architecture_is_refused(component: BackboneSource, bench: Bench) -> None:
    """A name that is nearly right is a `UsageError` on one line that says what is meant."""
    names = component.names()
    wrong = f"{component.examples()[0]}_"
    while wrong in names:
        wrong += "_"
    try:
        build(component, wrong)
    except UsageError as error:
        message = str(error)
        require("\n" not in message, "its refusal of an unknown name has several lines; say it in one")
        require(wrong in message, f"its refusal does not say what is unknown: {message}; name '{wrong}'")
        told = message.replace(wrong, "")
        require(any(name in told for name in names), f"its refusal lists no close names: {message}; add some")
    except Exception as error:
        raise AssertionError(
            f"an unknown name fails with {type(error).__name__}: {error}; raise a UsageError that lists close names"
        ) from error
    else:
        raise AssertionError(f"it builds '{wrong}', which is not one of its names; raise a UsageError")


@check("backbone")
def networks_take_grey_and_coloured_images(component: BackboneSource, bench: Bench) -> None:
    """Networks tell the classes of images with one channel and with three, by finite logits."""
    for channels in (1, 3):
        run = _run(component, bench, Setting(channels=channels))
        for name, model in run.made.items():
            shape = (channels, SIDE, SIDE)
            require(
                (model.num_classes, model.image_shape) == (CLASSES, shape),
                f"{name} is for {model.num_classes} classes of {model.image_shape}; build it for {CLASSES} of {shape}",
            )
            logits = run.results[name]
            require(
                logits.shape == (IMAGES, CLASSES) and logits.isfinite().all(),
                f"{name} answers in shape {tuple(logits.shape)}, or not finite; give ({IMAGES}, {CLASSES}) logits",
            )


@check("backbone")
def networks_know_their_address(component: BackboneSource, bench: Bench) -> None:
    """A network carries the address by which it was built, for it is built anew by it."""
    for name, model in _examples(component, bench):
        expected = f"{component.name}:{name}"
        require(model.address == expected, f"{name} has the address '{model.address}'; make it '{expected}'")


@check("backbone")
def networks_know_their_form(component: BackboneSource, bench: Bench) -> None:
    """A network that was adapted says how, and is built again by that name; `unchanged` names the other one."""
    for name, model in _examples(component, bench):
        unchanged = component.unchanged(name)
        require(
            component.unchanged(unchanged) == unchanged,
            f"unchanged('{unchanged}') is '{component.unchanged(unchanged)}'; return a name that has its form as it is",
        )
        if model.adapted:
            require(
                unchanged != name,
                f"{name} was adapted ({model.form}), and 'unchanged' has no name for it as it was before; write "
                f"'unchanged', so that weights from elsewhere are not opened in {model.architecture}",
            )
        if model.form:
            again = _built_as(component, model.architecture.partition(":")[2])
            require(
                again.form == model.form and torch.equal(again.logits(pixels()), model.logits(pixels())),
                f"{model.architecture} is not the network that {name} is; build the form that a name says",
            )


def _built_as(component: BackboneSource, name: str) -> Classifier:
    try:
        return build(component, name)
    except Exception as error:
        raise AssertionError(
            f"'{component.name}:{name}' cannot be built: {type(error).__name__}: {' '.join(str(error).split())}; take "
            "the names that 'form' makes"
        ) from error


@check("backbone")
def weights_depend_on_the_seed_alone(component: BackboneSource, bench: Bench) -> None:
    """Whatever the global generators are at, the same seed gives the same weights."""
    for name, model in _examples(component, bench):
        with isolated(12345):
            other = build(component, name)
        require(
            state_digest(model.module) == state_digest(other.module),
            f"the weights of {name} depend on the global generators; build inside fpframe.rng.isolated(seed)",
        )


@check("backbone")
def weights_fill_a_second_network(component: BackboneSource, bench: Bench) -> None:
    """A network is its address and its weights: loaded into another one, they answer alike to the last bit."""
    for name, model in _examples(component, bench):
        other = build(component, name, seed=1)
        try:
            other.module.load_state_dict(model.module.state_dict())
        except RuntimeError as error:
            raise AssertionError(
                f"the weights of {name} do not load into another {name}: {' '.join(str(error).split())}; let names "
                "and shapes depend on the address alone"
            ) from error
        require(
            torch.equal(other.logits(pixels()), model.logits(pixels())),
            f"with the same weights another {name} answers differently; keep what it draws in weights or buffers",
        )


@check("backbone")
def a_copy_has_weights_of_its_own(component: BackboneSource, bench: Bench) -> None:
    """A deep copy gives the same answers, and changing it is not changing the network: thieves change copies."""
    for name in component.examples():
        # not one of the recorded ones, which are copies already
        model = build(component, name)
        before = model.logits(pixels())
        twin, weights = copy.deepcopy(model), build(component, name, seed=1).module.state_dict()
        require(torch.equal(twin.logits(pixels()), before), f"a copy of {name} answers differently; hold plain modules")
        twin.module.load_state_dict(weights)
        alone, changed = torch.equal(model.logits(pixels()), before), twin.logits(pixels())
        model.module.load_state_dict(weights)
        require(
            alone and torch.equal(model.logits(pixels()), changed),
            f"{name} and its copy answer by the same weights; call layers through self, not from a closure",
        )


@check("backbone")
def gradients_reach_the_images(component: BackboneSource, bench: Bench) -> None:
    """Logits can be differentiated by the pixels, which perturbations need."""
    for name, model in _examples(component, bench):
        asked = pixels().requires_grad_()
        try:
            (slope,) = torch.autograd.grad(model.eval()(asked).logsumexp(1).sum(), asked)
        except RuntimeError as error:
            raise AssertionError(f"{name} cannot be differentiated by its images: {error}; detach nothing") from error
        require(slope.isfinite().all(), f"the gradient of {name} by its images is not finite")
        require(slope.abs().sum() > 0, f"the gradient of {name} by its images is zero; detach and round nothing")


@check("backbone")
def evaluation_changes_nothing(component: BackboneSource, bench: Bench) -> None:
    """In evaluation mode a network has no memory, and no chance."""
    for name, model in _examples(component, bench):
        before = state_digest(model.module)
        first, second = (model.logits(pixels()) for _ in range(2))
        require(torch.equal(first, second), f"asked twice, {name} answers differently; draw nothing in evaluation mode")
        require(state_digest(model.module) == before, f"{name} changes its buffers in evaluation mode")


@check("backbone")
def networks_learn(component: BackboneSource, bench: Bench) -> None:
    """`fpframe.train` can train a network, which then still answers with finite logits."""
    training = Training(epochs=1, batch_size=2, learning_rate=1e-3)
    for name, model in _examples(component, bench):
        before = state_digest(model.module)
        try:
            train(model, pixels(), torch.arange(IMAGES) % CLASSES, training, seed=0)
        except Exception as error:
            raise AssertionError(
                f"{name} cannot be trained: {type(error).__name__}: {' '.join(str(error).split())}; return one tensor "
                "of logits in training mode too"
            ) from error
        require(state_digest(model.module) != before, f"training changes no weight of {name}; let them need gradients")
        require(model.logits(pixels()).isfinite().all(), f"after two steps of training {name} answers not finite")

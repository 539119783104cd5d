"""The checks of conduct: each fails for a perturbation that breaks that promise alone."""

from __future__ import annotations

import logging
import os
import random
import warnings
from typing import Any, ClassVar

import attrs
import numpy as np
import pytest
import torch

import fpframe
from fpframe.interfaces.component import Component
from fpframe.parameters import epsilon_pixels
from fpframe.testing.check import ConformanceError
from fpframe.testing.results import CheckResult, check_component, run_checks
from kit import failures, require_fault_alone


@attrs.frozen(kw_only=True)
class Noise(fpframe.PerturbationGenerator):
    """Add noise.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
    """

    name: ClassVar[str] = "noise"
    scope: ClassVar[Any] = "universal"
    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)

    def generate(self, model: Any, x: Any, labels: Any, *, references: Any, seed: int) -> Any:
        self.act(model, x)
        return self.made(torch.rand(1, *x.shape[1:]))

    def act(self, model: Any, x: Any) -> None:
        """Do what must not be done."""

    def made(self, delta: Any) -> Any:
        delta = self.epsilon * (2 * delta - 1)
        return fpframe.Perturbation(delta=delta, converged=torch.tensor([True]), steps=0)


class Unseeded(Noise):
    """Draw from a source of its own."""

    __doc__ = Noise.__doc__

    def made(self, delta: Any) -> Any:
        source = torch.Generator()
        source.seed()
        return super().made(torch.rand(delta.shape, generator=source))


class Constant(Noise):
    """Use no seed, and do not say so."""

    __doc__ = Noise.__doc__

    def made(self, delta: Any) -> Any:
        return super().made(torch.full_like(delta, 0.7))


class Boastful(Noise):
    """Claim that the seed decides nothing."""

    __doc__ = Noise.__doc__
    deterministic: ClassVar[bool] = True


class Scribbling(Noise):
    """Write into the images that it was given."""

    __doc__ = Noise.__doc__

    def __call__(self, model: Any, x: Any, labels: Any, **options: Any) -> Any:
        made = super().__call__(model, x, labels, **options)
        x.mul_(0.5)
        return made


class Training(Noise):
    """Move the weights."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        with torch.no_grad():
            next(model.parameters()).add_(1e-3)


class Waking(Noise):
    """Leave gradients behind."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        weight = next(model.parameters())
        weight.grad = torch.zeros_like(weight)


class Gambling(Noise):
    """Reseed the global generators."""

    __doc__ = Noise.__doc__

    def __call__(self, model: Any, x: Any, labels: Any, **options: Any) -> Any:
        random.seed(0)
        return super().__call__(model, x, labels, **options)


class Hurrying(Noise):
    """Take more threads."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        torch.set_num_threads(torch.get_num_threads() + 1)


class Exact(Noise):
    """Change the default dtype."""

    __doc__ = Noise.__doc__

    def __call__(self, model: Any, x: Any, labels: Any, **options: Any) -> Any:
        made = super().__call__(model, x, labels, **options)
        torch.set_default_dtype(torch.float64)
        return made


class Settling(Noise):
    """Put something into the environment."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        os.environ["NOISE_WAS_HERE"] = str(len(os.environ))


class Logging(Noise):
    """Configure the root logger."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        logging.getLogger().addHandler(logging.NullHandler())


class Grey(Noise):
    """Know grey images alone."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        if x.shape[1] != 1:
            raise RuntimeError("this is not grey")


class Homesick(Noise):
    """Know the CPU alone."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        if bool(getattr(model, "place", False)):
            raise RuntimeError("expected the CPU")


class Talking(Noise):
    """Print."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        print("working hard")


class Hooked(Noise):
    """Leave a hook on the model."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        model.module[0].register_forward_hook(lambda *_: None)


class Hoarding(Noise):
    """Keep the last delta."""

    __doc__ = Noise.__doc__

    def made(self, delta: Any) -> Any:
        object.__setattr__(self, "last", delta)
        return super().made(delta)


class Drifting(Noise):
    """Take a smaller bound each time."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        object.__setattr__(self, "epsilon", self.epsilon * 0.9)


class Tuning(Noise):
    """Change how convolutions are computed."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        torch.backends.cudnn.deterministic = not torch.backends.cudnn.deterministic


class Fearless(Noise):
    """Let numpy divide by zero."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        np.seterr(divide="ignore")


class Silencing(Noise):
    """Silence every warning."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        warnings.filterwarnings("ignore")


class Importing(Noise):
    """Silence a warning of one library, as libraries do when they are imported."""

    __doc__ = Noise.__doc__

    def act(self, model: Any, x: Any) -> None:
        warnings.filterwarnings("ignore", module=f"library{len(warnings.filters)}")


BROKEN: dict[str, Component] = {
    "gives_the_same_again": Unseeded(),
    "another_seed_gives_another_result": Constant(),
    "no_seed_changes_a_deterministic_result": Boastful(),
    "leaves_its_inputs": Scribbling(),
    "leaves_the_weights": Training(),
    "leaves_the_train_flags": Waking(),
    "leaves_no_hooks": Hooked(),
    "leaves_the_random_state": Gambling(),
    "leaves_dtype_and_threads": Hurrying(),
    "leaves_the_process": Settling(),
    "works_on_three_channels": Grey(),
    "works_with_a_model_on_cuda": Homesick(),
    "keeps_nothing_of_its_work": Hoarding(),
    "prints_nothing": Talking(),
}
WORDS = {
    "gives_the_same_again": "two runs with one seed differ; draw all random numbers from the seed",
    "another_seed_gives_another_result": "use the seed, or declare it: deterministic = True",
    "no_seed_changes_a_deterministic_result": "another seed gives another result; do not declare it deterministic",
    "leaves_its_inputs": "it changes inputs: images; work on a copy",
    "leaves_the_weights": "it changes weights: the model; work on a copy.deepcopy of the model",
    "leaves_the_train_flags": "it changes train flags: the model; use fpframe.evaluating(model)",
    "leaves_no_hooks": "it changes hooks: the model; remove a hook in a finally block",
    "leaves_the_random_state": "it changes random state: random; use fpframe.rng.isolated(seed)",
    "leaves_dtype_and_threads": "it changes threads: torch's threads; use fpframe.rng.threads(n)",
    "leaves_the_process": "it changes process: environment variables; restore what you change",
    "works_with_a_model_on_cuda": "fails while it is tried: RuntimeError: expected the CPU",
    "works_on_three_channels": "fails while it is tried: RuntimeError: this is not grey",
    "keeps_nothing_of_its_work": "it changes the component itself: last; return results, and keep nothing between",
    "prints_nothing": "it changes output: 'working hard\\n'; use the logging of the standard library",
}
#: What cannot be checked on a component with that fault.
FOLLOWING = {"works_on_three_channels": {"delta_has_the_shape_of_its_scope"}}


@pytest.fixture(autouse=True)
def _restored(monkeypatch):
    """Undo what the broken ones do."""
    monkeypatch.setenv("NOISE_WAS_HERE", "")
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", torch.backends.cudnn.deterministic)
    threads, handlers, state = torch.get_num_threads(), list(logging.getLogger().handlers), random.getstate()
    with np.errstate(divide="warn"), warnings.catch_warnings():
        yield
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    logging.getLogger().handlers[:] = handlers
    random.setstate(state)


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let models say that they lie on a GPU, without moving them: no GPU is needed to find a fault."""

    def to(self: torch.nn.Module, device: str) -> torch.nn.Module:
        self.register_buffer("place", torch.tensor(device == "cuda"))
        return self

    monkeypatch.setattr("fpframe.testing.checks.conduct.has_cuda", lambda: True)
    monkeypatch.setattr(fpframe.Classifier, "to", to)


def results(component: Component) -> dict[str, CheckResult]:
    return {result.check.name: result for result in run_checks(component)}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_component_fails_the_check_of_its_fault_alone(check: str, pretended_gpu: None) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check], FOLLOWING.get(check, ()))


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (Exact(), "leaves_dtype_and_threads", "it changes dtype: torch's default dtype; restore"),
        (Logging(), "leaves_the_process", "it changes process: handlers of the root logger; restore what you change"),
        (Tuning(), "leaves_the_process", "it changes process: flags of cuDNN; restore what you change"),
        (Fearless(), "leaves_the_process", "it changes process: numpy's handling of errors; restore what you change"),
        (Silencing(), "leaves_the_process", "it changes process: silenced warnings; restore what you change"),
        (Drifting(), "keeps_nothing_of_its_work", "it changes the component itself: epsilon; return results"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_faults_are_told_too(component: Component, check: str, words: str) -> None:
    assert words in failures(component)[check]


def test_a_sound_component_passes(pretended_gpu: None) -> None:
    check_component(Noise())


def test_what_importing_a_library_does_to_warnings_is_no_fault() -> None:
    check_component(Importing())


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_what_cannot_be_checked_here_is_skipped_with_the_reason() -> None:
    skipped = results(Noise())["works_with_a_model_on_cuda"]
    assert (skipped.outcome, skipped.text) == ("skipped", "no CUDA device is here")


def test_all_broken_promises_are_told_together_a_line_for_each() -> None:
    class Worst(Talking, Training):
        __doc__ = Noise.__doc__

        def act(self, model: Any, x: Any) -> None:
            Talking.act(self, model, x)
            Training.act(self, model, x)

    with pytest.raises(ConformanceError) as raised:
        check_component(Worst())
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["leaves_the_weights", "prints_nothing"]

"""Networks that write into their input: whoever asks them, the images of others stay as they are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fpframe.errors import UsageError
from fpframe.interfaces import Component
from fpframe.models import Classifier
from fpframe.registry import load_registry
from fpframe.testing.bench import Bench
from fpframe.testing.changes import watched
from fpframe.testing.checks import attack, augmenter, filter, perturbation
from fpframe.testing.exercise import Setting

#: By kind, how a component of the kind is put to work on a small network.
WORK = {kind.__name__.rpartition(".")[2]: kind.prepare for kind in (attack, augmenter, filter, perturbation)}
REGISTRY = load_registry()
#: What it makes is a file that names the operations of a network, and the two networks have other ones.
FILES = {"quantize-static"}
COMPONENTS = [(kind, name) for kind in WORK for name in REGISTRY.names(kind) if name not in FILES]


class Shift(nn.Module):
    """A first layer that shifts pixels, in their own memory or in new memory."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, pixels):
        # a clone has the strides of its original, by which convolutions choose their algorithm
        return (pixels if self.inplace else pixels.clone()).sub_(0.25).relu_()


class ShiftingBench(Bench):
    """The networks of the conformance kit behind a `Shift`."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.inplace = inplace

    def untrained(self, *, channels: int = 1, seed: int = 0) -> Classifier:
        made = super().untrained(channels=channels, seed=seed)
        assert isinstance(made.module, nn.Sequential)
        made.module.insert(0, Shift(inplace=self.inplace))
        return made


@pytest.fixture(scope="module")
def benches():
    return ShiftingBench(inplace=False), ShiftingBench(inplace=True)


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_a_component_makes_the_same_of_a_network_that_writes_into_its_input(benches, kind, name):
    component: Component = REGISTRY.get(kind, name).for_checks()
    made = []
    for bench in benches:
        task = WORK[kind](component, bench, Setting())
        with watched(models=task.models, tensors=task.tensors) as changed:
            try:
                results = task.results(task.work())
            except UsageError as error:
                if isinstance(error.__cause__, ModuleNotFoundError):
                    pytest.skip(str(error))
                raise
        assert not changed
        made.append({name: tensor.clone() for name, tensor in results.items()})
    plain, inplace = made
    assert plain.keys() == inplace.keys()
    assert [name for name, tensor in plain.items() if not torch.equal(tensor, inplace[name])] == []

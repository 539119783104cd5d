"""Networks as people hold them in memory: each answers as the plain network does."""

import warnings
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn

from fpframe import Registry, UsageError
from fpframe.opening import open_suspect
from fpframe.rng import isolated
from fpframe_plugins.suspects import pt2

K, SHAPE = 4, (1, 6, 6)
#: By how much halved precision may move a probability.
HALF = 0.02


def plain():
    """Return the same small network every time."""
    with isolated(5):
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, K)).eval()


def pixels(count=5):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(2))


class Wrapped(nn.Module):
    """A network around another."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner(images)


class Mapped(Wrapped):
    def forward(self, images):
        return OrderedDict(logits=self.inner(images))


class Auxiliary(Wrapped):
    def forward(self, images):
        return self.inner(images), images


class MixedHalves(Wrapped):
    def forward(self, images):
        return self.inner[3](self.inner[:3](images.half()).float())


def mixed_halves():
    network = plain().half()
    network[3].float()
    return MixedHalves(network)


def exported():
    return torch.export.export(plain(), (torch.rand(2, *SHAPE),), dynamic_shapes=({0: torch.export.Dim("count")},))


def quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(plain(), {nn.Linear}, dtype=torch.qint8)


def old_weight_norm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = plain()
        nn.utils.weight_norm(network[3])
        network(pixels(1))
    return network


def scripted(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


KINDS = {
    "plain": (plain, 0),
    "scripted": (lambda: scripted(lambda: torch.jit.script(plain())), 0),
    "traced": (lambda: scripted(lambda: torch.jit.trace(plain(), pixels(1))), 0),
    "frozen": (lambda: scripted(lambda: torch.jit.freeze(torch.jit.script(plain()))), 0),
    "data parallel": (lambda: nn.DataParallel(plain()), 0),
    "double": (lambda: plain().double(), 0),
    "half": (lambda: plain().half(), HALF),
    "bfloat16": (lambda: plain().bfloat16(), HALF),
    "half with a float head": (mixed_halves, HALF),
    "channels last": (lambda: plain().to(memory_format=torch.channels_last), 0),
    "compiled": (lambda: torch.compile(plain(), backend="eager"), 0),
    "exported program": (exported, 0),
    "module of an exported program": (lambda: exported().module(), 0),
    "graph module": (lambda: fx.symbolic_trace(plain()), 0),
    "dynamic int8": (quantised, HALF),
    "old weight norm after a pass": (old_weight_norm, 0),
    "inference tensors": (lambda: torch.inference_mode()(plain)(), 0),
    "answers with a mapping": (lambda: Mapped(plain()), 0),
    "answers with a tuple": (lambda: Auxiliary(plain()), 0),
}


def opened(suspect, **options):
    registry = Registry([pt2])
    return open_suspect(suspect, registry=registry, num_classes=K, image_shape=SHAPE, outputs="logits", **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_in_memory_answers_as_the_plain_one_does(kind):
    make, far = KINDS[kind]
    with torch.no_grad():
        expected = F.softmax(plain()(pixels()), 1)
    suspect = make()
    query = opened(suspect)
    assert query.spent == 0
    assert float((query(pixels()) - expected).abs().max()) <= (far or 1e-5)
    assert torch.equal(query(pixels()), opened(suspect)(pixels()))


#: One has no modes, the other is no module.
WITHOUT_MODES = {"frozen", "exported program"}


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - WITHOUT_MODES))
def test_a_network_in_memory_is_left_in_training_mode(kind):
    network = KINDS[kind][0]()
    modes = [module.training for module in network.modules()]
    opened(network)(pixels(2))
    assert [module.training for module in network.modules()] == modes


def test_an_object_has_no_outputs_to_choose_from():
    with pytest.raises(UsageError, match=r"'logits' does not name an output .*give a function"):
        open_suspect(plain(), registry=Registry([]), num_classes=K, image_shape=SHAPE, read_output="logits")

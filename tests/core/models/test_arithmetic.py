"""Layout and precision of training: which network gets which, who may change it, and what happens where it fails."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fpframe import Classifier, ParameterError, Training, build_backbone, train
from fpframe.base.machine import machine_profile
from fpframe.models import arithmetic
from fpframe.models.arithmetic import Arithmetic
from fpframe.models.classifier import state_digest

PLAIN = ("contiguous", "float32")
FAST = ("channels-last", "bfloat16")
GROUPED = ("channels-last", "float32")
#: What is chosen for each kind of network on a CPU that has bfloat16; measured in docs/results/performance.md.
KINDS = {
    "paper:arc-a": FAST,
    "paper:arc-b": PLAIN,
    "paper:arc-c": FAST,
    "paper:arc-d": GROUPED,
    "paper:arc-e": PLAIN,
    "reduced:resnet18": FAST,
    "reduced:vgg16": FAST,
}
SHAPE = (1, 16, 16)


class Viewing(nn.Module):
    """A network that cannot take channels last: `.view` needs the contiguous layout."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3)
        self.second = nn.Conv2d(8, 8, 3)
        self.last = nn.Linear(8 * 12 * 12, 10)

    def forward(self, pixels):
        return self.last(self.second(self.first(pixels)).view(len(pixels), -1))


class Insisting(Viewing):
    """A network that looks at the layout itself, and has an error of its own for it."""

    def forward(self, pixels):
        features = self.second(self.first(pixels))
        if not features.is_contiguous():
            raise AssertionError("features must be contiguous")
        return self.last(features.flatten(1))


class Exact(nn.Module):
    """A network that cannot take bfloat16: it puts float32 weights of its own beside what autocast gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3)
        self.second = nn.Conv2d(8, 8, 3)
        self.last = nn.Parameter(torch.zeros(8 * 12 * 12, 10))

    def forward(self, pixels):
        features = self.second(self.first(pixels)).flatten(1)
        with torch.autocast("cpu", enabled=False):
            return features @ self.last


@pytest.fixture
def with_bfloat16(monkeypatch):
    """Return a function that gives this machine's CPU bfloat16, or takes it away."""
    return lambda found: monkeypatch.setattr(arithmetic, "has_bfloat16", lambda device: found)


def classifier(module):
    return Classifier(module, num_classes=10, image_shape=SHAPE)


def placed(model, **settings):
    chosen = Training(**settings).placement(model).arithmetic
    return chosen.memory_format, chosen.precision


def images(count=40):
    source = torch.Generator().manual_seed(0)
    return torch.rand(count, *SHAPE, generator=source), torch.randint(0, 10, (count,), generator=source)


@pytest.mark.parametrize(("backbone", "chosen"), KINDS.items())
def test_each_kind_of_network_is_trained_as_is_fast_for_it(with_bfloat16, registry, backbone, chosen):
    model = build_backbone(registry, backbone, num_classes=10, image_shape=(1, 32, 32), seed=0)
    with_bfloat16(True)
    assert placed(model) == chosen
    with_bfloat16(False)
    assert placed(model) == (chosen[0], "float32")


@pytest.mark.parametrize(
    ("side", "batch_size", "precision"),
    [(8, 32, "float32"), (8, 128, "float32"), (28, 16, "float32"), (28, 32, "bfloat16"), (8, 512, "bfloat16")],
)
def test_steps_of_few_pixels_are_not_worth_bfloat16(with_bfloat16, registry, side, batch_size, precision):
    model = build_backbone(registry, "paper:arc-a", num_classes=10, image_shape=(1, side, side), seed=0)
    with_bfloat16(True)
    assert placed(model, batch_size=batch_size) == ("channels-last", precision)


@pytest.mark.parametrize("memory_format", ["contiguous", "channels-last"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_recipe_has_the_last_word(with_bfloat16, registry, memory_format, precision):
    with_bfloat16(False)
    for backbone in KINDS:
        model = build_backbone(registry, backbone, num_classes=10, image_shape=(1, 32, 32), seed=0)
        assert placed(model, memory_format=memory_format, precision=precision) == (memory_format, precision)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory_format": "channels_last"}, "auto, contiguous, channels-last .*did you mean 'channels-last'"),
        ({"precision": "half"}, "auto, float32, bfloat16"),
    ],
)
def test_another_word_is_refused_with_those_that_there_are(settings, message):
    with pytest.raises(ParameterError, match=message):
        Training(**settings)


@pytest.mark.parametrize(
    ("module", "chosen"),
    [
        (Viewing, ("contiguous", "bfloat16")),
        (Insisting, ("contiguous", "bfloat16")),
        (Exact, ("contiguous", "float32")),
    ],
)
def test_a_network_that_cannot_compute_so_is_trained_in_a_plainer_way(with_bfloat16, module, chosen):
    with_bfloat16(True)
    model = classifier(module())
    before, state = state_digest(model), torch.get_rng_state()
    assert placed(model) == chosen
    assert placed(model, memory_format="channels-last", precision="bfloat16") == chosen
    assert state_digest(model) == before
    assert torch.equal(torch.get_rng_state(), state)
    pixels, labels = images()
    plain = dict(zip(("memory_format", "precision"), chosen, strict=True))
    trained = [
        train(classifier(twin), pixels, labels, Training(epochs=1, batch_size=8, **settings), seed=0)
        for settings in ({"memory_format": "channels-last", "precision": "bfloat16"}, plain)
        for twin in [module()]
        if twin.load_state_dict(model.module.state_dict())
    ]
    assert state_digest(trained[0]) == state_digest(trained[1])


def test_a_network_that_is_broken_says_so_itself(with_bfloat16):
    with_bfloat16(True)
    model = classifier(nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(3, 10)))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train(model, *images(), Training(epochs=1), seed=0)


@pytest.mark.parametrize("settings", [PLAIN, FAST, GROUPED, ("contiguous", "bfloat16")])
def test_every_arithmetic_gives_the_same_bytes_again_and_learns(digits, settings):
    memory_format, precision = settings
    training = Training(epochs=6, batch_size=32, memory_format=memory_format, precision=precision)
    own = digits.train[:600]

    def trained():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = nn.Sequential(
                nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.Flatten(), nn.Linear(256, 10)
            )
        model = Classifier(module, num_classes=10, image_shape=(1, 8, 8))
        return train(model, own.pixels, own.labels, training, seed=0)

    first = trained()
    assert state_digest(first) == state_digest(trained())
    assert first.accuracy(digits.test.pixels, digits.test.labels) > 0.9


def test_plainer_ways_give_up_the_layout_first():
    ways = list(Arithmetic(memory_format="channels-last", precision="bfloat16").plainer())
    assert ways == [Arithmetic(precision="bfloat16"), Arithmetic()]
    assert not list(Arithmetic().plainer())


def test_the_machine_profile_says_what_the_cpu_computes_bfloat16_with():
    assert machine_profile()["bfloat16"] in ("amx", "avx512", "none")

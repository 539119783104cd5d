"""How long a step of training takes in each layout and precision, and which of them fpframe chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from measuring import markdown, take_turns

import fpframe
from fpframe.models.arithmetic import BFLOAT16, CHANNELS_LAST, CONTIGUOUS, FLOAT32

GREY, COLOUR = (1, 28, 28), (3, 32, 32)
#: Architectures, with the images that they are trained on and how many of them a step has.
NETWORKS = {
    "paper:arc-a": (GREY, 128),
    "paper:arc-b": (GREY, 128),
    "paper:arc-c": (GREY, 128),
    "paper:arc-d": (GREY, 128),
    "paper:arc-e": (GREY, 128),
    "reduced:resnet18": (COLOUR, 64),
    "reduced:vgg16": (COLOUR, 64),
    "timm:resnet18": (COLOUR, 32),
    "timm:mobilenetv3_small_050": (COLOUR, 32),
    "timm:vit_tiny_patch16_224": (COLOUR, 16),
}
WAYS = [(layout, precision) for precision in (FLOAT32, BFLOAT16) for layout in (CONTIGUOUS, CHANNELS_LAST)]
STEPS = 3


def table(*, repeats: int) -> str:
    """Return the table: milliseconds of a step, relative to the first way, and what is chosen."""
    headings = ["network", "ms", *(f"{precision}, {layout}" for layout, precision in WAYS), "chosen"]
    return markdown(headings, list(rows(repeats)))


def rows(repeats: int) -> Iterator[list[str]]:
    """Yield a row for each network."""
    registry = fpframe.load_registry()
    torch.set_num_threads(1)
    for address, (shape, batch) in NETWORKS.items():
        network = fpframe.build_backbone(registry, address, num_classes=10, image_shape=shape, seed=0)
        times = take_turns({way: training(network, shape, batch, way) for way in WAYS}, repeats=repeats).seconds
        plain = times[WAYS[0]]
        chosen = fpframe.Training().placement(network).arithmetic
        ratios = [f"{plain / times[way]:.2f}" for way in WAYS]
        yield [f"`{address}`", f"{1000 * plain / STEPS:.1f}", *ratios, f"{chosen.precision}, {chosen.memory_format}"]


def training(
    network: fpframe.Classifier, shape: tuple[int, int, int], batch: int, way: tuple[str, str]
) -> Callable[[], object]:
    """Return a few steps of training in one way."""
    source = torch.Generator().manual_seed(0)
    pixels = torch.rand(STEPS * batch, *shape, generator=source)
    labels = torch.randint(0, 10, (len(pixels),), generator=source)
    told = fpframe.Training(epochs=1, batch_size=batch, memory_format=way[0], precision=way[1])
    return lambda: fpframe.train(network, pixels, labels, told, seed=0)

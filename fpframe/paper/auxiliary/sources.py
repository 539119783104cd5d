"""Where query points may be drawn from: the victim's training data, images like them, other images, and noise."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from fpframe.models import Images
from fpframe.opening import open_pool
from fpframe.paper.laboratory import Laboratory
from fpframe.rng import derive_seed, generator

TRAINING, SAME, NOISE = "the victim's training data", "other images of the problem", "noise"
#: A data set that every installation has, and what stands in for it where it is the problem itself.
DIGITS, GRATINGS = "digits", "made-up gratings"
#: As many artificial images are made, unless the queries need more.
_MADE = 4000


@attrs.frozen(kw_only=True, eq=False)
class Source:
    """Images that query points may be drawn from.

    Attributes:
        name: what they are.
        images: the images; labels are the true ones where there are any, otherwise the victim's.
        labelled: whether they are the true ones.
    """

    name: str
    images: Images
    labelled: bool


def open_sources(laboratory: Laboratory) -> tuple[Source, ...]:
    """Return the sources: as many images of the victim's training data, which come first, as of its like."""
    workspace, queries = laboratory.setting.workspace, laboratory.recipe.queries
    parts, shape = workspace.parts, workspace.dataset.image_shape
    common = min(len(parts.victim), len(parts.pool))
    count = min(len(parts.pool), max(_MADE, queries.points * queries.views))
    seed = derive_seed(laboratory.recipe.enrolment_seed, "sources")
    if laboratory.recipe.dataset == DIGITS:
        foreign, name = gratings(count, shape, seed=seed), GRATINGS
    else:
        foreign, name = open_pool(workspace.registry, DIGITS, workspace.data_root, shape).images, "handwritten digits"
    noise = torch.randint(0, 256, (count, *shape), generator=generator(seed, "noise")).byte()
    return (
        Source(name=TRAINING, images=_evenly(parts.victim, common), labelled=True),
        Source(name=SAME, images=_evenly(parts.pool, common), labelled=True),
        *(
            Source(name=kind, images=_as_the_victim_sees(laboratory, images), labelled=False)
            for kind, images in ((name, foreign), (NOISE, noise))
        ),
    )


def gratings(count: int, shape: tuple[int, int, int], *, seed: int) -> Tensor:
    """Return 8-bit images ``(N, C, H, W)`` of sine waves of random direction, wave length, phase and contrast."""
    channels, height, width = shape
    draw = generator(seed, "gratings")
    angle, cycles, phase = (torch.rand((count, 1, 1, 1), generator=draw) for _ in range(3))
    contrast = torch.rand((count, channels, 1, 1), generator=draw)
    down = torch.linspace(0, 1, height).reshape(-1, 1)
    right = torch.linspace(0, 1, width)
    along = torch.cos(math.pi * angle) * right + torch.sin(math.pi * angle) * down
    # from half a wave in the picture to one in four pixels of its shorter side
    frequency = 0.5 + cycles * (min(height, width) / 4 - 0.5)
    waves = torch.sin(2 * math.pi * (frequency * along + phase))
    return ((0.5 + 0.5 * contrast * waves).clamp(0, 1) * 255).round().byte()


def _evenly(images: Images, count: int) -> Images:
    """Return that many of the images: all of them as they are, or such as lie at even distances."""
    if count == len(images):
        return images
    return images[torch.linspace(0, len(images) - 1, count).round().long()]


def _as_the_victim_sees(laboratory: Laboratory, images: Tensor) -> Images:
    """Label images by the victim: nobody else knows what they should be."""
    unlabelled = Images(images, torch.zeros(len(images), dtype=torch.int64))
    return Images(images, laboratory.victim.logits(unlabelled.pixels).argmax(1))

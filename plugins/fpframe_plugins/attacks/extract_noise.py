"""Attack ``extract-noise``: train a copy on the victim's answers to natural images and noisy copies of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.models import Pixels
from fpframe.parameters import number, one_of, whole
from fpframe.rng import derive_seed, generator
from fpframe_plugins.attacks import _extraction as common

#: Images that are made at once.
_TOGETHER = 256
#: Numbers that torch draws as one block.
_BLOCK = 16


@attrs.frozen(kw_only=True)
class ExtractNoise(common.Extraction):
    """Ask the victim about images of its kind and about copies with Gaussian noise.

    Noise gives a thief with few images more to ask, and shows how the victim answers off the natural images (the
    passive thief of Peng et al., CVPR 2022).

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
        noise: standard deviation of the noise, in pixel units.
        rounds: noisy copies of each natural image.
        budget: most images that the victim is sent, copies included; ``None`` for all.
    """

    name: ClassVar[str] = "extract-noise"

    labels: str = attrs.field(default="soft", validator=one_of(*common.LABELS))
    noise: float = attrs.field(default=0.1, validator=number(low=0, open_low=True))
    rounds: int = attrs.field(default=1, validator=whole(low=1))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))

    def __attrs_post_init__(self) -> None:
        common.require_budget(self, 1 + self.rounds)

    def _natural(self, available: int) -> int:
        return common.affordable(available, self.budget, 1 + self.rounds)

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all."""
        return self._natural(available) * (1 + self.rounds) * epochs

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student fitted to the teacher's answers, or to the true labels where there is no teacher."""
        natural = common.natural_images(data, self._natural(len(data)), seed)
        common.limit(teacher, self.budget)
        copies = [natural.stream]
        for turn in range(self.rounds):
            noise = normal_rows(natural.stream.shape, generator(seed, "noise", turn))
            copies.append(self._noisy(natural.stream, noise))
        targets = torch.cat([common.ask(teacher, copy, natural.labels, self.labels) for copy in copies])
        images = copies[0].joined(*copies[1:])
        return fpframe.train(student, images, targets, context.training, seed=derive_seed(seed, "fit"))

    def _noisy(self, pixels: Pixels, noise: Iterator[Tensor]) -> Pixels:
        return common.made_of(pixels, lambda batch, _: batch + self.noise * next(noise), together=_TOGETHER)


def normal_rows(shape: torch.Size, source: torch.Generator) -> Iterator[Tensor]:
    """Yield standard normal numbers for batches of `_TOGETHER` images, the same as if all were drawn at once.

    Torch draws a long tensor in blocks, and the last, short one anew: a batch holds whole blocks, and the last one at
    least one of them.
    """
    count, each = shape[0], shape[1:].numel()
    start = 0
    while start < count:
        rows = min(_TOGETHER, count - start)
        left = count - start - rows
        drawn = torch.randn((rows + (left if left * each < _BLOCK else 0), *shape[1:]), generator=source)
        yield from drawn.split(_TOGETHER)
        start += len(drawn)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [ExtractNoise]

"""Count how many innocent models are accused that were fine-tuned from the same public model as the victim.

    python tests/bench/same_base.py --workers 2

Everything is on scikit-learn's digits. The public model, or base, knows another task: digits that are turned by a
quarter, with their names in another order. The victim is its body with a new last layer, trained on a third of the
upright images. Competitors fine-tune the same base on other images, half of them the last layer and half of them all of
it; thieves fine-tune the victim. All are judged by an enrolment that knows nothing of the base, by the same one after
twelve further fine-tunes of the base were added to its calibration, and by one that was told the base (`--base`).
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections import Counter
from pathlib import Path

import attrs
import torch
from torch import nn

import fpframe
from fpframe.models import Classifier, Training, train

ARCHITECTURE = "paper:arc-d"
SCHEMES = ("akh", "residual-300", "uap-contrastive")
#: Competitors and thieves that are judged, and fine-tunes of the base that calibrate.
COMPETITORS, THIEVES, CALIBRATING = 16, 4, 12
#: Verdicts by relation.
Counts = dict[str, Counter[str]]


class Models:
    """The public model, and what was made from it."""

    def __init__(self, registry: fpframe.Registry) -> None:
        self.data = registry.create("dataset", "digits").open("", root=None)
        order = torch.randperm(len(self.data.train), generator=torch.Generator().manual_seed(0))
        third = len(order) // 3
        self.public, self.own, self.others = order[:third], order[third : 2 * third].sort().values, order[2 * third :]
        self.base = fpframe.build_backbone(registry, ARCHITECTURE, 10, self.data.image_shape, seed=100)
        pixels, labels = self.data.train.pixels[self.public], self.data.train.labels[self.public]
        train(self.base, torch.rot90(pixels, 1, (2, 3)), (labels * 3 + 1) % 10, _training(), seed=1)
        self.victim = self.tuned(self.own, seed=7, whole=False)

    def tuned(self, images: torch.Tensor, *, seed: int, whole: bool) -> Classifier:
        """Return the base with a new last layer, trained on some images: that layer alone, or the whole network."""
        network = copy.deepcopy(self.base)
        head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            head.reset_parameters()
        return self._train(network, images, _training(rate=1e-3 if whole else 3e-3), seed, None if whole else head)

    def competitor(self, number: int) -> Classifier:
        """Return an innocent model: two thirds of the images that the victim has not seen, or of all others."""
        of = self.others if number % 4 < 2 else torch.cat([self.others, self.public])
        return self.tuned(_some(of, number), seed=200 + number, whole=bool(number % 2))

    def calibrating(self, number: int) -> Classifier:
        """Return one of the owner's own fine-tunes of the base."""
        images = _some(torch.cat([self.others, self.public]), 1000 + number)
        return self.tuned(images, seed=300 + number, whole=bool(number % 2))

    def thief(self, number: int) -> Classifier:
        """Return the victim, fine-tuned on images of the thief's own."""
        return self._train(copy.deepcopy(self.victim), self.others, _training(3, rate=1e-3), number, None)

    def _train(
        self, network: Classifier, images: torch.Tensor, training: Training, seed: int, layer: nn.Module | None
    ) -> Classifier:
        pixels, labels = self.data.train.pixels[images], self.data.train.labels[images]
        return train(network, pixels, labels, training, seed=seed, layer=layer)


@attrs.frozen
class Counted:
    """Verdicts by relation: with a base that nobody knows, one whose fine-tunes calibrate, and one that was named."""

    before: Counts
    after: Counts
    named: Counts


def count(scheme: str, models: Models, folder: Path, *, workers: int) -> Counted:
    """Enroll the victim three times by a scheme, and judge all suspects by each enrolment."""
    owned = fpframe.Victim(models.victim, backbone=ARCHITECTURE, indices=models.own.numpy())
    run = fpframe.Run(workers=workers, store=folder / "store")
    enrolment = fpframe.enroll(owned, models.data, recipe="tiny", scheme=scheme, run=run)
    mine = folder / "mine" / "same-base"
    mine.mkdir(parents=True, exist_ok=True)
    for number in range(CALIBRATING):
        fpframe.save_weights(models.calibrating(number), mine / f"{number}.safetensors")
    added = fpframe.Independents(mine.parent, backbone=ARCHITECTURE, add=True)
    calibrated = fpframe.calibrate(enrolment, independents=added)
    told = fpframe.enroll(attrs.evolve(owned, base=models.base), models.data, recipe="tiny", scheme=scheme, run=run)
    suspects = [("innocent", models.competitor(number)) for number in range(COMPETITORS)]
    suspects += [("thief", models.thief(number)) for number in range(THIEVES)]
    return Counted(*(_verdicts(each, suspects) for each in (enrolment, calibrated, told)))


def _verdicts(enrolment: fpframe.Enrolment, suspects: list[tuple[str, Classifier]]) -> Counts:
    found: Counts = {}
    for relation, suspect in suspects:
        found.setdefault(relation, Counter())[fpframe.verify(enrolment, suspect).verdict] += 1
    return found


def _training(epochs: int = 15, *, rate: float = 3e-3) -> Training:
    return Training(epochs=epochs, batch_size=32, learning_rate=rate)


def _some(images: torch.Tensor, seed: int) -> torch.Tensor:
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    return images[order[: 2 * len(images) // 3]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemes", nargs="+", default=SCHEMES)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    models = Models(fpframe.load_registry())
    print("| scheme | suspects | DERIVED before | after | with the base named |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for scheme in given.schemes:
            counted = count(scheme, models, Path(folder), workers=given.workers)
            for relation, verdicts in counted.before.items():
                of = verdicts.total()
                found = [each[relation]["DERIVED"] for each in (counted.before, counted.after, counted.named)]
                print(f"| `{scheme}` | {of} {relation} | {' | '.join(map(str, found))} |", flush=True)


if __name__ == "__main__":
    main()

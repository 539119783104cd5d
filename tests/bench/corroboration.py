"""Count how well weights tell copies of a network from independent ones of the same architecture.

    python tests/bench/corroboration.py

Everything is on scikit-learn's digits, by `fpframe.corroborate` as users call it. Victims, and the independent models
that they are compared beside, are trained from scratch, each on a half of the images of its own choice. Copies are made
from the victims: fine-tuned on other images for several times as long, pruned, rounded, and with their channels in
another order or at another scale, which changes no answer.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe.corroboration import corroborate
from fpframe.decision import StratumScores, auc, auc_interval, clopper_pearson, stratum_p_value

sys.path.append(str(Path(__file__).parents[1]))
from disguise import disguised

#: Epochs from scratch, and of the three doses of fine-tuning.
EPOCHS, DOSES = 10, (1, 5, 20)
#: Epochs and rate of a fine-tuning that leaves little of the weights, for a thief who can afford it.
LONG, LONG_RATE = 40, 10
LEVEL = 0.05


class Residual(nn.Module):
    """Two residual blocks with batch normalisation, the second of which halves the image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.first, self.second = self._block(16, 16, 1), self._block(16, 32, 2)
        self.short = nn.Sequential(nn.Conv2d(16, 32, 1, stride=2, bias=False), nn.BatchNorm2d(32))
        self.head = nn.Linear(32, 10)

    @staticmethod
    def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        features = self.stem(images)
        features = torch.relu(features + self.first(features))
        features = torch.relu(self.short(features) + self.second(features))
        return self.head(features.mean((2, 3)))


class Models:
    """Networks of one architecture, on digits."""

    def __init__(self, architecture: str, registry: fpframe.Registry) -> None:
        self.architecture, self.registry = architecture, registry
        self.data = registry.create("dataset", "digits").open("", root=None)

    def fresh(self, seed: int) -> fpframe.Classifier:
        """Return a network with random weights."""
        if self.architecture != "residual":
            shape = self.data.image_shape
            return fpframe.build_backbone(self.registry, self.architecture, 10, shape, seed=seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return fpframe.Classifier(Residual(), num_classes=10, image_shape=self.data.image_shape, address="residual")

    def trained(self, network: fpframe.Classifier, seed: int, epochs: int, *, rate: float = 1) -> fpframe.Classifier:
        """Return a network after training on a half of the images."""
        order = torch.randperm(len(self.data.train), generator=torch.Generator().manual_seed(seed))
        half = order[: len(order) // 2]
        training = fpframe.Training(epochs=epochs, batch_size=128)
        training = attrs.evolve(training, learning_rate=rate * training.learning_rate)
        return fpframe.train(network, self.data.train.pixels[half], self.data.train.labels[half], training, seed=seed)

    def tuned(self, victim: fpframe.Classifier, seed: int, epochs: int, *, rate: float = 1) -> fpframe.Classifier:
        """Return a fine-tuned copy."""
        return self.trained(copy.deepcopy(victim), 10_000 + seed, epochs, rate=rate)

    def accuracy(self, network: fpframe.Classifier) -> float:
        """Return the accuracy on the test images."""
        return network.accuracy(self.data.test.pixels, self.data.test.labels)


def copies(models: Models, victim: fpframe.Classifier, seed: int) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """Yield the weights of each copy of a victim, by what was done to it."""
    state = victim.module.state_dict()
    tuned = {epochs: models.tuned(victim, seed, epochs) for epochs in DOSES}
    longest = models.tuned(victim, seed, LONG, rate=LONG_RATE)
    for epochs in DOSES:
        yield f"fine-tuned, {epochs} epochs", tuned[epochs].module.state_dict()
    for share in (0.5, 0.9):
        yield f"pruned, {share:.0%} of weights", _changed(state, lambda weight, share=share: _pruned(weight, share))
    yield "int8", _int8(state)
    yield "float16", _changed(state, lambda weight: weight.half())
    yield "permuted", disguised(victim, seed, scale=False).module.state_dict()
    yield "rescaled", disguised(victim, seed, order=False).module.state_dict()
    yield "permuted and rescaled", disguised(victim, seed).module.state_dict()
    middle = disguised(tuned[DOSES[1]], seed).module.state_dict()
    yield f"fine-tuned, {DOSES[1]} epochs, permuted and rescaled", middle
    yield f"fine-tuned, {LONG} epochs at {LONG_RATE} times the rate", longest.module.state_dict()
    yield "the same, permuted and rescaled", disguised(longest, seed).module.state_dict()
    yield "student of its labels", student(models, victim, seed).module.state_dict()


def student(models: Models, victim: fpframe.Classifier, seed: int) -> fpframe.Classifier:
    """Return a network from scratch that learned the victim's labels."""
    pixels = models.data.train.pixels
    training = fpframe.Training(epochs=EPOCHS, batch_size=128)
    labels = victim.logits(pixels).argmax(1)
    return fpframe.train(models.fresh(20_000 + seed), pixels, labels, training, seed=seed)


def _changed(state: Mapping[str, Tensor], change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    return {name: change(value) if value.ndim > 1 else value for name, value in state.items()}


def _pruned(weight: Tensor, share: float) -> Tensor:
    return torch.where(weight.abs() > weight.abs().flatten().quantile(share), weight, 0.0)


def _int8(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights as whole numbers with a scale for each row beside them."""
    found = dict(state)
    for name, value in state.items():
        if value.ndim > 1:
            scale = value.abs().flatten(1).amax(1) / 127
            rows = scale.reshape(-1, *(1 for _ in range(value.ndim - 1)))
            found |= {name: (value / rows).round().to(torch.int8), f"{name}_scale": scale}
    return found


def measure(architecture: str, *, victims: int, independents: int) -> list[str]:
    """Return the lines of the table of an architecture."""
    models = Models(architecture, fpframe.load_registry())
    others = [models.trained(models.fresh(1000 + number), 1000 + number, EPOCHS) for number in range(independents)]
    beside: list[tuple[float, ...]] = []
    likeness: dict[str, list[float]] = {}
    p_values: dict[str, list[float]] = {}
    accuracies: list[float] = []
    for seed in range(victims):
        victim = models.trained(models.fresh(seed), seed, EPOCHS)
        accuracies.append(models.accuracy(victim))
        nulls = StratumScores(scores=(), families=())
        for kind, weights in copies(models, victim, seed):
            # all of them once, and two for further copies: what they are like does not depend on the suspect
            found = corroborate(victim, weights, others if not nulls.scores else others[:2])
            if not nulls.scores:
                scores = tuple(model.likeness for model in found.independents)
                nulls = StratumScores(scores=scores, families=tuple(map(str, range(len(scores)))))
                beside.append(scores)
            likeness.setdefault(kind, []).append(found.likeness)
            p_values.setdefault(kind, []).append(stratum_p_value(found.likeness, nulls).p)
    lines = [
        f"`{architecture}`, accuracy of the victims {min(accuracies):.3f} to {max(accuracies):.3f}, "
        f"{victims} victims, {independents} independent models each:\n",
        "| suspects | n | likeness | AUC | largest p | p at most 0.05 |",
        "|---|---|---|---|---|---|",
    ]
    null = [score for scores in beside for score in scores]
    for kind, found in likeness.items():
        area = auc(found, null)
        low, high = auc_interval(area, len(found), independents)
        hits = sum(p <= LEVEL + 1e-12 for p in p_values[kind])
        lines.append(_row(kind, found, f"{area:.3f} [{low:.2f}, {high:.2f}]", max(p_values[kind]), hits, len(found)))
    left_out = [p for scores in beside for p in _left_out(scores)]
    hits = sum(p <= LEVEL + 1e-12 for p in left_out)
    lines.append(_row("independent, each beside the others", null, "", None, hits, len(left_out)))
    return lines


def _left_out(scores: tuple[float, ...]) -> Iterator[float]:
    for number, score in enumerate(scores):
        rest = scores[:number] + scores[number + 1 :]
        yield stratum_p_value(score, StratumScores(scores=rest, families=tuple(map(str, range(len(rest)))))).p


def _row(kind: str, found: list[float], area: str, largest: float | None, hits: int, n: int) -> str:
    low, high = clopper_pearson(hits, n)
    p = "-" if largest is None else f"{largest:.3f}"
    spread = f"{min(found):.3f} to {max(found):.3f}"
    return f"| {kind} | {n} | {spread} | {area or '-'} | {p} | {hits} of {n} [{low:.2f}, {high:.2f}] |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", nargs="+", default=["paper:arc-c", "residual"])
    parser.add_argument("--victims", type=int, default=3)
    parser.add_argument("--independents", type=int, default=20)
    given = parser.parse_args()
    started = time.monotonic()
    for architecture in given.architectures:
        lines = measure(architecture, victims=given.victims, independents=given.independents)
        print("\n".join([*lines, ""]), flush=True)
    print(f"{time.monotonic() - started:.0f} seconds", file=sys.stderr)


if __name__ == "__main__":
    main()

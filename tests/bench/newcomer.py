"""What a newcomer gets: a victim, thieves and innocents of plain PyTorch, on 4000 images, enrolled as the docs say.

    python tests/bench/newcomer.py --data-root DIR

DIR holds `cifar10/{train,test}/CLASS/*`. The victim is a small residual network, trained on a third of the images. The
innocents are eight models that other code trained on other images: seven convolutional networks, two of them of the
victim's architecture, and a random forest. Of the thieves two fine-tuned the victim, and four asked it. Prints one line
for each suspect, and a table in Markdown.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor, nn

import fpframe
from fpframe.models import Images

SCHEMES = ("uap-contrastive", "residual", "akh")
#: What the newcomer subtracts from pixels, and divides them by.
MEAN, STD = 0.5, 0.25


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, wide: int, wider: int, stride: int) -> None:
        super().__init__()
        self.long = nn.Sequential(
            nn.Conv2d(wide, wider, 3, stride, 1, bias=False),
            nn.BatchNorm2d(wider),
            nn.ReLU(),
            nn.Conv2d(wider, wider, 3, 1, 1, bias=False),
            nn.BatchNorm2d(wider),
        )
        short = nn.Sequential(nn.Conv2d(wide, wider, 1, stride, bias=False), nn.BatchNorm2d(wider))
        self.short = nn.Identity() if wide == wider and stride == 1 else short

    def forward(self, images: Tensor) -> Tensor:
        return F.relu(self.long(images) + self.short(images))


def residual() -> nn.Module:
    """Return the victim's architecture with fresh weights."""
    stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU())
    blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
    return nn.Sequential(stem, blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def convolutional(wide: int, depth: int) -> nn.Module:
    """Return a plain convolutional network."""
    layers: list[nn.Module] = []
    before = 3
    for layer in range(depth):
        after = wide * 2**layer
        layers += [nn.Conv2d(before, after, 3, 1, 1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


def normalised(pixels: Tensor) -> Tensor:
    """Return pixels as the newcomer's networks take them."""
    return (pixels - MEAN) / STD


def fit(
    network: nn.Module, pixels: Tensor, targets: Tensor, epochs: int, *, seed: int, rate: float = 1e-3
) -> nn.Module:
    """Train on labels ``(N,)`` or on probabilities ``(N, K)``, with mirrored images."""
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(pixels)).split(64):
            images = pixels[batch].flip(3) if torch.rand(()) < 0.5 else pixels[batch]
            optimizer.zero_grad()
            F.cross_entropy(network(normalised(images)), targets[batch]).backward()
            optimizer.step()
    return network.eval()


def distilled(network: nn.Module, teacher: nn.Module, pixels: Tensor, *, seed: int, labels: bool = False) -> nn.Module:
    """Train on what a model answers: its probabilities, or its labels alone."""
    with torch.no_grad():
        answers = torch.cat([teacher(normalised(part)).softmax(1) for part in pixels.split(500)])
    return fit(network, pixels, answers.argmax(1) if labels else answers, 8, seed=seed)


def innocents(others: Images, accuracy: Callable[[nn.Module], float]) -> dict[str, Any]:
    """Return models that never met the victim, each trained on images that the victim's owner does not have."""
    made: dict[str, Any] = {}
    kinds: list[tuple[str, Callable[[], nn.Module], int, int]] = [
        ("convolutional, 16 wide, 3 deep", lambda: convolutional(16, 3), 2500, 12),
        ("convolutional, 24 wide, 3 deep", lambda: convolutional(24, 3), 2500, 12),
        ("convolutional, 16 wide, 4 deep", lambda: convolutional(16, 4), 3000, 10),
        ("convolutional, 32 wide, 2 deep", lambda: convolutional(32, 2), 3000, 14),
        ("convolutional, 12 wide, 4 deep", lambda: convolutional(12, 4), 4000, 10),
        ("the victim's architecture, 1400 images", residual, 1400, 12),
        ("the victim's architecture, 2500 images", residual, 2500, 10),
    ]
    for number, (name, make, count, epochs) in enumerate(kinds):
        chosen = torch.randperm(len(others), generator=torch.Generator().manual_seed(number))[:count]
        torch.manual_seed(100 + number)
        made[name] = fit(make(), others.pixels[chosen], others.labels[chosen], epochs, seed=100 + number)
        print(f"{name}: accuracy {accuracy(made[name]):.3f}", flush=True)
    forest = RandomForestClassifier(200, random_state=0)
    forest.fit(others.pixels[:4000].flatten(1).numpy(), others.labels[:4000].numpy())
    made["a random forest"] = lambda pixels: forest.predict_proba(pixels.flatten(1).numpy())
    return made


def thieves(victim: nn.Module, others: Images, accuracy: Callable[[nn.Module], float]) -> dict[str, nn.Module]:
    """Return models that were made from the victim."""
    pixels, labels = others.pixels, others.labels
    made = {
        "fine-tuned, 2 epochs": fit(copy.deepcopy(victim), pixels[:1000], labels[:1000], 2, seed=1, rate=3e-4),
        "fine-tuned, 10 epochs": fit(copy.deepcopy(victim), pixels[1000:2000], labels[1000:2000], 10, seed=2),
        "student of probabilities, same architecture": distilled(residual(), victim, pixels[:6000], seed=3),
        "student of probabilities, another one": distilled(convolutional(24, 3), victim, pixels[:6000], seed=4),
        "student of labels, same architecture": distilled(residual(), victim, pixels[:6000], seed=5, labels=True),
        "student of labels, another one": distilled(convolutional(24, 3), victim, pixels[:6000], seed=6, labels=True),
    }
    for name, network in made.items():
        print(f"{name}: accuracy {accuracy(network):.3f}", flush=True)
    return made


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="folder with cifar10")
    parser.add_argument("--store", type=Path, help="where models are kept; a folder that goes away by default")
    arguments = parser.parse_args()
    everything = fpframe.load_registry().create("dataset", "folder").open("cifar10", root=arguments.data_root)
    order = torch.randperm(len(everything.train), generator=torch.Generator().manual_seed(0))
    mine, others = everything.train[order[:4000]], everything.train[order[4000:24000]]
    tested = everything.test[torch.randperm(len(everything.test), generator=torch.Generator().manual_seed(0))[:1000]]
    data = fpframe.Dataset.from_arrays(
        (mine.images, mine.labels), (tested.images, tested.labels), classes=everything.classes
    )

    def accuracy(network: nn.Module) -> float:
        with torch.no_grad():
            right = network(normalised(data.test.pixels)).argmax(1) == data.test.labels
        return float(right.float().mean())

    seen = torch.arange(1333)
    torch.manual_seed(0)
    victim = fit(residual(), data.train.pixels[seen], data.train.labels[seen], 12, seed=0)
    print(f"victim: accuracy {accuracy(victim):.3f}", flush=True)
    suspects = {"innocent": innocents(others, accuracy), "thief": thieves(victim, others, accuracy)}
    owned = fpframe.Victim(victim, backbone="python:newcomer:residual", mean=MEAN, std=STD, indices=seen.numpy())
    with tempfile.TemporaryDirectory() as temporary:
        store = arguments.store or Path(temporary)
        tables = {scheme: questioned(owned, data, scheme, suspects, store) for scheme in SCHEMES}
    print("\n| scheme | innocents | thieves | seconds |\n|---|---|---|---|")
    for scheme, (counts, seconds) in tables.items():
        cells = [", ".join(f"{count} {word}" for word, count in sorted(counts[side].items())) for side in suspects]
        print(f"| `{scheme}` | {cells[0]} | {cells[1]} | {seconds:.0f} |")


def questioned(
    owned: fpframe.Victim, data: fpframe.Dataset, scheme: str, suspects: dict[str, dict[str, Any]], store: Path
) -> tuple[dict[str, Counter[str]], float]:
    """Enroll the victim by a scheme, question all suspects, and count verdicts; print each."""
    started = time.monotonic()
    recipe = str(Path(__file__).with_suffix(".toml"))
    enrolment = fpframe.enroll(owned, data, recipe=recipe, scheme=scheme, run=fpframe.Run(store=store))
    seconds, counts = time.monotonic() - started, {}
    for side, models in suspects.items():
        counts[side] = Counter[str]()
        for name, model in models.items():
            prepared = {"mean": (MEAN,), "std": (STD,)} if isinstance(model, nn.Module) else {}
            verdict = fpframe.verify(enrolment, model, **prepared)
            counts[side][verdict.verdict] += 1
            print(
                f"{scheme}: {side}, {name}: {verdict.verdict} {verdict.reason_code} p {verdict.p_value:.2g}, "
                f"score {verdict.score:.2f}, accuracy {verdict.ability.suspect:.2f}",
                flush=True,
            )
    return counts, seconds


if __name__ == "__main__":
    main()

"""Measure two tricks of a malicious owner that no bundle can show, on innocent models that he never saw.

    python tests/bench/unseen.py points
    python tests/bench/unseen.py points --zoo 1
    python tests/bench/unseen.py commitments --commitments 10
    python tests/bench/unseen.py commitments --zoos --commitments 5

Everything is on scikit-learn's digits. The owner has two thirds of the training images, and a convolutional victim.
Innocents, surrogates and the holder's models learn from halves of the last third, each its own.

`points`: the owner commits to an augmenter of his own. It knows eight surrogates of the suspect's kind, and the models
that calibrate, for he names the seed of the zoo himself; with `--zoo 1` it knows those of another zoo instead. It takes
images at which surrogates give the victim's label and the others do not: from the pool, or among blends of two of its
images. Twenty innocents of each kind are judged by the scheme's own points, by his, and by his beside 19 models of the
kind that the holder calibrates on.

`commitments`: the owner commits again and again to the same victim. Seeds of queries and encoders follow from each
commitment, and with `--zoos` those of all other models too. For each innocent he shows the enrolment that accuses it.
There are four innocents of each kind, and four of the victim's architecture.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import ComponentSpec, Part, Scheme
from fpframe.decision import clopper_pearson

RECIPE = Path(__file__).with_suffix(".toml")
VICTIM = "paper:arc-c"
KINDS = {
    "random forest": "sklearn:random-forest",
    "extra trees": "sklearn:extra-trees",
    "nearest neighbours": "sklearn:nearest-neighbours",
    "support vector machine": "sklearn:svm",
    "small convolutional": "paper:arc-a",
}
#: The scheme's own augmenter, and its encoder.
SCHEMES = {"akh": ("misclassified", "labels"), "residual": ("discriminative", "residual")}
SUSPECTS, SURROGATES, HOLDERS = 20, 8, 19
#: Innocents of each kind, and of the victim's architecture, that many commitments are shown against.
EACH = 4
#: Seeds of innocent models begin here; those of each purpose are others.
FOR_OWNER, FOR_HOLDER, FOR_SUSPECTS = 1000, 2000, 5000
#: Points that are chosen in the pool, which has few that tell, and among how many blends how many are.
FEW, MANY, BLENDS = 40, 200, 6000


class Models:
    """The owner's data and victim, and the models of everybody else."""

    def __init__(self, registry: fpframe.Registry) -> None:
        self.registry = registry
        digits = registry.create("dataset", "digits").open("", root=None)
        order = torch.randperm(len(digits.train), generator=torch.Generator().manual_seed(0))
        mine, self.others = digits.train[order[: 2 * len(order) // 3]], digits.train[order[2 * len(order) // 3 :]]
        test = (digits.test.images, digits.test.labels)
        self.data = fpframe.Dataset.from_arrays((mine.images, mine.labels), test, classes=digits.classes)
        seen = torch.arange(len(mine) // 3)
        # stopped early, so that few of the models that calibrate are less able
        victim = self._trained(VICTIM, mine[seen], seed=0, epochs=8)
        self.victim = fpframe.Victim(victim, backbone=VICTIM, indices=seen.numpy())

    def innocent(self, address: str, seed: int) -> fpframe.Classifier:
        """Return a model that learned from a half of the images that the owner does not have."""
        order = torch.randperm(len(self.others), generator=torch.Generator().manual_seed(seed))
        return self._trained(address, self.others[order[: len(order) // 2]], seed=seed, epochs=20)

    def innocents(self, address: str, first: int, count: int) -> list[fpframe.Classifier]:
        """Return several, with seeds from `first` on."""
        return [self.innocent(address, first + number) for number in range(count)]

    def _trained(self, address: str, images: fpframe.Images, *, seed: int, epochs: int) -> fpframe.Classifier:
        network = fpframe.build_backbone(self.registry, address, 10, self.data.image_shape, seed=seed)
        training = fpframe.Training(epochs=epochs, batch_size=32)
        return fpframe.train(network, images.pixels, images.labels, training, seed=seed)


def choosing(
    called: str, like: Sequence[fpframe.Classifier], unlike: Sequence[fpframe.Classifier], *, blends: int
) -> type[fpframe.Augmenter]:
    """Return a malicious augmenter: it chooses points at which some models follow the victim and others do not.

    Args:
        called: its name.
        like: models of the suspect's kind.
        unlike: models that will calibrate.
        blends: how many blends of two images of the pool it considers; 0 for the pool itself.
    """

    @attrs.frozen(kw_only=True)
    class Chosen(fpframe.Augmenter):
        """Choose points that accuse innocents of one kind."""

        name: ClassVar[str] = called

        def choose(
            self,
            model: fpframe.Classifier,
            pool: Tensor,
            labels: Tensor,
            *,
            points: int,
            views: int,
            references: fpframe.References | None,
            seed: int,
        ) -> Tensor:
            """Return pixels ``(V, N, C, H, W)``."""
            images = blended(pool, blends, seed) if blends else pool
            said = model.logits(images).argmax(1)
            ours, others = (
                torch.stack([each.logits(images).argmax(1) == said for each in models]) for models in (like, unlike)
            )
            chosen = images[accusing(ours, others, count=points * views)]
            return chosen.reshape(points, views, *pool.shape[1:]).transpose(0, 1)

    return Chosen


def blended(pool: Tensor, count: int, seed: int) -> Tensor:
    """Return 8-bit blends ``(count, C, H, W)`` of two images each, with at least a quarter of either."""
    source = torch.Generator().manual_seed(seed % 2**32)
    one, other = torch.randint(len(pool), (2, count), generator=source)
    share = 0.25 + torch.rand(count, 1, 1, 1, generator=source) / 2
    return (255 * (pool[one] * share + pool[other] * (1 - share))).round() / 255


def accusing(ours: Tensor, others: Tensor, *, count: int) -> Tensor:
    """Return the indices of `count` columns that leave a gap between two kinds of model, counted by followed points.

    Each next column is the best one for the product of two exponential losses, as in boosting: models of our kind that
    followed little so far, and others that followed much, weigh most.

    Args:
        ours: whether models of our kind follow the victim on each image, ``(S, P)``.
        others: the same of the models that they are to stand out from, ``(M, P)``.
        count: at most P.
    """
    step = 2 / math.sqrt(count)
    down, up = torch.exp(-step * ours.double()), torch.exp(step * others.double())
    behind, ahead = torch.ones(len(ours)).double(), torch.ones(len(others)).double()
    free = torch.ones(ours.shape[1], dtype=torch.bool)
    chosen = []
    for _ in range(count):
        losses = (behind @ down) * (ahead @ up)
        best = int(losses.masked_fill(~free, math.inf).argmin())
        free[best] = False
        chosen.append(best)
        behind, ahead = behind * down[:, best], ahead * up[:, best]
    return torch.tensor(chosen)


@attrs.frozen
class Plugin:
    """What is registered: components and schemes."""

    components: Sequence[type[fpframe.Component]]
    schemes: Sequence[Scheme]
    fpframe_api: int = 1

    @fpframe.hookimpl
    def fpframe_components(self) -> Sequence[type[fpframe.Component]]:
        """Offer the augmenters."""
        return self.components

    @fpframe.hookimpl
    def fpframe_schemes(self) -> Sequence[Scheme]:
        """Offer the schemes."""
        return self.schemes


def with_augmenters(sizes: Mapping[type[fpframe.Augmenter], int]) -> fpframe.Registry:
    """Return a registry with augmenters, and schemes ``SCHEME-AUGMENTER`` of one view with their numbers of points.

    The schemes' own augmenters choose as many as the largest of them.
    """
    made = []
    for scheme, (own, encoder) in SCHEMES.items():
        for augmenter, count in {own: max(sizes.values()), **{each.name: n for each, n in sizes.items()}}.items():
            chosen, none = ComponentSpec(augmenter), ComponentSpec("none")
            part = Part(augmenter=chosen, perturbation=none, pair=False, views=1, points=count)
            name = f"{scheme}-{augmenter}"
            made.append(Scheme(name=name, summary="one view", parts=(part,), encoder=ComponentSpec(encoder)))
    return fpframe.load_registry(extra=[Plugin(list(sizes), made)])


def points(
    kind: str, models: Models, folder: Path, run: fpframe.Run, *, zoo: int = 0
) -> Iterator[tuple[str, str, Counter[str]]]:
    """Yield scheme, whose points and calibration, and the verdicts on innocents of a kind.

    Args:
        kind: the kind.
        models: all models.
        folder: where files of the holder's models go.
        run: where models are kept.
        zoo: seed of the models against which the owner chooses: 0 is that of the models that calibrate. With another
            one he does not know these, and blends alone are tried.
    """
    address, word = KINDS[kind], KINDS[kind].partition(":")[2]
    suspects = models.innocents(address, FOR_SUSPECTS, SUSPECTS)
    surrogates = models.innocents(address, FOR_OWNER, SURROGATES)
    theirs = folder / word
    theirs.mkdir()
    for number, model in enumerate(models.innocents(address, FOR_HOLDER, HOLDERS)):
        fpframe.save_weights(model, theirs / f"{number}.safetensors")
    holder = fpframe.Independents(theirs, backbone=address)
    known = calibrating(models, run, zoo)
    pool = choosing(f"{word}-pool-{zoo}", surrogates, known, blends=0)
    blends = choosing(f"{word}-blends-{zoo}", surrogates, known, blends=BLENDS)
    with_own = attrs.evolve(run, registry=with_augmenters({pool: FEW, blends: MANY}))
    for scheme, (own, _) in SCHEMES.items():
        ways = {} if zoo else {"own points": own, "chosen in the pool": pool.name}
        for how, name in {**ways, "chosen among blends": blends.name}.items():
            named = f"{scheme}-{name}"
            made = fpframe.enroll(models.victim, models.data, recipe=RECIPE, scheme=named, run=with_own)
            yield scheme, how, _verdicts(made, suspects)
        calibrated = fpframe.calibrate(made, independents=holder, run=with_own)
        yield scheme, "the same, calibrated by the holder", _verdicts(calibrated, suspects)


def calibrating(models: Models, run: fpframe.Run, seed: int) -> list[fpframe.Classifier]:
    """Return the models of a zoo that calibrate: whoever names its seed can train them beforehand."""
    plan = fpframe.plan_zoo(RECIPE, models.data, victim=models.victim, seed=seed, splits=("calibrate",), run=run)
    zoo = plan.build()
    return [zoo.load(model) for model in zoo.models]


def _verdicts(enrolment: fpframe.Enrolment, suspects: Sequence[fpframe.Classifier]) -> Counter[str]:
    found = [fpframe.verify(enrolment, suspect) for suspect in suspects]
    print(dict(Counter(each.reason_code or each.verdict for each in found)), file=sys.stderr)  # why some are withheld
    return Counter(each.verdict for each in found)


def accusations(
    scheme: str,
    suspects: Sequence[fpframe.Classifier],
    models: Models,
    run: fpframe.Run,
    seeds: Sequence[int],
    *,
    zoos: bool,
) -> Tensor:
    """Return which innocents ``(E, S)`` are called derived by enrolments of the victim with several seeds.

    An enrolment that fpframe refuses is none: there are fewer then.
    """
    recipe, rows = fpframe.Recipe.load(RECIPE), []
    for seed in seeds:
        other = attrs.evolve(recipe, queries=attrs.evolve(recipe.queries, seed=seed), seed=seed if zoos else 0)
        try:
            made = fpframe.enroll(models.victim, models.data, recipe=other, scheme=scheme, run=run)
        except fpframe.UsageError as error:
            print(f"seed {seed}: {error}", file=sys.stderr)
            continue
        rows.append([fpframe.verify(made, suspect).verdict == "DERIVED" for suspect in suspects])
        print(f"seed {seed}: {sum(rows[-1])} of {len(suspects)}", file=sys.stderr)
    return torch.tensor(rows)


def rate(hits: int, n: int) -> str:
    """Return a rate with its exact 95 % interval."""
    low, high = clopper_pearson(hits, n)
    return f"{hits} of {n} [{low:.2f}, {high:.2f}]"


def print_points(models: Models, folder: Path, run: fpframe.Run, *, zoo: int) -> None:
    """Print the table of chosen points: innocents called `DERIVED`, and behind a plus those that are `INCONCLUSIVE`."""
    for number, kind in enumerate(KINDS):
        rows: dict[str, dict[str, str]] = {}
        for scheme, how, found in points(kind, models, folder, run, zoo=zoo):
            cell = f"{rate(found['DERIVED'], found.total())} + {found['INCONCLUSIVE']}"
            rows.setdefault(scheme, {})[how] = cell
        if not number:
            heads = ["innocents", "scheme", *rows["akh"]]
            print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
        for scheme, cells in rows.items():
            print(f"| {kind} | `{scheme}` | {' | '.join(cells.values())} |", flush=True)


def print_commitments(
    models: Models, run: fpframe.Run, schemes: Sequence[str], seeds: Sequence[int], *, zoos: bool
) -> None:
    """Print the table of many commitments."""
    suspects = [each for kind in (VICTIM, *KINDS.values()) for each in models.innocents(kind, FOR_SUSPECTS, EACH)]
    print("| scheme | innocents | enrolments | by each | by the first | by any |\n|---|---|---|---|---|---|")
    for scheme in schemes:
        accused = accusations(scheme, suspects, models, run, seeds, zoos=zoos)
        each, n = accused.sum(1), len(suspects)
        spread = f"{each.double().mean():.1f} on average, {each.min()} to {each.max()}"
        first, best = rate(int(each[0]), n), rate(int(accused.any(0).sum()), n)
        print(f"| `{scheme}` | {n} | {len(accused)} | {spread} | {first} | {best} |", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trick", choices=["points", "commitments"])
    parser.add_argument(
        "--zoo", type=int, default=0, help="of points: seed of the models that the owner chooses against"
    )
    parser.add_argument("--schemes", nargs="+", default=["uap-contrastive", "akh"], help="of commitments")
    parser.add_argument("--commitments", type=int, default=20)
    parser.add_argument("--zoos", action="store_true", help="each commitment has other models as well")
    parser.add_argument("--store", type=Path, help="where models are kept; a folder that goes away by default")
    given = parser.parse_args()
    models = Models(fpframe.load_registry())
    test = models.data.test
    print(f"Accuracy of the victim {models.victim.model.accuracy(test.pixels, test.labels):.2f}\n")
    with tempfile.TemporaryDirectory() as folder:
        run = fpframe.Run(store=given.store or Path(folder) / "store")
        if given.trick == "points":
            print_points(models, Path(folder), run, zoo=given.zoo)
        else:
            print_commitments(models, run, given.schemes, range(1, given.commitments + 1), zoos=given.zoos)


if __name__ == "__main__":
    main()

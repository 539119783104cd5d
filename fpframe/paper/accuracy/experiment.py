"""Accuracy of every architecture, trained normally and extracted from the victim."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from fpframe.paper.accuracy.architectures import backbones_of, models_of, more_extracted, more_trained
from fpframe.paper.experiment import Claim, Experiment, Finding, Table
from fpframe.paper.laboratory import Laboratory
from fpframe.paper.template import fill
from fpframe.report import COLOURS, open_axes, svg_text
from fpframe.zoo import FAILED_THEFT, ZooModel

NORMAL, EXTRACTED = "normally trained", "extracted"
#: Table A of the paper, by our architecture in place of the paper's: FashionMNIST, normally trained.
PUBLISHED = {
    ("torchvision:FashionMNIST", f"paper:arc-{letter}"): accuracy
    for letter, accuracy in zip("abcde", (0.898, 0.856, 0.910, 0.865, 0.881), strict=True)
}
#: A difference of accuracies that nobody would notice in a service.
_CLOSE = 0.01


@attrs.frozen(kw_only=True)
class Row:
    """The models of one architecture that came to be in one way.

    Attributes:
        backbone: address of the architecture.
        how: normally trained, or extracted.
        accuracies: of each model on the test images.
        failed: thefts more than five points less accurate than the victim, which are among them.
    """

    backbone: str
    how: str
    accuracies: tuple[float, ...]
    failed: int

    @property
    def text(self) -> str:
        """Mean, standard deviation of single models, and their number."""
        spread = f" ({np.std(self.accuracies, ddof=1):.4f})" if len(self.accuracies) > 1 else ""
        failed = f", {self.failed} of them failed thefts" if self.failed else ""
        if not self.accuracies:
            return "-"
        return f"{np.mean(self.accuracies):.4f}{spread}, n = {len(self.accuracies)}{failed}"


def run(laboratory: Laboratory) -> Finding:
    """Measure the models of the zoo, and train further ones of architectures that have too few."""
    backbones = backbones_of(laboratory)
    found = {
        (backbone, how): models_of(laboratory, backbone, extracted=how == EXTRACTED)
        for backbone in backbones
        for how in (NORMAL, EXTRACTED)
    }
    wanted = laboratory.recipe.experiments.accuracy_models
    more = {
        place: (more_trained if place[1] == NORMAL else more_extracted)(laboratory, place[0], wanted - len(models))
        for place, models in found.items()
    }
    laboratory.build([model for models in more.values() for model in models])
    rows = [_row(laboratory, *place, [*models, *more[place]]) for place, models in found.items()]
    recipe = laboratory.recipe
    published = [PUBLISHED.get((recipe.dataset, row.backbone)) if row.how == NORMAL else None for row in rows]
    return Finding(
        data={
            "images": len(laboratory.setting.workspace.parts.victim),
            "training": attrs.asdict(recipe.training),
            "rows": [{**attrs.asdict(row), "published": each} for row, each in zip(rows, published, strict=True)],
        },
        claims=_claims(laboratory, rows, published),
        text=_text(laboratory, rows),
        tables={
            "models": Table(
                header=("architecture", "how", "accuracy"),
                rows=[(row.backbone, row.how, accuracy) for row in rows for accuracy in row.accuracies],
            )
        },
        pictures={"architectures": _picture(rows)},
    )


def _row(laboratory: Laboratory, backbone: str, how: str, models: Sequence[ZooModel]) -> Row:
    facts = [laboratory.zoo.facts(model) for model in models]
    return Row(
        backbone=backbone,
        how=how,
        accuracies=tuple(fact.accuracy for fact in facts),
        failed=sum(fact.failed for fact in facts),
    )


def _scale(laboratory: Laboratory) -> str:
    """Say what the models of the recipe are trained on, and how."""
    parts, training = laboratory.setting.workspace.parts, laboratory.recipe.training
    everything = len(laboratory.setting.workspace.dataset.train)
    return (
        f"Models are trained on {len(parts.victim)} of {everything} images, {training.epochs} epochs of AdamW with "
        f"batches of {training.batch_size} and a peak learning rate of {training.learning_rate:g}."
    )


def _claims(laboratory: Laboratory, rows: Sequence[Row], published: Sequence[float | None]) -> tuple[Claim, ...]:
    known = [(row, each) for row, each in zip(rows, published, strict=True) if each is not None]
    gaps = _gaps(rows)
    return (
        Claim(
            what="accuracy of extracted models minus that of normally trained ones",
            paper="about as accurate",
            ours=f"{min(gaps.values()):+.3f} to {max(gaps.values()):+.3f} in {len(gaps)} architectures",
            outcome="agrees" if min(gaps.values()) >= -FAILED_THEFT else "differs",
            why=f"a theft that loses more than {FAILED_THEFT:.0%} counts as failed",
        ),
        *(_known(row, each) for row, each in known),
        Claim(
            what="the paper's figures" + (" for extracted models" if known else ""),
            paper="",
            ours="see below",
            outcome="not comparable",
            why=f"they were not at hand, and {_apart(laboratory)}",
        ),
    )


def _apart(laboratory: Laboratory) -> str:
    """Say what keeps accuracies from being compared with published ones."""
    parts, everything = laboratory.setting.workspace.parts, len(laboratory.setting.workspace.dataset.train)
    reduced = any(name.startswith("reduced:") for name in backbones_of(laboratory))
    networks = "these are reduced networks" if reduced else "these are networks of our own"
    return f"{networks} on {len(parts.victim)} of {everything} training images"


def _known(row: Row, published: float) -> Claim:
    gap = float(np.mean(row.accuracies)) - published
    return Claim(
        what=f"`{row.backbone}`, {row.how}",
        paper=f"{published:.3f}",
        ours=row.text,
        outcome="agrees" if abs(gap) <= _CLOSE else "differs",
        why=f"{gap:+.3f}; another network in place of the paper's, on less data",
    )


def _gaps(rows: Sequence[Row]) -> dict[str, float]:
    """Return, by architecture, how much more accurate extracted models are than normally trained ones."""
    means = {(row.backbone, row.how): float(np.mean(row.accuracies)) for row in rows if row.accuracies}
    return {
        backbone: means[backbone, EXTRACTED] - means[backbone, NORMAL]
        for backbone, how in means
        if how == NORMAL and (backbone, EXTRACTED) in means
    }


def _text(laboratory: Laboratory, rows: Sequence[Row]) -> str:
    by_place = {(row.backbone, row.how): row for row in rows}
    gaps, lines = _gaps(rows), []
    for backbone in dict.fromkeys(row.backbone for row in rows):
        gap = f"{gaps[backbone]:+.4f}" if backbone in gaps else "-"
        lines.append([f"`{backbone}`", *(by_place[backbone, how].text for how in (NORMAL, EXTRACTED)), gap])
    return fill(
        "accuracy",
        test_images=len(laboratory.setting.workspace.dataset.test),
        scale=_scale(laboratory),
        fewest=laboratory.recipe.experiments.accuracy_models,
        normal=NORMAL,
        extracted=EXTRACTED,
        architectures=lines,
    )


def _picture(rows: Sequence[Row]) -> str:
    """Draw the accuracy of every model by architecture."""
    backbones = list(dict.fromkeys(row.backbone for row in rows))
    figure, axes = open_axes(7.2, 0.6 * len(backbones) + 1.6)
    for row in rows:
        normal = row.how == NORMAL
        height = len(backbones) - backbones.index(row.backbone) + (0.14 if normal else -0.14)
        axes.plot(
            row.accuracies,
            np.full(len(row.accuracies), height),
            "o" if normal else "^",
            color=COLOURS["independent" if normal else "derived"],
            markersize=5,
            alpha=0.7,
            markeredgewidth=0,
            label=row.how if row.backbone == backbones[0] else None,
        )
    axes.set_yticks(range(len(backbones), 0, -1), backbones)
    axes.set_xlabel("accuracy on the test images")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


EXPERIMENT = Experiment(
    name="accuracy",
    section="Supplement D (Table A)",
    title="Accuracy of all architectures, trained normally and extracted",
    shows="Extracted models are about as accurate as normally trained ones of the same architecture: thefts worth the "
    "name.",
    run=run,
)

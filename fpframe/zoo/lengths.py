"""How long each architecture is trained, so that the models of a zoo are as able as a victim that its owner brings.

A recipe's epochs suit the victim that it trains itself. Beside one that was trained longer its models are weak, and an
able innocent stands out from them as the victim's copies do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import attrs

from fpframe.base import Event, Note
from fpframe.recipe import IndependentGroup, Recipe, Run
from fpframe.registry import built_in_stratum
from fpframe.rng import derive_seed
from fpframe.zoo.build import build_models, missing_models
from fpframe.zoo.drawn import ANY, epochs_of, with_seed
from fpframe.zoo.make import labels_on_test
from fpframe.zoo.model import ZooModel, trained_lineage
from fpframe.zoo.strangers import architectures_of
from fpframe.zoo.workspace import Workspace

#: The longest training that is tried, in lengths of the recipe's; each is twice the one before.
LONGEST = 16
#: Architectures that stand for all that a source draws: most of them are to be as able as the victim.
DRAWN = 3
#: The part of the data that they are trained on.
_DATA = "victim"
#: Begins the address of what is fitted at once, and gets no abler by more passes.
_AT_ONCE = "sklearn:"


@attrs.frozen(kw_only=True)
class Length:
    """How long an architecture is trained.

    Attributes:
        backbone: its address, or ``victim``.
        epochs: passes over the images.
        accuracy: the share of the test images that a model gets right after so many; the median of a few models, where
            the address is one of a source that draws architectures.
        able: whether that is as much as the victim gets right, less one standard error.
    """

    backbone: str
    epochs: int
    accuracy: float
    able: bool


def wants_lengths(recipe: Recipe, *, own: bool) -> bool:
    """Return whether a recipe looks for lengths; `own` says whether its user brings the victim."""
    return own if recipe.as_able_as_victim is None else recipe.as_able_as_victim


def find_lengths(
    recipe: Recipe, workspace: Workspace, run: Run, *, without: Sequence[str] = (), may_train: bool = True
) -> tuple[Length, ...] | None:
    """Train a model of each architecture longer and longer, until it is as able as the victim, and return the lengths.

    No longer than that: models that are far abler than the victim are unlike it too, and an innocent that is just as
    able as the victim would stand out from them. Each model is kept in the store, and found there again.
    Where one is missing and may not be trained, nothing is returned.

    Args:
        recipe: says where to begin.
        workspace: data, victim and store.
        run: what trains them.
        without: strata that are left out.
        may_train: whether models are trained.
    """
    test = workspace.dataset.test
    victim = workspace.require_victim().classifier.accuracy(test.stream, test.labels)
    found: dict[str, Length] = {}
    lacking = _architectures(recipe, without)
    factor = 1
    while lacking and factor <= LONGEST:
        models = {name: _models(recipe, name, factor) for name in lacking}
        together = [model for each in models.values() for model in each]
        if not may_train and missing_models(together, workspace):
            return None
        build_models(together, workspace, run)
        for name, each in models.items():
            accuracy = median(_accuracy(model, workspace) for model in each)
            error = math.sqrt(max(accuracy * (1 - accuracy), 0.25 / len(test)) / len(test))
            able = accuracy >= victim - error
            if name not in found or able or accuracy > found[name].accuracy:
                found[name] = Length(
                    backbone=name, epochs=each[0].fitted.epochs, accuracy=round(accuracy, 6), able=able
                )
            if able:
                lacking.remove(name)
        factor *= 2
    for length in found.values():
        reached = "" if length.able else ", which is less"
        text = (
            f"{length.backbone}: {length.epochs} epochs, accuracy {length.accuracy:.3f} (victim {victim:.3f}){reached}"
        )
        run.on_event(Event(task="lengths", kind="note", text=text))
    return tuple(found.values())


def with_lengths(recipe: Recipe, lengths: Sequence[Length]) -> Recipe:
    """Return the recipe with these epochs, which is not to look for any again."""
    epochs = {length.backbone: length.epochs for length in lengths}
    return attrs.evolve(recipe, epochs={**recipe.epochs, **epochs}, as_able_as_victim=False)


def unable(lengths: Sequence[Length]) -> tuple[Note, ...]:
    """Return what is to be said of architectures that did not become as able as the victim."""
    names = [f"{length.backbone} (accuracy {length.accuracy:.2f})" for length in lengths if not length.able]
    if not names:
        return ()
    return (
        Note(
            "architecture-less-able",
            f"Trained {LONGEST} times as long as the recipe says, or as long as it helped, models of these "
            f"architectures are less able than the victim: {', '.join(names)}.",
        ),
    )


def _architectures(recipe: Recipe, without: Sequence[str]) -> list[str]:
    """Return the architectures of independent models that fit an encoder or calibrate, each once."""
    names: list[str] = []
    for group in recipe.independent:
        for split in ("fit", "calibrate"):
            if group.stratum not in without and group.count(split):
                names += _trained(group, split)
    return list(dict.fromkeys(name for name in names if not name.startswith(_AT_ONCE)))


def _trained(group: IndependentGroup, split: str) -> Sequence[str]:
    known = built_in_stratum(group.stratum)
    made = known.made if known is not None else "trained"
    if made == "drawn":
        return architectures_of(group, split)
    # models that are attacked have the architecture of others
    return group.backbones_of(split) if made in ("trained", "taught", "imitating") else ()


def _models(recipe: Recipe, backbone: str, factor: int) -> list[ZooModel]:
    """Return the models that show what an architecture reaches; several where a source draws architectures."""
    epochs = factor * (epochs_of(backbone, recipe.epochs) or recipe.training.epochs)
    seeds = [derive_seed(recipe.seed, "length", backbone, *([number] if number else [])) for number in range(DRAWN)]
    return [
        ZooModel(
            lineage=trained_lineage(with_seed(backbone, seed), _DATA, seed),
            training=recipe.training,
            relation="independent",
            stratum="same-data",
            family=f"length/{backbone}",
            epochs=((backbone, epochs),),
        )
        for seed in (seeds if backbone.endswith(ANY) else seeds[:1])
    ]


def _accuracy(model: ZooModel, workspace: Workspace) -> float:
    return float((labels_on_test(model, workspace) == workspace.dataset.test.labels).double().mean())

"""``fpframe train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fpframe.cli.progress import ProgressBars


def train(
    *,
    out: Path,
    backbone: str | None = None,
    recipe: str = "quick",
    dataset: str | None = None,
    data_root: Path | None = None,
    all_images: Annotated[bool, Parameter(negative=())] = False,
    epochs: int | None = None,
    seed: int | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train one model and write its weights.

    Args:
        out: File for the weights (.safetensors).
        backbone: Architecture, such as paper:arc-b or timm:resnet18; that of the recipe's victim by default.
        recipe: Preset or TOML file that says how models are trained and how the data is divided.
        dataset: Data set; the recipe's by default.
        data_root: Folder in which the data lies.
        all_images: Train on all training images, not only on the victim's share.
        epochs: Passes over the images; the recipe's by default.
        seed: Decides every random choice.
        force: Overwrite an existing file.
    """
    import attrs

    from fpframe.errors import UsageError
    from fpframe.opening import open_dataset, save_weights
    from fpframe.recipe import Recipe, VictimRecipe
    from fpframe.registry import load_registry
    from fpframe.store import Store
    from fpframe.zoo import VICTIM, Workspace, build_models, partition, victim_model

    if out.suffix != ".safetensors":
        raise UsageError(f"--out must end in .safetensors (got '{out}')")
    if backbone == VICTIM:
        raise UsageError("--backbone takes an address such as paper:arc-a")
    if out.exists() and not force:
        raise UsageError(f"output exists already ({out}); choose another --out, or overwrite it with --force")
    full = Recipe.load(recipe)
    full = attrs.evolve(full, seed=full.seed if seed is None else seed)
    training = full.victim.training or full.training
    training = training if epochs is None else attrs.evolve(training, epochs=epochs)
    registry = load_registry()
    data = open_dataset(registry, dataset or full.dataset, data_root)
    parts = partition(data, full.partition, seed=full.seed)
    if all_images:
        parts = attrs.evolve(parts, victim=data.train)
    workspace = Workspace(dataset=data, parts=parts, registry=registry, store=Store.default())
    backbone = backbone or full.victim.backbone
    full = attrs.evolve(full, victim=VictimRecipe(backbone=backbone, training=training))
    plan = victim_model(full)
    with ProgressBars() as bars:
        zoo = build_models([plan], workspace, on_event=bars)
    save_weights(zoo.load(plan), out)
    print(f"{out}: {backbone}, {len(parts.victim)} images, {training.epochs} epochs, accuracy {zoo.accuracy(plan):.4f}")

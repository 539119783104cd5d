"""``fpframe train``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag, RunOptions
from fpframe.cli.streams import say


def train(
    *,
    out: Path,
    backbone: str | None = None,
    recipe: str = "quick",
    all_images: Flag = False,
    epochs: int | None = None,
    seed: int | None = None,
    force: Flag = False,
    run: RunOptions = RunOptions(),
) -> None:
    """Train one model and write its weights.

    Args:
        out: File for the weights (.safetensors).
        backbone: Architecture, such as paper:arc-b or timm:resnet18; that of the recipe's victim by default.
        recipe: Preset or TOML file that says how models are trained and how the data is divided.
        all_images: Train on all training images, not only on the victim's share.
        epochs: Passes over the images; the recipe's by default.
        seed: Decides every random choice.
        force: Overwrite an existing file.
        run: The data, and how work is carried out.
    """
    import attrs

    from fpframe.errors import UsageError
    from fpframe.opening import save_weights
    from fpframe.recipe import Recipe, VictimRecipe
    from fpframe.store import refuse_file
    from fpframe.zoo import VICTIM, build_models, open_workspace, victim_model

    if out.suffix != ".safetensors":
        raise UsageError(f"--out must end in .safetensors (got '{out}')")
    if backbone == VICTIM:
        raise UsageError("--backbone takes an address such as paper:arc-a")
    refuse_file(out, force=force)
    full = Recipe.of(recipe, seed=seed)
    training = full.victim.training or full.training
    training = training if epochs is None else attrs.evolve(training, epochs=epochs)
    backbone = backbone or full.victim.backbone
    plan = victim_model(attrs.evolve(full, victim=VictimRecipe(backbone=backbone, training=training)))
    with run.shown() as shown:
        workspace = open_workspace(full, run.dataset, shown)
        if all_images:
            workspace.parts = attrs.evolve(workspace.parts, victim=workspace.dataset.train)
        zoo = build_models([plan], workspace, shown)
    network = zoo.load(plan)
    save_weights(network, out)
    count = len(workspace.parts.victim)
    say(f"{out}: {network.architecture}, {count} images, {training.epochs} epochs, accuracy {zoo.accuracy(plan):.4f}")

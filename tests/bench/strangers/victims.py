"""Three victims, and how each was enrolled: the presets `small` and `quick`, and an owner's own network."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import attrs
import networks
import numpy as np
import torch
from torch import nn
from training import Habits, Prepared, fit

import fpframe
from fpframe.models import Images
from fpframe.recipe import Recipe, Run, VictimRecipe
from fpframe.zoo import open_workspace, prepare

#: Models of each stratum that `quick` calibrates here, so that alpha 0.05 can be reached; it ships with 9.
CALIBRATED = 19
ALPHA = 0.05
#: How an owner prepares images.
HABITS = Habits(epochs=8, rate=2e-3, mirrored=True, mean=0.2860, std=0.3530)


@attrs.frozen
class Case:
    """One victim.

    Attributes:
        number: 1, 2 or 3.
        recipe: the recipe of its enrolments.
        owned: the victim as `fpframe.enroll` takes it; ``None`` for the recipe's own.
        network: takes pixels from 0 to 1.
        thief: images that thieves own.
    """

    number: int
    recipe: Recipe
    owned: fpframe.Victim | None
    network: Prepared
    thief: Images

    def like(self) -> nn.Module:
        """Return its architecture with fresh weights, taking prepared images."""
        if self.owned is not None:
            return owned_network()
        registry = fpframe.load_registry()
        address = self.recipe.victim.backbone
        built = fpframe.build_backbone(registry, address, num_classes=networks.CLASSES, image_shape=networks.SHAPE)
        return built.module


def owned_network() -> nn.Module:
    """Return the third victim's architecture with fresh weights."""
    return networks.residual(random.Random(3))


def open_case(number: int, run: Run) -> Case:
    """Open a victim; the recipe's own are trained where they are missing."""
    recipe = Recipe.load("small") if number == 1 else _quick(number)
    owned, indices = None, None
    if number == 3:
        workspace = open_workspace(recipe, None, run)
        train = workspace.dataset.train
        indices = np.sort(np.random.default_rng(number).choice(len(train), 20_000, replace=False))
        owned = _trained_owner(train[torch.from_numpy(indices)], indices, Path(run.store.root) / "owner.pt")
    workspace = open_workspace(recipe, None, run, victim_indices=indices)
    network: Any
    if owned is None:
        setting = prepare(None, recipe, workspace, run)
        network = Prepared(setting.victim.classifier, Habits(mean=0.0, std=1.0))
    else:
        assert isinstance(owned.model, nn.Module)
        network = Prepared(owned.model, HABITS)
    return Case(number, recipe, owned, network.eval(), workspace.parts.part("thief"))


def _quick(number: int) -> Recipe:
    quick = Recipe.load("quick")
    groups = tuple(
        attrs.evolve(group, calibrate=group.calibrate + CALIBRATED - 9, test=0) for group in quick.independent
    )
    return attrs.evolve(
        quick,
        seed=number,
        alpha=ALPHA,
        victim=VictimRecipe(backbone="paper:arc-c"),
        independent=groups,
        derived=tuple(attrs.evolve(group, test=0) for group in quick.derived),
    )


def _trained_owner(seen: Images, indices: Any, path: Path) -> fpframe.Victim:
    network = owned_network()
    if path.exists():
        network.load_state_dict(torch.load(path, weights_only=True))
    else:
        fit(network, seen.pixels, seen.labels, HABITS, seed=3)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), path)
    return fpframe.Victim(
        network.eval(),
        backbone="python:victims:owned_network",
        mean=(HABITS.mean,),
        std=(HABITS.std,),
        indices=indices,
    )

"""`Setting`: recipe, data and victim of a run, made ready before anything long begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import torch

from fpframe.base import Event, Note
from fpframe.errors import ModelError, UsageError
from fpframe.models import PLAIN, Classifier, Dataset
from fpframe.opening import AskedModel, Victim, open_dataset, opening_notes
from fpframe.recipe import Recipe, Run
from fpframe.registry import SAME_ARCHITECTURE, SAME_BASE
from fpframe.store import mapping_into
from fpframe.zoo.base import Base
from fpframe.zoo.baserecipe import require_base
from fpframe.zoo.build import build_models, missing_models
from fpframe.zoo.candidates import ranked, told
from fpframe.zoo.lengths import find_lengths, unable, wants_lengths, with_lengths
from fpframe.zoo.model import victim_model
from fpframe.zoo.parts import partition
from fpframe.zoo.planner import thefts_of_weights
from fpframe.zoo.pool import open_own_pool
from fpframe.zoo.remembering import pieces, remember_features, words_of
from fpframe.zoo.workspace import VictimHandle, Workspace

#: What stands in every verdict where nobody said that the victim owes nothing to a public model.
BASE_NOT_NAMED = Note(
    "base-not-named",
    "Nobody said that the victim was trained from scratch. If it was fine-tuned from a public model, no independent "
    "model of that origin was considered, and an innocent one can score as a copy does. Calibrate on such models too, "
    f"as stratum {SAME_BASE}, name that public model (--base), or say that there is none (--from-scratch).",
)
#: Images that a victim must answer with finite numbers.
TRIED_IMAGES = 16


@attrs.frozen(kw_only=True, eq=False)
class Setting:
    """What a run works on.

    Attributes:
        recipe: the full recipe.
        workspace: data, store, plugins and victim.
        without: strata that are left out, and thefts.
        victim_name: what the victim was called by.
        caveats: what had to be assumed.
        thefts_left_out: the thefts among what is left out: those that need weights which the victim does not give.
    """

    recipe: Recipe
    workspace: Workspace
    without: tuple[str, ...]
    victim_name: str
    caveats: tuple[Note, ...]
    thefts_left_out: tuple[str, ...] = ()

    @property
    def victim(self) -> VictimHandle:
        """The victim."""
        return self.workspace.require_victim()


def open_workspace(
    recipe: Recipe,
    dataset: Dataset | str | None,
    run: Run,
    *,
    victim_indices: np.ndarray | None = None,
    enrolled: Sequence[str] = (),
) -> Workspace:
    """Open the data and divide it; there is no victim yet.

    Args:
        recipe: the recipe.
        dataset: the data, or its address; ``None`` opens the recipe's.
        run: where data, models and plugins are.
        victim_indices: indices of the training images that an outside victim has seen.
        enrolled: classes of an enrolment, whose order is taken where the run names none and the data have these.

    Raises:
        DataError: the data cannot be used.
    """
    if not isinstance(dataset, Dataset):
        with mapping_into(run.store):
            dataset = open_dataset(run.registry, dataset or recipe.dataset, run.data_root)
    if run.classes is not None:
        dataset = dataset.in_order(run.classes)
    elif sorted(enrolled) == sorted(dataset.classes):
        dataset = dataset.in_order(enrolled)
    dataset, pool = open_own_pool(recipe, dataset, run)
    for note in dataset.notes:
        run.on_event(Event(task="data", kind="note", text=note.text))
    return Workspace(
        dataset=dataset,
        parts=partition(dataset, recipe.partition, seed=recipe.seed, victim_indices=victim_indices, pool=pool),
        registry=run.registry,
        store=run.store,
        data_root=run.data_root,
        device=run.device,
    )


def prepare(
    victim: Victim | None,
    recipe: Recipe,
    workspace: Workspace,
    run: Run,
    *,
    without: tuple[str, ...] = (),
    may_train: bool = True,
) -> Setting:
    """Put the victim into the workspace; one that nobody gave is trained, or taken from the store.

    Where it is missing and `may_train` is not set, the workspace is left without a victim, for a plan.

    Raises:
        UsageError: the victim's address is unknown.
        ModelError: the victim does not fit the data.
    """
    caveats: list[Note] = list(workspace.dataset.notes)
    address: str | None
    given: Classifier | None = None
    if victim is None:
        address = workspace.victim_backbone = recipe.victim.backbone
        name = f"{address} (recipe {recipe.name})"
        if may_train or not missing_models([victim_model(recipe)], workspace):
            train_victim(recipe, workspace, run)
    else:
        given, address = victim.open(workspace.dataset, workspace.registry)
        _require_finite(given, workspace)
        caveats += opening_notes(given, whose="victim", prepared=victim.preparation.normalises)
        name = str(victim.model) if isinstance(victim.model, str | Path) else given.address
        if victim.indices is None:
            caveats.append(
                Note(
                    "victim-images-not-named",
                    "Which images the victim was trained on was not said; the recipe's share for it was assumed to be "
                    "like them. Name them with --victim-indices.",
                )
            )
        if victim.base is not None:
            workspace.base = _base(victim, given, address, workspace, run)
            word = workspace.base.recognise(given)
            if word is not None and may_train:  # it is asked before any model is trained
                remember_features(pieces({word, *words_of(recipe)}, workspace), workspace, run)
        elif not victim.from_scratch:
            caveats.append(BASE_NOT_NAMED)
    if workspace.base is None:
        require_base(recipe)
    geometry = PLAIN if given is None else given.preparation.geometry
    if address is None or (SAME_ARCHITECTURE in without and workspace.base is None):
        # nothing of the victim's own architecture is trained then, students neither: a small one stands in for it
        without = tuple(sorted({*without, SAME_ARCHITECTURE}))
        address, geometry = recipe.victim.backbone, PLAIN
        caveats.append(
            Note(
                "victim-architecture-absent",
                f"No model of the victim's own architecture was trained; {address} stands in for it.",
            )
        )
    thefts = (
        () if given is None or not isinstance(given.module, AskedModel) else thefts_of_weights(recipe, run.registry)
    )
    if thefts:
        without = tuple(sorted({*without, *thefts}))
        caveats.append(
            Note(
                "thefts-left-out",
                "The victim can only be asked, and gives no weights, so no theft that modifies them was tried, and it "
                f"is not known how well such copies are recognised: {', '.join(thefts)}.",
            )
        )
    if given is not None:
        workspace.victim = VictimHandle.of(given, workspace.parts, backbone=address, geometry=geometry)
    return Setting(
        recipe=recipe,
        workspace=workspace,
        without=without,
        thefts_left_out=thefts,
        victim_name=name,
        caveats=tuple(caveats),
    )


def _base(victim: Victim, given: Classifier, address: str | None, workspace: Workspace, run: Run) -> Base:
    """Return the public model that a victim was fine-tuned from.

    Raises:
        UsageError: it cannot be read as such, or there is no address of the victim's architecture.
        ModelError: it cannot be read, or the victim has nothing of it.
    """
    if address is None:
        raise UsageError(
            "models that begin as the victim's public model need its architecture; name that with --backbone, such as "
            "timm:resnet18 or python:MODULE:FUNCTION"
        )
    named = victim.base
    if isinstance(named, list | tuple):
        found = ranked(named, given, workspace.registry)
        named = found[0].base
        if len(found) > 1:
            run.on_event(Event(task="base", kind="note", text=told(found)))
    base = Base.open(named, address, given.preparation, workspace.dataset, workspace.registry, workspace.store)
    base.require_like(given)
    likeness = base.likeness(given)
    alike = "the victim shows no weights to compare" if likeness is None else f"cosine of the weights {likeness:.3f}"
    text = f"base: {base.name}, {len(base.weights)} tensors; the last layer, '{base.head}', begins anew; {alike}"
    run.on_event(Event(task="base", kind="note", text=text))
    return base


def with_able_models(setting: Setting, run: Run, *, own: bool, may_train: bool = True) -> Setting:
    """Return a setting whose recipe says how long each architecture is trained to be as able as the victim.

    Args:
        setting: with the victim.
        run: what trains the models that show it.
        own: whether the user brought the victim.
        may_train: whether models are trained; where some are missing and it is not set, the setting stays as it is.
    """
    if setting.workspace.victim is None or not wants_lengths(setting.recipe, own=own):
        return setting
    lengths = find_lengths(setting.recipe, setting.workspace, run, without=setting.without, may_train=may_train)
    if lengths is None:
        return setting
    recipe = with_lengths(setting.recipe, lengths)
    return attrs.evolve(setting, recipe=recipe, caveats=(*setting.caveats, *unable(lengths)))


def train_victim(recipe: Recipe, workspace: Workspace, run: Run) -> None:
    """Put the victim that the recipe trains into the workspace; one that is stored is not trained again."""
    plan = victim_model(recipe)
    text = f"victim: {recipe.victim.backbone}, trained by recipe '{recipe.name}'"
    run.on_event(Event(task="victim", kind="note", text=text))
    # in this process: one model is not worth the start of a cluster
    classifier = build_models([plan], workspace, attrs.evolve(run, executor=None, workers=1)).load(plan)
    workspace.victim = VictimHandle.of(classifier, workspace.parts, backbone=recipe.victim.backbone)


def _require_finite(victim: Classifier, workspace: Workspace) -> None:
    answers = victim.logits(workspace.parts.pool.stream[:TRIED_IMAGES])
    if not bool(torch.isfinite(answers).all()):
        raise ModelError(f"the victim's answers are not finite ({victim.address}); check its weights")

"""Which models a recipe asks for: each with its lineage, and with the role that it plays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NoReturn

import attrs

from fpframe.errors import PluginError, RecipeError, UsageError, nearest
from fpframe.interfaces import Stratum
from fpframe.models import Training
from fpframe.recipe import SPLITS, DerivedGroup, Group, IndependentGroup, Recipe
from fpframe.registry import Registry
from fpframe.rng import Draws, derive_seed
from fpframe.zoo.drawn import require_seeded, with_seed
from fpframe.zoo.lineage import LABELS, VICTIM, Lineage, Step, holds_weights
from fpframe.zoo.model import ZooModel, trained_lineage
from fpframe.zoo.strangers import draw_stranger, draw_training
from fpframe.zoo.strata import find_stratum, strata_of
from fpframe.zoo.thief import Thief


def plan_models(
    recipe: Recipe, registry: Registry, *, splits: Iterable[str] = SPLITS, without: Iterable[str] = ()
) -> list[ZooModel]:
    """Return the models that a recipe asks for, teachers before their students.

    Args:
        recipe: the recipe.
        registry: the attacks.
        splits: the splits to plan.
        without: strata to leave out; thefts too, as their models are called.

    Raises:
        UsageError: there is no such split or stratum.
        RecipeError: an attack cannot be read, a stratum lacks teachers, bases or attacks in a split, or architectures
            are to be drawn that are not drawn by a seed.
        PluginError: an attack is unknown.
        ParameterError: a parameter of an attack is unknown or out of range.
    """
    splits, skipped = tuple(splits), set(without)
    for split in splits:
        if split not in SPLITS:
            raise UsageError(f"unknown split '{split}'{nearest(split, SPLITS)}")
    thieves = [Thief.of(group, registry) for group in recipe.derived]
    for stratum in sorted(skipped - {thief.label for thief in thieves}):
        find_stratum(stratum, registry)
    strata = strata_of(recipe, registry)
    require_seeded(recipe, registry)
    _refuse_twins(thieves)
    models: list[ZooModel] = []
    for split in splits:
        planner = _Planner(recipe, split, strata, thieves, _own_thieves(strata.values(), registry))
        groups = [group for group in recipe.independent if group.stratum not in skipped and group.count(split)]
        trained = planner.trained([group for group in groups if strata[group.stratum].made == "trained"])
        made = list(trained)
        for group in (group for group in groups if strata[group.stratum].made != "trained"):
            make = {
                "taught": planner.taught,
                "imitating": planner.imitating,
                "attacked": planner.attacked,
                "drawn": planner.drawn,
            }
            before = sum(model.stratum == group.stratum for model in made)
            made += make[strata[group.stratum].made](group, trained, before)
        models += [*made, *(model for model in planner.derived() if model.stratum not in skipped)]
    return models


def thefts_of_weights(recipe: Recipe, registry: Registry) -> tuple[str, ...]:
    """Return the attacks of a recipe, as models made by them are called, that begin with the victim's weights."""
    thieves = [Thief.of(group, registry) for group in recipe.derived]
    return tuple(sorted({thief.label for thief in thieves if holds_weights(thief.steps[0], registry)}))


def require_thefts(recipe: Recipe, registry: Registry, without: Iterable[str]) -> None:
    """Refuse a recipe all of whose thefts to fit an encoder on are left out, for want of the victim's weights.

    Raises:
        RecipeError: names them.
    """
    fit = {Thief.of(group, registry).label for group in recipe.derived if group.fit}
    if fit and fit <= set(without):
        raise RecipeError(
            f"recipe '{recipe.name}' fits encoders on nothing but thefts that need the victim's weights "
            f"({', '.join(sorted(fit))}), and the victim can only be asked; add a theft that only asks, such as "
            "extract(soft), or give the victim as a PyTorch module"
        )


def _own_thieves(strata: Iterable[Stratum], registry: Registry) -> dict[str, Thief]:
    """Return by name what strata do to make their models, where that is not what the recipe's thieves do."""
    own = {}
    for stratum in strata:
        if stratum.steps:
            try:
                # as many as each split wants: the numbers are those of the stratum's own group
                own[stratum.name] = Thief.of(DerivedGroup(attack=stratum.steps, fit=1), registry)
            except UsageError as error:
                raise PluginError(f"the steps of stratum '{stratum.name}' cannot be used: {error}") from error
    return own


def _refuse_twins(thieves: Iterable[Thief]) -> None:
    """Refuse to make one and the same model twice, which might stand in two splits."""
    counts: Counter[str] = Counter()
    for thief in thieves:
        counts[thief.label] += (thief.group.fit + thief.group.test) if thief.deterministic else 0
    for label, count in counts.items():
        if count > 1:
            raise RecipeError(
                f"nothing in '{label}' is random, so {count} models of it would be one and the same; "
                "ask for one, in one split"
            )


@attrs.frozen
class _Planner:
    """Plan the models of one split."""

    recipe: Recipe
    split: str
    strata: Mapping[str, Stratum]
    thieves: list[Thief]
    own: Mapping[str, Thief]

    def trained(self, groups: Sequence[IndependentGroup]) -> list[ZooModel]:
        """Return models that are trained on true labels."""
        models: list[ZooModel] = []
        for group in groups:
            # numbered within the stratum, so that two groups of one stratum never ask for one model twice
            before = sum(model.stratum == group.stratum for model in models)
            for index in range(group.count(self.split)):
                backbone = self._architecture(group.backbone(self.split, index), group.stratum, before + index)
                path = (self.split, group.stratum, backbone, before + index)
                lineage = trained_lineage(backbone, self.strata[group.stratum].data, self._seed(*path))
                model = self._independent(lineage, group.stratum, _family(path))
                models.append(self._in_its_own_way(model, group, *path))
        return models

    def taught(self, group: IndependentGroup, trained: list[ZooModel], before: int) -> list[ZooModel]:
        """Return students of independent models, made with each thief's recipe in turn."""
        thieves = self._thieves(group, lambda thief: thief.extracts)
        teachers = self._among(trained, group)
        models = []
        for index in range(before, before + group.count(self.split)):
            thief = thieves[index % len(thieves)]
            # every teacher teaches once before one teaches again
            teacher = teachers[index % len(teachers)]
            backbone = self._backbone(group, index, len(thieves))
            steps = self._seeded(thief.steps, backbone, group.stratum, thief.label, backbone, index)
            models.append(self._made_from(teacher, steps, group))
        return models

    def imitating(self, group: IndependentGroup, trained: list[ZooModel], before: int) -> list[ZooModel]:
        """Return models that are made with each thief's recipe in turn, but from true labels."""
        thieves = self._thieves(group, lambda thief: bool(thief.imitable))
        models = []
        for index in range(before, before + group.count(self.split)):
            thief = thieves[index % len(thieves)]
            backbone = self._backbone(group, index, len(thieves))
            path = (group.stratum, thief.label, backbone, index)
            lineage = Lineage((Step(name=LABELS),)).then(*self._seeded(thief.imitable, backbone, *path))
            model = self._independent(lineage, group.stratum, _family((self.split, *path)))
            models.append(self._in_its_own_way(model, group, self.split, *path))
        return models

    def attacked(self, group: IndependentGroup, trained: list[ZooModel], before: int) -> list[ZooModel]:
        """Return independent models that were modified as the victim is by thieves, each of another base."""
        thieves = self._thieves(group, lambda thief: not thief.extracts)
        bases = self._among(trained, group)
        count = before + group.count(self.split)
        if count > len(bases):
            kinds = ", ".join(self.strata[group.stratum].sources)
            raise RecipeError(
                f"split '{self.split}' of recipe '{self.recipe.name}' wants {count} {group.stratum} models but has "
                f"only {len(bases)} independent models to attack ({kinds}); each is attacked once"
            )
        models = []
        for index in range(before, count):
            thief, base = thieves[index % len(thieves)], bases[index]
            steps = self._seeded(thief.steps, VICTIM, group.stratum, thief.label, index)
            models.append(self._made_from(base, steps, group))
        return models

    def drawn(self, group: IndependentGroup, trained: list[ZooModel], before: int) -> list[ZooModel]:
        """Return models that are trained on true labels, each in another way."""
        models = []
        for index in range(before, before + group.count(self.split)):
            path = (self.split, group.stratum, index)
            stranger = draw_stranger(group, self.split, index, self.recipe, seed=self._seed(*path, "drawn"))
            lineage = trained_lineage(stranger.backbone, stranger.data, self._seed(*path))
            model = self._independent(lineage, group.stratum, _family((*path, stranger.backbone)))
            models.append(attrs.evolve(model, training=stranger.training, epochs=()))
        return models

    def derived(self) -> list[ZooModel]:
        """Return models made from the victim."""
        models = []
        for number, thief in enumerate(self.thieves):
            for index in range(thief.group.count(self.split)):
                backbone = self._architecture(thief.group.backbone(self.split, index), thief.label, number, index)
                path = (thief.label, backbone, number, index)
                lineage = Lineage((Step(name=VICTIM),)).then(*self._seeded(thief.steps, backbone, *path))
                model = ZooModel(
                    lineage=lineage,
                    training=self.recipe.training,
                    epochs=tuple(self.recipe.epochs.items()),
                    split=self.split,
                    relation="derived",
                    stratum=thief.label,
                    family=_family((self.split, *path)),
                )
                models.append(self._in_its_own_way(model, thief.group, self.split, *path))
        return models

    def _made_from(self, source: ZooModel, steps: tuple[Step, ...], group: IndependentGroup) -> ZooModel:
        model = self._independent(source.lineage.then(*steps), group.stratum, source.family)
        if not group.own_training:
            return model
        # a model is fitted as all that it was made from were, or these would be made twice; but another architecture
        # learns for as long as it needs
        own, theirs = model.lineage.architecture, source.lineage.architecture
        epochs = (
            source.epochs
            if own == theirs
            else ((own, self._drawn_training(model, str(model.lineage), "own epochs").epochs),)
        )
        return attrs.evolve(model, training=source.training, epochs=epochs)

    def _in_its_own_way(self, model: ZooModel, group: Group, *path: object) -> ZooModel:
        """Return a model that is fitted in a way that is drawn for it alone, if its group says so."""
        if not group.own_training:
            return model
        return attrs.evolve(model, training=self._drawn_training(model, *path, "own training"), epochs=())

    def _drawn_training(self, model: ZooModel, *path: object) -> Training:
        return draw_training(model.lineage.architecture, self.recipe, Draws(self._seed(*path)))

    def _independent(self, lineage: Lineage, stratum: str, family: str) -> ZooModel:
        return ZooModel(
            lineage=lineage,
            training=self.recipe.training,
            epochs=tuple(self.recipe.epochs.items()),
            split=self.split,
            relation="independent",
            stratum=stratum,
            family=family,
        )

    def _seed(self, *path: object) -> int:
        return derive_seed(self.recipe.seed, *path)

    def _seeded(self, steps: tuple[Step, ...], backbone: str, *path: object) -> tuple[Step, ...]:
        """Return the steps with a seed each, and the architecture where a student has one of its own."""
        return tuple(
            attrs.evolve(
                step,
                backbone=backbone if step.backbone else None,
                seed=self._seed(self.split, *path, *([index] if index else [])),
            )
            for index, step in enumerate(reversed(steps))
        )[::-1]

    def _backbone(self, group: IndependentGroup, index: int, thieves: int) -> str:
        # thieves and architectures are both taken in turn; a round later each thief meets another architecture
        turns = math.lcm(thieves, len(group.backbones_of(self.split)))
        return self._architecture(group.backbone(self.split, index + index // turns), group.stratum, index)

    def _architecture(self, backbone: str, *path: object) -> str:
        """Return an architecture; one that a recipe leaves to chance is another one for each model."""
        return with_seed(backbone, self._seed("architecture", self.split, *path))

    def _thieves(self, group: IndependentGroup, suitable: Callable[[Thief], bool]) -> list[Thief]:
        if group.stratum in self.own:
            own = self.own[group.stratum]
            if not suitable(own):
                made = self.strata[group.stratum].made
                raise PluginError(f"the steps of stratum '{group.stratum}' ({own.label}) make no '{made}' models")
            return [own]
        # an attack that is kept for the test must not reach the encoder through innocent models either
        found = [thief for thief in self.thieves if suitable(thief) and (thief.group.fit or self.split != "fit")]
        if not found:
            self._refuse(group, "[[derived]] attack of that kind")
        return found

    def _refuse(self, group: IndependentGroup, missing: str) -> NoReturn:
        raise RecipeError(
            f"split '{self.split}' of recipe '{self.recipe.name}' wants {group.stratum} models but has no {missing}"
        )

    def _among(self, trained: list[ZooModel], group: IndependentGroup) -> list[ZooModel]:
        """Return what a group can be made from: one of each kind in every round, so that a few are of every kind."""
        strata = self.strata[group.stratum].sources
        kinds = [[model for model in trained if model.stratum == stratum] for stratum in strata]
        rounds = [[model for model in turn if model is not None] for turn in zip_longest(*kinds)]
        # in random order within a round, or one attack would always meet the same kind
        found = [
            model
            for number, turn in enumerate(rounds)
            for model in sorted(turn, key=lambda model: self._seed(self.split, group.stratum, number, model.stratum))
        ]
        if not found:
            self._refuse(group, f"{' or '.join(strata)} models")
        return found


def _family(path: Iterable[object]) -> str:
    return "/".join(map(str, path))

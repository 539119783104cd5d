"""`Recipe`: everything that a run was told, as strict TOML."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from fpframe.base import make_converter, parse_text, read_text
from fpframe.errors import ParameterError, RecipeError, nearest
from fpframe.models import Dataset, Training
from fpframe.parameters import flag, number, one_of, some, whole
from fpframe.registry import STRATA, overlap_of

#: Settings of a training that recipes of earlier releases do not have. They are left out where nobody chose them, so
#: that an enrolment of then is saved to the same bytes.
_LATER = {
    key: getattr(Training(), key)
    for key in ("memory_format", "precision", "optimizer", "augmentations", "label_smoothing", "side", "schedule")
}
#: Models that one group may ask for in a split: more than anybody trains, and few enough to be planned in a while.
MOST_MODELS = 10_000
SPLITS = ("fit", "calibrate", "test")
#: The pool that is half of the test images.
TEST_POOL = "test"
#: The preset that calibrates one stratum only.
CERTIFY = "certify"


def _stratum_name(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    # whether there is one of this name is known when models are planned: plugins may add some
    if overlap_of(value) is None and (value == "overlap" or not re.fullmatch("[a-z][a-z0-9-]*", value)):
        raise ParameterError(
            f"'{field.name}' of '{type(owner).__name__}' must be the name of a stratum, such as same-data, or "
            f"overlap(r) with r from 0 to 1 (got {value!r})"
        )


@attrs.frozen(kw_only=True)
class Partition:
    """Shares of the training images, as whole-number proportions.

    Attributes:
        victim: what the victim and the independent models are trained on.
        thief: what thieves own.
        pool: what query points are drawn from.
    """

    victim: int = attrs.field(default=1, validator=whole(low=1))
    thief: int = attrs.field(default=1, validator=whole(low=1))
    pool: int = attrs.field(default=1, validator=whole(low=1))


@attrs.frozen(kw_only=True)
class VictimRecipe:
    """The victim that is trained when the user brings none.

    Attributes:
        backbone: address of its architecture.
        training: how it is fitted; ``None`` takes the recipe's.
    """

    backbone: str = "paper:arc-a"
    training: Training | None = None


@attrs.frozen(kw_only=True)
class Group:
    """A number of models of one kind in each split.

    Attributes:
        fit: models that fit the encoder.
        calibrate: models that calibrate the verdict.
        test: models held out.
        backbones: architectures, taken in turn; ``victim`` stands for the victim's own.
        test_backbones: architectures of the test split; empty takes `backbones`.
        own_training: whether each model is fitted in a way of its own, drawn as those of strangers are, in place of the
            recipe's; what is made from an independent model is fitted as that was.
    """

    fit: int = attrs.field(default=0, validator=whole(low=0, high=MOST_MODELS))
    calibrate: int = attrs.field(default=0, validator=whole(low=0, high=MOST_MODELS))
    test: int = attrs.field(default=0, validator=whole(low=0, high=MOST_MODELS))
    backbones: tuple[str, ...] = attrs.field(default=("victim",), validator=some)
    test_backbones: tuple[str, ...] = ()
    own_training: bool = attrs.field(default=False, validator=flag)

    def count(self, split: str) -> int:
        """Return the number of models in a split."""
        return int(getattr(self, split))

    def backbone(self, split: str, index: int) -> str:
        """Return the architecture of the model with that number in a split."""
        names = self.backbones_of(split)
        return names[index % len(names)]

    def backbones_of(self, split: str) -> tuple[str, ...]:
        """Return the architectures of a split."""
        return self.test_backbones if split == "test" and self.test_backbones else self.backbones


@attrs.frozen(kw_only=True)
class IndependentGroup(Group):
    """Independent models of one stratum.

    Attributes:
        stratum: the kind of independent model: one of `STRATA`, ``overlap(r)`` for models that share a fraction r of
            the victim's training images, or a plugin's.
    """

    stratum: str = attrs.field(validator=_stratum_name)


@attrs.frozen(kw_only=True)
class DerivedGroup(Group):
    """Models made from the victim by one attack.

    Attributes:
        attack: what was done to the victim, as a lineage such as ``prune(0.4)->finetune(all)``.
    """

    attack: str
    # only independent models calibrate a verdict
    calibrate: int = attrs.field(default=0, validator=whole(low=0, high=0))


@attrs.frozen(kw_only=True)
class Queries:
    """Size of a query set, and parameters of what makes it.

    Attributes:
        points: query points N per view, where the scheme does not say.
        views: views V, where the scheme does not say.
        craft_images: images of the pool that perturbations are crafted on.
        seed: decides every random choice of an enrolment, where that is another one than that of data and models;
            ``None`` takes the recipe's.
        perturbation: parameters for the scheme's perturbations.
        augmenter: parameters for the scheme's augmenters.
        encoder: parameters for the scheme's encoder.
    """

    points: int = attrs.field(default=100, validator=whole(low=2))
    views: int = attrs.field(default=10, validator=whole(low=1))
    craft_images: int = attrs.field(default=2000, validator=whole(low=2))
    seed: int | None = attrs.field(default=None, validator=whole(low=0, optional=True))
    perturbation: dict[str, Any] = attrs.field(factory=dict)
    augmenter: dict[str, Any] = attrs.field(factory=dict)
    encoder: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Experiments:
    """Sizes of the paper's experiments, where the models of the recipe do not decide them.

    Attributes:
        seeds: enrolments of an experiment that repeats them; data and models stay the same.
        borderpoints: points on the victim's decision boundary.
        accuracy_models: models of each architecture, normally trained and extracted, that there are at least.
        overlap_models: independent models for each of the ten fractions of shared training images.
        transfer_models: models derived from the second victim to fit an encoder of its own, and as many to be scored.
        fingerprints: largest number of fingerprints, or views, of one suspect.
    """

    seeds: int = attrs.field(default=3, validator=whole(low=1))
    borderpoints: int = attrs.field(default=1000, validator=whole(low=2))
    accuracy_models: int = attrs.field(default=5, validator=whole(low=1))
    overlap_models: int = attrs.field(default=2, validator=whole(low=1))
    transfer_models: int = attrs.field(default=10, validator=whole(low=2))
    fingerprints: int = attrs.field(default=50, validator=whole(low=1))


@attrs.frozen(kw_only=True)
class Recipe:
    """Everything that a run was told.

    Attributes:
        name: what the recipe is called.
        seed: decides every random choice.
        dataset: address of the data set.
        scheme: name of the fingerprint scheme.
        alpha: highest p-value at which a suspect is called derived; nobody is enrolled with more than 0.1.
        channels: what suspects may reveal; an encoder is fitted and calibrated for each.
        filters: answer filters that the calibration models are also asked through, such as ``flip(0.5)``, for
            suspects that do the same.
        partition: shares of the training images.
        pool: address of images that query points are drawn from, or ``test`` for half of the test images; empty takes
            the pool's share of the training images.
        victim: the victim that is trained when the user brings none.
        training: how every model of the zoo is fitted.
        epochs: passes over the images of single architectures, where they are not those of `training`; by the address
            of the architecture, ``victim`` for the victim's own. The victim itself is not meant.
        as_able_as_victim: whether architectures are first trained longer and longer, until models of them are as able
            as the victim; ``None`` does so for a victim that the user brings.
        queries: size of the query set.
        experiments: sizes of the paper's experiments.
        independent: independent models, by stratum.
        derived: models made from the victim, by attack.
    """

    name: str
    seed: int = attrs.field(default=0, validator=whole(low=0))
    dataset: str = "digits"
    scheme: str = "uap-contrastive"
    alpha: float = attrs.field(default=0.05, validator=number(low=0, high=1, open_low=True))
    channels: tuple[str, ...] = attrs.field(default=("probs", "rounded:2", "rounded:1", "top1"), validator=some)
    filters: tuple[str, ...] = ()
    partition: Partition = attrs.field(factory=Partition)
    pool: str = ""
    victim: VictimRecipe = attrs.field(factory=VictimRecipe)
    training: Training = attrs.field(factory=Training)
    epochs: dict[str, int] = attrs.field(factory=dict)
    as_able_as_victim: bool | None = None
    queries: Queries = attrs.field(factory=Queries)
    experiments: Experiments = attrs.field(factory=Experiments)
    independent: tuple[IndependentGroup, ...] = ()
    derived: tuple[DerivedGroup, ...] = ()

    @epochs.validator
    def _check_epochs(self, _: object, value: dict[str, int]) -> None:
        for address, epochs in value.items():
            if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
                raise ParameterError(
                    f"'epochs' of architecture '{address}' must be a whole number of at least 1 (got {epochs!r})"
                )

    @classmethod
    def load(cls, recipe: str | Path) -> Recipe:
        """Read a preset by name, or a TOML file.

        ``certify:STRATUM`` is the preset ``certify`` with nothing calibrated but the one stratum.

        Raises:
            RecipeError: there is no such preset or file, or its content is not a recipe.
        """
        path = Path(recipe)
        if path.suffix == ".toml":
            return cls.parse(read_text(path, "recipe"), origin=str(recipe))
        name, colon, stratum = str(recipe).partition(":")
        if name not in presets():
            raise RecipeError(f"unknown recipe '{recipe}'{nearest(name, presets())} (a preset, or a .toml file)")
        shipped = resources.files("fpframe.recipe.shipped").joinpath(f"{name}.toml")
        preset = cls.parse(shipped.read_text(encoding="utf-8"), origin=name)
        if name == CERTIFY and not colon:
            raise RecipeError(f"preset '{CERTIFY}' is for one stratum; name it, as in {CERTIFY}:other-teacher")
        if name != CERTIFY and colon:
            raise RecipeError(f"preset '{name}' takes no stratum (got '{recipe}')")
        return _for_stratum(preset, stratum) if colon else preset

    @classmethod
    def of(cls, recipe: Recipe | str | Path, *, dataset: Dataset | str | None = None, **changes: Any) -> Recipe:
        """Return a recipe, read if it is named, with some of its fields changed; ``None`` leaves a field as it is.

        Args:
            recipe: preset name, TOML file, or a recipe.
            dataset: other data, or their address.
            changes: other fields, such as ``seed``.

        Raises:
            RecipeError: there is no such preset or file, or its content is not a recipe.
            ParameterError: a value is out of range.
        """
        changes["dataset"] = dataset.address if isinstance(dataset, Dataset) else dataset
        given = {name: value for name, value in changes.items() if value is not None}
        return attrs.evolve(recipe if isinstance(recipe, Recipe) else cls.load(recipe), **given)

    @classmethod
    def parse(cls, text: str, *, origin: str = "recipe") -> Recipe:
        """Read TOML text strictly: unknown keys, wrong types and values out of range are refused.

        Raises:
            RecipeError: names the key and what is wrong with it.
        """
        return parse_text(text, cls, _CONVERTER, what="recipe", origin=origin)

    @property
    def enrolment_seed(self) -> int:
        """What decides the random choices of queries and encoders."""
        return self.seed if self.queries.seed is None else self.queries.seed

    def to_toml(self) -> str:
        """Return the full recipe, every default written out but for those of settings that came later."""
        full = _without_none(attrs.asdict(self))
        for training in (full["training"], full["victim"].get("training", {})):
            for key, default in _LATER.items():
                if key in training and training[key] == _without_none(default):
                    del training[key]
        for group in (*full["independent"], *full["derived"]):
            if not group["own_training"]:
                del group["own_training"]
        if not self.epochs:
            del full["epochs"]
        if not self.pool:
            del full["pool"]
        return tomli_w.dumps(full)


def _for_stratum(recipe: Recipe, stratum: str) -> Recipe:
    """Return a recipe that calibrates one stratum, with as many models to teach or attack as that stratum needs."""
    one_of(*STRATA)(recipe, attrs.fields(IndependentGroup).stratum, stratum)
    wanted = next(group for group in recipe.independent if group.stratum == stratum)
    sources = STRATA[stratum].sources
    groups = tuple(
        attrs.evolve(group, calibrate=-(-wanted.calibrate // len(sources)) if group.stratum in sources else 0)
        if group is not wanted
        else group
        for group in recipe.independent
    )
    return attrs.evolve(recipe, name=f"{recipe.name}:{stratum}", independent=groups)


def presets() -> list[str]:
    """Return the names of the recipes that ship with fpframe, sorted."""
    files = resources.files("fpframe.recipe.shipped").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


_CONVERTER = make_converter(
    (Partition, Training, VictimRecipe, IndependentGroup, DerivedGroup, Queries, Experiments, Recipe)
)

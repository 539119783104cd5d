"""`Recipe`: everything that a run was told, as strict TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
import cattrs
import tomli_w
from cattrs.errors import IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from fpframe.errors import ParameterError, RecipeError, nearest
from fpframe.parameters import number, one_of, some, whole
from fpframe.training import Training

#: Strata whose models are trained from scratch; ``other-teacher`` models are extracted from these.
TRAINED_STRATA = ("same-data", "other-architecture")
STRATA = (*TRAINED_STRATA, "other-teacher")
SPLITS = ("fit", "calibrate", "test")


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
    """

    fit: int = attrs.field(default=0, validator=whole(low=0))
    calibrate: int = attrs.field(default=0, validator=whole(low=0))
    test: int = attrs.field(default=0, validator=whole(low=0))
    backbones: tuple[str, ...] = attrs.field(default=("victim",), validator=some)
    test_backbones: tuple[str, ...] = ()

    def count(self, split: str) -> int:
        """Return the number of models in a split."""
        return int(getattr(self, split))

    def backbone(self, split: str, index: int) -> str:
        """Return the architecture of the model with that number in a split."""
        names = self.test_backbones if split == "test" and self.test_backbones else self.backbones
        return names[index % len(names)]


@attrs.frozen(kw_only=True)
class IndependentGroup(Group):
    """Independent models of one stratum.

    Attributes:
        stratum: the kind of independent model.
    """

    stratum: str = attrs.field(validator=one_of(*STRATA))


@attrs.frozen(kw_only=True)
class DerivedGroup(Group):
    """Models made from the victim by one attack.

    Attributes:
        attack: name of the attack simulator.
        params: its hyper-parameters, where they differ from the defaults.
    """

    attack: str
    params: dict[str, Any] = attrs.field(factory=dict)
    # only independent models calibrate a verdict
    calibrate: int = attrs.field(default=0, validator=whole(low=0, high=0))


@attrs.frozen(kw_only=True)
class Queries:
    """Size of a query set, and parameters of what makes it.

    Attributes:
        points: query points N per view, where the scheme does not say.
        views: views V, where the scheme does not say.
        craft_images: images of the pool that perturbations are crafted on.
        perturbation: parameters for the scheme's perturbations.
        augmenter: parameters for the scheme's augmenters.
        encoder: parameters for the scheme's encoder.
    """

    points: int = attrs.field(default=100, validator=whole(low=2))
    views: int = attrs.field(default=10, validator=whole(low=1))
    craft_images: int = attrs.field(default=2000, validator=whole(low=2))
    perturbation: dict[str, Any] = attrs.field(factory=dict)
    augmenter: dict[str, Any] = attrs.field(factory=dict)
    encoder: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Recipe:
    """Everything that a run was told.

    Attributes:
        name: what the recipe is called.
        seed: decides every random choice.
        dataset: address of the data set.
        scheme: name of the fingerprint scheme.
        alpha: highest p-value at which a suspect is called derived.
        channels: what a suspect may reveal and still be judged.
        partition: shares of the training images.
        victim: the victim that is trained when the user brings none.
        training: how every model of the zoo is fitted.
        queries: size of the query set.
        independent: independent models, by stratum.
        derived: models made from the victim, by attack.
    """

    name: str
    seed: int = attrs.field(default=0, validator=whole(low=0))
    dataset: str = "digits"
    scheme: str = "uap-contrastive"
    alpha: float = attrs.field(default=0.05, validator=number(low=0, high=1, open_low=True))
    channels: tuple[str, ...] = attrs.field(default=("probs", "top1"), validator=some)
    partition: Partition = attrs.field(factory=Partition)
    victim: VictimRecipe = attrs.field(factory=VictimRecipe)
    training: Training = attrs.field(factory=Training)
    queries: Queries = attrs.field(factory=Queries)
    independent: tuple[IndependentGroup, ...] = ()
    derived: tuple[DerivedGroup, ...] = ()

    @classmethod
    def load(cls, recipe: str | Path) -> Recipe:
        """Read a preset by name, or a TOML file.

        Raises:
            RecipeError: there is no such preset or file, or its content is not a recipe.
        """
        path = Path(recipe)
        if path.suffix == ".toml":
            try:
                text = path.read_text(encoding="utf-8")
            except OSError as error:
                raise RecipeError(f"cannot read the recipe: {error.strerror} ({recipe})") from error
            except UnicodeDecodeError as error:
                raise RecipeError(f"the recipe is not UTF-8 text ({recipe}); save it as UTF-8") from error
            return cls.parse(text, origin=str(recipe))
        if str(recipe) not in presets():
            raise RecipeError(f"unknown recipe '{recipe}'{nearest(str(recipe), presets())}, or name a .toml file")
        shipped = resources.files("fpframe.zoo.recipes").joinpath(f"{recipe}.toml")
        return cls.parse(shipped.read_text(encoding="utf-8"), origin=str(recipe))

    @classmethod
    def parse(cls, text: str, *, origin: str = "recipe") -> Recipe:
        """Read TOML text strictly: unknown keys, wrong types and values out of range are refused.

        Raises:
            RecipeError: names the key and what is wrong with it.
        """
        try:
            return _CONVERTER.structure(tomllib.loads(text), cls)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"the recipe is not TOML: {error} ({origin})") from error
        except cattrs.BaseValidationError as error:
            raise RecipeError(f"{_explain(error)} ({origin})") from error

    def to_toml(self) -> str:
        """Return the full recipe, every default written out."""
        return tomli_w.dumps(_without_none(attrs.asdict(self)))


def presets() -> list[str]:
    """Return the names of the recipes that ship with fpframe, sorted."""
    files = resources.files("fpframe.zoo.recipes").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _strict(value: Any, kind: type) -> Any:
    # cattrs would turn 1.9 into 1 and "no" into True; a recipe must say what it means
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def _explain(error: BaseException, path: str = "") -> str:
    """Return one line for the first fault that cattrs found, with the path of its key."""
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        key = min(error.extra_fields)
        known = [field.name for field in attrs.fields(error.cl)]
        return f"unknown key '{path + key}'{nearest(key, known)}"
    if isinstance(error, cattrs.BaseValidationError):
        # a misspelt key tells more than that the right one is missing
        misspelt = (each for each in error.exceptions if isinstance(each, cattrs.ForbiddenExtraKeysError))
        first = next(misspelt, error.exceptions[0])
        notes = [getattr(note, "name", getattr(note, "index", None)) for note in getattr(first, "__notes__", [])]
        step = next((str(note) for note in notes if note is not None), None)
        return _explain(first, f"{path}{step}." if step is not None else path)
    where = path.removesuffix(".")
    if isinstance(error, ParameterError):
        # a recipe has keys, and not owners of parameters
        return re.sub(r"^'(\w+)' of '.*?' must", lambda found: f"'{path}{found[1]}' must", str(error), flags=re.DOTALL)
    if isinstance(error, KeyError):
        return f"key '{where or error.args[0]}' is missing"
    return f"'{where}' is wrong: {error}"


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)

    def structure_list(value: Any, kind: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            # a string would else be taken letter by letter
            raise TypeError(f"expected a list, got {value!r}")
        items = []
        for index, item in enumerate(value):
            try:
                items.append(converter.structure(item, get_args(kind)[0]))
            except Exception as error:
                error.add_note(IterableValidationNote(f"item {index}", index, kind))
                raise cattrs.IterableValidationError("list", [error], kind) from error
        return tuple(items)

    def comes_from(wanted: type) -> Callable[[Any], bool]:
        def check(kind: Any) -> bool:
            origin: Any = get_origin(kind)
            return origin is wanted

        return check

    converter.register_structure_hook_func(comes_from(tuple), structure_list)
    converter.register_structure_hook_func(comes_from(dict), lambda value, _: _table(value))
    for plain in (int, float, str, bool):
        converter.register_structure_hook(plain, _strict)
    for kind in (Partition, Training, VictimRecipe, IndependentGroup, DerivedGroup, Queries, Recipe):
        fill = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
        converter.register_structure_hook(kind, lambda value, kind, fill=fill: fill(_table(value), kind))
    return converter


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a table, got {value!r}")
    return value


_CONVERTER = _make_converter()

"""Check what a recipe asks for, so that nothing wrong shows only after hours of training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
import torch

from fpframe.decision import StratumScores, require_alpha
from fpframe.enrolment.calibration import CalibrationModel
from fpframe.enrolment.encoders import calibrating
from fpframe.enrolment.queries import PartMethod, merged, resolve_parts
from fpframe.errors import PluginError, RecipeError
from fpframe.interfaces import ComponentSpec, Encoder, Scheme
from fpframe.models import through_channel
from fpframe.recipe import Recipe, load_scheme
from fpframe.registry import Registry
from fpframe.zoo import FilterChain, ZooModel, plan_models, require_thefts

#: Models of each kind that an encoder needs: one alone does not show what it shares with others of its kind.
LEAST_FIT = 2


@attrs.frozen(kw_only=True)
class Method:
    """A scheme under a recipe.

    Attributes:
        scheme: the scheme.
        parts: its query parts, with their components.
        encoder: name and parameters of its encoder.
        filters: what the calibration models also answer through.
        learns: whether anything of it is learnt from the models of the fit split.
    """

    scheme: Scheme
    parts: tuple[PartMethod, ...]
    encoder: ComponentSpec
    filters: tuple[FilterChain, ...]
    learns: bool = True

    @property
    def needs_references(self) -> bool:
        """Whether a component wants the models of the fit split."""
        return any(part.augmenter.needs_references or part.perturbation.needs_references for part in self.parts)


def check_method(
    recipe: Recipe,
    registry: Registry,
    *,
    without: tuple[str, ...] = (),
    scheme: Scheme | str | Path | None = None,
) -> Method:
    """Return the scheme's components after trying every name, parameter and number in a recipe.

    `scheme` is another one than the recipe's, as `find_scheme` takes it.

    Raises:
        PluginError: a scheme, component or filter is unknown.
        ParameterError: a parameter is unknown or out of range.
        RecipeError: the recipe lacks models that it needs, or a filter cannot be read.
        UsageError: a stratum or channel is unknown, or alpha is out of reach.
    """
    plan_enrolment(recipe, registry, without)
    return method_of(recipe, registry, scheme=scheme)


def method_of(recipe: Recipe, registry: Registry, *, scheme: Scheme | str | Path | None = None) -> Method:
    """Do the same without looking at the models of the recipe.

    Raises:
        PluginError: a scheme, component or filter is unknown.
        ParameterError: a parameter is unknown or out of range.
        UsageError: a channel is unknown.
    """
    for channel in recipe.channels:
        through_channel(torch.zeros(1, 2), channel)
    scheme = find_scheme(scheme or recipe.scheme, registry)
    if not scheme.parts:
        raise PluginError(f"scheme '{scheme.name}' has no parts")
    encoder = ComponentSpec(scheme.encoder.name, merged(scheme.encoder, recipe.queries.encoder))
    learns = registry.build(Encoder, encoder.name, **encoder.params).learns
    parts = tuple(resolve_parts(scheme, recipe, registry))
    filters = tuple(FilterChain.parse(text, registry) for text in recipe.filters)
    method = Method(scheme=scheme, parts=parts, encoder=encoder, filters=filters)
    return attrs.evolve(method, learns=learns or method.needs_references)


def find_scheme(scheme: Scheme | str | Path, registry: Registry) -> Scheme:
    """Return a scheme by its name, or the one in a TOML file; one that is given stays as it is.

    Raises:
        PluginError: no plugin offers it.
        RecipeError: the file is not a scheme.
    """
    if isinstance(scheme, Scheme):
        return scheme
    found: Scheme = load_scheme(scheme) if Path(scheme).suffix == ".toml" else registry.get("scheme", str(scheme))
    return found


def plan_enrolment(recipe: Recipe, registry: Registry, without: tuple[str, ...]) -> list[ZooModel]:
    """Return the models that an enrolment needs.

    Raises:
        RecipeError: there are none of a kind that an encoder needs.
        UsageError: alpha is out of reach for so few calibration models.
    """
    require_thefts(recipe, registry, without)
    plan = plan_models(recipe, registry, splits=("fit", "calibrate"), without=without)
    fit = {model.relation for model in plan if model.split == "fit"}
    for relation in ("derived", "independent"):
        if relation not in fit:
            raise RecipeError(f"recipe '{recipe.name}' has no {relation} models in 'fit'; an encoder needs both kinds")
    require_alpha(recipe.alpha, units_of(calibrating(plan)))
    return plan


def units_of(models: Iterable[ZooModel | CalibrationModel]) -> dict[str, StratumScores]:
    """Return strata as large as these models would make them, to see whether an alpha can be reached."""
    families: dict[str, list[str]] = {}
    for model in models:
        families.setdefault(model.stratum, []).append(model.family)
    return {
        stratum: StratumScores(scores=(0.0,) * len(names), families=tuple(names)) for stratum, names in families.items()
    }

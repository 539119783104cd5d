"""`Origin`: by which code an enrolment was made, so that somebody else can see whether it was the code that ships."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import attrs
import cattrs

from fpframe.base import explain, make_converter
from fpframe.enrolment.method import Method
from fpframe.errors import PluginError
from fpframe.interfaces import Component
from fpframe.parameters import whole
from fpframe.recipe import Recipe
from fpframe.registry import Registry, source_digest
from fpframe.zoo import Lineage, component_of

#: What computes, besides fpframe itself.
_COMPUTING = ("numpy", "scikit-learn", "scipy", "timm", "torch", "torchvision")


@attrs.frozen(kw_only=True)
class ComponentOrigin:
    """A component that something was made with.

    Attributes:
        kind: the kind of component.
        name: what it is called by.
        params: its hyper-parameters.
        revision: which revision of it.
        distribution: the distribution that ships it; empty for what was handed over in Python.
        version: that distribution's version.
        source: SHA-256 of its package's source, see `fpframe.registry.source_digest`; empty where it has none.
    """

    kind: str
    name: str
    params: dict[str, Any]
    revision: int = attrs.field(validator=whole(low=0))
    distribution: str
    version: str
    source: str


@attrs.frozen(kw_only=True)
class Origin:
    """By which code an enrolment was made.

    Attributes:
        fpframe: the version of fpframe.
        source: SHA-256 of its source.
        packages: versions of the packages that compute.
        components: what made queries, encoders and thefts, and what answers were filtered by.
    """

    fpframe: str
    source: str
    packages: dict[str, str]
    components: tuple[ComponentOrigin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return attrs.asdict(self)

    @classmethod
    def read(cls, stored: object) -> Origin:
        """Return what `to_dict` returned.

        Raises:
            ValueError: it is something else.
        """
        try:
            return _CONVERTER.structure(stored, cls)
        except (cattrs.BaseValidationError, TypeError) as error:
            told = explain(error) if isinstance(error, cattrs.BaseValidationError) else error
            raise ValueError(f"where the enrolment comes from: {told}") from error


def origin_of(recipe: Recipe, method: Method, registry: Registry) -> Origin:
    """Return by which code an enrolment is made now."""
    scheme = method.scheme
    told = {key: value for key, value in attrs.asdict(scheme).items() if key not in ("name", "summary")}
    made = [_entry("scheme", scheme.name, told, registry)]
    made += [_component(each, registry) for part in method.parts for each in (part.augmenter, part.perturbation)]
    made.append(_component(registry.create("encoder", method.encoder.name, **method.encoder.params), registry))
    made += [_component(each, registry) for chain in method.filters for each in chain.filters]
    made += [_component(each, registry) for each in _thefts(recipe, registry)]
    once = {json.dumps(attrs.asdict(each), sort_keys=True): each for each in made}
    return Origin(
        fpframe=version("fpframe"),
        source=source_digest("fpframe"),
        packages=dict(_versions()),
        components=tuple(once.values()),
    )


def _thefts(recipe: Recipe, registry: Registry) -> Iterable[Component]:
    for group in recipe.derived:
        for step in Lineage.parse(group.attack, registry).steps[1:]:
            yield component_of(step, registry)


def _versions() -> Iterable[tuple[str, str]]:
    for package in _COMPUTING:
        try:
            yield package, version(package)
        except PackageNotFoundError:  # one that is put on the path by hand
            yield package, ""


def _component(component: Component, registry: Registry) -> ComponentOrigin:
    package = type(component).__module__.partition(".")[0]
    return _entry(
        component.kind, component.name, component.params(), registry, revision=component.revision, package=package
    )


def _entry(
    kind: str, name: str, params: dict[str, Any], registry: Registry, *, revision: int = 0, package: str = ""
) -> ComponentOrigin:
    try:
        owner = registry.owner(kind, name)
        distribution, release = owner.distribution, owner.version
    except PluginError:  # read from a file, or handed over in Python
        distribution, release = "", ""
    return ComponentOrigin(
        kind=kind,
        name=name,
        params=json.loads(json.dumps(params, default=repr)),
        revision=revision,
        distribution=distribution,
        version=release,
        source=source_digest(package) if package else "",
    )


_CONVERTER = make_converter([ComponentOrigin, Origin])

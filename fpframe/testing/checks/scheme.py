"""Checks for schemes, which are data: a registry takes the place of the bench."""

from __future__ import annotations

from typing import Any

import attrs
import tomli_w

from fpframe.base import make_converter, parse_text
from fpframe.errors import RecipeError
from fpframe.interfaces import ComponentSpec, Part, Scheme
from fpframe.registry import Registry
from fpframe.testing.check import check, require
from fpframe.testing.checks.parameters import NAME

#: Reads what `load_scheme` reads.
_CONVERTER = make_converter((ComponentSpec, Part, Scheme))


@check("scheme")
def a_scheme_has_a_name_and_a_summary(scheme: Scheme, registry: Registry) -> None:
    """Its name can be written anywhere, and one line says what it is."""
    require(NAME.fullmatch(scheme.name), f"name '{scheme.name}' is not of the form my-scheme; use a-z, 0-9 and hyphens")
    require(
        scheme.summary.strip() and "\n" not in scheme.summary, "its summary is not one line; say what it is in one line"
    )


@check("scheme")
def its_components_can_be_made(scheme: Scheme, registry: Registry) -> None:
    """Every component that it names is installed, of the right kind, and takes the parameters."""
    specs = [("encoder", scheme.encoder)]
    for part in scheme.parts:
        specs += [("augmenter", part.augmenter), ("perturbation", part.perturbation)]
    for kind, spec in specs:
        registry.create(kind, spec.name, **spec.params)


@check("scheme")
def its_parts_agree_in_views(scheme: Scheme, registry: Registry) -> None:
    """It has at least one part, and all parts ask the same number of views."""
    require(scheme.parts, "it has no parts; name what is asked")
    views = {part.views for part in scheme.parts}
    require(len(views) == 1, f"its parts have different numbers of views: {views}; give them the same")


@check("scheme")
def a_scheme_survives_a_file(scheme: Scheme, registry: Registry) -> None:
    """It can be written as TOML, and comes back as it was."""
    try:
        text = tomli_w.dumps(_without_none(attrs.asdict(scheme)))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"it cannot be written down: {error}; use numbers, text and lists in it") from error
    try:
        again = parse_text(text, Scheme, _CONVERTER, what="scheme", origin=f"{scheme.name} as a file")
    except RecipeError as error:
        raise AssertionError(f"it cannot be read back: {error}; give each field a value of its type") from error
    require(again == scheme, f"it comes back from a file as {again}; use numbers, text and lists in it")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return [_without_none(each) for each in value] if isinstance(value, list | tuple) else value

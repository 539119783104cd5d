"""What the recipe of an enrolment says of its queries and encoders has to be what these are."""

from __future__ import annotations

from fpframe.enrolment.contents import Contents
from fpframe.interfaces import Scheme
from fpframe.registry import Registry


def refuse_other_recipe(contents: Contents, registry: Registry) -> None:
    """Refuse an enrolment whose recipe tells of another one.

    A scheme that is not installed, or that has other parts than the enrolment, is of another release or of somebody
    else's: nothing is said of its parts then.

    Raises:
        ValueError: says what the recipe tells, and what there is.
    """
    recipe = contents.recipe
    if recipe.scheme != contents.scheme:
        raise ValueError(f"its recipe is for scheme '{recipe.scheme}', and its queries are of '{contents.scheme}'")
    if set(recipe.channels) != set(contents.encoders):
        told, found = (", ".join(f"'{name}'" for name in names) for names in (recipe.channels, contents.encoders))
        raise ValueError(f"its recipe is for the channels {told}, and it has encoders for {found}")
    for name, value in recipe.queries.encoder.items():
        if contents.encoder.params.get(name) != value:
            raise ValueError(f"its recipe makes encoders with {name} = {value!r}, and they are none of these")
    if contents.scheme in registry.names("scheme"):
        _check_parts(contents, registry.get("scheme", contents.scheme))


def _check_parts(contents: Contents, scheme: Scheme) -> None:
    parts, wanted = contents.queries.parts, contents.recipe.queries
    if [part.pair for part in parts] != [part.pair for part in scheme.parts]:
        return
    for part, told in zip(parts, scheme.parts, strict=True):
        if told.points is None and part.points != wanted.points:
            raise ValueError(f"its recipe asks for {wanted.points} points a view, and there are {part.points}")
        if told.views is None and contents.queries.views != wanted.views:
            raise ValueError(f"its recipe asks for {wanted.views} views, and there are {contents.queries.views}")

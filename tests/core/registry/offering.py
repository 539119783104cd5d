"""Plugins for tests: modules that offer what a test gives them."""

from __future__ import annotations

import types
from typing import ClassVar

import attrs

from fpframe import AnswerFilter, Part, Registry, Scheme, hookimpl
from fpframe.interfaces.scheme import ComponentSpec
from fpframe.parameters import number


@attrs.frozen(kw_only=True)
class Quiet(AnswerFilter):
    """A filter that changes nothing."""

    name: ClassVar[str] = "quiet"
    revision: ClassVar[int] = 3
    strength: float = attrs.field(default=0.5, validator=number(low=0, high=1))

    def wrap(self, query, *, seed):
        return query


SCHEME = Scheme(
    name="plain",
    summary="natural images",
    parts=(Part(augmenter=ComponentSpec("random"), perturbation=ComponentSpec("none")),),
    encoder=ComponentSpec("labels"),
)


def module(name="plain-plugin", *, components=(Quiet,), schemes=None):
    """Return a plugin module that offers the given things."""
    made = types.ModuleType(name)
    if components is not None:
        made.fpframe_components = hookimpl(lambda: list(components), specname="fpframe_components")
    if schemes is not None:
        made.fpframe_schemes = hookimpl(lambda: list(schemes), specname="fpframe_schemes")
    return made


def the_error(plugin):
    """Return what is wrong with a plugin, after checking that its neighbour works all the same."""
    registry = Registry([plugin, module("neighbour")])
    assert registry.get("filter", "quiet") is Quiet
    broken, sound = registry.plugins
    assert (broken.components, sound.error) == ((), None)
    assert broken.error is not None
    assert "\n" not in broken.error
    return broken.error

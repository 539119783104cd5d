"""Checks for all kinds: a component is its hyper-parameters, and nothing else."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import attrs
import tomli_w

from fpframe.errors import ParameterError
from fpframe.interfaces import Component
from fpframe.testing.bench import Bench
from fpframe.testing.check import check, require

#: Of names: what can be written in a lineage, on a command line and in TOML without quotes.
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: What to do where parameters do not come back: files have lists, parameters must be hashable, and a plain
#: ``converter=tuple`` would fail on a wrong value before a validator can name it.
_LISTS = "use numbers and text; for a tuple, let a converter make one of a list and leave the rest to a validator"


@check()
def is_made_without_arguments(component: Component, bench: Bench) -> None:
    """Every parameter has a default that is in its range."""
    try:
        type(component)()
    except Exception as error:
        raise AssertionError(f"it cannot be made without arguments: {error}; give every parameter a default") from error


@check()
def is_frozen_and_keyword_only(component: Component, bench: Bench) -> None:
    """Parameters are given by keyword, and never change."""
    cls = type(component)
    require(attrs.has(cls), f"{cls.__name__} is not an attrs class; decorate it with @attrs.frozen(kw_only=True)")
    for field in attrs.fields(cls):  # type: ignore[arg-type]  # it has just been looked at
        require(field.kw_only, f"'{field.name}' can be given by position; decorate with @attrs.frozen(kw_only=True)")
    try:
        component.surprise = 1  # type: ignore[attr-defined]
    except AttributeError:
        return
    raise AssertionError("its attributes can be changed; decorate the class with @attrs.frozen(kw_only=True)")


@check()
def evolves_to_an_equal_component(component: Component, bench: Bench) -> None:
    """`attrs.evolve` without changes gives an equal component with an equal hash."""
    other = attrs.evolve(component)  # type: ignore[misc]  # every component is an attrs class
    require(other == component, "attrs.evolve gives an unequal component; leave eq=True")
    require(hash(other) == hash(component), "equal components have different hashes; let every parameter be hashable")


@check()
def parameters_survive_a_recipe(component: Component, bench: Bench) -> None:
    """Parameters can be written as JSON and as a recipe's TOML, and come back as they were."""
    params = component.params()
    for write, read in ((json.dumps, json.loads), (tomli_w.dumps, tomllib.loads)):
        # TOML has no null: a recipe leaves such a key out, and the default must be None then
        given = {key: value for key, value in params.items() if value is not None}
        try:
            back: Any = read(write(given))
        except (TypeError, ValueError) as error:
            raise AssertionError(
                f"its parameters cannot be written down: {error}; use numbers, text and tuples"
            ) from error
        try:
            # as a registry makes it of a recipe
            again = type(component)(**back)
        except Exception as error:
            raise AssertionError(f"it refuses its parameters as they are read, {back}: {error}; {_LISTS}") from error
        require(again == component, f"parameters come back changed: {params} as {again.params()}; {_LISTS}")


@check()
def repr_tells_parameters_and_no_addresses(component: Component, bench: Bench) -> None:
    """`repr` and `spec` name every parameter, and are the same in every process."""
    for text in (repr(component), component.spec()):
        require(" at 0x" not in text, f"'{text}' has an address in memory; use plain values as parameters")
        missing = [name for name in component.params() if f"{name}=" not in text]
        require(not missing, f"'{text}' does not tell {', '.join(missing)}; leave repr=True")


@check()
def has_name_revision_and_docstring(component: Component, bench: Bench) -> None:
    """Its name can be written anywhere, its revision is a whole number, and a docstring says what it does."""
    name, revision = component.name, component.revision
    require(NAME.fullmatch(name), f"name '{name}' is not of the form my-method; use small letters, digits and hyphens")
    require(isinstance(revision, int) and revision >= 1, f"revision {revision!r} is not a whole number from 1")
    doc = vars(type(component)).get("__doc__") or ""
    require(doc.strip() and not doc.startswith("Method generated"), "its class has no docstring; say what it does")


@check(when=lambda component: bool(component.params()))
def parameters_are_described(component: Component, bench: Bench) -> None:
    """The docstring's section `Attributes` says what each parameter means."""
    doc = type(component).__doc__ or ""
    missing = [name for name in component.params() if not re.search(rf"^\s+{name}: \S", doc, re.M)]
    require(not missing, f"its docstring lacks {', '.join(missing)} under 'Attributes:'; say what they mean")


@check(when=lambda component: bool(component.params()))
def a_bad_parameter_is_named(component: Component, bench: Bench) -> None:
    """A value that no parameter can have is refused with an error that names the parameter."""
    for name, value in component.params().items():
        bad: list[object] = [_Nonsense()]
        if isinstance(value, int | float) and not isinstance(value, bool):
            bad += [float("nan"), "much"]
        for wrong in bad:
            _is_refused(component, name, wrong)


def _is_refused(component: Component, name: str, wrong: object) -> None:
    try:
        attrs.evolve(component, **{name: wrong})  # type: ignore[misc]
    except ParameterError as error:
        require(name in str(error), f"the error for '{name}' does not name it: {error}; use fpframe.parameters")
    except Exception as error:
        raise AssertionError(
            f"'{name}' = {wrong!r} fails with {type(error).__name__}: {error}; use a validator of fpframe.parameters"
        ) from error
    else:
        raise AssertionError(f"'{name}' accepts {wrong!r}; give it a validator of fpframe.parameters")


class _Nonsense:
    """Nothing that a parameter could be."""

    def __repr__(self) -> str:
        return "nonsense"

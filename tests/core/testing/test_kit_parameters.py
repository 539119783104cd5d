"""The checks of parameters: each fails for a component that breaks that promise alone."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import pytest

from fpframe import AnswerFilter, FilteredQuery, ParameterError
from fpframe.interfaces.component import Component
from fpframe.parameters import number, whole
from fpframe.testing.results import check_component
from kit import failures, require_fault_alone


def of(kind: type | tuple[type, ...]) -> Any:
    """Return a validator that takes values of this type, or of one of these, alone."""

    def check(owner: Any, field: Any, value: Any) -> None:
        if not isinstance(value, kind):
            raise ParameterError(f"'{field.name}' of '{owner.name}' must be a {kind} (got {value!r})")

    return check


@attrs.frozen(kw_only=True)
class Calm(AnswerFilter):
    """Change nothing.

    Attributes:
        strength: how little.
    """

    name: ClassVar[str] = "calm"
    deterministic: ClassVar[bool] = True
    strength: float = attrs.field(default=0.5, validator=number(low=0, high=1))

    def wrap(self, query: Any, *, seed: int) -> Any:
        return FilteredQuery(query, self)


@attrs.frozen(kw_only=True)
class Demanding(Calm):
    """Have a parameter without a default.

    Attributes:
        strength: how little.
        depth: how deep.
    """

    depth: int = attrs.field(validator=whole(low=1))


@attrs.define(kw_only=True, unsafe_hash=True)
class Changeable(AnswerFilter):
    """Have parameters that can be changed.

    Attributes:
        strength: how little.
    """

    name: ClassVar[str] = "changeable"
    deterministic: ClassVar[bool] = True
    strength: float = attrs.field(default=0.5, validator=number(low=0, high=1))

    def wrap(self, query: Any, *, seed: int) -> Any:
        return FilteredQuery(query, self)


@attrs.frozen
class Positional(AnswerFilter):
    """Take parameters by position.

    Attributes:
        strength: how little.
    """

    name: ClassVar[str] = "positional"
    deterministic: ClassVar[bool] = True
    strength: float = attrs.field(default=0.5, validator=number(low=0, high=1))

    def wrap(self, query: Any, *, seed: int) -> Any:
        return FilteredQuery(query, self)


@attrs.frozen(kw_only=True)
class Unhashable(Calm):
    """Hold a list.

    Attributes:
        strength: how little.
        layers: which ones.
    """

    layers: list[int] = attrs.field(factory=lambda: [1], validator=of(list))


@attrs.frozen(kw_only=True)
class Listed(Calm):
    """Take a list from a recipe where it has a tuple.

    Attributes:
        strength: how little.
        layers: which ones.
    """

    layers: tuple[int, ...] = attrs.field(default=(1, 2), validator=of((tuple, list)))


@attrs.frozen(kw_only=True)
class Strict(Calm):
    """Refuse a list, and take nothing else.

    Attributes:
        strength: how little.
        layers: which ones.
    """

    layers: tuple[int, ...] = attrs.field(default=(1, 2), validator=of(tuple))


@attrs.frozen(kw_only=True)
class Converting(Calm):
    """Make a tuple of the list that a recipe has.

    Attributes:
        strength: how little.
        layers: which ones.
    """

    layers: tuple[int, ...] = attrs.field(
        default=(1, 2), converter=lambda value: tuple(value) if isinstance(value, list) else value, validator=of(tuple)
    )


@attrs.frozen(kw_only=True)
class Unwritable(Calm):
    """Hold what no file can.

    Attributes:
        strength: how little.
        shape: of the thing.
    """

    shape: complex = attrs.field(default=1j, validator=of(complex))


@attrs.frozen(kw_only=True, repr=False)
class Mute(Calm):
    """Say nothing of itself.

    Attributes:
        strength: how little.
    """

    def __repr__(self) -> str:
        return "Mute()"


class Shouting(Calm):
    """Have a name that nobody can type."""

    __doc__ = Calm.__doc__
    name: ClassVar[str] = "Very Loud!"


@attrs.frozen(kw_only=True)
class Undescribed(AnswerFilter):
    """Say nothing of its parameters."""

    name: ClassVar[str] = "undescribed"
    deterministic: ClassVar[bool] = True
    strength: float = attrs.field(default=0.5, validator=number(low=0, high=1))

    def wrap(self, query: Any, *, seed: int) -> Any:
        return FilteredQuery(query, self)


@attrs.frozen(kw_only=True)
class Credulous(AnswerFilter):
    """Believe every value.

    Attributes:
        strength: how little.
    """

    name: ClassVar[str] = "credulous"
    deterministic: ClassVar[bool] = True
    strength: float = 0.5

    def wrap(self, query: Any, *, seed: int) -> Any:
        return FilteredQuery(query, self)


@attrs.frozen(kw_only=True)
class Curt(Credulous):
    """Refuse a value and say nothing of it.

    Attributes:
        strength: how little.
    """

    name: ClassVar[str] = "curt"
    strength: float = attrs.field(default=0.5)

    @strength.validator
    def _check(self, field: Any, value: Any) -> None:
        if value != 0.5:
            raise ValueError("no")


BROKEN: dict[str, Component] = {
    "is_made_without_arguments": Demanding(depth=1),
    "is_frozen_and_keyword_only": Positional(),
    "evolves_to_an_equal_component": Unhashable(),
    "parameters_survive_a_recipe": Unwritable(),
    "repr_tells_parameters_and_no_addresses": Mute(),
    "has_name_revision_and_docstring": Shouting(),
    "parameters_are_described": Undescribed(),
    "a_bad_parameter_is_named": Credulous(),
}
WORDS = {
    "is_made_without_arguments": "it cannot be made without arguments: ",
    "is_frozen_and_keyword_only": "'strength' can be given by position; decorate with @attrs.frozen(kw_only=True)",
    "evolves_to_an_equal_component": "unhashable type: 'list'",
    "parameters_survive_a_recipe": "its parameters cannot be written down: ",
    "repr_tells_parameters_and_no_addresses": "'Mute()' does not tell strength; leave repr=True",
    "has_name_revision_and_docstring": "name 'Very Loud!' is not of the form my-method",
    "parameters_are_described": "its docstring lacks strength under 'Attributes:'; say what they mean",
    "a_bad_parameter_is_named": "'strength' accepts nonsense; give it a validator of fpframe.parameters",
}
#: What cannot be true where the first is not.
FOLLOWING = {"is_made_without_arguments": {"parameters_survive_a_recipe"}}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_component_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check], FOLLOWING.get(check, ()))


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (Changeable(), "is_frozen_and_keyword_only", "its attributes can be changed; decorate the class with"),
        (
            Listed(),
            "parameters_survive_a_recipe",
            "as {'strength': 0.5, 'layers': [1, 2]}; use numbers and text",
        ),
        (
            Strict(),
            "parameters_survive_a_recipe",
            "it refuses its parameters as they are read, {'strength'",
        ),
        (Curt(), "a_bad_parameter_is_named", "'strength' = nonsense fails with ValueError: no; use a validator"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_faults_are_told_too(component: Component, check: str, words: str) -> None:
    assert words in failures(component)[check]


def test_a_sound_component_passes() -> None:
    check_component(Calm())
    check_component(Calm(strength=0.25))
    check_component(Converting())

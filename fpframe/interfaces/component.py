"""`Component`: what all pluggable things share."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import attrs

#: The package of the built-ins.
_SHIPPED = "fpframe_plugins"


class Component(ABC):
    """A frozen, keyword-only attrs class whose fields are exactly its hyper-parameters, all with defaults.

    Attributes:
        kind: the kind of component, set by the abstract base class.
        name: the name that it is registered by.
        revision: raised by one whenever results change for the same parameters, so that stored ones are not reused.
        expected_failures: checks of `fpframe.testing` that it fails by its nature, each with the reason.
        deprecated: what to use in its place, and the release that removes it; empty while it stays.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    revision: ClassVar[int] = 1
    expected_failures: ClassVar[Mapping[str, str]] = MappingProxyType({})
    deprecated: ClassVar[str] = ""

    @classmethod
    def for_checks(cls) -> Self:
        """Return a component with parameters that make it fast on a few small images, for `fpframe.testing`."""
        return cls()

    @property
    def deterministic(self) -> bool:
        """Whether results do not depend on the seed, so that an attack or filter makes one model and no second one."""
        return False

    @property
    def package(self) -> str:
        """The package that the class comes from; empty for what fpframe ships.

        Two packages may use one name: what one of them made must not be taken for the other's.
        """
        package = type(self).__module__.partition(".")[0]
        return "" if package == _SHIPPED else package

    def params(self) -> dict[str, Any]:
        """Return the hyper-parameters as plain data."""
        return attrs.asdict(self)  # type: ignore[arg-type]  # every component is an attrs class

    def spec(self) -> str:
        """Return ``name(key=value, ...)`` with every parameter, in order of name."""
        params = ", ".join(f"{key}={value}" for key, value in sorted(self.params().items()))
        return f"{self.name}({params})"

"""Checks for strata, which are data: a registry takes the place of the bench."""

from __future__ import annotations

import re

from fpframe.interfaces import Stratum
from fpframe.registry import Registry, built_in_stratum
from fpframe.testing.check import check, require


@check("stratum")
def a_stratum_has_a_name_of_its_own(stratum: Stratum, registry: Registry) -> None:
    """No stratum of fpframe has its name."""
    require(
        built_in_stratum(stratum.name) is None,
        f"'{stratum.name}' is a stratum that fpframe has; choose another name",
    )


@check("stratum")
def its_sources_are_trained(stratum: Stratum, registry: Registry) -> None:
    """Every stratum that it takes models from exists, and holds models that were trained on true labels."""
    for name in stratum.sources:
        source = built_in_stratum(name) or registry.get("stratum", name)
        require(source.made == "trained", f"its source '{name}' holds no trained models; name one that does")


@check("stratum")
def its_steps_are_installed(stratum: Stratum, registry: Registry) -> None:
    """Every step is an attack or answer filter that is installed."""
    known = {*registry.names("attack"), *registry.names("filter")}
    for name in re.findall(r"(?:^|->)\s*([\w-]+)", stratum.steps):
        require(name in known, f"its step '{name}' is not an installed attack or filter; see 'fpframe plugins'")

"""Which addresses run code of whoever wrote them, and when these are followed: only where the user names them.

What is typed, and recipes that are named, are the user's own. Enrolments, exported zoos and transcripts may be of
others: they are data, and an address in them that imports code is not followed unless the user repeats it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fpframe.base import Address
from fpframe.errors import PluginError, UsageError
from fpframe.interfaces import BackboneSource, DatasetSource, SuspectSource
from fpframe.opening.backbones import PYTHON
from fpframe.registry import Registry


def imports_code(registry: Registry, address: str) -> bool:
    """Tell whether opening an address imports a module that the address names."""
    name = Address.parse(address).prefix
    if name == PYTHON:
        return True
    for kind in (BackboneSource, DatasetSource, SuspectSource):
        if name and name in registry.names(kind.kind):
            try:
                if registry.declared(kind.kind, name).get("imports_code"):
                    return True
            except PluginError:  # one that does not work imports nothing
                continue
    return False


def refuse_code(
    registry: Registry, addresses: Mapping[str, str], *, whose: str, trusted: Collection[str | None] = ()
) -> None:
    """Refuse to follow addresses that import code, but for those that the user has named too.

    Args:
        registry: where sources come from.
        addresses: the addresses, each with the place where it stands.
        whose: what they stand in, and why that is not followed.
        trusted: what the user has named.

    Raises:
        UsageError: names the address and what to do.
    """
    for address, place in addresses.items():
        if address not in trusted and imports_code(registry, address):
            raise UsageError(
                f"'{address}' imports code, and is not followed: it is {place} of {whose}; read that code first, then "
                "say --trust-code (Run(trust_code=True)) to have it run"
            )

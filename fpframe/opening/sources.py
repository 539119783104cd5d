"""Which suspect source opens an address or takes an object: by what sources declare, so that one alone is imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fpframe.base import Address, as_address
from fpframe.errors import PluginError, UsageError
from fpframe.interfaces import SuspectSource, has_form, is_one_of
from fpframe.opening.checkpoints import kind_of
from fpframe.registry import Registry

#: How the list of the parts of a model is called, which goes before each of them.
_LIST_OF_PARTS = ".index.json"


def find_source(registry: Registry, address: str) -> SuspectSource | None:
    """Return the suspect source that opens an address, of those that work; ``None`` where none does.

    Those that declare a form which the address has are asked first, so that the plugins of others are not imported.
    """
    return next((source for source in _sources(registry, [], address) if source.matches(address)), None)


def find_service(registry: Registry, address: str) -> SuspectSource | None:
    """Return the suspect source that opens an address, where that is one of services; ``None`` for anything else.

    Addresses without a prefix are paths, for which nothing is looked up.
    """
    source = find_source(registry, address) if Address.parse(address).prefix else None
    return source if source is not None and source.is_service else None


def needed_source(registry: Registry, address: str) -> SuspectSource:
    """Return the suspect source that opens an address.

    Raises:
        UsageError: there is none.
    """
    source = find_source(registry, address)
    if source is not None:
        return source
    prefix, path = Address.parse(address).prefix, Path(address)
    if prefix and path.exists():
        raise UsageError(f"'{address}' reads as an address with the prefix '{prefix}'; write ./{address} for the path")
    what = f"no suspect source opens this {'folder' if path.is_dir() else 'file'}"
    what = "there is no such file or folder" if not (prefix or path.exists()) else what
    what = f"no suspect source knows the prefix '{prefix}'" if prefix else what
    kind = "" if prefix else kind_of(path) or _named_inside(registry, path)
    raise UsageError("; ".join(filter(None, [f"{what} ({address})", kind, known_forms(registry, files=False)])))


def _named_inside(registry: Registry, folder: Path) -> str:
    """Return what to do about a folder that only holds a file which can be opened; else nothing."""
    names = registry.names(SuspectSource.kind)
    for file in sorted(folder.glob("*"), key=lambda file: (not file.name.endswith(_LIST_OF_PARTS), file.name)):
        if file.is_file() and any(_has_declared_form(registry, name, as_address(file)) for name in names):
            return f"name a file in it, such as {as_address(file)}"
    return ""


def find_adapter(registry: Registry, suspect: object) -> SuspectSource | None:
    """Return the suspect source that takes an object of this process, of those that work; ``None`` where none does."""
    for name in registry.names(SuspectSource.kind):
        try:
            if is_one_of(suspect, _declared(registry, name, "objects")):
                source = registry.build(SuspectSource, name)
                if source.adapts(suspect):
                    return source
        except PluginError:  # it takes nothing
            continue
    return None


def known_forms(registry: Registry, *, files: bool) -> str:
    """Return, for messages, what suspects look like, or only those that are files, and which plugins do not work."""
    broken = [f"plugin {info.label} failed: {info.error}" for info in registry.plugins if info.error]
    forms = [form for source in _sources(registry, broken) for form in source.forms]
    told = [form for form in forms if not files or not Address.parse(form).prefix]
    return "; ".join([*([f"known forms: {', '.join(told)}"] if told else []), *broken])


def known_objects(registry: Registry) -> list[str]:
    """Return, for messages, the classes of objects that suspect sources take."""
    found: set[str] = set()
    for name in registry.names(SuspectSource.kind):
        try:
            found.update(_declared(registry, name, "objects"))
        except PluginError:
            continue
    return sorted(name for name in found if not name.startswith("builtins."))


def _sources(registry: Registry, broken: list[str], address: str = "") -> Iterator[SuspectSource]:
    """Yield the suspect sources one by one, for each may import a plugin; `broken` gets why others do not work."""
    later = []
    for name in registry.names(SuspectSource.kind):
        if address and not _has_declared_form(registry, name, address):
            later.append(name)
        else:
            yield from _built(registry, name, broken)
    for name in later:
        yield from _built(registry, name, broken)


def _built(registry: Registry, name: str, broken: list[str]) -> Iterator[SuspectSource]:
    try:
        yield registry.build(SuspectSource, name)
    except PluginError as error:
        broken.append(str(error))


def _has_declared_form(registry: Registry, name: str, address: str) -> bool:
    try:
        return any(has_form(address, form) for form in _declared(registry, name, "forms"))
    except PluginError:
        return False


def _declared(registry: Registry, name: str, what: str) -> list[str]:
    declared: list[str] = registry.declared(SuspectSource.kind, name).get(what, [])
    return declared

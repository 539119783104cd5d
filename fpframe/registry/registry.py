"""`Registry`: the components and schemes of a set of plugins, by kind and name. There is no global one."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

import attrs

from fpframe.errors import FpframeDeprecationWarning, ParameterError, PluginError, nearest
from fpframe.interfaces import Component
from fpframe.registry.offers import KINDS, Description, Key, declared_by, imported_offers, offers_of, one_line
from fpframe.registry.pins import parse_pin, plain_name

ComponentT = TypeVar("ComponentT", bound=Component)

_redirecting = threading.RLock()

__all__ = ["KINDS", "Plugin", "PluginInfo", "Registry"]


@attrs.frozen(kw_only=True)
class Plugin:
    """A plugin before it is asked what it has.

    Attributes:
        name: its entry-point name.
        module: the object that carries the hook implementations, or what to import when something of it is first
            used, as ``module`` or ``module:object``; ``None`` when it does not load.
        offers: what a module that is only named offers.
        distribution: the distribution that ships it.
        version: that distribution's version.
        error: why it does not load.
    """

    name: str
    module: object | None = None
    offers: tuple[Description, ...] = ()
    distribution: str = ""
    version: str = ""
    error: str | None = None


@attrs.frozen(kw_only=True)
class PluginInfo:
    """What a registry knows of one plugin.

    Attributes:
        name: its entry-point name.
        distribution: the distribution that ships it.
        version: that distribution's version.
        components: what it offers, as ``(kind, name)``.
        error: why it is left out; ``None`` when it works.
    """

    name: str
    distribution: str
    version: str
    components: tuple[tuple[str, str], ...]
    error: str | None

    @property
    def label(self) -> str:
        """Name and origin for messages."""
        return f"'{self.name}' of {self.distribution} {self.version}" if self.distribution else f"'{self.name}'"

    def pins(self, *names: str) -> set[tuple[str, str]]:
        """Return the pins by which this plugin is taken: its distribution with its own name or one of `names`."""
        return {(plain_name(self.distribution), name) for name in (self.name, *names)}


@attrs.frozen(kw_only=True, eq=False)
class _Offer:
    """One component or scheme of one plugin, which may not have been imported yet."""

    key: Key
    info: PluginInfo
    load: Callable[[], Mapping[Key, Any]]
    description: Description | None = None

    @property
    def value(self) -> Any:
        found = self.load()
        if self.key not in found:
            raise PluginError(f"plugin {self.info.label} no longer offers {' '.join(self.key)}; install it again")
        return found[self.key]

    def described(self) -> Description:
        return self.description or Description.of(self.value)

    @property
    def declared(self) -> Mapping[str, Any]:
        return declared_by(self.value) if self.description is None else self.description.declared


class Registry:
    """Look up components by kind and name.

    A broken plugin never breaks the others: it is listed with its error. Two plugins that offer the same name are an
    error only if somebody asks for that name.

    Args:
        plugins: plugins to ask; modules or objects with hook implementations may be given directly.
        blocked: names of plugins that were left out on purpose.
        pinned: ``DISTRIBUTION:NAME``: where several distributions offer a component, or ship a plugin, of this name,
            that one's is taken.
        discovered: whether the plugins are the installed ones, which other processes find too.

    Raises:
        PluginError: a pin is not of this form.
    """

    def __init__(
        self,
        plugins: Iterable[Plugin | object],
        *,
        blocked: Iterable[str] = (),
        pinned: Iterable[str] = (),
        discovered: bool = False,
    ) -> None:
        self.blocked = tuple(blocked)
        self.pinned = tuple(pinned)
        self.discovered = discovered
        self._pins = {parse_pin(text) for text in self.pinned}
        self._offers: dict[Key, list[_Offer]] = {}
        infos = []
        for given in plugins:
            plugin = given if isinstance(given, Plugin) else Plugin(name=_module_name(given), module=given)
            info, offers = _ask(plugin)
            infos.append(info)
            for offer in offers:
                self._offers.setdefault(offer.key, []).append(offer)
        self.plugins: tuple[PluginInfo, ...] = tuple(infos)

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, sorted.

        Raises:
            PluginError: there is no such kind.
        """
        if kind not in KINDS:
            raise PluginError(f"unknown kind of component '{kind}'{nearest(kind, KINDS)}")
        return sorted(name for offered_kind, name in self._offers if offered_kind == kind)

    def described(self) -> list[tuple[PluginInfo, Description]]:
        """Return every offer by kind and name, without importing a plugin that was only looked at before."""
        in_order = sorted(self._offers, key=lambda key: (KINDS.index(key[0]), key[1]))
        return [(offer.info, offer.described()) for key in in_order for offer in self._offers[key]]

    def get(self, kind: str, name: str) -> Any:
        """Return the component class or scheme of that kind and name.

        Raises:
            PluginError: it is unknown, two plugins offer it, or its plugin does not load.
        """
        return self._offer(kind, name).value

    def declared(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return what a component class declares by its interface's class variables, without importing its plugin.

        What is declared otherwise than by texts, numbers and lists of them is left out.

        Raises:
            PluginError: it is unknown, two plugins offer it, or a plugin that nobody looked at before does not load.
        """
        return self._offer(kind, name).declared

    def owner(self, kind: str, name: str) -> PluginInfo:
        """Return the plugin that offers the component or scheme of that kind and name.

        Raises:
            PluginError: it is unknown, or two plugins offer it.
        """
        return self._offer(kind, name).info

    def create(self, kind: str, name: str, **params: Any) -> Any:
        """Return a component with the given hyper-parameters.

        Raises:
            PluginError: it is unknown, two plugins offer it, or its plugin does not load.
            ParameterError: a parameter is unknown or out of range.
        """
        component = self.get(kind, name)
        if component.deprecated:
            warnings.warn(f"{kind} '{name}' is deprecated: {component.deprecated}", FpframeDeprecationWarning, 2)
        known = [field.name for field in attrs.fields(component)]
        for param in params:
            if param not in known:
                raise ParameterError(f"'{name}' has no parameter '{param}'{nearest(param, known)}")
        try:
            return component(**params)
        except (TypeError, ValueError) as error:
            if isinstance(error, ParameterError):
                raise
            raise ParameterError(f"{kind} '{name}' refuses its parameters: {error}") from error

    def build(self, interface: type[ComponentT], name: str, **params: Any) -> ComponentT:
        """Return `create` of the interface's kind, typed."""
        return cast("ComponentT", self.create(interface.kind, name, **params))

    def _offer(self, kind: str, name: str) -> _Offer:
        known = self.names(kind)
        offers = self._offers.get((kind, name), [])
        if not offers:
            broken = [f"{info.label} ({info.error})" for info in self.plugins if info.error]
            failed = f"; plugins that do not load: {', '.join(broken)}" if broken else ""
            raise PluginError(f"unknown {kind} '{name}'{nearest(name, known)}{failed}")
        if len(offers) == 1:
            return offers[0]
        pinned = [offer for offer in offers if self._pins & offer.info.pins(name)]
        if len(pinned) != 1:
            owners = " and by ".join(offer.info.label for offer in offers)
            choices = " or ".join(f"--plugin {offer.info.distribution or 'DISTRIBUTION'}:{name}" for offer in offers)
            raise PluginError(f"{kind} '{name}' is offered by {owners}; choose with {choices}, or uninstall one")
        return pinned[0]


def _module_name(module: object) -> str:
    return str(getattr(module, "__name__", type(module).__name__))


def _ask(plugin: Plugin) -> tuple[PluginInfo, list[_Offer]]:
    """Ask one plugin what it offers; what it gets wrong becomes its error."""
    described: Mapping[Key, Description | None] = {(each.kind, each.name): each for each in plugin.offers}
    error = plugin.error
    load: Callable[[], Mapping[Key, Any]] = dict
    if error is None and not isinstance(plugin.module, str):
        try:
            asked = offers_of(plugin.module, name=plugin.name)
            described, load = dict.fromkeys(asked), lambda: asked
        except (Exception, SystemExit) as reason:
            error = one_line(reason)
    info = PluginInfo(
        name=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        components=tuple(described) if error is None else (),
        error=error,
    )
    if error is not None:
        return info, []
    if isinstance(plugin.module, str):
        load = _importing(plugin.module, info)
    return info, [_Offer(key=key, info=info, load=load, description=told) for key, told in described.items()]


def _importing(target: str, info: PluginInfo) -> Callable[[], Mapping[Key, Any]]:
    """Return what imports ``module`` or ``module:object`` when it is first needed."""

    @cache
    def load() -> Mapping[Key, Any]:
        try:
            # what a stranger prints must not stand among results; two threads would restore each other's redirection
            with _redirecting, contextlib.redirect_stdout(sys.stderr):
                return imported_offers(target, name=info.name)
        except PluginError as error:
            raise PluginError(f"plugin {info.label} does not load: {error}") from error

    return load

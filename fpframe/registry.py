"""`Registry`: the components and schemes of a set of plugins, by kind and name. There is no global one."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import attrs
import pluggy

from fpframe.errors import ParameterError, PluginError, nearest
from fpframe.hookspecs import HookSpecs
from fpframe.interfaces import Component, Scheme

ComponentT = TypeVar("ComponentT", bound=Component)

KINDS = (
    "perturbation",
    "augmenter",
    "encoder",
    "attack",
    "filter",
    "backbone",
    "dataset",
    "suspect",
    "scheme",
)


@attrs.frozen(kw_only=True)
class Plugin:
    """A plugin before it is asked what it has.

    Attributes:
        name: its entry-point name.
        module: the object that carries the hook implementations; ``None`` when loading failed.
        distribution: the distribution that ships it.
        version: that distribution's version.
        error: why it could not be loaded.
    """

    name: str
    module: object | None = None
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


class Registry:
    """Look up components by kind and name.

    A broken plugin never breaks the others: it is listed with its error. Two plugins that offer the same name are an
    error only for whoever asks for that name.

    Args:
        plugins: plugins to ask; modules or objects with hook implementations may be given directly.
        blocked: names of plugins that were left out on purpose.
        discovered: whether the plugins are the installed ones, which other processes find too.
    """

    def __init__(
        self, plugins: Iterable[Plugin | object], *, blocked: Iterable[str] = (), discovered: bool = False
    ) -> None:
        self.blocked = tuple(blocked)
        self.discovered = discovered
        self._offers: dict[tuple[str, str], list[tuple[PluginInfo, Any]]] = {}
        infos = []
        for given in plugins:
            plugin = given if isinstance(given, Plugin) else Plugin(name=_module_name(given), module=given)
            info, offers = _ask(plugin)
            infos.append(info)
            for key, offer in offers:
                self._offers.setdefault(key, []).append((info, offer))
        self.plugins: tuple[PluginInfo, ...] = tuple(infos)

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, sorted.

        Raises:
            PluginError: there is no such kind.
        """
        if kind not in KINDS:
            raise PluginError(f"unknown kind of component '{kind}'{nearest(kind, KINDS)}")
        return sorted(name for offered_kind, name in self._offers if offered_kind == kind)

    def find(self, name: str) -> list[tuple[str, PluginInfo, Any]]:
        """Return every offer called `name`, as kind, plugin and component class or scheme."""
        return [
            (kind, info, offer)
            for (kind, offered), offers in sorted(self._offers.items(), key=lambda item: KINDS.index(item[0][0]))
            if offered == name
            for info, offer in offers
        ]

    def get(self, kind: str, name: str) -> Any:
        """Return the component class or scheme of that kind and name.

        Raises:
            PluginError: it is unknown, or two plugins offer it.
        """
        known = self.names(kind)
        offers = self._offers.get((kind, name), [])
        if not offers:
            broken = [f"{info.label} ({info.error})" for info in self.plugins if info.error]
            failed = f"; plugins that do not load: {', '.join(broken)}" if broken else ""
            raise PluginError(f"unknown {kind} '{name}'{nearest(name, known)}{failed}")
        if len(offers) > 1:
            owners = " and ".join(info.label for info, _ in offers)
            raise PluginError(f"{kind} '{name}' is offered by {owners}; uninstall or block one of them")
        return offers[0][1]

    def create(self, kind: str, name: str, **params: Any) -> Any:
        """Return a component with the given hyper-parameters.

        Raises:
            PluginError: it is unknown, or two plugins offer it.
            ParameterError: a parameter is unknown or out of range.
        """
        component = self.get(kind, name)
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


def _module_name(module: object) -> str:
    return str(getattr(module, "__name__", type(module).__name__))


def _ask(plugin: Plugin) -> tuple[PluginInfo, list[tuple[tuple[str, str], Any]]]:
    """Ask one plugin what it offers; what it gets wrong becomes its error."""
    offers: list[tuple[tuple[str, str], Any]] = []
    error = plugin.error
    if error is None:
        try:
            offers = _offers(plugin)
        except (Exception, SystemExit) as reason:
            offers, error = [], _one_line(reason)
    info = PluginInfo(
        name=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        components=tuple(key for key, _ in offers),
        error=error,
    )
    return info, offers


def _offers(plugin: Plugin) -> list[tuple[tuple[str, str], Any]]:
    # a manager of its own for each plugin: pluggy would let one misspelt hook fail for all of them
    manager = pluggy.PluginManager("fpframe")
    manager.add_hookspecs(HookSpecs)
    manager.register(plugin.module, name=plugin.name)
    manager.check_pending()
    if not manager.get_hookcallers(plugin.module):
        raise PluginError("it implements no hook; decorate its fpframe_components with @fpframe.hookimpl")
    components = [item for items in manager.hook.fpframe_components() for item in items]
    schemes = [item for items in manager.hook.fpframe_schemes() for item in items]
    for component in components:
        _check_component(component)
    for scheme in schemes:
        if not isinstance(scheme, Scheme):
            raise PluginError(f"{scheme!r} is not a Scheme")
    offers: list[tuple[tuple[str, str], Any]] = [((item.kind, item.name), item) for item in components]
    offers += [(("scheme", item.name), item) for item in schemes]
    twice = {key for key, _ in offers if [other for other, _ in offers].count(key) > 1}
    if twice:
        raise PluginError(f"it offers {' '.join(min(twice))} twice")
    return offers


def _check_component(component: Any) -> None:
    if not inspect.isclass(component) or not issubclass(component, Component):
        raise PluginError(f"{component!r} is not a component class; derive it from one of fpframe's interfaces")
    label = component.__name__
    if inspect.isabstract(component):
        raise PluginError(f"{label} lacks {', '.join(sorted(component.__abstractmethods__))}")
    if getattr(component, "kind", None) not in KINDS:
        raise PluginError(f"{label} is of no known kind; derive it from one of fpframe's interfaces")
    if not isinstance(getattr(component, "name", None), str):
        raise PluginError(f"{label} has no name; give the class an attribute 'name'")
    if not attrs.has(component):
        raise PluginError(f"{label} is not an attrs class; decorate it with @attrs.frozen(kw_only=True)")
    component()


def _one_line(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__

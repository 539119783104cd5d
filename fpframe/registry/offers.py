"""What a plugin module offers: its hooks are called, and all that they return is checked."""

from __future__ import annotations

import inspect
import json
from typing import Any, cast

import attrs
import pluggy

from fpframe.errors import PluginError, nearest
from fpframe.interfaces import Component, Scheme, Stratum
from fpframe.registry.defaults import check_defaults
from fpframe.registry.hookspecs import PLUGIN_API, HookSpecs
from fpframe.registry.signatures import check_signatures
from fpframe.registry.target import describe_misuse, imported

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
    "stratum",
)
#: What plugins offer as data, by kind.
DATA: dict[str, type[Scheme | Stratum]] = {"scheme": Scheme, "stratum": Stratum}
#: Their fields that stand in the summary.
_IN_SUMMARY = {"name", "summary", "models", "protects"}

#: Kind and name.
Key = tuple[str, str]


@attrs.frozen(kw_only=True)
class Description:
    """What listings tell of a component or scheme, as plain data, so that its plugin need not be imported for them.

    Attributes:
        kind: the kind of component, ``scheme`` or ``stratum``.
        name: what it is called by.
        doc: its documentation; the first line is the summary.
        parameters: its hyper-parameters with their defaults; of a scheme or stratum, what it says.
        declared: what its interface lets it declare, such as the forms of a suspect source's addresses.
    """

    kind: str
    name: str
    doc: str
    parameters: dict[str, Any]
    declared: dict[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, offer: Any) -> Description:
        """Describe a component class, a scheme or a stratum."""
        if isinstance(offer, Scheme | Stratum):
            told = attrs.asdict(offer)
            doc, parameters = offer.summary, {key: told[key] for key in told if key not in _IN_SUMMARY}
        else:
            doc, parameters = inspect.getdoc(offer) or "", offer().params()
        plain = json.loads(json.dumps(parameters, default=repr))
        return cls(kind=_kind(offer), name=offer.name, doc=doc, parameters=plain, declared=declared_by(offer))


def declared_by(offer: Any) -> dict[str, Any]:
    """Return what the interfaces of a component class let it declare, as far as it does so in plain words.

    Schemes and strata declare nothing: they are data already.
    """
    if not inspect.isclass(offer):
        return {}
    names = {
        name
        for owner in offer.__mro__
        if issubclass(owner, Component) and owner.__module__.startswith("fpframe.interfaces.")
        for name, kind in vars(owner).get("__annotations__", {}).items()
        if str(kind).startswith("ClassVar")
    }
    values = {name: getattr(offer, name, None) for name in sorted(names)}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if _is_plain(v)}


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(isinstance(each, str | int | bool) for each in value)
    return isinstance(value, str | int | bool)


def offers_of(module: object, *, name: str) -> dict[Key, Any]:
    """Return the component classes, schemes and strata of a plugin module or object, by kind and name.

    Args:
        module: what carries the hook implementations.
        name: the plugin's name, for messages of pluggy.

    Raises:
        PluginError: it is not a plugin, or something that it offers cannot be used.
    """
    require_api(getattr(module, "fpframe_api", None))
    # a manager of its own for each plugin: pluggy would let one misspelt hook fail for all of them
    manager = pluggy.PluginManager("fpframe")
    manager.add_hookspecs(HookSpecs)
    _check_hooks(module, manager)
    manager.register(module, name=name)
    components = _listed(manager.hook.fpframe_components)
    for component in components:
        check_class(component)
    schemes = _instances(manager.hook.fpframe_schemes, Scheme)
    strata = _instances(manager.hook.fpframe_strata, Stratum)
    offers: dict[Key, Any] = {}
    for item in (*components, *schemes, *strata):
        key = (_kind(item), item.name)
        if key in offers:
            raise PluginError(f"it offers {' '.join(key)} twice")
        offers[key] = item
    return offers


def _listed(hook: pluggy.HookCaller) -> list[Any]:
    returned = hook()
    # pluggy leaves out what returns None, without a word
    if len(returned) < len(hook.get_hookimpls()):
        if any(each.wrapper or each.hookwrapper for each in hook.get_hookimpls()):
            raise PluginError(
                f"its {hook.name} is a wrapper, and there is nothing to wrap, for each plugin is asked alone; write "
                "@fpframe.hookimpl without arguments, and return a list"
            )
        raise PluginError(f"its {hook.name} returns None; return a list")
    found: list[Any] = []
    for items in returned:
        if inspect.isgenerator(items):
            raise PluginError(f"its {hook.name} is a generator; return a list instead of yielding")
        if not isinstance(items, list | tuple):
            raise PluginError(f"its {hook.name} returns {items!r}; return a list")
        found += items
    return found


def _instances(hook: pluggy.HookCaller, cls: type) -> list[Any]:
    found = _listed(hook)
    for item in found:
        if not isinstance(item, cls):
            raise PluginError(f"{item!r} is not a {cls.__name__}; make it with fpframe.{cls.__name__}(...)")
    return found


def imported_offers(target: str, *, name: str) -> dict[Key, Any]:
    """Import a module and return what it, or an object in it, offers.

    Args:
        target: its dotted name, and behind a colon that of the object.
        name: the plugin's name.

    Raises:
        PluginError: it fails at import, or something that it offers cannot be used.
    """
    try:
        module, found = imported(target)
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"it fails at import: {one_line(error)}") from error
    try:
        require_api(getattr(module, "fpframe_api", None))
        return offers_of(found, name=name)
    except (Exception, SystemExit) as error:
        raise PluginError(one_line(error)) from error


def require_api(needed: object) -> None:
    """Make sure that this fpframe has the plugin API version that a module declares as ``fpframe_api``.

    Raises:
        PluginError: it is newer, or no whole number.
    """
    if needed is None:
        return
    if not isinstance(needed, int) or isinstance(needed, bool) or needed < 1:
        raise PluginError(f"its fpframe_api is {needed!r}; write the whole number of the plugin API that it needs")
    if needed > PLUGIN_API:
        raise PluginError(f"it needs plugin API {needed}, and this fpframe has {PLUGIN_API}; upgrade fpframe")


def check_class(component: Any) -> None:
    """Make sure that a component class can be used.

    Raises:
        PluginError: it is none, lacks something, or a method has a signature by which it cannot be called.
    """
    if isinstance(component, Component):
        raise PluginError(f"{component!r} is an object; return its class {type(component).__name__} itself")
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
    forgotten = [name for name in _own_fields(component) if name not in attrs.fields_dict(component)]
    if forgotten:
        raise PluginError(f"{label} declares {', '.join(forgotten)}; decorate it with @attrs.frozen(kw_only=True)")
    check_signatures(cast("type[Component]", component))
    for field in attrs.fields(component):
        if field.default is attrs.NOTHING and field.init:
            raise PluginError(f"'{field.name}' of {label} has no default; give it one")
    check_defaults(component())


def _own_fields(component: type) -> list[str]:
    """Return what a class annotates as fields, which is nothing where it lacks the decorator of attrs."""
    annotations = vars(component).get("__annotations__", {})
    return [name for name, kind in annotations.items() if "ClassVar" not in str(kind)]


def one_line(error: BaseException) -> str:
    """Return an error's type and the first line of its text; of fpframe's own errors the text alone."""
    text = str(error).strip()
    if isinstance(error, PluginError):
        return text
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


def _kind(offer: Any) -> str:
    return next((kind for kind, cls in DATA.items() if isinstance(offer, cls)), None) or str(offer.kind)


def _check_hooks(module: object, manager: pluggy.PluginManager) -> None:
    """Make sure that a module implements hooks, only ones that there are, and without arguments.

    pluggy is silent about the first two and tells the third on three lines.

    Raises:
        PluginError: it does not.
    """
    known = [name for name in vars(HookSpecs) if name.startswith("fpframe_")]
    implemented = 0
    for attribute in dir(module):
        options = manager.parse_hookimpl_opts(module, attribute)
        if options is None:
            continue
        implemented += 1
        hook = options.get("specname") or attribute
        if hook not in known:
            raise PluginError(f"it implements '{hook}', which is not a hook{nearest(hook, known)}")
        taken = list(inspect.signature(getattr(module, attribute)).parameters)
        if taken and inspect.isclass(module):
            raise PluginError(str(describe_misuse(module)))
        if taken:
            raise PluginError(f"its {hook} takes {', '.join(taken)}; write def {hook}() without arguments")
    if not implemented:
        misuse = describe_misuse(module)
        if misuse is not None:
            raise PluginError(misuse)
        raise PluginError("it implements no hook; decorate its fpframe_components with @fpframe.hookimpl")

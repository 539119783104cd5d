"""Plugins: what works is offered, what does not is isolated and named."""

import json
import subprocess
import sys
import types
from importlib.metadata import version
from typing import ClassVar

import attrs
import pytest
from torch import nn

import fpframe
from fpframe import AnswerFilter, Component, ParameterError, Part, PluginError, Registry, Scheme, hookimpl
from fpframe.interfaces.scheme import ComponentSpec
from fpframe.parameters import number
from fpframe.registry.registry import KINDS, Plugin


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


# --- what works


def test_a_working_plugin_offers_its_components_and_schemes_by_kind_and_name():
    registry = Registry([module(schemes=[SCHEME])])
    assert registry.names("filter") == ["quiet"]
    assert registry.names("encoder") == []
    assert registry.get("filter", "quiet") is Quiet
    assert registry.get("scheme", "plain") is SCHEME
    assert registry.plugins[0].components == (("filter", "quiet"), ("scheme", "plain"))
    assert registry.plugins[0].error is None


def test_an_object_with_hooks_is_a_plugin_too():
    class Holder:
        @hookimpl
        def fpframe_components(self):
            return [Quiet]

    [info] = Registry([Holder()]).plugins
    assert (info.name, info.components) == ("Holder", (("filter", "quiet"),))


def test_components_are_created_with_parameters_and_say_what_they_are():
    made = Registry([module()]).create("filter", "quiet", strength=0.25)
    assert made == Quiet(strength=0.25)
    assert made.spec() == "quiet(strength=0.25)"
    assert Registry([module()]).build(AnswerFilter, "quiet") == Quiet()


def test_one_name_may_stand_for_components_of_different_kinds():
    scheme = attrs.evolve(SCHEME, name="quiet")
    registry = Registry([module(schemes=[scheme])])
    assert [(info.name, told.kind, told.name) for info, told in registry.described()] == [
        ("plain-plugin", "filter", "quiet"),
        ("plain-plugin", "scheme", "quiet"),
    ]
    assert (registry.get("filter", "quiet"), registry.get("scheme", "quiet")) == (Quiet, scheme)


def test_a_description_is_plain_data_with_documentation_and_defaults():
    told = {told.kind: told for _, told in Registry([module(schemes=[SCHEME])]).described()}
    assert (told["filter"].doc, told["filter"].parameters) == ("A filter that changes nothing.", {"strength": 0.5})
    assert told["scheme"].doc == "natural images"
    assert told["scheme"].parameters["encoder"] == {"name": "labels", "params": {}}
    assert json.loads(json.dumps(attrs.asdict(told["scheme"]))) == attrs.asdict(told["scheme"])


def test_a_plugin_is_listed_with_its_origin():
    plugin = Plugin(name="q", module=module(), distribution="fpframe-quiet", version="1.2")
    [info] = Registry([plugin]).plugins
    assert (info.name, info.distribution, info.version) == ("q", "fpframe-quiet", "1.2")
    assert info.label == "'q' of fpframe-quiet 1.2"


# --- what is broken stays alone


def test_a_misspelt_hook_is_an_error_and_not_silence():
    made = types.ModuleType("misspelt")
    made.fpframe_component = hookimpl(lambda: [Quiet], specname="fpframe_component")
    assert (
        the_error(made) == "it implements 'fpframe_component', which is not a hook; did you mean 'fpframe_components'?"
    )


def test_a_hook_with_arguments_is_told_on_one_line():
    made = types.ModuleType("eager")
    made.fpframe_components = hookimpl(lambda registry: [Quiet], specname="fpframe_components")
    assert the_error(made) == "its fpframe_components takes registry; write def fpframe_components() without arguments"


def test_a_plugin_that_forgets_the_decorator_is_an_error_and_not_silence():
    made = types.ModuleType("undecorated")
    made.fpframe_components = lambda: [Quiet]
    assert "it implements no hook; decorate its fpframe_components with @fpframe.hookimpl" in the_error(made)


def test_an_abstract_method_that_is_left_out_is_named():
    @attrs.frozen(kw_only=True)
    class Unfinished(AnswerFilter):
        name: ClassVar[str] = "unfinished"

    assert the_error(module("p", components=[Unfinished])) == "Unfinished lacks wrap"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda self, query: query,
        lambda self, query, seed, more: query,
        lambda self, *, seed: seed,
        lambda self, *, query, seed: query,
        lambda query, *, seed: query,
    ],
)
def test_a_method_that_cannot_be_called_as_its_interface_says_is_shown_how_to_be_written(wrap):
    cls = attrs.frozen(kw_only=True)(type("Odd", (AnswerFilter,), {"name": "odd", "wrap": wrap}))
    assert the_error(module("p", components=[cls])) == (
        "Odd.wrap has a wrong signature; write def wrap(self, query, *, seed)"
    )


@pytest.mark.parametrize(
    "wrap",
    [
        lambda self, query, *, seed: query,
        lambda self, query, seed: query,
        lambda self, asked, *, seed, extra=1: asked,
        lambda self, *args, **kwargs: args[0],
    ],
)
def test_a_method_that_can_be_called_as_its_interface_says_may_be_written_otherwise(wrap):
    cls = attrs.frozen(kw_only=True)(type("Odd", (AnswerFilter,), {"name": "odd", "wrap": wrap}))
    assert Registry([module(components=[cls])]).plugins[0].error is None


def test_parameters_in_another_order_are_a_wrong_signature():
    def choose(self, pool, model, labels, *, points, views, references, seed):
        return pool

    cls = attrs.frozen(kw_only=True)(type("Odd", (fpframe.Augmenter,), {"name": "odd", "choose": choose}))
    assert "Odd.choose has a wrong signature; write def choose(self, model, pool, labels, *, points," in the_error(
        module("p", components=[cls])
    )


def test_an_optional_class_method_is_checked_too():
    cls = attrs.frozen(kw_only=True)(type("Odd", (Quiet,), {"name": "odd", "detect": classmethod(lambda cls: None)}))
    assert the_error(module("p", components=[cls])) == (
        "Odd.detect has a wrong signature; write def detect(cls, probe)"
    )


@pytest.mark.parametrize(
    ("needed", "reason"),
    [
        (fpframe.PLUGIN_API + 1, f"it needs plugin API {fpframe.PLUGIN_API + 1}, and this fpframe has"),
        ("1", "its fpframe_api is '1'; write the whole number"),
        (0, "its fpframe_api is 0; write the whole number"),
    ],
)
def test_a_plugin_for_another_plugin_api_is_refused(needed, reason):
    made = module()
    made.fpframe_api = needed
    assert reason in the_error(made)


def test_a_plugin_may_say_that_this_plugin_api_is_enough():
    made = module()
    made.fpframe_api = fpframe.PLUGIN_API
    assert Registry([made]).plugins[0].error is None


def test_a_deprecated_component_warns_with_what_to_use_and_works():
    @attrs.frozen(kw_only=True)
    class Old(Quiet):
        """An old name of `quiet`."""

        name: ClassVar[str] = "hushed"
        deprecated: ClassVar[str] = "use 'quiet'; 'hushed' goes with 0.3"

    with pytest.warns(fpframe.FpframeDeprecationWarning, match="filter 'hushed' is deprecated: use 'quiet'; 'hushed'"):
        assert Registry([module(components=[Old])]).create("filter", "hushed", strength=0.1).strength == 0.1


def test_a_component_that_is_no_attrs_class_is_refused():
    class Plain(AnswerFilter):
        name = "plain"

        def wrap(self, query, *, seed):
            return query

    assert "Plain is not an attrs class; decorate it" in the_error(module("p", components=[Plain]))


def test_a_component_without_a_name_is_refused():
    @attrs.frozen(kw_only=True)
    class Nameless(AnswerFilter):
        def wrap(self, query, *, seed):
            return query

    assert "Nameless has no name; give the class an attribute 'name'" in the_error(module("p", components=[Nameless]))


def test_a_component_that_implements_no_interface_is_refused():
    @attrs.frozen(kw_only=True)
    class Stray(Component):
        name: ClassVar[str] = "stray"

    assert "Stray is of no known kind; derive it from one of" in the_error(module("p", components=[Stray]))


def test_a_component_that_cannot_be_made_without_parameters_is_refused():
    @attrs.frozen(kw_only=True)
    class Demanding(AnswerFilter):
        name: ClassVar[str] = "demanding"
        strength: float

        def wrap(self, query, *, seed):
            return query

    assert the_error(module("p", components=[Demanding])) == "'strength' of Demanding has no default; give it one"


def test_a_field_of_a_class_without_the_decorator_is_noticed():
    class Deeper(Quiet):
        """Another filter."""

        name: ClassVar[str] = "deeper"
        depth: int = 3

    assert the_error(module("p", components=[Deeper])) == (
        "Deeper declares depth; decorate it with @attrs.frozen(kw_only=True)"
    )


@pytest.mark.parametrize("returned", [None, Quiet, "quiet"])
def test_a_hook_that_returns_no_list_is_told(returned):
    made = types.ModuleType("careless")
    made.fpframe_components = hookimpl(lambda: returned, specname="fpframe_components")
    assert the_error(made) == f"its fpframe_components returns {returned!r}; return a list"


@pytest.mark.parametrize("offer", [nn.Linear, Quiet(), "quiet"])
def test_what_is_no_component_class_is_refused(offer):
    assert "is not a component class" in the_error(module("p", components=[offer]))


def test_what_is_no_scheme_is_refused():
    assert "is not a Scheme" in the_error(module("p", components=None, schemes=["plain"]))


@pytest.mark.parametrize("raised", [RuntimeError("no\nluck"), SystemExit("bye")])
def test_a_plugin_that_raises_in_its_hook_is_left_out_with_its_reason(raised):
    made = types.ModuleType("raising")

    @hookimpl
    def fpframe_components():
        raise raised

    made.fpframe_components = fpframe_components
    assert the_error(made) == f"{type(raised).__name__}: {str(raised).splitlines()[0]}"


def test_a_plugin_that_offers_one_name_twice_is_refused():
    assert the_error(module("p", components=[Quiet, Quiet])) == "it offers filter quiet twice"


def test_one_broken_component_leaves_out_the_whole_plugin():
    assert "is not a component class" in the_error(module("p", components=[Quiet, 3]))


# --- what is asked for and not there


def test_a_name_that_two_plugins_offer_is_an_error_that_names_both_and_only_when_asked_for():
    first = Plugin(name="one", module=module(), distribution="dist-a", version="1")
    second = Plugin(name="two", module=module(schemes=[SCHEME]), distribution="dist-b", version="2")
    registry = Registry([first, second])
    assert registry.names("filter") == ["quiet"]
    assert registry.get("scheme", "plain") is SCHEME
    with pytest.raises(
        PluginError, match=r"'quiet' is offered by 'one' of dist-a 1 and by 'two' of dist-b 2; "
    ) as raised:
        registry.get("filter", "quiet")
    assert str(raised.value).endswith("choose with --plugin dist-a:quiet or --plugin dist-b:quiet, or uninstall one")


@pytest.mark.parametrize("pin", ["dist-b:quiet", "dist-b:two", "Dist_B:quiet"])
def test_a_pin_says_whose_component_is_meant_by_its_name_or_that_of_its_plugin(pin):
    @attrs.frozen(kw_only=True)
    class Other(Quiet):
        """Another filter of the same name."""

    first = Plugin(name="one", module=module(), distribution="dist-a", version="1")
    second = Plugin(name="two", module=module(components=[Other]), distribution="dist-b", version="2")
    registry = Registry([first, second], pinned=[pin])
    assert registry.get("filter", "quiet") is Other
    assert registry.owner("filter", "quiet").distribution == "dist-b"


def test_a_pin_of_one_name_does_not_choose_for_another():
    first = Plugin(name="one", module=module(), distribution="dist-a", version="1")
    second = Plugin(name="two", module=module(), distribution="dist-b", version="2")
    with pytest.raises(PluginError, match="is offered by"):
        Registry([first, second], pinned=["dist-b:loud", "dist-c:quiet"]).get("filter", "quiet")


@pytest.mark.parametrize("pin", ["quiet", "dist-a:", ":quiet", ""])
def test_a_pin_without_distribution_or_name_is_refused(pin):
    with pytest.raises(PluginError, match=f"'{pin}' pins nothing; write DISTRIBUTION:NAME"):
        Registry([], pinned=[pin])


def test_an_unknown_name_lists_the_close_match():
    with pytest.raises(PluginError, match=r"^unknown filter 'quite'; did you mean 'quiet'\?$"):
        Registry([module()]).get("filter", "quite")


def test_an_unknown_name_of_a_kind_that_nobody_offers_says_so():
    with pytest.raises(PluginError, match=r"^unknown encoder 'quiet'; none is known$"):
        Registry([module()]).get("encoder", "quiet")


def test_the_name_of_a_broken_plugin_is_answered_with_what_broke_it():
    broken = Plugin(name="onnx", distribution="d", version="1", error="it fails at import: no onnxruntime")
    failed = r"plugins that do not load: 'onnx' of d 1 \(it fails at import: no onnxruntime\)"
    with pytest.raises(PluginError, match=f"unknown suspect 'open'; none is known; {failed}"):
        Registry([broken]).get("suspect", "open")


def test_an_unknown_kind_lists_the_close_match():
    with pytest.raises(PluginError, match=r"unknown kind of component 'filters'; did you mean 'filter'\?"):
        Registry([]).names("filters")


def test_an_unknown_parameter_is_named_with_its_owner_and_the_nearest():
    with pytest.raises(ParameterError, match=r"^'quiet' has no parameter 'strenght'; did you mean 'strength'\?$"):
        Registry([module()]).create("filter", "quiet", strenght=1)


def test_a_parameter_out_of_range_names_owner_range_and_value():
    with pytest.raises(
        ParameterError, match=r"^'strength' of 'quiet' must be a number at least 0 and at most 1 \(got 2"
    ):
        Registry([module()]).create("filter", "quiet", strength=2.0)


def test_a_component_that_refuses_its_parameters_in_its_own_words_is_named():
    @attrs.frozen(kw_only=True)
    class Moody(Quiet):
        name: ClassVar[str] = "moody"

        def __attrs_post_init__(self):
            if self.strength == 1:
                raise ValueError("too strong")

    with pytest.raises(ParameterError, match="filter 'moody' refuses its parameters: too strong"):
        Registry([module(components=[Moody])]).create("filter", "moody", strength=1)


# --- the installed ones


def test_the_built_ins_come_through_their_entry_points(registry):
    assert registry.discovered
    assert {info.error for info in registry.plugins} == {None}
    assert {"uap", "random-sign", "none"} <= set(registry.names("perturbation"))
    assert {info.distribution for info in registry.plugins if info.name in ("uap", "paper")} == {"fpframe"}
    assert {kind for kind in KINDS if not registry.names(kind)} == {"stratum"}


def test_a_blocked_plugin_is_left_out(registry):
    blocked = fpframe.load_registry(blocked=["uap"])
    assert set(registry.names("perturbation")) - set(blocked.names("perturbation")) == {"uap"}
    assert blocked.blocked == ("uap",)


def test_plugins_are_disabled_by_the_environment(monkeypatch):
    monkeypatch.setenv("FPFRAME_DISABLED_PLUGINS", "uap, none,")
    registry = fpframe.load_registry(blocked=["digits"])
    assert registry.blocked == ("digits", "none", "uap")
    assert not {"uap", "none"} & set(registry.names("perturbation"))
    assert "digits" not in registry.names("dataset")


# --- the layers, seen from a fresh interpreter


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_module_of_the_framework_imports_a_plugin():
    run(
        "import sys, pkgutil, importlib, fpframe\n"
        "names = [m.name for m in pkgutil.walk_packages(fpframe.__path__, 'fpframe.') if '__main__' not in m.name]\n"
        "assert len(names) > 40, names\n"
        "for name in names: importlib.import_module(name)\n"
        "wrong = [m for m in sys.modules if m.split('.')[0] in ('fpframe_plugins', 'timm')]\n"
        "assert not wrong, wrong\n"
    )


def test_import_fpframe_imports_neither_torch_nor_timm():
    run(
        "import sys, fpframe\n"
        "assert not {'torch', 'timm', 'numpy', 'torchvision', 'sklearn'} & set(sys.modules)\n"
        "fpframe.UsageError\n"
        "assert 'torch' not in sys.modules\n"
    )


def test_exported_names_are_sorted_and_each_resolves():
    assert fpframe.__all__ == sorted(fpframe.__all__)
    assert dir(fpframe) == sorted(fpframe.__all__)
    for name in fpframe.__all__:
        assert callable(getattr(fpframe, name)) or name == "PLUGIN_API", name
    with pytest.raises(AttributeError, match="module 'fpframe' has no attribute 'Fingerprint'"):
        fpframe.Fingerprint  # noqa: B018


def test_a_former_name_works_for_a_release_and_warns_where_it_is_used(monkeypatch):
    monkeypatch.setitem(fpframe._DEPRECATED, "Fingerprinter", ("Encoder", "0.3"))
    with pytest.warns(
        fpframe.FpframeDeprecationWarning, match=r"Fingerprinter is removed in 0.3; use fpframe.Encoder"
    ) as seen:
        assert fpframe.Fingerprinter is fpframe.Encoder
    assert seen[0].filename == __file__


def test_extract_is_the_former_name_of_ask():
    with pytest.warns(fpframe.FpframeDeprecationWarning, match=r"extract is removed in 0.3; use fpframe.ask"):
        assert fpframe.extract is fpframe.ask


def test_no_former_name_outlives_the_release_that_removes_it():
    installed = tuple(map(int, version("fpframe").split(".")[:2]))
    overdue = {
        name for name, (_, release) in fpframe._DEPRECATED.items() if tuple(map(int, release.split("."))) <= installed
    }
    assert overdue == set()
    assert not set(fpframe._DEPRECATED) & set(fpframe.__all__)

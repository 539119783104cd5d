"""Plugins: what works is offered, what does not is isolated and named."""

from __future__ import annotations

import json
from typing import ClassVar

import attrs
import pytest

import fpframe
from core.registry.offering import SCHEME, Quiet, module
from fpframe import AnswerFilter, ParameterError, PluginError, Registry, hookimpl
from fpframe.registry.registry import KINDS, Plugin


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

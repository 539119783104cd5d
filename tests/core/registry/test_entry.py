"""What an entry point may name: a module, or an object in one, with extras or without."""

from __future__ import annotations

import pytest

import fpframe
from core.registry.quiet_plugin import SOUND
from fpframe.registry.entry import Entry

#: A plugin whose hook is a method of an object.
OBJECTS = (
    SOUND
    + """

class Plugin:
    @fpframe.hookimpl
    def fpframe_components(self):
        return fpframe_components()


class Static:
    @staticmethod
    @fpframe.hookimpl
    def fpframe_components():
        return fpframe_components()


class Holder:
    plugin = Plugin()


plugin = Plugin()
number = 3
"""
)


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("acme", "acme"),
        ("acme.filters", "acme.filters"),
        ("acme [cuda]", "acme"),
        ("acme[cuda,fast]", "acme"),
        ("acme:plugin", "acme:plugin"),
        ("acme.filters : a.b [cuda] ", "acme.filters:a.b"),
        ("acme filters", "acme filters"),
    ],
)
def test_a_value_is_read_as_packages_write_it(value, target):
    entry = Entry("quiet", value)
    assert (entry.target, entry.package) == (target, target.partition(":")[0].partition(".")[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", ["{module}", "{module} [cuda]", "{module}:plugin", "{module}:Holder.plugin [cuda]", "{module}:Static"]
)
def test_a_plugin_is_found_where_its_entry_point_says(install, value):
    install("quiet", OBJECTS, value=value)
    registry = fpframe.load_registry()
    assert [(info.components, info.error) for info in registry.plugins] == [((("filter", "quiet"),), None)]
    assert registry.create("filter", "quiet").spec().startswith("quiet(")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{module}:plugim", "its entry point names 'plugim', which quiet_plugin does not have; did you mean 'plugin'?"),
        ("{module}:Plugin", "Plugin is a class, whose hooks need an object; name one, such as plugin = Plugin()"),
        ("{module}:fpframe_components", "fpframe_components is a function; name the module that it is in"),
        ("{module}:number", "it implements no hook"),
        ("not a module", "its entry point is 'not a module'; write module or module:object"),
        ("{module}-x", "its entry point is 'quiet_plugin-x'; write module or module:object"),
        ("nowhere.to_be_found:x", "it fails at import: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_an_entry_point_that_names_no_plugin_is_told_so(install, value, said):
    install("quiet", OBJECTS, value=value)
    (info,) = fpframe.load_registry().plugins
    assert said in info.error
    assert info.components == ()


def test_the_plugin_api_of_the_module_counts_for_an_object_in_it(install):
    install("quiet", f"fpframe_api = {fpframe.PLUGIN_API + 1}\n" + OBJECTS, value="{module}:plugin")
    (info,) = fpframe.load_registry().plugins
    assert "it needs plugin API" in info.error

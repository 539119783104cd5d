"""One name that several distributions offer, and whose is meant."""

from __future__ import annotations

import attrs
import pytest

from core.registry.offering import SCHEME, Quiet, module
from fpframe import PluginError, Registry
from fpframe.registry.registry import Plugin


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

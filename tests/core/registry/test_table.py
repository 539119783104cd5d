"""What was found in plugins is remembered until something changes."""

from __future__ import annotations

import json
import os
import time

import pytest

import fpframe
from core.registry.quiet_plugin import SOUND, errors


@pytest.mark.slow
def test_what_was_learned_is_kept_until_a_file_of_the_plugin_changes(install, probes, tmp_path):
    install("one")
    assert [fpframe.load_registry().names("filter") for _ in range(2)] == [["one"], ["one"]]
    assert probes == [["one"]]
    file = tmp_path / "site/one_plugin.py"
    file.write_text(SOUND.format(name="renamed", first=""))
    assert fpframe.load_registry().names("filter") == ["renamed"]
    assert probes == [["one"], ["one"]]
    fpframe.load_registry(refresh=True)
    assert len(probes) == 3


@pytest.mark.slow
def test_a_fault_is_forgotten_when_something_is_installed(install, probes, tmp_path):
    install("one", "import helper_of_one_plugin\n" + SOUND)
    for _ in range(2):
        assert "No module named 'helper_of_one_plugin'" in errors(fpframe.load_registry())["one"]
    assert len(probes) == 1
    time.sleep(0.01)  # folders have times in ticks of the file system
    (tmp_path / "site/helper_of_one_plugin.py").write_text("")
    assert errors(fpframe.load_registry()) == {"one": None}
    assert len(probes) == 2


@pytest.mark.parametrize("probes", ["quick"], indirect=True)
@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', '{"findings": []}'])
def test_a_damaged_table_is_made_anew(install, probes, tmp_path, damage):
    install("one")
    fpframe.load_registry()
    [kept] = (tmp_path / "cache").rglob("*.json")
    kept.write_text(damage)
    assert fpframe.load_registry().names("filter") == ["one"]
    assert len(probes) == 2
    [finding] = json.loads(kept.read_text())["findings"]
    assert finding["error"] is None


@pytest.mark.parametrize("probes", ["quick"], indirect=True)
@pytest.mark.skipif(os.name != "posix", reason="needs a file where a folder should be")
def test_without_a_cache_everything_works(install, probes, tmp_path):
    (tmp_path / "cache").write_text("a file, so that no folder can be made here")
    install("one")
    assert [fpframe.load_registry().names("filter") for _ in range(2)] == [["one"], ["one"]]
    assert len(probes) == 2

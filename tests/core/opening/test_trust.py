"""No code by file: what an enrolment, an exported zoo or a mere look at a recipe names is not imported."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

import fpframe
from core.cli.complaining import complaint
from forging import forge
from fpframe.cli import run
from fpframe.errors import UsageError
from fpframe.interfaces.backbone import BackboneSource
from fpframe.interfaces.component import Component
from fpframe.opening.trust import imports_code, refuse_code
from fpframe.recipe.recipe import Recipe
from fpframe.registry.hookspecs import hookimpl
from fpframe.registry.registry import Registry
from fpframe.zoo.addresses import recipe_addresses
from frozen import ENROLMENT

EVIL = "python:canary_of_trust:make"


@pytest.fixture
def canary(tmp_path, monkeypatch) -> Path:
    """A current folder with a module that leaves a file when it is imported, and where that file would lie."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "store"))
    (tmp_path / "canary_of_trust.py").write_text(
        "from pathlib import Path\nPath('imported').touch()\ndef make():\n    raise SystemExit(0)\n"
    )
    monkeypatch.delitem(sys.modules, "canary_of_trust", raising=False)
    shutil.copytree(ENROLMENT, tmp_path / "e")
    return tmp_path / "imported"


def changed(**changes) -> Recipe:
    return attrs.evolve(Recipe.load(ENROLMENT / "recipe.toml"), **changes)


def with_group(kind: str, **changes) -> Recipe:
    recipe = changed()
    first, *others = getattr(recipe, kind)
    return attrs.evolve(recipe, **{kind: (attrs.evolve(first, **changes), *others)})


#: Everywhere that a recipe can name an address.
RECIPES = {
    "'dataset'": changed(dataset=EVIL),
    "'pool'": changed(pool=EVIL),
    "'victim.backbone'": changed(victim=attrs.evolve(changed().victim, backbone=EVIL)),
    "a backbone of 'independent.0'": with_group("independent", backbones=("victim", EVIL)),
    "a backbone of 'derived.0'": with_group("derived", test_backbones=(EVIL,)),
    "'derived.0.attack'": with_group("derived", attack=f"extract(soft)[{EVIL}]"),
}


@pytest.mark.parametrize("place", RECIPES)
@pytest.mark.parametrize("command", ["plan", "list"])
def test_to_look_at_a_recipe_imports_nothing_that_it_names(canary, capfd, place, command):
    Path("x.toml").write_text(RECIPES[place].to_toml())
    line = complaint(capfd, ["zoo", command, "x.toml"], 2)
    assert line.startswith(f"'{EVIL}' imports code, and is not followed: it is {place} of recipe 'x.toml'")
    assert line.endswith("read that code first, then say --trust-code (Run(trust_code=True)) to have it run")
    assert not canary.exists()


@pytest.mark.parametrize("place", RECIPES)
def test_an_enrolment_is_not_followed_to_code_that_its_recipe_names(canary, capfd, place):
    forge(Path("e"), members={"recipe.toml": RECIPES[place].to_toml().encode()})
    line = complaint(capfd, ["calibrate", "e", "--out", "o"], 2)
    assert f"'{EVIL}' imports code, and is not followed: it is {place} of the enrolment" in line
    assert f"'{EVIL}' imports code" in complaint(capfd, ["evaluate", "e"], 2)
    with pytest.raises(UsageError, match="imports code"):
        fpframe.evaluate([fpframe.Enrolment.open("e")], run=fpframe.Run(store="store"))
    assert not canary.exists()
    assert not Path("o").exists()


def test_nor_to_code_that_its_manifest_names(canary, capfd):
    about = json.loads(Path("e/manifest.json").read_text())
    forge(Path("e"), victim={**about["victim"], "backbone": EVIL})
    for command in (["calibrate", "e", "--out", "o"], ["calibrate", "e", "--out", "o", "--recipe", "tiny"]):
        line = complaint(capfd, command, 2)
        assert f"'{EVIL}' imports code, and is not followed: it is the victim's backbone of the enrolment" in line
    assert "the victim's backbone" in complaint(capfd, ["evaluate", "e"], 2)
    assert not canary.exists()


def test_nor_is_a_list_of_models_that_lies_beside_them(canary, capfd):
    Path("models").mkdir()
    Path("models/a.safetensors").touch()
    entry = {"file": "a.safetensors", "lineage": "a", "relation": "independent", "split": "calibrate"}
    Path("models/models.json").write_text(
        json.dumps([{**entry, "stratum": "same-data", "family": "f", "backbone": EVIL}])
    )
    line = complaint(capfd, ["calibrate", "e", "--out", "o", "--independents", "models", "--alpha", "0.1"], 2)
    assert f"'{EVIL}' imports code, and is not followed: it is the backbone of 'a.safetensors' of the list" in line
    assert not canary.exists()


def test_whoever_trusts_it_has_it_imported(canary, capfd):
    Path("x.toml").write_text(RECIPES["'victim.backbone'"].to_toml())
    assert run(["zoo", "plan", "x.toml", "--trust-code"]) != 0
    assert "imports code" not in capfd.readouterr().err
    assert canary.exists(), "the canary lives: it would have been seen above"


def test_whoever_trusts_an_enrolment_has_its_code_imported(canary, capfd):
    about = json.loads(Path("e/manifest.json").read_text())
    forge(Path("e"), victim={**about["victim"], "backbone": EVIL})
    assert run(["calibrate", "e", "--out", "o", "--workers", "1", "--trust-code"]) != 0
    assert "is not followed" not in capfd.readouterr().err
    assert canary.exists()


def test_an_address_that_is_repeated_is_consented_to(registry):
    addresses = recipe_addresses(RECIPES["'victim.backbone'"])
    refuse_code(registry, addresses, whose="a recipe", trusted=[None, EVIL])
    with pytest.raises(UsageError, match="imports code"):
        refuse_code(registry, addresses, whose="a recipe", trusted=[None, "python:another:make"])


@pytest.mark.parametrize(
    "address",
    ["paper:arc-a", "timm:resnet18", "digits", "folder:python", "victim", "test", "", "python", "nobody:knows"],
)
def test_other_addresses_are_followed(registry, address):
    assert not imports_code(registry, address)


def test_a_plugin_whose_source_declares_it_is_treated_alike():
    class Importing(BackboneSource):
        name: ClassVar[str] = "importing"
        imports_code: ClassVar[bool] = True

        def names(self, pattern: str = "*") -> list[str]:
            return []

        def build(self, name, **options):
            raise AssertionError("built")

    class Plugin:
        @hookimpl
        def fpframe_components(self) -> list[type[Component]]:
            return [attrs.frozen(kw_only=True)(Importing)]

    found = Registry([Plugin()])
    assert imports_code(found, "importing:anything")
    assert not imports_code(found, "other:anything")

"""Which source opens what: known from what sources declare, so that no plugin is imported which is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
import torch

from core.registry.offering import module
from fpframe import Registry, SuspectRequest, SuspectSource, UsageError
from fpframe.base import as_address
from fpframe.interfaces import has_form, is_one_of
from fpframe.opening import find_source, function_query, imports_code, open_suspect
from fpframe.registry import Plugin
from fpframe.registry.offers import Description


@attrs.frozen(kw_only=True)
class FolderOfNets(SuspectSource):
    """Open folders with a net, and files that end in ``.net.gz``."""

    name: ClassVar[str] = "nets"
    forms: ClassVar[tuple[str, ...]] = ("FOLDER/net.bin", "FILE.net.gz")

    def open(self, request: SuspectRequest) -> Any:
        return function_query(lambda pixels: torch.eye(3)[: len(pixels)], request)


class Thing:
    """What a library has."""


class LaterThing(Thing):
    """What another version of it has."""


@attrs.frozen(kw_only=True)
class Things(SuspectSource):
    """Take things."""

    name: ClassVar[str] = "things"
    objects: ClassVar[tuple[str, ...]] = (f"{Thing.__module__.partition('.')[0]}.Thing",)

    def adapt(self, suspect: Thing, request: SuspectRequest) -> Any:
        return function_query(lambda pixels: torch.eye(3)[: len(pixels)], request)


@pytest.fixture
def imported(monkeypatch) -> list[str]:
    """The suspect sources that were built, each of which imports its plugin."""
    names: list[str] = []
    build = Registry.build

    def watched(self, interface, name, **params):
        names.append(name)
        return build(self, interface, name, **params)

    monkeypatch.setattr(Registry, "build", watched)
    return names


def installed(*sources: type[SuspectSource]) -> Registry:
    """Return a registry of plugins of which only a description is known; nobody can import them."""
    return Registry(
        [Plugin(name=each.name, module="no_such_module", offers=(Description.of(each),)) for each in sources]
        + [module("ours", components=[FolderOfNets, Things])]
    )


class Distant(FolderOfNets):
    name: ClassVar[str] = "a-distant"  # before the others, by name
    forms: ClassVar[tuple[str, ...]] = ("distant:PLACE", "FILE.distant", "FOLDER/distant.json")
    objects: ClassVar[tuple[str, ...]] = ("distant.Model",)
    imports_code: ClassVar[bool] = True


@pytest.mark.parametrize("address", ["x.net.gz", "X.NET.GZ", "./a1:b.net.gz", "folder"])
def test_only_the_source_with_the_form_of_an_address_is_imported(address, imported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder/net.bin").touch()
    source = find_source(installed(Distant), address)
    assert source is not None
    assert (source.name, imported) == ("nets", ["nets"])


def test_only_the_source_with_the_class_of_an_object_is_imported(imported):
    query = open_suspect(LaterThing(), registry=installed(Distant), num_classes=3, image_shape=(1, 2, 2))
    assert (query(torch.rand(2, 1, 2, 2)).shape, imported) == ((2, 3), ["things"])


def test_a_network_and_a_function_import_no_source(imported):
    for suspect in (torch.nn.Flatten(), lambda pixels: pixels.flatten(1)):
        open_suspect(suspect, registry=installed(Distant), num_classes=4, image_shape=(1, 2, 2))
    assert imported == []


def test_whether_an_address_imports_code_is_known_without_importing():
    registry = installed(Distant)
    assert imports_code(registry, "a-distant:x")
    assert not imports_code(registry, "nets:x")


def test_a_source_that_opens_more_than_it_declares_is_asked_in_the_end():
    class Modest(FolderOfNets):
        name: ClassVar[str] = "modest"

        def matches(self, address: str) -> bool:
            return address.endswith(".odd")

    source = find_source(Registry([module("m", components=[Modest])]), "x.odd")
    assert source is not None


@pytest.mark.parametrize(
    ("form", "address", "fits"),
    [
        ("FILE.onnx", "a.onnx", True),
        ("FILE.onnx", "dir/A.ONNX", True),
        ("FILE.onnx", "a.onnx.data", False),
        ("FILE.onnx", "http://a.onnx", False),
        ("FILE.onnx", "C:\\models\\a.onnx", True),
        ("FILE.onnx", "./a1:b.onnx", True),
        ("FILE.onnx", "stage:b/a.onnx", False),
        ("FILE.tar.gz", "a.tar.gz", True),
        ("mlflow:models:/NAME/VERSION", "mlflow:anything", True),
        ("mlflow:models:/NAME/VERSION", "models:/a/1", False),
        ("FOLDER/x.json", "no-such-folder", False),
        ("FOLDER/x.json", "", False),
        ("anything else", "anything else", False),
    ],
)
def test_forms_are_read_as_they_are_written(form, address, fits):
    assert has_form(address, form) is fits


def test_a_class_is_known_by_package_and_name_wherever_it_is_defined():
    assert is_one_of(torch.nn.Linear(1, 1), ["torch.Module"])
    assert is_one_of(3, ["builtins.object"])
    assert not is_one_of(torch.nn.Linear(1, 1), ["sklearn.Module", "torch.Conv2d", "torch"])


def test_a_path_with_a_colon_is_a_path_and_a_text_is_told_how_to_be_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("stage1:net.net.gz").touch()
    assert as_address(Path("stage1:net.net.gz")) == "./stage1:net.net.gz"
    assert as_address("stage1:net.net.gz") == "stage1:net.net.gz"
    options: Any = {"registry": installed(), "num_classes": 3, "image_shape": (1, 2, 2)}
    assert open_suspect(Path("stage1:net.net.gz"), **options).address == "./stage1:net.net.gz"
    with pytest.raises(UsageError, match=r"reads as an address with the prefix 'stage1'; write \./stage1:net\.net\.gz"):
        open_suspect("stage1:net.net.gz", **options)


def test_what_cannot_be_asked_is_told_what_can():
    with pytest.raises(UsageError, match=r"a suspect cannot be a int; give .* or an object of .*Thing"):
        open_suspect(3, registry=installed(), num_classes=3, image_shape=(1, 2, 2))


def test_a_folder_that_nothing_opens_is_called_a_folder(tmp_path):
    with pytest.raises(UsageError, match="no suspect source opens this folder"):
        open_suspect(str(tmp_path), registry=installed(), num_classes=3, image_shape=(1, 2, 2))


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["README.md", "net.net.gz", "other.net.gz"], "net.net.gz"),
        (["README.md"], None),
        (["folder.net.gz/x"], None),
    ],
)
def test_of_a_folder_that_nothing_opens_a_file_that_something_does_is_named(names, named, tmp_path):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="no suspect source opens this folder") as caught:
        open_suspect(str(tmp_path), registry=installed(), num_classes=3, image_shape=(1, 2, 2))
    assert (f"name a file in it, such as {tmp_path / named}" if named else "") in str(caught.value)
    assert ("name a file" in str(caught.value)) == (named is not None)


@pytest.mark.parametrize("name", ["missing", "missing/", "missing.odd"])
def test_a_path_to_nothing_is_called_that(name, tmp_path):
    with pytest.raises(UsageError, match="there is no such file or folder"):
        open_suspect(f"{tmp_path}/{name}", registry=installed(), num_classes=3, image_shape=(1, 2, 2))

"""Every file of a folder of independent models is a model, belongs to one, or is named in an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

import fpframe
from fpframe.enrolment.modelfolder import OWN, find_independents
from fpframe.errors import DataError
from fpframe.interfaces import SuspectSource
from fpframe_plugins.suspects import onnx, pt2, python, state_dict


@attrs.frozen(kw_only=True)
class Net(SuspectSource):
    """A stranger's format: ``FILE.net`` with its weights in ``FILE.bin``, or a folder ``NAME.net``."""

    name: ClassVar[str] = "net"
    forms: ClassVar[tuple[str, ...]] = ("FILE.net",)

    def matches(self, address: str) -> bool:
        return address.endswith(".net")

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        raise NotImplementedError

    def companions(self, address: str) -> list[str]:
        return [address.removesuffix(".net") + ".bin"]


class Plugin:
    @fpframe.hookimpl
    def fpframe_components(self) -> list[type[fpframe.Component]]:
        return [Net]


@pytest.fixture(scope="module")
def registry() -> fpframe.Registry:
    return fpframe.Registry([onnx, pt2, python, state_dict, Plugin()])


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("file", "bare"),
    [
        ("a.onnx", False),
        ("a.ONNX", False),
        ("a.pt2", False),
        ("a.safetensors", True),
        ("a.pt", True),
        ("a.PT", True),
        ("a.pth", True),
        ("a.Pth", True),
        ("a.net", False),
    ],
)
def test_whatever_a_source_opens_is_a_model(registry, tmp_path, file, bare):
    [found] = find_independents(made(tmp_path, file), registry)
    assert (found.path, found.model.name, found.model.stratum) == (tmp_path / file, file, OWN)
    assert found.needs_backbone == bare


@pytest.mark.parametrize("file", ["a.txt", "labels.json", "a.onnx_date", "b.onnx.data", "a", "sub/a.csv"])
def test_what_no_source_opens_is_named(registry, tmp_path, file):
    made(tmp_path, "a.onnx", file)
    with pytest.raises(DataError, match=rf"'{file}' is not a model that can be opened .*known forms: FILE\.net"):
        find_independents(tmp_path, registry)


def test_of_many_the_first_are_named_and_the_others_counted(registry, tmp_path):
    made(tmp_path, "a.onnx", *(f"{number}.txt" for number in range(5)))
    with pytest.raises(DataError, match=r"'0\.txt', '1\.txt', '2\.txt' and 2 more are not models that can be opened"):
        find_independents(tmp_path, registry)


def test_a_source_whose_plugin_fails_is_named_where_its_files_are_not_known(tmp_path):
    broken = fpframe.Registry([onnx, fpframe.registry.registry.Plugin(name="late", error="no module named 'late'")])
    with pytest.raises(DataError, match=r"'a\.late' is not a model .*plugin 'late' failed: no module named 'late'"):
        find_independents(made(tmp_path, "a.late"), broken)


@pytest.mark.parametrize(
    "file",
    ["a.onnx.data", "a.onnx_data", "n.bin", ".DS_Store", ".git/config", "README", "readme.md", "LICENSE.txt", "Notice"],
)
def test_what_belongs_to_a_model_is_hidden_or_for_people_is_none(registry, tmp_path, file):
    made(tmp_path, "a.onnx", "n.net", file)
    assert [found.path.name for found in find_independents(tmp_path, registry)] == ["a.onnx", "n.net"]


def test_what_belongs_to_a_model_is_none_though_another_source_would_open_it(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(Net, "companions", lambda self, address: [address.removesuffix(".net") + ".pt"])
    [found] = find_independents(made(tmp_path, "a.net", "a.pt"), registry)
    assert found.path.name == "a.net"


def test_a_folder_that_a_source_opens_is_one_model(registry, tmp_path):
    made(tmp_path, "rivals/n.net/weights.bin", "rivals/n.net/config.json")
    [found] = find_independents(tmp_path, registry)
    assert (found.path, found.model.stratum) == (tmp_path / "rivals" / "n.net", "rivals")


def test_strata_and_families_are_folders_and_nothing_lies_deeper(registry, tmp_path):
    made(tmp_path, "a.onnx", "s/b.onnx", "s/f/c.onnx", "s/f/d.onnx")
    found = {each.model.name: (each.model.stratum, each.model.family) for each in find_independents(tmp_path, registry)}
    assert found == {
        "a.onnx": (OWN, "a.onnx"),
        "b.onnx": ("s", "s/b.onnx"),
        "c.onnx": ("s", "s/f"),
        "d.onnx": ("s", "s/f"),
    }
    made(tmp_path, "s/f/g/e.onnx")
    with pytest.raises(DataError, match="lies too deep; models are sorted as STRATUM/FAMILY/FILE"):
        find_independents(tmp_path, registry)


def test_a_link_to_a_folder_above_ends(registry, tmp_path):
    made(tmp_path, "s/a.onnx")
    (tmp_path / "s" / "again").symlink_to(tmp_path)
    with pytest.raises(DataError, match="lies too deep"):
        find_independents(tmp_path, registry)


def test_a_file_whose_name_reads_as_an_address_of_code_is_none(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(made(tmp_path, "python:os:abort"))
    with pytest.raises(DataError, match="'python:os:abort' is not a model that can be opened"):
        find_independents(Path(), registry)


def test_a_folder_that_is_missing_or_empty_is_refused(registry, tmp_path):
    with pytest.raises(DataError, match="no such folder of independent models"):
        find_independents(tmp_path / "nowhere", registry)
    with pytest.raises(DataError, match=r"no independent models in the folder .*known forms: FILE\.net"):
        find_independents(tmp_path, registry)


def entry(file: str, **changes: object) -> dict[str, object]:
    said = {"file": file, "relation": "independent", "split": "calibrate", "lineage": f"of {file}"}
    return {**said, "stratum": "same-data", "family": "f", "backbone": "paper:arc-e", **changes}


def listed(folder: Path, *entries: dict[str, object]) -> Path:
    made(folder, *(str(each["file"]) for each in entries))
    (folder / "models.json").write_text(json.dumps(entries))
    return folder


def test_a_list_says_what_its_models_are_and_which_calibrate(registry, tmp_path):
    listed(
        tmp_path,
        entry("a.safetensors"),
        entry("b.onnx"),
        entry("c.pt", split="test"),
        entry("d.pt", relation="derived"),
    )
    first, second = find_independents(tmp_path, registry)
    assert (first.model.name, first.model.stratum, first.model.family) == ("of a.safetensors", "same-data", "f")
    assert (first.backbone, second.backbone) == ("paper:arc-e", None), "for bare weights alone"


def test_a_list_and_the_folder_must_hold_the_same_models(registry, tmp_path):
    made(listed(tmp_path, entry("a.onnx")), "b.onnx")
    with pytest.raises(DataError, match=r"'b\.onnx' is not in the list of models .*models\.json"):
        find_independents(tmp_path, registry)
    (tmp_path / "b.onnx").unlink()
    (tmp_path / "a.onnx").unlink()
    with pytest.raises(DataError, match=r"'a\.onnx' of the list of models is not in the folder"):
        find_independents(tmp_path, registry)


@pytest.mark.parametrize(
    "content",
    ["{", "[1]", '[{"file": "a.onnx"}]', '[{"file": "a.onnx", "file": "b.onnx"}]', '{"file": "a.onnx"}', "[NaN]"],
)
def test_a_damaged_list_is_refused(registry, tmp_path, content):
    (made(tmp_path, "a.onnx") / "models.json").write_text(content)
    with pytest.raises(DataError, match="the list of models is damaged"):
        find_independents(tmp_path, registry)


@pytest.mark.parametrize("file", ["../a.onnx", "/etc/passwd", "sub/../../a.onnx", ".", ""])
def test_a_list_names_no_model_outside_its_folder(registry, tmp_path, file):
    made(tmp_path, "a.onnx", "zoo/b.onnx")
    (tmp_path / "zoo" / "models.json").write_text(json.dumps([entry("b.onnx"), entry(file)]))
    with pytest.raises(DataError, match="of the list of models is not in the folder"):
        find_independents(tmp_path / "zoo", registry)

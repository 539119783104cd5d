"""The wheels, installed: fpframe and the example plugin work together outside this checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from docpages import blocks
from environments import ROOT, Environment, make_wheel

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "docs/examples/fpframe-jitter"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of fpframe and of the example, built by the command of their build system."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps", "-w", folder]
    subprocess.run([*pip, ROOT, EXAMPLE], check=True)
    return {wheel.name.split("-")[0]: wheel for wheel in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, tiny_store: Path, wheels: dict[str, Path]) -> Environment:
    """A new virtual environment with both wheels, and nothing of this checkout."""
    made = Environment.make(tmp_path_factory.mktemp("packaging"), store=tiny_store, fpframe_too=False)
    made.install(*wheels.values())
    return made


def test_the_wheel_holds_the_framework_the_built_ins_and_the_mark_of_typed_packages(wheels):
    names = set(zipfile.ZipFile(wheels["fpframe"]).namelist())
    assert {
        "fpframe/py.typed",
        "fpframe_plugins/py.typed",
        "fpframe_plugins/perturbations/uap.py",
        "fpframe/testing/__init__.py",
    } <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"fpframe", "fpframe_plugins"}


def test_the_example_is_a_plugin_of_about_forty_lines():
    lines = (EXAMPLE / "fpframe_jitter.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 45


def test_both_are_found_where_they_were_installed(environment):
    done = environment.run(
        "-c", "import fpframe, fpframe_plugins; print(fpframe.__file__); print(fpframe_plugins.__file__)"
    )
    assert done.stderr == ""
    assert all(Path(line).is_relative_to(environment.folder) for line in done.stdout.splitlines())
    listed = json.loads(environment.fpframe("plugins", "--json").stdout)
    assert listed["broken"] == []
    jitter = [(each["kind"], each["distribution"]) for each in listed["components"] if each["name"] == "jitter"]
    assert jitter == [("perturbation", "fpframe-jitter"), ("scheme", "fpframe-jitter")]


def test_the_command_line_that_was_installed_works(environment):
    done = subprocess.run(
        [environment.folder / "bin" / "fpframe", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0.1.0"


def test_the_example_passes_the_kit_and_its_own_tests(environment, tmp_path):
    done = environment.fpframe("plugins", "check", "jitter", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = json.loads(done.stdout)["checked"]
    assert [each["kind"] for each in checked] == ["perturbation", "scheme"]
    assert {result["outcome"] for each in checked for result in each["checks"]} <= {"passed", "skipped"}
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "tests", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout


def test_the_example_is_compared_with_the_method_of_the_paper(environment):
    schemes = "jitter,uap-contrastive"
    done = environment.fpframe(
        "compare", "--recipe", "tiny", "--schemes", schemes, "--out", "compared", "--workers", "2"
    )
    assert done.returncode == 0, done.stderr
    assert "jitter" in done.stdout
    assert "uap-contrastive" in done.stdout
    compared = environment.folder.parent / "work" / "compared"
    assert any("jitter" in file.read_text(encoding="utf-8") for file in compared.glob("*.md"))


def test_the_plugin_of_the_page_on_writing_plugins_works_where_it_is_installed(environment, tmp_path):
    page = ROOT / "docs/tutorial/writing-plugins.md"
    [code] = [block.code for block in blocks(page) if block.file == "fpframe_checker.py"]
    environment.install(
        make_wheel(tmp_path, "fpframe-checker", {"fpframe_checker": code}, {"checker": "fpframe_checker"})
    )
    done = environment.fpframe("plugins", "check", "checker", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [each["kind"] for each in json.loads(done.stdout)["checked"]] == ["perturbation", "scheme"]


def test_the_type_checker_sees_the_types_of_the_installed_package(environment, tmp_path):
    (tmp_path / "mine.py").write_text("import fpframe\n\nverdict: int = fpframe.verify\nfpframe.nothing\n")
    done = environment.run("-m", "mypy", "--no-incremental", str(tmp_path / "mine.py"), cwd=tmp_path)
    assert "Incompatible types in assignment" in done.stdout, done.stdout + done.stderr
    assert 'Module has no attribute "nothing"' in done.stdout

"""What the package declares to need is what it imports."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from environments import ROOT

#: Distributions whose modules have another name.
OTHER_NAMES = {
    "PIL": "pillow",
    "cyclonedx": "cyclonedx-python-lib",
    "packageurl": "packageurl-python",
    "sklearn": "scikit-learn",
}


def imported(folder: Path) -> set[str]:
    """Return the distributions that the modules of a folder import, without the standard library and fpframe's own."""
    modules = {name.split(".")[0] for path in folder.rglob("*.py") for name in imports(path)}
    foreign = modules - set(sys.stdlib_module_names) - {"fpframe", "fpframe_plugins"}
    return {OTHER_NAMES.get(name, name.replace("_", "-")) for name in foreign}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def declared() -> tuple[set[str], set[str]]:
    """Return the distributions that are always installed, and those of extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [line for lines in project["optional-dependencies"].values() for line in lines]
    needed, extra = ({Requirement(line).name for line in lines} for lines in (project["dependencies"], optional))
    return needed, extra


def test_everything_that_is_imported_is_declared_and_nothing_else():
    needed, extra = declared()
    found = imported(ROOT / "fpframe") | imported(ROOT / "plugins")
    assert found - extra == needed


def test_an_import_inside_a_function_is_found(tmp_path):
    (tmp_path / "module.py").write_text("def draw():\n    import PIL.Image, json\n    from tomli_w import dumps\n")
    assert imported(tmp_path) == {"pillow", "tomli-w"}


def test_every_dependency_has_one_lower_bound_that_can_be_tried():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        assert [specifier.operator for specifier in requirement.specifier] == [">="], str(requirement)

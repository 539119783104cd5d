"""What packages export stands in their stubs, and is imported when it is first used."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fpframe

FOLDER = Path(fpframe.__file__).parent
STUBS = sorted(FOLDER.rglob("__init__.pyi"))


def exported(stub: Path) -> set[str]:
    """Return the names that a stub exports."""
    return {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def modules_beside(stub: Path) -> set[str]:
    """Return the names of the modules and packages in the package of a stub."""
    return {path.stem for path in stub.parent.glob("*.py")} | {path.parent.name for path in stub.parent.glob("*/*.py")}


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.parent.relative_to(FOLDER.parent).as_posix())
def test_no_module_has_the_name_of_something_that_its_package_exports(stub):
    # whoever imports the module puts it in the place of what is exported
    assert exported(stub) & modules_beside(stub) == set()


def test_a_module_that_has_the_name_of_an_export_is_found(tmp_path):
    (tmp_path / "__init__.pyi").write_text("from .decide import decide as decide, judge as judge\n")
    (tmp_path / "decide.py").touch()
    assert exported(tmp_path / "__init__.pyi") == {"decide", "judge"}
    assert exported(tmp_path / "__init__.pyi") & modules_beside(tmp_path / "__init__.pyi") == {"decide"}


def test_the_packages_have_stubs():
    assert {FOLDER / "__init__.pyi", FOLDER / "decision" / "__init__.pyi"} <= set(STUBS)

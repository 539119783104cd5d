"""What every test keeps to."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
#: Raised by tests themselves, by nothing in the code, and without a message: the type says it all.
SIGNALS = {"KeyboardInterrupt", "ZeroDivisionError", "error"}


def raises_without_their_message(source: str) -> list[int]:
    """Return the lines of ``pytest.raises`` that look at no message: no ``match``, and no use of what was raised."""
    found = []
    for scope in ast.walk(ast.parse(source)):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        used = {node.id for node in ast.walk(scope) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        for block in (node for node in ast.walk(scope) if isinstance(node, ast.With)):
            for item in block.items:
                call, name = item.context_expr, item.optional_vars
                if not isinstance(call, ast.Call) or ast.unparse(call.func) != "pytest.raises":
                    continue
                if ast.unparse(call.args[0]) in SIGNALS:
                    continue
                matches = any(keyword.arg == "match" for keyword in call.keywords)
                looked_at = isinstance(name, ast.Name) and name.id in used
                if not matches and not looked_at:
                    found.append(block.lineno)
    return sorted(set(found))


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_whatever_is_raised_is_recognised_by_its_message(path):
    lines = raises_without_their_message(path.read_text(encoding="utf-8"))
    assert not lines, f"{path}: add match= in line {lines}"


def test_a_raises_that_looks_at_no_message_is_found():
    bare = "def test():\n    with pytest.raises(ValueError):\n        f()\n"
    unused = bare.replace("ValueError)", "ValueError) as raised")
    assert raises_without_their_message(bare) == raises_without_their_message(unused) == [2]
    assert raises_without_their_message(bare.replace("ValueError)", 'ValueError, match="no")')) == []
    assert raises_without_their_message(unused + "    assert str(raised.value) == 'no'\n") == []


def test_what_the_fast_part_lists_is_there():
    listed = (TESTS / "fast.txt").read_text(encoding="utf-8").split()
    assert listed
    assert [path for path in listed if not (TESTS.parent / path).exists()] == []

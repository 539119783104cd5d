"""The page on the conformance kit lists every check by kind, with its promise.

``python tests/core/testing/test_kit_page.py`` writes the list anew.
"""

from __future__ import annotations

from pathlib import Path

from fpframe.registry.registry import KINDS
from fpframe.testing.checks import ALL

PAGE = Path(__file__).parents[3] / "docs/reference/conformance.md"
MARK = "<!-- every check, from their docstrings -->\n"


def tables() -> str:
    """Return the checks as Markdown, those of all kinds first."""
    sections = [("All kinds", [check for check in ALL if len(check.kinds) != 1])]
    sections += [(f"`{kind}`", [check for check in ALL if check.kinds == (kind,)]) for kind in KINDS]
    return "".join(
        f"\n### {title}\n\n| Check | Promise |\n|---|---|\n"
        + "".join(f"| `{check.name}` | {check.summary} |\n" for check in checks)
        for title, checks in sections
    )


def test_the_page_lists_every_check_with_its_promise() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.partition(MARK)[2] == tables()
    assert all(f"| `{check.name}` |" in text for check in ALL)


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + tables(), encoding="utf-8")

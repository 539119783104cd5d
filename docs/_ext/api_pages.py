"""Keep the pages of the API in ``docs/reference/api``, which are read without a build, as the code has them.

``python docs/_ext/api_pages.py`` says which pages are out of date, and ``--write`` writes them anew.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from api_contents import PAGES, ApiPage
from api_markdown import describe, summary_of
from generated import sentence, table, toctree, write_pages

import fpframe
import fpframe.testing

FOLDER = Path(__file__).parents[1] / "reference" / "api"
COMMAND = "python docs/_ext/api_pages.py --write"


def find(full_name: str) -> Any:
    """Return what a public name stands for."""
    module, _, name = full_name.rpartition(".")
    return getattr(importlib.import_module(module), name)


def all_pages() -> dict[str, str]:
    """Return the texts of all pages by their file, without suffix."""
    return {page.file: _page(page) for page in PAGES} | {"index": _index()}


def unlisted() -> list[str]:
    """Return the public names that stand on no page."""
    listed = {name for page in PAGES for name in page.names}
    public = {f"{module.__name__}.{name}" for module in (fpframe, fpframe.testing) for name in module.__all__}
    return sorted(public - listed)


def stale(folder: Path = FOLDER) -> list[str]:
    """Return the pages that are not as the code has them, also those that lie there and should not."""
    texts = {f"{file}.md": text.rstrip() + "\n" for file, text in all_pages().items()}
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in {*texts, *there} if texts.get(name) != there.get(name))


def _page(page: ApiPage) -> str:
    return "\n\n".join([f"# {page.title}", page.intro, *(describe(name, find(name)) for name in page.names)])


def _index() -> str:
    text = [
        "# API",
        "Every public name. A name that is not here may change with any release. `import fpframe` is fast, because "
        "names are imported on first use. Nothing prints, and no call changes the global random state.",
        "[Concepts](../../explanation/concepts.md) says how the names fit together, and "
        "[embedding](../../how-to/embedding.md) what a program can rely on.",
    ]
    for page in PAGES:
        rows = []
        for name in page.names:
            short = name.rpartition(".")[2]
            rows.append([f"[`{short}`]({page.file}.md#{short.lower()})", sentence(summary_of(name, find(name)))])
        text += [f"## {page.title}", page.intro, table(["Name", "What it is"], rows)]
    if fpframe._DEPRECATED:
        rows = [[f"`{old}`", f"`{new}`", release] for old, (new, release) in sorted(fpframe._DEPRECATED.items())]
        text += ["## Former names", "They still work, and warn.", table(["Former", "Use", "Removed in"], rows)]
    text.append(toctree(page.file for page in PAGES))
    return "\n\n".join(text)


def main() -> int:
    """Write the pages, or say which are out of date."""
    if missing := unlisted():
        print(f"on no page of docs/_ext/api_contents.py: {', '.join(missing)}", file=sys.stderr)
        return 1
    if "--write" in sys.argv[1:]:
        write_pages(FOLDER, all_pages())
    elif old := stale():
        print(f"out of date: {', '.join(old)}; run {COMMAND}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

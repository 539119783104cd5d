"""Pages that are written anew from the code before each build, and what makes Markdown of docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

_SECTION = re.compile(r"^([A-Z][a-z]+):\s*$", re.MULTILINE)
_ENTRY = re.compile(r"^(\*{0,2}\w+)(?: \([^)]*\))?:\s*(.*)$")


@attrs.frozen
class Docstring:
    """A docstring in Google's style.

    Attributes:
        body: the text before the first section.
        sections: of each section its entries, by name; the text of an entry is one line.
        texts: each section as one line, for those without entries.
    """

    body: str
    sections: Mapping[str, Mapping[str, str]]
    texts: Mapping[str, str]

    @classmethod
    def of(cls, documented: object) -> Docstring:
        """Read the docstring of a class, function or module; not an inherited one."""
        text = inspect.cleandoc(getattr(documented, "__doc__", None) or "")
        body, *rest = _SECTION.split(text)
        sections = dict(zip(rest[::2], rest[1::2], strict=True))
        return cls(
            body.strip(),
            {name: _entries(lines) for name, lines in sections.items()},
            {name: " ".join(lines.split()) for name, lines in sections.items()},
        )

    @property
    def summary(self) -> str:
        """The first paragraph, as one line."""
        return " ".join(self.body.partition("\n\n")[0].split())

    @property
    def rest(self) -> str:
        """What follows the first paragraph."""
        return self.body.partition("\n\n")[2].strip()


def _entries(lines: str) -> dict[str, str]:
    """Return the entries of a section; lines that are indented deeper belong to the entry above."""
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(lines).splitlines():
        if match := _ENTRY.match(line):
            name, found[match[1]] = match[1], match[2]
        elif name and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(header)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: object) -> str:
    """Return text as code within a line."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """Return a text that begins and ends as a sentence does."""
    return text if not text else text[0].upper() + text[1:] + ("" if text.endswith((".", ":", "!", "?")) else ".")


def toctree(names: Iterable[str]) -> str:
    """Return a hidden table of contents."""
    return "```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```"


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Make the Markdown files of a folder exactly these; what is the same already keeps its time, and is not read anew.

    Args:
        folder: nothing but generated pages may lie in it.
        pages: texts by name, without suffix.
    """
    folder.mkdir(exist_ok=True)
    for stale in {path.stem for path in folder.glob("*.md")} - set(pages):
        (folder / f"{stale}.md").unlink()
    for name, text in pages.items():
        path, new = folder / f"{name}.md", text.rstrip() + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != new:
            path.write_text(new, encoding="utf-8")

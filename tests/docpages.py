"""The pages of the documentation, and how their blocks of code are found and run.

A block may be preceded by a comment: ``<!-- norun: REASON -->`` for what a test cannot run, ``<!-- file: NAME -->`` for
what the reader is told to save under that name.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[1]
#: Below ``docs``: written when the site is built, for towncrier, or projects of their own.
NOT_PAGES = re.compile(r"(_build|_static|changelog|examples|reference/(builtins|cli))/")
#: A block that changes the environment of the tests must be marked.
INSTALLS = re.compile(r"\bpip3? install\b|\bapt(-get)? install\b|\bpython3? -m venv\b")

_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>norun|file):(?P<note>[^>]*)-->\n+)?^```(?P<language>\S*)\n(?P<code>.*?)^```$", re.M | re.S
)


@attrs.frozen
class Block:
    """One fenced block of a page, with the line of the page on which its fence opens."""

    language: str
    code: str
    line: int
    norun: str | None
    file: str | None

    @property
    def lines(self) -> int:
        """How many lines are not blank."""
        return sum(bool(line.strip()) for line in self.code.splitlines())


def pages_of(root: Path) -> list[Path]:
    """Return the README and all pages of a checkout, but for those that are not written by hand."""
    docs = root / "docs"
    found = sorted(docs.rglob("*.md"))
    return [root / "README.md", *(page for page in found if not NOT_PAGES.match(page.relative_to(docs).as_posix()))]


def page_name(page: Path) -> str:
    """Return the path of a page from the checkout, for the names of tests and for messages."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of a page in these languages, or in all, in order."""
    return blocks_in(page.read_text(encoding="utf-8"), *languages)


def blocks_in(text: str, *languages: str) -> list[Block]:
    """Return the blocks of a text in these languages, or in all, in order."""
    found = []
    for match in _BLOCK.finditer(text):
        note = (match["note"] or "").strip()
        norun, file = (note if match["mark"] == mark else None for mark in ("norun", "file"))
        line = text[: match.start("code")].count("\n")
        found.append(Block(match["language"], match["code"], line, norun, file))
    return [block for block in found if not languages or block.language in languages]


def prose(page: Path) -> str:
    """Return a page without its blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def section(page: Path, heading: str) -> str:
    """Return the text under a heading, up to the next one of its level or above."""
    text = "\n" + page.read_text(encoding="utf-8")
    level = len(heading) - len(heading.lstrip("#"))
    start = text.index(f"\n{heading}") + len(heading) + 1
    end = re.search(rf"^#{{1,{level}}} ", text[start:], re.M)
    return text[start : start + end.start()] if end else text[start:]


def command_lines(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of every ``fpframe`` command of a page; brackets mark what may be left out."""
    for block in blocks(page, "sh"):
        for line in block.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line.replace("[--", "--").replace("] ", " ").removesuffix("]"), comments=True)
            for command in _split(words, "&&", "||", "|", ";", ">"):
                if command[:1] == ["fpframe"]:
                    yield command[1:]


def _split(words: list[str], *marks: str) -> Iterator[list[str]]:
    start = 0
    for end, word in enumerate([*words, marks[0]]):
        if word in marks:
            yield words[start:end]
            start = end + 1


class Runner:
    """Run the blocks of one page in order, as its reader would: in one folder, with one Python and one shell.

    Args:
        page: the page.
        folder: where they run; what the page says to save lies there.
    """

    def __init__(self, page: Path, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self._shell_folder = folder
        self.namespace: dict[str, Any] = {"__name__": page.stem}

    def run(self, languages: Iterable[str]) -> int:
        """Run all blocks of these languages that are not marked, save those that are files, and return how many ran."""
        ran = 0
        for block in blocks(self._page):
            if block.norun is not None:
                continue
            if block.file is not None:
                self._save(block)
            elif block.language in languages:
                {"python": self._python, "sh": self._shell}[block.language](block)
                ran += 1
        return ran

    def _save(self, block: Block) -> None:
        assert block.file is not None
        file = self._folder / block.file
        file.write_text(block.code, encoding="utf-8")
        if block.language == "python":
            runpy.run_path(str(file), run_name=file.stem)

    def _python(self, block: Block) -> None:
        # newlines before the code give tracebacks the line numbers of the page
        exec(compile("\n" * block.line + block.code, str(self._page), "exec"), self.namespace)

    def _shell(self, block: Block) -> None:
        where = f"{page_name(self._page)}:{block.line}"
        assert not INSTALLS.search(block.code), f"{where} installs something; mark it with norun"
        tools, after = Path(sys.executable).parent, self._folder / ".folder-after"
        # bash does not stop where the left side of && fails
        code = block.code.replace(" && ", "\n")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{code}\npwd -P > '{after}'"],
            cwd=self._shell_folder,
            env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        told = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        assert done.returncode == 0, f"{where} ends with exit code {done.returncode}:\n{told}"
        # a cd holds for the blocks that follow
        self._shell_folder = Path(after.read_text(encoding="utf-8").rstrip("\n"))

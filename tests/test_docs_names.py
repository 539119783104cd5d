"""Every name that the pages mention exists: names of the library, commands, files and environment variables."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from docpages import ROOT, page_name, pages_of, prose
from fpframe.cli import make_app

PAGES = pages_of(ROOT)
#: Built, or written by the reader, or patterns of names.
MADE_LATER = re.compile(
    r"docs/_build/|docs/changelog/\+NAME|plugins/fpframe_plugins/.*my_method\.py|tests/test_(jitter|checker)\.py"
)

each_page = pytest.mark.parametrize("page", PAGES, ids=page_name)


def quoted(page: Path) -> list[str]:
    """Return what stands between single backticks in the prose of a page."""
    return [" ".join(match.split()) for match in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(page))]


def resolve(name: str) -> object:
    """Return what a dotted name stands for; its first words are a package, the others attributes."""
    words = name.split(".")
    found: object = importlib.import_module(words[0])
    for number, word in enumerate(words[1:], start=2):
        if not hasattr(found, word):
            importlib.import_module(".".join(words[:number]))
        found = getattr(found, word)
    return found


def library_names(page: Path) -> Iterator[str]:
    """Yield the dotted names of the library that a page quotes, without calls and assignments around them."""
    for text in quoted(page):
        yield from re.findall(r"(?<![\w./\"'-])fpframe(?:\.\w+)+(?![\w/-])", text)


def unknown_commands(texts: list[str], app: App) -> list[str]:
    """Return the quoted command lines whose words before the first option or argument are not commands."""
    unknown = []
    for text in texts:
        if not (match := re.match(r"fpframe ((?:[a-z]+ ?)+)", text)):
            continue
        level = app
        for word in match[1].split():
            if level.default_command is not None and level is not app:
                break  # what follows is an argument
            if word not in level:
                unknown.append(text)
                break
            level = level[word]
    return unknown


@each_page
@pytest.mark.filterwarnings("ignore::fpframe.errors.FpframeDeprecationWarning")  # a page may name a former name
def test_names_of_the_library_exist(page):
    for name in set(library_names(page)):
        try:
            resolve(name)
        except (ImportError, AttributeError) as error:
            raise AssertionError(f"{page_name(page)} mentions {name}") from error


@each_page
def test_commands_in_the_prose_exist(page):
    assert unknown_commands(quoted(page), make_app()) == []


@each_page
def test_files_of_the_repository_exist(page):
    paths = {
        path
        for text in quoted(page)
        for path in re.findall(r"(?<![\w/.])(?:docs|tests|plugins|fpframe|\.ci)/[\w./*+-]*[\w*/]", text)
    }
    missing = [path for path in sorted(paths) if not MADE_LATER.match(path) and not list(ROOT.glob(path.rstrip("/")))]
    assert missing == []


def test_environment_variables_are_read_somewhere():
    files = [
        path for folder in ("fpframe", "tests") for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)
    ]
    known = {name for path in files for name in re.findall(r"\bFPFRAME_[A-Z_]+", path.read_text(encoding="utf-8"))}
    for page in PAGES:
        assert set(re.findall(r"\bFPFRAME_[A-Z_]+", page.read_text(encoding="utf-8"))) - known == set(), page_name(page)


def test_what_does_not_exist_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Call `fpframe.verify(...)`, `fpframe.rng.isolated` or\n`fpframe.no_such_name`.\n")
    assert set(library_names(page)) == {"fpframe.verify", "fpframe.rng.isolated", "fpframe.no_such_name"}
    assert resolve("fpframe.rng.isolated")
    with pytest.raises(ImportError, match="no_such_name"):
        resolve("fpframe.no_such_name")
    texts = ["fpframe zoo plan tiny", "fpframe zoo paint", "fpframe verify theirs", "fpframe lend --json", "fpframe"]
    assert unknown_commands(texts, make_app()) == ["fpframe zoo paint", "fpframe lend --json"]

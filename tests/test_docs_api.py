"""The pages of the API lie in the repository: they are as the code has them, and leave out no public name."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

import fpframe.testing
from docpages import ROOT

FOLDER = ROOT / "docs/reference/api"


@pytest.fixture(scope="module")
def extension() -> Iterator[SimpleNamespace]:
    """The modules of ``docs/_ext`` that write the pages; they need no Sphinx."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs" / "_ext")
        names = ("api_contents", "api_markdown", "api_pages", "generated")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture(scope="module")
def offered(extension) -> dict[str, Any]:
    """All that the pages describe, by full name."""
    return {name: extension.api_pages.find(name) for page in extension.api_contents.PAGES for name in page.names}


def test_the_pages_are_as_the_code_has_them(extension):
    assert extension.api_pages.stale() == [], f"run {extension.api_pages.COMMAND}"


def test_every_public_name_has_a_section_and_a_line_of_the_index(extension, offered):
    assert extension.api_pages.unlisted() == []
    assert {f"fpframe.{name}" for name in fpframe.__all__} <= set(offered)
    assert {f"fpframe.testing.{name}" for name in fpframe.testing.__all__} <= set(offered)
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    for page in extension.api_contents.PAGES:
        text = (FOLDER / f"{page.file}.md").read_text(encoding="utf-8")
        for name in (full.rpartition(".")[2] for full in page.names):
            assert f"\n## {name}\n\n```text\n" in text
            assert f"[`{name}`]({page.file}.md#{name.lower()})" in index


def test_a_page_that_was_edited_or_is_left_over_is_noticed(extension, tmp_path):
    extension.generated.write_pages(tmp_path, extension.api_pages.all_pages())
    assert extension.api_pages.stale(tmp_path) == []
    (tmp_path / "zoo.md").write_text("# Other\n")
    (tmp_path / "gone.md").write_text("# Gone\n")
    assert extension.api_pages.stale(tmp_path) == ["gone.md", "zoo.md"]


def callables(offered: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield public functions, and the methods that public classes define."""
    for name, value in offered.items():
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for member, function in vars(value).items():
                function = getattr(function, "__func__", function)
                if not member.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{member}", function


def test_what_docstrings_say_of_arguments_is_what_functions_take(extension, offered):
    wrong = {}
    for name, function in callables(offered):
        described = set(extension.generated.Docstring.of(function).sections.get("Args", {}))
        taken = {each for each in inspect.signature(function).parameters if each not in ("self", "cls", "options")}
        if described and described != taken:
            wrong[name] = sorted(described ^ taken)
    assert wrong == {}


def test_what_docstrings_say_of_attributes_is_what_classes_have(extension, offered):
    wrong = {}
    for name, kind in offered.items():
        if inspect.isclass(kind) and attrs.has(kind):
            described = set(extension.generated.Docstring.of(kind).sections.get("Attributes", {}))
            fields = {field.name for field in attrs.fields(kind) if not field.name.startswith("_")}
            missing = fields - described if described else set()
            unknown = {each for each in described - fields if not hasattr(kind, each)}
            if missing | unknown:
                wrong[name] = sorted(missing | unknown)
    assert wrong == {}


def test_every_public_name_says_what_it_is(extension, offered):
    assert [name for name, value in offered.items() if not extension.api_markdown.summary_of(name, value)] == []


def test_a_signature_reads_as_it_is_written(extension):
    def called(image: bytes, *paths: str, width: int | None = None, on_event=print, **others: float) -> list[str]:
        """Do nothing.

        Args:
            image: an image.

        Returns:
            Nothing at all.

        Raises:
            ValueError: never.
        """
        return []

    text = extension.api_markdown.describe("fpframe.called", called)
    assert text == (
        "## called\n\n"
        "```text\nfpframe.called(\n    image: bytes,\n    *paths: str,\n    width: int | None = None,\n"
        "    on_event=print,\n    **others: float,\n) -> list[str]\n```\n\n"
        "Do nothing.\n\n"
        "| Argument | Meaning |\n| --- | --- |\n| `image` | An image. |\n\n"
        "**Returns**: Nothing at all.\n\n"
        "| Raises | When |\n| --- | --- |\n| `ValueError` | Never. |"
    )


def test_no_page_shows_where_an_object_lies_in_memory():
    for page in FOLDER.glob("*.md"):
        assert not re.search(r" at 0x|<[a-z]+ object|NOTHING", page.read_text(encoding="utf-8")), page.name

"""The pages that are written from the code: what they show can be used, and what says nothing of itself is refused."""

from __future__ import annotations

import importlib
import logging
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar

import attrs
import pytest
import tomli_w
from cyclopts import App, Parameter

import fpframe
from docpages import ROOT, blocks, command_lines
from fpframe.cli import make_app
from fpframe.enrolment.method import check_method
from test_docs import parse
from test_docs_content import COMPONENTS, interface_of

NATURAL = fpframe.Scheme(
    name="natural",
    summary="Images as they are found, and the answers themselves.",
    parts=(fpframe.Part(augmenter=fpframe.ComponentSpec("random"), perturbation=fpframe.ComponentSpec("none")),),
    encoder=fpframe.ComponentSpec("identity"),
)


@pytest.fixture(scope="module")
def extension() -> Iterator[SimpleNamespace]:
    """The modules of ``docs/_ext``."""
    if "CI" not in os.environ:  # there all extras are installed
        pytest.importorskip("sphinx", reason='needs fpframe[docs]: pip install -e ".[docs]"')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs" / "_ext")
        names = ("builtin_pages", "cli_pages", "generated")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture(scope="module")
def offers(extension, registry) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = extension.builtin_pages.shipped(registry)
    return found


@pytest.fixture(scope="module")
def pages(extension, offers, tmp_path_factory) -> dict[tuple[str, str], Path]:
    """The pages of all built-ins, by kind and name."""
    folder = tmp_path_factory.mktemp("builtins")
    extension.generated.write_pages(
        folder, {f"{kind}-{name}": extension.builtin_pages.page_of(kind, name, offers) for kind, name in offers}
    )
    return {(kind, name): folder / f"{kind}-{name}.md" for kind, name in offers}


def test_every_example_of_a_command_is_understood(pages):
    shown = {key: list(command_lines(page)) for key, page in pages.items()}
    for commands in shown.values():
        for arguments in commands:
            parse(arguments)
    assert {kind for (kind, _), commands in shown.items() if commands} >= {"scheme", "filter", "backbone", "suspect"}


def test_every_example_of_a_lineage_can_be_read(pages, registry):
    for (kind, name), page in pages.items():
        lineages = re.findall(r"`(victim->[^`]+)`", page.read_text(encoding="utf-8"))
        assert bool(lineages) == (kind in ("attack", "filter")), page.name
        for text in lineages:
            assert fpframe.Lineage.parse(text, registry).last.name == name


def test_every_example_of_a_recipe_can_be_used(pages, registry):
    tiny = tomllib.loads(fpframe.Recipe.load("tiny").to_toml())
    for (kind, name), page in pages.items():
        for block in blocks(page, "toml"):
            given = tomllib.loads(block.code)
            queries = tiny["queries"] | given.pop("queries", {})
            if "derived" in given:  # beside others, for a recipe needs some in each split
                others = [group for group in tiny["derived"] if name not in str(group["attack"])]
                given["derived"] = [*others, *given["derived"]]
            recipe = fpframe.Recipe.parse(tomli_w.dumps(tiny | given | {"queries": queries}))
            assert check_method(recipe, registry, scheme=None if kind == "scheme" else using(kind, name))


def using(kind: str, name: str) -> fpframe.Scheme:
    """Return a scheme that uses a component, if schemes use its kind."""
    spec, [part] = fpframe.ComponentSpec(name), NATURAL.parts
    if kind == "encoder":
        return attrs.evolve(NATURAL, encoder=spec)
    if kind in ("augmenter", "perturbation"):
        return attrs.evolve(NATURAL, parts=(attrs.evolve(part, **{kind: spec}),))
    return NATURAL


@pytest.mark.parametrize("kind", COMPONENTS)
def test_a_page_tells_all_that_its_kind_declares(pages, offers, kind):
    interface = interface_of(kind)
    declared = {name for name, hint in interface.__annotations__.items() if "ClassVar" in str(hint)}
    declared -= {"kind", "forms", "objects"}
    for (offered, _), page in pages.items():
        if offered == kind:
            told = set(re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.M))
            assert {*declared, "deterministic", "revision"} - told == set()


def page_with(extension: SimpleNamespace, component: type[fpframe.Component]) -> str:
    page: str = extension.builtin_pages.page_of("filter", component.name, {("filter", component.name): component})
    return page


class Passing(fpframe.AnswerFilter):
    """Pass everything on."""

    name: ClassVar[str] = "passing"
    deterministic: ClassVar[bool] = True

    def wrap(self, query: fpframe.Query, *, seed: int) -> fpframe.FilteredQuery:
        """Do nothing."""
        return fpframe.FilteredQuery(query, self)


@attrs.frozen(kw_only=True)
class Told(Passing):
    """Pass everything on.

    Attributes:
        times: how often, which changes nothing.
    """

    times: int = 1


@attrs.frozen(kw_only=True)
class Untold(Passing):
    times: int = 1


@attrs.frozen(kw_only=True)
class Sectioned(Passing):
    """Pass everything on.

    Raises:
        ValueError: never.
    """


@pytest.mark.parametrize(
    ("component", "complaints"),
    [
        (Told, []),
        (Untold, ["has no docstring", "parameter 'times' of filter 'passing' has no meaning"]),
        (Sectioned, ["has a section 'Raises:'"]),
    ],
)
def test_a_component_that_is_not_described_is_a_warning(extension, caplog, component, complaints):
    with caplog.at_level(logging.WARNING):
        assert "How it is named" in page_with(extension, component)
    assert len(caplog.messages) == len(complaints)
    for complaint, message in zip(complaints, caplog.messages, strict=True):
        assert complaint in message


def test_a_command_or_option_that_is_not_described_is_a_warning(extension, caplog):
    app = App(name="fpframe")

    @app.command
    def good(*, much: Annotated[int, Parameter(help="How much 'fpframe plugins' shows, as --json does.")] = 1) -> None:
        """Say something."""

    @app.command
    def bad(*, much: int = 1) -> None:
        pass

    with caplog.at_level(logging.WARNING):
        assert "| How much `fpframe plugins` shows, as `--json` does. |" in extension.cli_pages.page_of(app["good"])
        assert caplog.messages == []
        extension.cli_pages.page_of(app["bad"])
    assert caplog.messages == ["'fpframe bad' does not say what it does", "'--much' of 'bad' does not say what it is"]


def test_what_commands_quote_is_code(extension):
    app = make_app()
    written = "".join(extension.cli_pages.page_of(app[name]) for name in extension.cli_pages.commands(app))
    assert "`fpframe enroll`" in written
    prose = re.sub(r"`[^`]*`", "", written)
    assert re.findall(r"[\"]|'fpframe|'\w+'", prose) == []


def test_pages_keep_their_time_until_they_change_and_stale_ones_go(extension, tmp_path):
    write = extension.generated.write_pages
    write(tmp_path, {"a": "one", "b": "two", "gone": "three"})
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    write(tmp_path, {"a": "one", "b": "other", "new": "four"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.md": "one\n",
        "b.md": "other\n",
        "new.md": "four\n",
    }
    assert {path.name for path in tmp_path.iterdir() if path.stat().st_mtime == 0} == {"a.md"}

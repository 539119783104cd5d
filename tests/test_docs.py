"""The README and the pages of docs: their examples run, and commands, options, recipes and links in them exist."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from cyclopts import App

import fpframe
from docpages import (
    ROOT,
    Runner,
    blocks,
    command_lines,
    page_name,
    pages_of,
    prose,
)
from fpframe.cli import _COMMANDS, make_app
from fpframe.enrolment.method import check_method
from fpframe.recipe import recipe
from fpframe.recipe.schemefile import load_scheme
from fpframe.zoo.planner import plan_models
from tiny import copy_store

PAGES = pages_of(ROOT)
#: Reports that ``fpframe reproduce`` wrote, each with the command that it took hours to run.
REPORTS = ROOT / "docs" / "results" / "paper"
#: What runs, what is parsed, and what is only shown.
LANGUAGES = {"python", "sh", "toml", "text", "json"}
#: What only the built pages need, and where.
OF_SPHINX = {"index.md": {"{toctree}"}}
#: Of Ray.
FOREIGN_OPTIONS = {"--node-ip-address"}
#: Written when the site is built.
BUILT = re.compile(r"docs/reference/(builtins|cli)/.*$")

each_page = pytest.mark.parametrize("page", PAGES, ids=page_name)


def has_commands(page: Path) -> bool:
    """Tell whether a page has shell blocks that can be run."""
    return REPORTS not in page.parents and any(block.norun is None for block in blocks(page, "sh"))


def parse(arguments: list[str]) -> None:
    """Read a command line as the program does: first what all commands share, then the command."""
    app = make_app()
    _, shared, _ = app.meta.parse_args(arguments, exit_on_error=False, print_error=False)
    app.parse_args(list(shared.args), exit_on_error=False, print_error=False)


@cache
def all_options() -> frozenset[str]:
    """Return the long options of all commands."""
    app = make_app()
    shared = {name for argument in app.meta.assemble_argument_collection() for name in argument.names}
    return frozenset(shared).union(options(app))


def options(app: App) -> Iterator[str]:
    """Yield the long options of a command and of those below it."""
    if app.default_command is not None:
        yield from (name for argument in app.assemble_argument_collection() for name in argument.names)
    for name in app:
        if not name.startswith("-"):
            yield from options(app[name])


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny_store):
    """The folder of a reader, who has a store, and imports what lies there; a page may make others beside it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FPFRAME_HOME", str(tiny_store))
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


#: Pages that enroll a victim of their own, or question many suspects, which takes a minute each; and one whose Python
#: needs what its commands make.
LONG = {
    "README.md",
    "docs/explanation/concepts.md",
    "docs/explanation/isolation.md",
    "docs/how-to/auditing.md",
    "docs/how-to/comparing.md",
    "docs/how-to/embedding.md",
    "docs/how-to/my-model-is.md",
    "docs/how-to/own-model.md",
    "docs/reference/evidence.md",
}


def python_pages() -> Iterator[object]:
    """Yield the pages for the test below; a long page with commands is left to the test of all blocks."""
    for page in PAGES:
        if page_name(page) not in LONG:
            yield page
        elif not has_commands(page):
            yield pytest.param(page, marks=pytest.mark.slow)


@pytest.mark.parametrize("page", list(python_pages()), ids=page_name)
def test_the_python_blocks_of_a_page_run_in_order(page, folder):
    runner = Runner(page, folder)
    runner.run(["python"])
    if page.name == "README.md":
        assert runner.namespace["verdict"].verdict == "NOT_SHOWN", "a forest that never saw the victim is innocent"


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if has_commands(page)], ids=page_name)
def test_all_blocks_of_a_page_run_in_order(page, folder, monkeypatch, tiny_store, tiny_enrolment):
    # commands clear up the store, and fill it: it is a copy
    copy_store(tiny_store, folder.parent / "store")
    monkeypatch.setenv("FPFRAME_HOME", str(folder.parent / "store"))
    # what a reader has who did what the tutorial says
    shutil.copytree(tiny_enrolment, folder / "my.enrolment")
    # a demo that was interrupted goes on from its store
    copy_store(tiny_store, folder / "fpframe-demo" / "store")
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    assert Runner(page, folder).run(["python", "sh"])


def run_page(folder: Path, text: str, *languages: str) -> int:
    """Run the blocks of a page with this text."""
    (folder / "page.md").write_text(text)
    return Runner(folder / "page.md", folder).run(languages)


def test_blocks_run_in_order_in_one_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    python = "```python\nfrom pathlib import Path\nPath('a').touch()\n```\n"
    shell = "```sh\nmkdir b && mv a b\ncd b\n```\n\n```sh\ntest -e a\n```\n"
    assert run_page(tmp_path, f"{python}{shell}```python\nassert Path('b/a').exists()\n```\n", "python", "sh") == 4
    with pytest.raises(AssertionError, match=r"page\.md:1 ends with exit code 1"):
        run_page(tmp_path, f"{shell}{python}", "python", "sh")


@pytest.mark.parametrize("code", ["false\ntrue\n", "false && true\n", "false | cat\n", "echo $FPFRAME_NOT_SET\n"])
def test_a_shell_block_that_fails_is_noticed(tmp_path, code):
    with pytest.raises(AssertionError, match=r"page\.md:3 ends with exit code [12]"):
        run_page(tmp_path, f"Words.\n\n```sh\n{code}```\n", "python", "sh")
    assert run_page(tmp_path, f"<!-- norun: it fails -->\n```sh\n{code}```\n", "python", "sh") == 0
    assert run_page(tmp_path, f"```sh\n{code}```\n", "python") == 0


@pytest.mark.parametrize("code", ["pip install .", "true && pip install x", "python -m venv v"])
def test_a_shell_block_that_installs_is_refused(tmp_path, code):
    with pytest.raises(AssertionError, match="installs something; mark it with norun"):
        run_page(tmp_path, f"```sh\n{code}\n```\n", "sh")


def test_files_of_a_page_are_saved_and_python_ones_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "<!-- file: a.toml -->\n```toml\nx = 1\n```\n```python\nx = 1\n```\n"
    assert run_page(tmp_path, text, "python") == 1
    assert (tmp_path / "a.toml").read_text() == "x = 1\n"
    with pytest.raises(ZeroDivisionError):
        run_page(tmp_path, "<!-- file: a.py -->\n```python\n1 / 0\n```\n", "python")


def test_pages_are_found_in_all_folders_but_the_built_ones(tmp_path):
    written = ["README.md", "docs/index.md", "docs/reference/interfaces/index.md", "docs/results/paper/b.md"]
    built = [
        "docs/_build/a.md",
        "docs/changelog/a.md",
        "docs/reference/builtins/uap.md",
        "docs/reference/cli/enroll.md",
    ]
    for name in [*written, *built, "docs/examples/plugin/README.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [page.relative_to(tmp_path).as_posix() for page in pages_of(tmp_path)] == written
    assert {ROOT / "docs/index.md", ROOT / "docs/reference/interfaces/filter.md"} <= set(PAGES)


def test_the_commands_of_the_tutorial_are_among_those_that_run():
    assert has_commands(ROOT / "docs/tutorial/first-verdict.md")
    assert has_commands(ROOT / "docs/how-to/own-model.md")
    ran = [block.code for block in blocks(ROOT / "docs/tutorial/first-verdict.md", "sh") if block.norun is None]
    assert {"demo", "enroll", "verify", "train"} <= {
        words[1] for code in ran for words in map(str.split, code.splitlines()) if words[:1] == ["fpframe"]
    }


def test_the_plugin_of_the_readme_is_complete():
    module = ModuleType("fpframe_stripes")
    for block in blocks(ROOT / "README.md", "python"):
        if "@fpframe.hookimpl" in block.code or "PerturbationGenerator" in block.code:
            exec(compile(block.code, "README.md", "exec"), module.__dict__)
    [info] = fpframe.Registry([module]).plugins
    assert info.error is None
    assert info.components == (("perturbation", "stripes"),)


@each_page
def test_blocks_have_a_known_language_and_a_reason_not_to_run(page):
    for block in blocks(page):
        known = LANGUAGES | OF_SPHINX.get(page.name, set())
        assert block.language in known, f"{page_name(page)}:{block.line}"
        assert block.norun is None or block.norun, f"{page_name(page)}:{block.line}"
        assert block.file is None or re.fullmatch(r"[a-z_-]+\.(py|toml)", block.file), f"{page_name(page)}:{block.line}"
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page))


@each_page
def test_the_command_lines_of_a_page_are_understood(page):
    for arguments in command_lines(page):
        if not {"--help", "--version"} & set(arguments):
            parse(arguments)


def test_command_lines_are_found_and_a_wrong_one_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh\npip install . && fpframe demo\nfpframe verify my.enrolment a.onnx \\\n  [--jsn]\n```\n")
    assert list(command_lines(page)) == [["demo"], ["verify", "my.enrolment", "a.onnx", "--jsn"]]
    other = tmp_path / "other.md"
    other.write_text(
        "```sh\nfpframe verify a || fpframe demo > out  # fpframe no\ncd b\npython x | fpframe store\n```\n"
    )
    assert list(command_lines(other)) == [["verify", "a"], ["demo"], ["store"]]
    with pytest.raises(Exception, match="--jsn"):
        test_the_command_lines_of_a_page_are_understood(page)


@each_page
def test_the_options_that_the_prose_of_a_page_names_exist(page):
    # what belongs to another program stands behind its name in the same code
    named = {
        option
        for code in re.findall(r"`([^`]+)`", prose(page))
        if code.startswith(("-", "fpframe "))
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", code)
    }
    assert named - all_options() - {"--help", "--version"} - FOREIGN_OPTIONS == set()


def test_an_option_that_does_not_exist_is_noticed_in_prose(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("With `--sequential` and `python x.py --kills 5`, but not `fpframe verify --sequentially`.\n")
    with pytest.raises(AssertionError, match="'--sequentially'"):
        test_the_options_that_the_prose_of_a_page_names_exist(page)


@pytest.mark.parametrize("command", ["verify", "calibrate", "queries"])
def test_every_option_that_decides_or_documents_a_verdict_is_named_on_some_page(command):
    pages = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    found = {name for name in options(make_app()[command]) if name.startswith("--")}
    plain = {"--enrolment", "--verbose"}  # a position, and what all commands share
    assert {name for name in found - plain if not re.search(rf"{name}(?![a-z-])", pages)} == set()


def test_every_command_is_shown_on_some_page():
    shown = {arguments[0] for page in PAGES for arguments in command_lines(page)}
    mentioned = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name for name in _COMMANDS if name not in shown and f"`fpframe {name}" not in mentioned} == set()


@each_page
def test_the_recipes_of_a_page_are_recipes(page):
    for block in blocks(page, "toml"):
        packaging = block.code.startswith("[project") or "[[parts]]" in block.code
        if re.search(r"^name = ", block.code, re.M) and not packaging:
            parsed = recipe.Recipe.parse(block.code, origin=f"{page_name(page)}:{block.line}")
            assert {model.split for model in plan_models(parsed, fpframe.load_registry())} == set(recipe.SPLITS)


def test_the_schemes_of_pages_can_be_used(tmp_path, registry):
    found = [block for page in PAGES for block in blocks(page, "toml") if "[[parts]]" in block.code]
    assert found
    for block in found:
        (tmp_path / "scheme.toml").write_text(block.code)
        scheme = load_scheme(tmp_path / "scheme.toml")
        assert check_method(recipe.Recipe.load("tiny"), registry, scheme=scheme).parts


@each_page
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if BUILT.search(file.as_posix()):
            continue
        assert file.exists(), f"{page_name(page)} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.M)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, f"{page_name(page)} links to {target}"

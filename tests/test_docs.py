"""The README and the pages of docs: their examples run, and what they must describe is described."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from cyclopts import App

import fpframe
from fpframe import errors, interfaces, recipe
from fpframe.cli import _COMMANDS, make_app
from fpframe.decision import StratumResult, StratumScores, decide
from fpframe.enrolment.method import check_method
from fpframe.hookspecs import HookSpecs
from fpframe.registry import KINDS
from fpframe.schemefile import load_scheme
from fpframe.zoo import plan_models

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: What runs, what is parsed, and what is only shown.
LANGUAGES = {"python", "sh", "toml", "text", "json"}
#: Of Ray.
FOREIGN_OPTIONS = {"--node-ip-address"}
#: Written by hand from measurements, after these tests.
LATER = re.compile(r"docs/(results\.md|images/.*)$")

_BLOCK = re.compile(r"(?:<!-- norun:(?P<reason>[^>]*)-->\n+)?^```(?P<language>\S*)\n(?P<code>.*?)^```$", re.M | re.S)


@attrs.frozen
class Block:
    language: str
    code: str
    line: int
    norun: str | None


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = [
        Block(match["language"], match["code"], text[: match.start("code")].count("\n"), match["reason"])
        for match in _BLOCK.finditer(text)
    ]
    return [block for block in found if not languages or block.language in languages]


def command_lines(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of every ``fpframe`` command of a page; brackets mark what may be left out."""
    for block in blocks(page, "sh"):
        for line in block.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line.replace("[--", "--").replace("] ", " ").removesuffix("]"), comments=True)
            while "&&" in words:
                command, words = words[: words.index("&&")], words[words.index("&&") + 1 :]
                if command[0] == "fpframe":
                    yield command[1:]
            if words and words[0] == "fpframe":
                yield words[1:]


def options(app: App) -> Iterator[str]:
    """Yield the long options of a command and of those below it."""
    if app.default_command is not None:
        yield from (name for argument in app.assemble_argument_collection() for name in argument.names)
    for name in app:
        if not name.startswith("-"):
            yield from options(app[name])


def section(page: Path, heading: str) -> str:
    """Return the text under a heading, up to the next one of its level or above."""
    text = page.read_text(encoding="utf-8")
    level = len(heading) - len(heading.lstrip("#"))
    start = text.index(f"\n{heading}") + len(heading)
    end = re.search(rf"^#{{1,{level}}} ", text[start:], re.M)
    return text[start : start + end.start()] if end else text[start:]


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of Markdown tables by the code in their first cell."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0].strip("`| "): row for row in cells}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_blocks_of_a_page_run_in_order(page, tmp_path, monkeypatch, tiny_store):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tiny_store))
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page, "python"):
        if block.norun is None:
            # newlines before the code give tracebacks the line numbers of the page
            exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)
    if page.name == "README.md":
        assert namespace["verdict"].verdict == "NOT_SHOWN", "a forest that never saw the victim is innocent"


def test_the_plugin_of_the_readme_is_complete():
    module = ModuleType("fpframe_stripes")
    for block in blocks(ROOT / "README.md", "python"):
        if "@fpframe.hookimpl" in block.code or "PerturbationGenerator" in block.code:
            exec(compile(block.code, "README.md", "exec"), module.__dict__)
    [info] = fpframe.Registry([module]).plugins
    assert info.error is None
    assert info.components == (("perturbation", "stripes"), ("scheme", "stripes"))
    [lines] = [block.code for block in blocks(ROOT / "README.md", "toml")]
    assert tomllib.loads(lines)["project"]["entry-points"]["fpframe"] == {"stripes": "fpframe_stripes"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_have_a_known_language_and_a_reason_not_to_run(page):
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{page.name}:{block.line}"
        assert block.norun is None or block.norun.strip(), f"{page.name}:{block.line}"
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_lines_of_a_page_are_understood(page):
    for arguments in command_lines(page):
        if not {"--help", "--version"} & set(arguments):
            make_app().parse_args(arguments, exit_on_error=False, print_error=False)


def test_command_lines_are_found_and_a_wrong_one_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh\npip install . && fpframe demo\nfpframe verify my.enrolment a.onnx \\\n  [--jsn]\n```\n")
    assert list(command_lines(page)) == [["demo"], ["verify", "my.enrolment", "a.onnx", "--jsn"]]
    with pytest.raises(Exception, match="--jsn"):
        test_the_command_lines_of_a_page_are_understood(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_options_that_the_prose_of_a_page_names_exist(page):
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    # what belongs to another program stands behind its name in the same code
    named = {
        option
        for code in re.findall(r"`([^`]+)`", prose)
        if code.startswith(("-", "fpframe "))
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", code)
    }
    assert named - set(options(make_app())) - {"--help", "--version"} - FOREIGN_OPTIONS == set()


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_recipes_of_a_page_are_recipes(page):
    for block in blocks(page, "toml"):
        packaging = block.code.startswith("[project") or "[[parts]]" in block.code
        if re.search(r"^name = ", block.code, re.M) and not packaging:
            parsed = recipe.Recipe.parse(block.code, origin=f"{page.name}:{block.line}")
            assert {model.split for model in plan_models(parsed, fpframe.load_registry())} == set(recipe.SPLITS)


def test_the_schemes_of_pages_can_be_used(tmp_path, registry):
    found = [block for page in PAGES for block in blocks(page, "toml") if "[[parts]]" in block.code]
    assert found
    for block in found:
        (tmp_path / "scheme.toml").write_text(block.code)
        scheme = load_scheme(tmp_path / "scheme.toml")
        assert check_method(recipe.Recipe.load("tiny"), registry, absent=(), scheme=scheme).parts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if LATER.search(file.as_posix()):
            continue
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.M)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, f"{page.name} links to {target}"


@pytest.mark.parametrize("hook", sorted(name for name in vars(HookSpecs) if name.startswith("fpframe_")))
def test_every_hook_is_described(hook):
    assert section(ROOT / "docs/interfaces.md", f"### `{hook}`").strip()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_component_is_described_with_its_methods(kind):
    described = section(ROOT / "docs/interfaces.md", f"## `{kind}`")
    assert "```python" in described, "it has an example"
    if kind == "scheme":
        return
    [interface] = [
        found for found in vars(interfaces).values() if isinstance(found, type) and getattr(found, "kind", None) == kind
    ]
    assert interface.__name__ in described
    for method in interface.__abstractmethods__:
        assert f"\n{method}(" in described, f"the signature of {method}"


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        (recipe.Recipe, "## Top level"),
        (recipe.Partition, "## `[partition]`"),
        (recipe.VictimRecipe, "## `[victim]`"),
        (fpframe.Training, "## `[training]`"),
        (recipe.Queries, "## `[queries]`"),
        (recipe.Experiments, "## `[experiments]`"),
        (recipe.IndependentGroup, "## `[[independent]]`"),
        (recipe.DerivedGroup, "## `[[derived]]`"),
    ],
)
def test_every_key_of_a_recipe_is_described_with_its_default(kind, heading):
    described = rows(section(ROOT / "docs/recipes.md", heading))
    assert set(described) - {"Key", "---|---|---|---"} == {field.name for field in attrs.fields(kind)}
    for field in attrs.fields(kind):
        default = described[field.name][2]
        if field.default is attrs.NOTHING:
            assert default == "required"
        elif isinstance(field.default, int | float | str | tuple):
            value = tomllib.loads(f"x = {default.strip('`')}")["x"]
            assert (tuple(value) if isinstance(value, list) else value) == field.default, field.name


def test_every_preset_is_described():
    for preset in recipe.presets():
        assert f"| `{preset}` |" in section(ROOT / "docs/recipes.md", "## Presets")


def test_every_shipped_scheme_is_described():
    for scheme in fpframe.load_registry().names("scheme"):
        assert f"| `{scheme}` |" in (ROOT / "docs/index.md").read_text(encoding="utf-8")


def test_every_exit_code_is_described():
    codes = {error.exit_code for error in vars(errors).values() if hasattr(error, "exit_code")}
    described = rows(section(ROOT / "docs/verdicts.md", "## Exit codes"))
    assert {str(code) for code in codes | {0, 7, 130, 143}} <= set(described)
    brief = section(ROOT / "README.md", "## Exit codes")
    for code in codes - {errors.FpframeError.exit_code} | {0, 7, 130, 143}:
        assert re.search(rf"^\|[ \d,]*\b{code}\b", brief, re.M), code


def test_every_field_of_a_verdict_is_described():
    strata = {"same-data": StratumScores(scores=(0.1,), families=("a",))}
    verdict = fpframe.Verdict(
        decision=decide((0.5,), strata, alpha=0.5),
        channel="probs",
        through="",
        view_scores=(0.5,),
        queries=1,
        saved=0,
        suspect={"address": "", "digest": ""},
        scheme="",
        enrolment="",
        settings={},
        caveats=(),
    )
    described = rows(section(ROOT / "docs/verdicts.md", "## JSON"))
    assert set(described) - {"Field", "---|---"} == set(verdict.to_dict())
    for field in attrs.fields(StratumResult):
        assert f"`{field.name}`" in described["strata"][1]


def test_every_stratum_is_described():
    for stratum in recipe.STRATA:
        assert f"| `{stratum}` |" in (ROOT / "docs/verdicts.md").read_text(encoding="utf-8")

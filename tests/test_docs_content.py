"""What must be described is described: every kind, hook, recipe key, exit code and field of a verdict."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import attrs
import pytest

import fpframe
from docpages import ROOT, Block, Runner, blocks, blocks_in, prose, section
from fpframe import errors, interfaces, parameters
from fpframe.decision import decide
from fpframe.decision.pvalues import StratumResult, StratumScores
from fpframe.recipe import recipe
from fpframe.registry.hookspecs import HookSpecs
from fpframe.registry.offers import DATA
from fpframe.registry.registry import KINDS
from fpframe.registry.strata import BUILT_IN, built_in_stratum
from fpframe.testing.results import check_component

#: Lines of the example of an interface or a hook.
MOST_LINES = 10
#: Where a name or a file that is not there must be refused in the same breath.
LONGER = {"backbone": 12, "suspect": 13}

HOOKS = sorted(name for name in vars(HookSpecs) if name.startswith("fpframe_"))
COMPONENTS = [kind for kind in KINDS if kind not in DATA]


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of Markdown tables by the code in their first cell."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0].strip("`| "): row for row in cells}


def example_of(page: Path) -> Block:
    """Return the complete example of a kind's page: the first block of its section that is more than imports."""
    found = blocks_in(section(page, "## Example"), "python")
    return next(block for block in found if re.search(r"^(class|\w+ =) ", block.code, re.M))


def require_short(block: Block, most: int = MOST_LINES) -> None:
    assert block.lines <= most, f"the example has {block.lines} lines that are not blank"


def interface_of(kind: str) -> type[fpframe.Component]:
    """Return the interface of a kind."""
    [interface] = [
        found for found in vars(interfaces).values() if isinstance(found, type) and getattr(found, "kind", None) == kind
    ]
    return interface


def declared_by(interface: type) -> set[str]:
    """Return the class attributes, properties and methods of an interface that authors set or override."""
    own = {name for name, value in vars(interface).items() if not getattr(value, "__final__", False)}
    return {name for name in own | set(vars(interface).get("__annotations__", {})) if not name.startswith("_")}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_page_with_a_complete_plugin_that_the_page_tries(hook):
    page = ROOT / f"docs/reference/hooks/{hook}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# `{hook}`\n\n```text\n{hook}() -> ")
    found = blocks(page, "python")
    [(at, plugin)] = [(number, block) for number, block in enumerate(found) if block.file is not None]
    require_short(plugin)
    assert f"@fpframe.hookimpl\ndef {hook}():\n    " in plugin.code
    assert "import" in plugin.code
    module = plugin.file.removesuffix(".py")
    assert f"import {module}\n" in found[at + 1].code
    assert "assert " in found[at + 1].code
    assert f'"{module}"' in blocks(page, "toml")[0].code, "the entry point by which it is found"
    assert f"[`{hook}`]({hook}.md)" in (ROOT / "docs/reference/hooks/index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested(hook):
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests/core").rglob("*.py"))
    assert re.search(rf"def {hook}\(|{hook} = ", tests)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_component_has_a_page_with_a_short_example_that_the_page_tries(kind):
    page = ROOT / f"docs/reference/interfaces/{kind}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# `{kind}`: `")
    example = example_of(page)
    require_short(example, LONGER.get(kind, MOST_LINES))
    found = blocks(page, "python")
    [at] = [number for number, block in enumerate(found) if block.code == example.code]
    assert "assert " in found[at + 1].code
    assert f"({kind}.md)" in (ROOT / "docs/reference/interfaces/index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", COMPONENTS)
def test_the_page_of_a_kind_has_its_signatures_and_names_all_that_a_class_declares(kind):
    page, interface = ROOT / f"docs/reference/interfaces/{kind}.md", interface_of(kind)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# `{kind}`: `{interface.__name__}`\n")
    [signatures] = [block.code for block in blocks(page, "text")]
    for method in interface.__abstractmethods__:
        assert f"\n{method}(" in f"\n{signatures}", f"the signature of {method}"
    named = set(re.findall(r"`(\w+)", prose(page))) | set(re.findall(r"^(\w+)\(", signatures, re.M))
    assert declared_by(interface) - {"kind"} - named == set()


def test_the_rules_for_all_kinds_name_all_that_a_class_declares():
    named = set(re.findall(r"`\.?(\w+)", (ROOT / "docs/reference/interfaces/index.md").read_text(encoding="utf-8")))
    assert declared_by(fpframe.Component) - {"params", "spec"} - named == set()


def test_every_validator_is_described():
    own = {
        name
        for name, value in vars(parameters).items()
        if getattr(value, "__module__", "") == parameters.__name__ and not name.startswith("_") and name.islower()
    }
    assert {"number", "whole"} < own
    described = section(ROOT / "docs/reference/interfaces/index.md", "## Validators")
    assert {name for name in own if not re.search(rf"^\| `{name}[`(]", described, re.M)} == set()


def test_what_an_interface_declares_is_found():
    assert {"access", "natural", "pools", "image_passes", "simulate"} <= declared_by(fpframe.AttackSimulator)
    assert "fit" not in declared_by(fpframe.Encoder), "authors do not override it"
    assert "name" in declared_by(fpframe.Component), "an annotation without a value"


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind in ("attack", "perturbation"))) for kind in COMPONENTS]
)
def test_the_example_of_a_kind_keeps_the_promises_of_its_kind(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = ROOT / f"docs/reference/interfaces/{kind}.md"
    runner = Runner(page, tmp_path)
    runner.run(["python"])
    [name] = re.findall(rf"^class (\w+)\(fpframe\.{interface_of(kind).__name__}\):", example_of(page).code, re.M)
    component = runner.namespace[name]
    assert all(field.validator is not None for field in attrs.fields(component))
    # where the kit needs more than ten lines, the page goes on with it
    component = runner.namespace.get("Checked", component)
    assert issubclass(component, runner.namespace[name])
    check_component(component.for_checks())


def test_an_example_of_eleven_lines_is_too_long(tmp_path):
    page = tmp_path / "page.md"
    lines = ["class A:", *(f"    x{number} = 1\n" for number in range(MOST_LINES))]
    for count in (MOST_LINES, MOST_LINES + 1):
        page.write_text("\n## Example\n\n```python\nimport a\n```\n```python\n" + "\n".join(lines[:count]) + "\n```\n")
        assert example_of(page).lines == count
    with pytest.raises(AssertionError, match="has 11 lines"):
        require_short(example_of(page))


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
    described = rows(section(ROOT / "docs/reference/recipes.md", heading))
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
        assert f"| `{preset}` |" in section(ROOT / "docs/reference/recipes.md", "## Presets")


def test_every_shipped_scheme_is_described():
    for scheme in fpframe.load_registry().names("scheme"):
        assert f"| `{scheme}` |" in (ROOT / "docs/index.md").read_text(encoding="utf-8")


def test_every_exit_code_is_described():
    codes = {error.exit_code for error in vars(errors).values() if hasattr(error, "exit_code")}
    described = rows(section(ROOT / "docs/explanation/verdicts.md", "## Exit codes"))
    assert {str(code) for code in codes | {0, 7, 70, 130, 143}} <= set(described)
    brief = section(ROOT / "README.md", "## Exit codes")
    for code in codes | {0, 7, 70, 130, 143}:
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
    described = rows(section(ROOT / "docs/explanation/verdicts.md", "## JSON"))
    assert set(described) - {"Field", "---|---"} == set(verdict.to_dict())
    for field in attrs.fields(StratumResult):
        assert f"`{field.name}`" in described["strata"][1]


def test_every_stratum_is_described():
    explained = (ROOT / "docs/explanation/verdicts.md").read_text(encoding="utf-8")
    listed = (ROOT / "docs/reference/zoo.md").read_text(encoding="utf-8")
    for stratum in (*BUILT_IN.values(), built_in_stratum("overlap(0.5)")):
        name, origin = stratum.name.replace("0.5", "r"), stratum.data.replace("0.5", "r")
        origin = ", ".join(f"`{source}`" for source in stratum.sources) or origin or "labels"
        assert f"| `{name}` | {stratum.models} | {origin} | {stratum.protects} |" in listed
        if stratum.name in BUILT_IN:
            assert f"| `{name}` | {stratum.models} | {stratum.protects} |" in explained

"""The documentation as it is built: nothing warns or leads nowhere, everything has its place, pages look right."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import pytest
from cyclopts import App

from browser import Browser, open_browser
from fpframe.cli import make_app

if "CI" not in os.environ:  # there all extras are installed
    pytest.importorskip("sphinx", reason='needs fpframe[docs]: pip install -e ".[docs]"')

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
GENERATED = ("_build", "builtins", "cli", "__pycache__")


@attrs.frozen(slots=False)
class Page:
    """A built page."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def parsed(self) -> _Elements:
        elements = _Elements()
        elements.feed(self.text)
        return elements

    def targets(self) -> Iterator[tuple[str, Path, str]]:
        """Yield what it leads to in this documentation: the link, the file and the anchor."""
        for link in self.parsed.links:
            parts = urlsplit(link)
            if not parts.scheme and not parts.netloc:
                yield (
                    link,
                    (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path,
                    parts.fragment,
                )


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id" and value:
                self.anchors.add(value)


def build(sources: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the line of the Makefile, and after it `options`."""
    line = next(line for line in (DOCS / "Makefile").read_text().splitlines() if line.startswith("\tsphinx-build"))
    program, *arguments = shlex.split(line.replace("$(HTML)", "_build/html"))
    return subprocess.run(
        [sys.executable, "-m", program.replace("-build", ""), *arguments, *options],
        cwd=sources,
        env={name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of the built pages, from a copy of the sources in which nothing was generated before."""
    sources = tmp_path_factory.mktemp("documentation") / "docs"
    shutil.copytree(DOCS, sources, ignore=shutil.ignore_patterns(*GENERATED))
    shutil.copy(REPOSITORY / "README.md", sources.parent)
    done = build(sources)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stderr == ""
    return sources / "_build" / "html"


@pytest.fixture(scope="module")
def pages(built) -> dict[Path, Page]:
    return {path: Page(path) for path in built.rglob("*.html")}


def test_every_page_is_reached_from_the_index(built, pages):
    seen, left = set(), [built / "index.html"]
    while left:
        path = left.pop()
        if path not in seen and path in pages:
            seen.add(path)
            left += [target for _, target, _ in pages[path].targets()]
    sources = [path.relative_to(DOCS) for path in DOCS.rglob("*.md")]
    by_hand = [path for path in sources if not {*path.parts} & {*GENERATED, "changelog"} and "/." not in f"/{path}"]
    expected = {built / path.with_suffix(".html") for path in by_hand}
    assert len(expected) > 40
    assert sorted(expected - set(pages)) == []
    assert sorted(set(pages) - seen) == []


def test_no_link_leads_to_a_missing_file_or_anchor(pages):
    broken = []
    for path, page in pages.items():
        for link, target, anchor in page.targets():
            if not target.is_file() or (anchor and target in pages and anchor not in pages[target].parsed.anchors):
                broken.append(f"{path.name}: {link}")
    assert broken == []
    assert sum(len(page.parsed.links) for page in pages.values()) > 1000


def test_no_option_stands_outside_of_code(pages):
    # there its two hyphens have become a dash
    found = {path.name: re.findall(r"[\s>(]\u2013[a-z][\w-]*", page.text) for path, page in pages.items()}
    assert {name: options for name, options in found.items() if options} == {}


def test_every_built_in_has_a_page_with_its_parameters(built, registry):
    keys = [key for info in registry.plugins if info.distribution == "fpframe" for key in info.components]
    assert len(keys) > 50
    index = Page(built / "reference" / "builtins" / "index.html")
    for kind, name in keys:
        file = f"{kind}-{name}.html"
        text = (built / "reference" / "builtins" / file).read_text(encoding="utf-8")
        assert file in index.parsed.links
        assert f"interfaces/{kind}.html" in text
        offer = registry.get(kind, name)
        fields = () if kind == "scheme" else attrs.fields(offer)
        assert [field.name for field in fields if f">{field.name}</span>" not in text] == []
        for part in offer.parts if kind == "scheme" else ():
            assert f"augmenter-{part.augmenter.name}.html" in text
            assert f"perturbation-{part.perturbation.name}.html" in text


def commands(app: App, *above: str) -> Iterator[tuple[tuple[str, ...], App]]:
    """Yield every command with its words, and those below it."""
    for name in app:
        if not name.startswith("-"):
            yield (*above, name), app[name]
            yield from commands(app[name], *above, name)


def options(app: App) -> list[str]:
    """Return all names of all options."""
    arguments = app.assemble_argument_collection() if app.default_command else []
    return [name for each in arguments if each.show for name in each.names if name.startswith("-")]


def test_every_command_and_option_has_its_place(built):
    app = make_app()
    found = dict(commands(app))
    assert ("zoo", "build") in found
    for words, command in found.items():
        text = (built / "reference" / "cli" / f"{words[0]}.html").read_text(encoding="utf-8")
        start = text.index(f'id="fpframe-{"-".join(words)}"')
        section = text[start:].partition("</section>")[0]
        positional = {each.names[0] for each in arguments(command) if each.index is not None}
        assert [name for name in set(options(command)) - positional if f">{name}</span>" not in section] == []
        places = {name.lstrip("-").upper().replace("-", "_") for name in positional}
        assert [name for name in places if f">{name}</span>" not in section] == []
    common = (built / "reference" / "cli" / "index.html").read_text(encoding="utf-8")
    assert [name for name in options(app.meta) if f">{name}</span>" not in common] == []
    assert {"--plugin", "--no-plugin"} <= set(options(app.meta))


def arguments(app: App) -> list[Any]:
    """Return what a command takes."""
    return list(app.assemble_argument_collection()) if app.default_command else []


def build_page(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Build pages of a folder, of which the index has this text."""
    sources = folder / "docs"
    for name in ("_ext", "_static"):
        shutil.copytree(DOCS / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DOCS / "conf.py", sources)
    (folder / "README.md").write_text("# Read me\n")
    (sources / "more.txt").write_text("more\n")
    (sources / "other.md").write_text("# Other\n\n## A place\n\nText.\n")
    (sources / "index.md").write_text(f"# Index\n\n{text}\n\n```{{toctree}}\nother\n```\n")
    return build(sources, "-D", "extensions=myst_parser,file_links")


def test_a_page_without_a_fault_is_built_with_the_files_that_it_links_to(tmp_path):
    done = build_page(tmp_path, "[good](other.md#a-place), [a file](more.txt), [no page](../README.md)")
    assert done.returncode == 0, done.stderr
    files = (tmp_path / "docs/_build/html/_downloads").rglob("*.*")
    assert sorted(path.name for path in files) == ["README.md", "more.txt"]


def test_each_fault_of_a_page_is_an_error_of_the_build(tmp_path):
    """They stand on one page, each in a paragraph of its own: the build names all of them, and fails."""
    faults = {
        "[gone](missing.md)": "missing.md",
        "[gone](other.md#nowhere)": "nowhere",
        "[gone](more-missing.txt)": "more-missing.txt",
        "![gone](missing.svg)": "missing.svg",
        "```{no-such-directive}\n```": "no-such-directive",
    }
    done = build_page(tmp_path, "\n\n".join(faults))
    assert done.returncode != 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if "WARNING" in line or "ERROR" in line]
    assert {name for name in faults.values() if sum(name in line for line in warnings) == 1} == {*faults.values()}


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    if not sys.platform.startswith("linux"):
        pytest.skip("looks at processes in /proc")
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


#: What the browser can tell of a page, as a list of sentences; an empty one is a page without fault.
LOOK = """(() => {
  const faults = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`page is ${root.scrollWidth} wide`);
  for (const image of document.querySelectorAll("article img"))
    if (!image.naturalWidth || !image.clientWidth) faults.push(`image is not shown: ${image.src}`);
  for (const wide of document.querySelectorAll("article table, article pre, article img")) {
    const box = wide.getBoundingClientRect(), holder = wide.closest(".table-wrapper, .highlight") || wide;
    if (box.width && holder.getBoundingClientRect().right > root.clientWidth) faults.push(`cut off: ${wide.tagName}`);
  }
  for (const block of document.querySelectorAll(".highlight-python pre, .highlight-toml pre")) {
    const colours = new Set([...block.querySelectorAll("span")].map(word => getComputedStyle(word).color));
    if (colours.size < 2) faults.push(`code is not highlighted: ${block.innerText.slice(0, 40)}`);
  }
  const sidebar = document.querySelector(".sidebar-drawer").getBoundingClientRect();
  const shown = sidebar.left >= 0 && sidebar.width > 0;
  if (shown != root.clientWidth > 1200) faults.push(`sidebar is ${shown ? "" : "not "}shown`);
  return faults;
})()"""


@pytest.mark.parametrize(
    "page",
    [
        "index",
        "tutorial/first-verdict",
        "explanation/concepts",
        "results/comparison",
        "reference/builtins/perturbation-uap",
        "reference/cli/verify",
        "reference/api/verdicts",
    ],
)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_looks_right(browser, built, tmp_path, page, width, dark):
    browser.open(built / f"{page}.html", width=width, dark=dark)
    faults = browser.evaluate(LOOK)
    methods = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
    faults += [event for event in browser.events if event.get("method") in methods]
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    faults += [url for url in asked if not url.startswith(("file:", "data:"))]
    browser.screenshot(tmp_path / "page.png")
    assert faults == []
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_the_drawing_of_the_data_flow_is_shown(browser, built):
    browser.open(built / "explanation/concepts.html", width=1280)
    widths = browser.evaluate("[...document.querySelectorAll('img[src*=data-flow]')].map(image => image.naturalWidth)")
    assert len(widths) == 1
    assert widths[0] > 0

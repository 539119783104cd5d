"""A verdict's page in a real browser."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import fpframe
from browser import Browser, open_browser
from fpframe.decision.outcome import DERIVED, INCONCLUSIVE, NOT_SHOWN
from fpframe.models.queryset import image_digests
from fpframe.report.verdict.page import verdict_html
from tiny import NEAREST

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes in /proc"),
]

#: What the browser itself can tell of a page, as a list of sentences; an empty one is a page without fault.
LOOK = """(() => {
  const faults = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`page is ${root.scrollWidth} wide`);
  const box = element => element.getBoundingClientRect();
  for (const image of document.images)
    if (!image.complete || !image.naturalWidth || !box(image).width) faults.push(`image is not shown: ${image.alt}`);
  for (const picture of document.querySelectorAll("svg")) {
    const place = box(picture);
    if (!place.width || !place.height) faults.push("picture has no size");
    for (const part of picture.querySelectorAll("circle, text, line")) {
      const inner = box(part);
      if (inner.left < place.left - 8 || inner.right > place.right + 8 || inner.bottom > place.bottom + 8)
        faults.push(`part of a picture lies outside: ${part.outerHTML}`);
    }
  }
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const found = colour(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("thead") && !box(parent.closest("table")).width) continue;
    const style = getComputedStyle(parent), text = node.data.trim().slice(0, 40);
    const ink = colour(parent.closest("svg") ? style.fill : style.color);
    const [low, high] = [light(ink), light(behind(parent))].sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) < 4.5) faults.push(`contrast is below 4.5: ${text}`);
    if (style.visibility != "visible" || !box(parent).width) faults.push(`text is not shown: ${text}`);
  }
  return faults;
})()"""


def faults(browser: Browser, path: Path, **window: Any) -> list[str]:
    """Open a page; return what is wrong with it, with what it asked the network for, and what the console says."""
    browser.open(path, **window)
    found = list(browser.evaluate(LOOK))
    for event in browser.events:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith(("data:", path.as_uri())):
                found.append(f"asked the network for {params['request']['url']}")
            case "Log.entryAdded":
                found.append(f"console: {params['entry']['text']}")
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled":
                found.append(f"script: {params}")
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> fpframe.Enrolment:
    return fpframe.Enrolment.open(tiny_enrolment)


_NEAREST: dict[str, Any] = {}
exec(NEAREST, _NEAREST)


def copy_of_the_victim(enrolment: fpframe.Enrolment) -> Callable[[Tensor], Tensor]:
    """A suspect that answers every query as the victim did, and gives the labels that it gave."""
    ability = enrolment.ability
    assert ability is not None
    sure = (5 * torch.nn.functional.one_hot(ability.victim.long(), 10).float()).softmax(1)
    keys = image_digests(torch.cat([enrolment.queries.images.flatten(0, 1), ability.images]))
    answers = dict(zip(keys, torch.cat([enrolment.victim_answers.flatten(0, 1), sure]), strict=True))
    return lambda pixels: torch.stack([answers[key] for key in image_digests((pixels * 255).round().to(torch.uint8))])


def stranger(pixels: Tensor) -> Tensor:
    """A suspect that knows the digits, and has never seen the victim."""
    answers: Tensor = _NEAREST["predict"](pixels)
    return answers


def mute(pixels: Tensor) -> Tensor:
    """A suspect that always says the same."""
    return torch.full((len(pixels), 10), 0.1)


@pytest.fixture(scope="module")
def pages(enrolment, tmp_path_factory) -> dict[str, tuple[Path, fpframe.Verdict]]:
    folder, written = tmp_path_factory.mktemp("pages"), {}
    for test in ("conformal", "sequential"):
        for suspect in (copy_of_the_victim(enrolment), stranger, mute):
            verdict = fpframe.verify(enrolment, suspect, test=test)
            path = folder / f"{test}-{verdict.verdict}.html"
            path.write_text(verdict_html([verdict], enrolment), encoding="utf-8")
            written[path.stem] = path, verdict
    return written


KINDS = [f"{test}-{verdict}" for test in ("conformal", "sequential") for verdict in (DERIVED, NOT_SHOWN, INCONCLUSIVE)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "window",
    [
        {"width": 1280},
        {"width": 1280, "dark": True},
        {"width": 390},
        {"width": 390, "dark": True},
        {"width": 700, "dark": True, "media": "print"},
    ],
    ids=str,
)
def test_a_page_is_shown_without_fault(browser, pages, kind, window):
    path, _ = pages[kind]
    assert faults(browser, path, **window) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [1280, 390])
def test_a_reader_sees_the_verdict_the_strata_the_pictures_and_the_caveats(browser, pages, enrolment, kind, width):
    path, verdict = pages[kind]
    browser.open(path, width=width)
    seen = " ".join(browser.evaluate("document.body.innerText").split())
    assert verdict.sentence in seen
    assert [note for note in verdict.caveats if " ".join(note.text.split()) not in seen] == []
    names = browser.evaluate("[...document.querySelectorAll('.strata tbody th')].map(head => head.innerText.trim())")
    assert names == list(verdict.decision.strata)
    count = "document.querySelectorAll('{}').length"
    models = sum(enrolment.calibration.counts.values())
    assert browser.evaluate(count.format("svg.strips circle")) == (0 if verdict.verdict == INCONCLUSIVE else models)
    parts = enrolment.queries.parts
    images = sum(min(part.points, 12) * (2 if part.pair else 1) for part in parts) + len(enrolment.deltas)
    assert browser.evaluate("document.images.length") == images


def test_a_page_can_be_printed(browser, pages):
    browser.open(pages[KINDS[0]][0], width=1280, dark=True)
    paper = base64.b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert paper.startswith(b"%PDF-")
    assert 2 <= paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") <= 8


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<img src='http://localhost:9/x.png' alt='planted'>", "asked the network for http://localhost:9/x.png"),
        ("<img src='http://localhost:9/x.png' alt='planted'>", "image is not shown: planted"),
        ("<script>throw Error('planted')</script>", "script: "),
        ("<script>console.error('planted')</script>", "script: "),
        ("<div style='width: 3000px; height: 1px'></div>", "page is 3"),
        ("<p style='color: #999'>planted</p>", "contrast is below 4.5: planted"),
        ("<p style='visibility: hidden'>planted</p>", "text is not shown: planted"),
        ("<svg width='0' height='9'></svg>", "picture has no size"),
        ("<svg width='9' height='9'><circle cx='99' cy='4' r='2'/></svg>", "part of a picture lies outside"),
    ],
)
def test_a_planted_fault_is_found(browser, tmp_path, body, fault):
    path = tmp_path / "planted.html"
    path.write_text(f"<!DOCTYPE html><title>planted</title><body>{body}</body>")
    assert any(found.startswith(fault) for found in faults(browser, path, width=1280))

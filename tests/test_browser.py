"""A verdict's page in a real browser: headless Chromium, spoken to over a pipe in its own DevTools protocol.

Neither a driver nor a package is needed for that, no port is opened, and the width of a phone can be set, which the
window of a headless Chromium cannot have.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import fpframe
from fpframe.decision import DERIVED, INCONCLUSIVE, NOT_SHOWN
from fpframe.queryset import image_digests
from fpframe.report.html import verdict_html
from tiny import NEAREST_MEAN

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes in /proc"),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
SECONDS = 60


class Browser:
    """A Chromium with one tab."""

    def __init__(self, program: str, profile: Path) -> None:
        ours_in, theirs_out = _pipe()
        theirs_in, ours_out = _pipe()
        # Chromium reads commands from descriptor 3 and writes to 4; a session of its own can be ended as a whole
        log = profile.with_suffix(".log")
        self.pid = os.posix_spawn(
            program,
            [program, *FLAGS, f"--user-data-dir={profile}"],
            os.environ | {"HOME": str(profile.parent)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs_in, 3),
                (os.POSIX_SPAWN_DUP2, theirs_out, 4),
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out, self._log = ours_in, ours_out, log
        self._ids, self._rest, self._session = itertools.count(1), b"", ""
        self.events: list[dict[str, Any]] = []

    def open_tab(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come meanwhile are kept."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        with contextlib.suppress(BrokenPipeError):  # reading will say why it ended
            os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path: Path, *, width: int, dark: bool = False, media: str = "screen") -> None:
        """Open a file in a window that wide and wait until it is loaded."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        assert "errorText" not in self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Write the whole page as PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        """End every process of the browser and wait until all are gone."""
        with contextlib.suppress(Exception):
            self._session = ""
            self.call("Browser.close")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self._in)
        os.close(self._out)

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._in, 1 << 20) if ready else b""
            if not chunk:
                raise TimeoutError(f"Chromium does not answer:\n{self._log.read_text(errors='replace')[-2000:]}")
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


def _pipe() -> tuple[int, int]:
    """Return a pipe whose descriptors are out of the way of 3 and 4."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return high


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
    """A headless Chromium with a profile of its own; none of its processes is left behind."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(f"no browser ({', '.join(names)} on PATH); install chromium")
        pytest.skip(f"no browser ({', '.join(names)} on PATH)")
    profile = tmp_path_factory.mktemp("browser") / "profile"
    opened = Browser(program, profile)
    try:
        opened.open_tab()
        yield opened
    finally:
        opened.close()
    deadline = time.monotonic() + 10
    while (left := _processes_with(str(profile.parent))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> fpframe.Enrolment:
    return fpframe.Enrolment.open(tiny_enrolment)


_NEAREST_MEAN: dict[str, Any] = {}
exec(NEAREST_MEAN, _NEAREST_MEAN)


def copy_of_the_victim(enrolment: fpframe.Enrolment) -> Callable[[Tensor], Tensor]:
    """A suspect that answers every query as the victim did."""
    keys = image_digests(enrolment.queries.images.flatten(0, 1))
    answers = dict(zip(keys, enrolment.victim_answers.flatten(0, 1), strict=True))
    return lambda pixels: torch.stack([answers[key] for key in image_digests((pixels * 255).round().to(torch.uint8))])


def stranger(pixels: Tensor) -> Tensor:
    """A suspect that knows the digits, and has never seen the victim."""
    answers: Tensor = _NEAREST_MEAN["predict"](pixels)
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
    assert [caveat for caveat in verdict.caveats if " ".join(caveat.split()) not in seen] == []
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


def _processes_with(argument: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if argument in (folder / "cmdline").read_bytes().decode(errors="replace"):
                found.append(int(folder.name))
    return found

"""What all benchmarks share: contestants take turns, the median counts, and a result is one row of the table."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs


@attrs.frozen
class Times:
    """What contestants needed, in seconds by name, and what each returned the last time."""

    seconds: Mapping[str, float]
    results: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Row:
    """One comparison.

    Attributes:
        what: what was done.
        than: with whom fpframe is compared; empty where there is nobody and `limit` is in seconds.
        ours: median seconds of fpframe.
        theirs: median seconds of the other one.
        limit: the ratio of the two, or the seconds, that may not be exceeded; ``None`` where none was set.
        good: whether the quality target is met too.
        quality: what both delivered, in words.
    """

    what: str
    than: str = ""
    ours: float
    theirs: float | None = None
    limit: float | None = None
    good: bool = True
    quality: str = ""

    @property
    def measured(self) -> float:
        """What `limit` is about: the ratio, or the seconds."""
        return self.ours if self.theirs is None else self.ours / self.theirs

    @property
    def met(self) -> bool:
        """Tell whether the limit and the quality target are met."""
        return self.good and (self.limit is None or self.measured <= self.limit)

    def cells(self) -> list[str]:
        """Return the row as it is printed."""
        unit = " s" if self.theirs is None else ""
        return [
            self.what,
            self.than or "-",
            f"{self.ours:.3g}",
            "-" if self.theirs is None else f"{self.theirs:.3g}",
            "-" if self.theirs is None else f"{self.measured:.3g}",
            "-" if self.limit is None else f"<= {self.limit:.3g}{unit}",
            "yes" if self.met else "MISS",
            self.quality,
        ]


HEADINGS = ["What", "Compared with", "fpframe, s", "theirs, s", "ratio", "target", "met", "quality: fpframe / theirs"]


def take_turns(contestants: Mapping[str, Callable[[], Any]], *, repeats: int) -> Times:
    """Run each contestant once unmeasured, then all of them in turn, as often as asked.

    A slow second of the machine so meets all of them alike, and none is always the one that runs first.
    """
    order = list(contestants)
    results = {name: contestants[name]() for name in order}
    seconds: dict[str, list[float]] = {name: [] for name in order}
    for _ in range(repeats):
        for name in order:
            started = time.perf_counter()
            results[name] = contestants[name]()
            seconds[name].append(time.perf_counter() - started)
        order = order[1:] + order[:1]
    return Times({name: statistics.median(measured) for name, measured in seconds.items()}, results)


def markdown(headings: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def replaced(page: str, tables: dict[str, str]) -> str:
    """Return the page with what stands between the markers of each table replaced."""
    for name, table in tables.items():
        opening, closing = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(opening)}.*?{re.escape(closing)}", re.S)
        if not pattern.search(page):
            raise SystemExit(f"no place for the table '{name}': the page needs '{opening}' and '{closing}'")
        text = f"{opening}\n\n{table}\n\n{closing}"
        page = pattern.sub(lambda _, text=text: text, page)
    return page

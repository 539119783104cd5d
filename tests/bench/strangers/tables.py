"""Tables of what strangers were called: by kind, with exact intervals, each victim by itself."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from judging import Lab
from scipy.stats import beta

from fpframe.decision import clopper_pearson

Line = dict[str, Any]
#: A thief whose accuracy is further below the victim's has failed.
TOLERANCE = 0.05


def write_tables(lab: Lab) -> None:
    """Write tables of all verdicts that are there, and print them in Markdown."""
    lines = [
        json.loads(line)
        for path in sorted(lab.file("verdicts", "x").parent.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    enrolments = sorted({(line["victim"], line["scheme"]) for line in lines})
    for side in ("innocent", "thief"):
        rows = _table([line for line in lines if line["side"] == side and _counts(line)], enrolments)
        with lab.file(f"strangers-{side}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        print(f"\n{side}\n")
        for place, row in enumerate(rows):
            print("| " + " | ".join(row) + " |")
            if place == 0:
                print("|---" * len(row) + "|")
    print("\ntotals of innocents, with one-sided upper 95 % bounds\n")
    for victim, scheme in enrolments:
        of_one = [line for line in lines if (line["victim"], line["scheme"]) == (victim, scheme)]
        innocent = [line for line in of_one if line["side"] == "innocent"]
        hits = sum(line["verdict"] == "DERIVED" for line in innocent)
        words = Counter(line["verdict"] for line in innocent)
        bound = _upper(hits, len(innocent))
        print(f"victim {victim}, {scheme}: {hits} of {len(innocent)}, at most {bound:.3f}; {dict(words)}")


def _counts(line: Line) -> bool:
    return bool(line["side"] == "innocent" or line["accuracy"] >= line["victim_accuracy"] - TOLERANCE)


def _table(lines: list[Line], enrolments: Iterable[tuple[int, str]]) -> list[list[str]]:
    kinds = list(dict.fromkeys(line["kind"] for line in lines))
    header = ["kind", *(f"{scheme}, victim {victim}" for victim, scheme in enrolments)]
    rows = [header]
    for kind in [*kinds, "all"]:
        cells = []
        for victim, scheme in enrolments:
            of_kind = [
                line
                for line in lines
                if (line["victim"], line["scheme"]) == (victim, scheme) and kind in (line["kind"], "all")
            ]
            cells.append(_cell(of_kind))
        rows.append([kind, *cells])
    return rows


def _cell(lines: list[Line]) -> str:
    if not lines:
        return ""
    hits = sum(line["verdict"] == "DERIVED" for line in lines)
    open_ = sum(line["verdict"] == "INCONCLUSIVE" for line in lines)
    low, high = clopper_pearson(hits, len(lines))
    return f"{hits} / {len(lines)} [{low:.2f}, {high:.2f}]" + (f", {open_} inconclusive" if open_ else "")


def _upper(hits: int, n: int) -> float:
    return 1.0 if hits == n else float(beta.ppf(0.95, hits + 1, n - hits))

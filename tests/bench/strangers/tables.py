"""Tables of what strangers were called: by kind, with exact intervals, each victim by itself."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from judging import Lab
from scipy.stats import beta

from fpframe.decision import clopper_pearson

Line = dict[str, Any]
#: A thief whose accuracy is further below the victim's has failed.
TOLERANCE = 0.05


def write_tables(lab: Lab, beside: Path | None = None) -> None:
    """Write tables of all verdicts that are there, and print them in Markdown.

    Args:
        lab: where the verdicts are.
        beside: a folder with tables of enrolments whose verdicts are elsewhere; their columns come first.
    """
    lines = [
        json.loads(line)
        for path in sorted(lab.file("verdicts", "x").parent.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    enrolments = sorted({(line["victim"], line["scheme"]) for line in lines})
    for side in ("innocent", "thief"):
        rows = _table([line for line in lines if line["side"] == side and _counts(line)], enrolments)
        if beside is not None:
            rows = _joined(list(csv.reader((beside / f"strangers-{side}.csv").read_text().splitlines())), rows)
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


def _joined(earlier: list[list[str]], rows: list[list[str]]) -> list[list[str]]:
    """Return the columns of an earlier table, and then those of this one that it lacks; `all` stays last."""
    new = [place for place, name in enumerate(rows[0]) if name not in earlier[0]]
    known, found = ({row[0]: row for row in table[1:]} for table in (earlier, rows))
    kinds = [kind for kind in dict.fromkeys([*known, *found]) if kind != "all"]
    empty = [""] * len(earlier[0])
    return [
        earlier[0] + [rows[0][place] for place in new],
        *(
            [kind, *known.get(kind, empty)[1:], *(found[kind][place] if kind in found else "" for place in new)]
            for kind in [*kinds, "all"]
        ),
    ]


def _cell(lines: list[Line]) -> str:
    if not lines:
        return ""
    hits = sum(line["verdict"] == "DERIVED" for line in lines)
    open_ = sum(line["verdict"] == "INCONCLUSIVE" for line in lines)
    low, high = clopper_pearson(hits, len(lines))
    return f"{hits} / {len(lines)} [{low:.2f}, {high:.2f}]" + (f", {open_} inconclusive" if open_ else "")


def _upper(hits: int, n: int) -> float:
    return 1.0 if hits == n else float(beta.ppf(0.95, hits + 1, n - hits))

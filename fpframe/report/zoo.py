"""Zoos as text: what would be trained, and what there is."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import attrs

from fpframe.recipe import SPLITS
from fpframe.report.tables import columns
from fpframe.zoo import Facts, Outlook, ZooRow

FAILED = " (failed theft)"


def outlook_text(outlook: Outlook, *, workers: int) -> str:
    """Return the number of models of each kind in each split, what is stored, and the time for the rest."""
    rows = [["relation", "stratum or attack", *SPLITS]]
    for (relation, stratum), counts in outlook.counts().items():
        rows.append([relation, stratum, *(str(counts.get(split, "-")) for split in SPLITS)])
    totals = [str(sum(model.split == split for model in outlook.models)) for split in SPLITS]
    rows.append(["all", "", *totals])
    missing = len(outlook.missing)
    extra = len(set(outlook.missing) - set(outlook.models))
    parents = f" ({extra} of them only because others are made from them)" if extra else ""
    rest = (
        f"{missing} are to be trained{parents}: about {outlook.duration(workers)} with {workers} worker(s)"
        if missing
        else "all of them are in the store"
    )
    weightless = f"; {dropped_text(len(outlook.dropped))}" if outlook.dropped else ""
    return "\n".join([*columns(rows), "", f"{len(outlook.models)} models; {rest}{weightless}"])


def dropped_text(models: int) -> str:
    """Return in words that of some models the answers are left, and how to get the weights back."""
    return f"{models} have answers but no weights ('fpframe zoo build RECIPE --keep weights' trains them again)"


def outlook_dict(outlook: Outlook, *, workers: int) -> dict[str, Any]:
    """Return an outlook as JSON-able data."""
    return {
        "models": len(outlook.models),
        "missing": len(outlook.missing),
        "without_weights": len(outlook.dropped),
        "seconds": round(outlook.seconds / workers, 1),
        "workers": workers,
        "counts": [
            {"relation": relation, "stratum": stratum, **{split: counts.get(split, 0) for split in SPLITS}}
            for (relation, stratum), counts in outlook.counts().items()
        ],
    }


def zoo_text(rows: Sequence[ZooRow]) -> str:
    """Return one line for each model."""
    lines = [["split", "relation", "stratum", "lineage", "accuracy", "agreement", "queries", "seconds", "family"]]
    lines += [
        [row.split, row.relation + _mark(row), row.stratum, row.lineage, *_cells(row), row.family] for row in rows
    ]
    return "\n".join(columns(lines))


def zoo_summary(rows: Sequence[ZooRow]) -> str:
    """Return one line for each kind of model and architecture: mean and standard deviation over models.

    Failed thefts have lines of their own; models that are not built are counted nowhere.
    """
    kinds: dict[tuple[str, str, str], list[Facts]] = {}
    for row in rows:
        if row.facts is not None:
            kinds.setdefault((row.relation + _mark(row), row.stratum, row.backbone), []).append(row.facts)
    lines = [["relation", "stratum or attack", "architecture", "n", "accuracy", "agreement", "queries", "seconds"]]
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        first.setdefault((row.relation, row.stratum), len(first))
    # every architecture of a stratum together, although the splits of the plan have them apart
    for kind, facts in sorted(kinds.items(), key=lambda item: first[item[0][0].removesuffix(FAILED), item[0][1]]):
        seconds = [fact.seconds for fact in facts if fact.seconds is not None]
        lines.append(
            [
                *kind,
                str(len(facts)),
                _mean([fact.accuracy for fact in facts]),
                _mean([fact.agreement for fact in facts]),
                f"{statistics.mean(fact.queries for fact in facts):.0f}",
                f"{statistics.mean(seconds):.1f}" if seconds else "-",
            ]
        )
    return "\n".join(columns(lines))


def zoo_dict(rows: Sequence[ZooRow]) -> list[dict[str, Any]]:
    """Return the models as JSON-able data; what is not known is null."""
    known = attrs.asdict
    blank = dict.fromkeys(("accuracy", "agreement", "queries", "seconds", "failed"))
    return [
        {**{key: value for key, value in known(row, recurse=False).items() if key != "facts"}, "built": bool(row.facts)}
        | (known(row.facts) if row.facts else blank)
        for row in rows
    ]


def _mark(row: ZooRow) -> str:
    return FAILED if row.facts is not None and row.facts.failed else ""


def _mean(values: Sequence[float]) -> str:
    """Return the mean, and in brackets the standard deviation of single models where there are several."""
    spread = f" ({statistics.stdev(values):.4f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}"


def _cells(row: ZooRow) -> list[str]:
    if row.facts is None:
        return ["not built", "-", "-", "-"]
    seconds = f"{row.facts.seconds:.1f}" if row.facts.seconds is not None else "-"
    return [f"{row.facts.accuracy:.4f}", f"{row.facts.agreement:.4f}", str(row.facts.queries), seconds]

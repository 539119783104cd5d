"""Zoos as text: what would be trained, and what there is."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import attrs

from fpframe.recipe import SPLITS
from fpframe.report.tables import columns
from fpframe.zoo import GPU_TFLOPS, Cost, Facts, Outlook, ZooRow

FAILED = " (failed theft)"


def outlook_text(outlook: Outlook, *, workers: int, tflops: float = GPU_TFLOPS) -> str:
    """Return the number of models of each kind in each split, what is stored, and what the rest takes.

    Args:
        outlook: the outlook.
        workers: models that are made at once.
        tflops: 10^12 operations that a GPU does in a second.
    """
    costs = {cost.kind: cost for cost in outlook.costs()}
    rows = [["relation", "stratum or attack", *SPLITS, "to train", "core minutes"]]
    for (relation, stratum), counts in outlook.counts().items():
        rows.append([relation, stratum, *(str(counts.get(split, "-")) for split in SPLITS), *_work(costs.get(stratum))])
    totals = [str(sum(model.split == split for model in outlook.models)) for split in SPLITS]
    rows.append(["all", "", *totals, str(len(outlook.missing)), f"{outlook.seconds / 60:.1f}"])
    missing = len(outlook.missing)
    extra = len(set(outlook.missing) - set(outlook.models))
    parents = f" ({extra} of them only because others are made from them)" if extra else ""
    rest = (
        f"{missing} are to be trained{parents}: about {outlook.duration(workers)} with {workers} worker(s)"
        if missing
        else "all of them are in the store"
    )
    weightless = f"; {dropped_text(len(outlook.dropped))}" if outlook.dropped else ""
    summary = f"{len(outlook.models)} models; {rest}{weightless}"
    needs = [_sentence(outlook.needs.in_words(tflops))] if missing else []
    return "\n".join([*columns(rows), "", _sharing_text(outlook), summary, *needs])


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _sharing_text(outlook: Outlook) -> str:
    """Return in words what another victim of the same data and recipe costs."""
    shared = outlook.sharing()
    return (
        f"{shared.common + shared.alike} independent models serve other victims with the same images and recipe"
        + (f"; {shared.alike} of them only victims of this architecture" if shared.alike else "")
        + f". A further victim costs the {shared.thieves} that are made from it."
    )


def costs_text(costs: Sequence[Cost], *, minutes: float) -> str:
    """Return what the models of a build took: one line for each kind, and how many were trained in a minute."""
    models, seconds = sum(cost.models for cost in costs), sum(cost.seconds for cost in costs)
    rows = [["stratum or attack", "trained", "seconds each", "core minutes", "share"]]
    for cost in costs:
        share = f"{cost.seconds / seconds:.0%}" if seconds else "-"
        rows.append(
            [cost.kind, str(cost.models), f"{cost.seconds / cost.models:.1f}", f"{cost.seconds / 60:.1f}", share]
        )
    rate = f", {models / minutes:.1f} a minute" if minutes else ""
    return "\n".join([*columns(rows), "", f"{models} models trained in {minutes:.1f} minutes{rate}"])


def dropped_text(models: int) -> str:
    """Return in words that of some models the answers are left, and how to get the weights back."""
    return f"{models} have answers but no weights ('fpframe zoo build RECIPE --keep weights' trains them again)"


def outlook_dict(outlook: Outlook, *, workers: int, tflops: float = GPU_TFLOPS) -> dict[str, Any]:
    """Return an outlook as JSON-able data; see `outlook_text`."""
    return {
        "models": len(outlook.models),
        "missing": len(outlook.missing),
        "without_weights": len(outlook.dropped),
        "seconds": round(outlook.seconds / workers, 3),
        "workers": workers,
        "needs": {
            "weights_bytes": outlook.needs.weights,
            "features_bytes": outlook.needs.features,
            "memory_bytes_of_a_worker": outlook.needs.memory,
            "flop": outlook.needs.flop,
            "gpu_tflops": tflops,
            "gpu_hours": outlook.needs.gpu_hours(tflops),
        },
        "sharing": attrs.asdict(outlook.sharing()),
        "costs": [attrs.asdict(cost) for cost in outlook.costs()],
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


def _work(cost: Cost | None) -> list[str]:
    return [str(cost.models), f"{cost.seconds / 60:.1f}"] if cost else ["-", "-"]


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

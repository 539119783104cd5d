"""What evaluations show of the verdicts themselves, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from fpframe.decision import ValidityAt
from fpframe.evaluation import Diagnostics, Evaluation, diagnose
from fpframe.report.tables import count_text, markdown_table


def diagnostics_markdown(evaluations: Sequence[Evaluation], names: Sequence[str]) -> str:
    """Return error rates, early stops and variances, one column for each evaluation."""
    found = [diagnose(evaluation) for evaluation in evaluations]
    levels = _levels(found)
    words = ", ".join(f"{level:g}" for level in levels)
    resplits = next((at.resplits for cells in found[0].validity.values() for at in cells), 0)
    return "\n".join(
        [
            f"Validity: share of independent models with p at most {words}, over "
            f"{resplits} random re-splits of the calibration and held-out models of a stratum, by family. It must "
            "not exceed the level; `!` marks one that does, by more than four standard errors:\n",
            markdown_table(["stratum", *names], _validity(found, levels)),
            "Leave one stratum out: its models called derived by the other strata alone (the risk of an innocent model "
            "of a kind that nobody calibrated), with exact 95 % intervals (families as units):\n",
            markdown_table(["left out", *names], _left_out(found)),
            "Tests side by side, on the same held-out models. `welch` treats views as independent samples, as the "
            "literature does, and is not a verdict:\n",
            markdown_table(["test", "level", "models", *names], _tests(found)),
            *_accusations(found, names),
            "Stopping early (`--sequential`): median share of the views that were asked, and thefts lost and gained "
            "compared with asking all:\n",
            markdown_table(["", *names], _saving(found)),
            "Share of the variance of view scores that lies between models (one-way analysis of variance). The larger "
            "it is, the less the views of one model count as samples of their own:\n",
            markdown_table(["models", *names], _shares(found)),
        ]
    )


def _levels(found: Sequence[Diagnostics]) -> list[float]:
    """Return the levels that any stratum can reach; the smaller a stratum, the fewer."""
    return sorted({at.level for each in found for cells in each.validity.values() for at in cells})


def _validity(found: Sequence[Diagnostics], levels: Sequence[float]) -> list[list[str]]:
    def cell(cells: Sequence[ValidityAt], level: float) -> str:
        at = next((at for at in cells if at.level == level), None)
        return "-" if at is None else f"{at.fraction:.3f}{'' if at.holds else '!'}"

    return [
        [stratum, *(" / ".join(cell(each.validity[stratum], level) for level in levels) for each in found)]
        for stratum in found[0].validity
    ]


def _left_out(found: Sequence[Diagnostics]) -> list[list[str]]:
    return [
        [row[0].stratum, *(count_text(cell.hits, cell.n, cell.interval) for cell in row)]
        for row in zip(*(each.left_out for each in found), strict=True)
    ]


def _tests(found: Sequence[Diagnostics]) -> list[list[str]]:
    rows = []
    for row in zip(*(each.tests for each in found), strict=True):
        for kind in ("derived", "independent"):
            rates = [getattr(cell, kind) for cell in row]
            rows.append(
                [
                    f"`{row[0].test}`",
                    f"{row[0].level:g}",
                    rates[0].kind,
                    *(count_text(rate.hits, rate.n, rate.interval) for rate in rates),
                ]
            )
    return rows


def _accusations(found: Sequence[Diagnostics], names: Sequence[str]) -> list[str]:
    if not all(each.accusations for each in found):
        return []
    first = found[0].accusations[0]
    rows = [
        [f"`{row[0].test}`", f"{row[0].level:g}", *(f"{cell.fraction:.3f} ({cell.worst:.2f})" for cell in row)]
        for row in zip(*(each.accusations for each in found), strict=True)
    ]
    return [
        f"Share of independent models that each test accuses, over {first.resplits} random re-splits of {first.models} "
        f"calibration and held-out models by family ({first.families} families), half of which calibrate; in brackets "
        "the share in the worst of 20 re-splits:\n",
        markdown_table(["test", "level", *names], rows),
    ]


def _saving(found: Sequence[Diagnostics]) -> list[list[str]]:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.0%}"

    return [
        ["thefts called derived", *(share(each.saving.derived) for each in found)],
        ["independent models", *(share(each.saving.independent) for each in found)],
        ["thefts lost / won", *(f"{each.saving.lost} / {each.saving.won}" for each in found)],
    ]


def _shares(found: Sequence[Diagnostics]) -> list[list[str]]:
    return [
        [relation, *(f"{each.shares[relation].share:.2f}" if relation in each.shares else "-" for each in found)]
        for relation in ("derived", "independent")
    ]

"""Forecasts of scans as text and as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from fpframe.marketplace import Expected, Forecast, Limits, Outcome
from fpframe.report.tables import columns

#: What each way to share a level is called.
_SHARING = {
    "alone": "each alone",
    "holm": "Holm",
    "benjamini-hochberg": "Benjamini-Hochberg",
}


def forecast_text(forecast: Forecast, *, budget: float | None = None) -> str:
    """Return what a scan would come to: a table of the ways to scan, what models were called, and the limits.

    Args:
        forecast: the forecast.
        budget: money to spend, in the currency of the price.
    """
    scan = forecast.scan
    head = (
        f"{scan.suspects:,} suspects, {scan.derived:,} of them made from the victim; level {forecast.alpha:g}, channel "
        f"{forecast.channel}; {scan.repeats:,} simulations, seed {scan.seed}"
    )
    priced = bool(scan.price)
    rows = [
        ["stages", "level shared", "innocents accused", "any at all", "thieves found", "queries"] + ["cost"] * priced
    ]
    for outcome in forecast.outcomes:
        queries = forecast.queries(outcome)
        rows.append(
            [
                str(outcome.stages),
                _SHARING[outcome.sharing],
                _expected(outcome.false),
                f"{outcome.any_false:.1%}",
                _expected(outcome.found),
                f"{queries.mean:.4g}",
            ]
            + [f"{scan.cost(queries.mean):,.2f}"] * priced
        )
    two = (
        f"Two stages: {forecast.queries_of_first} queries for everybody; all {forecast.queries_of_all} for who then "
        f"has a p-value of {scan.screen:g} at most."
    )
    said = [head, "", *columns(rows), "", two]
    if budget is not None and priced:
        said.append(_budget_text(forecast, budget))
    said += [
        f"Each alone, of innocents: {_shares(forecast.accused_alone)}.",
        f"Each alone, of thieves: {_shares(forecast.found_alone)}.",
        "",
        *_limits_text(forecast.limits, forecast),
    ]
    return "\n".join(said)


def forecast_dict(forecast: Forecast, *, budget: float | None = None) -> dict[str, Any]:
    """Return a forecast as JSON-able data."""
    return {
        "scan": attrs.asdict(forecast.scan),
        "channel": forecast.channel,
        "alpha": forecast.alpha,
        "models": dict(zip(("innocents", "thieves"), forecast.models, strict=True)),
        "outcomes": [_outcome_dict(forecast, outcome, budget) for outcome in forecast.outcomes],
        "queries_of_a_suspect": {"first_stage": forecast.queries_of_first, "all": forecast.queries_of_all},
        "accused_alone": dict(forecast.accused_alone),
        "families": dict(zip(("accused_alone", "all"), forecast.families, strict=True)),
        "accused_alone_at_most": forecast.accused_at_most,
        "found_alone": dict(forecast.found_alone),
        "limits": attrs.asdict(forecast.limits),
    }


def _outcome_dict(forecast: Forecast, outcome: Outcome, budget: float | None) -> dict[str, Any]:
    queries = forecast.queries(outcome)
    cost = forecast.scan.cost(queries.mean)
    affordable = None if budget is None else forecast.affordable(outcome, budget)
    return {**attrs.asdict(outcome), "queries": attrs.asdict(queries), "cost": cost, "affordable_suspects": affordable}


def _budget_text(forecast: Forecast, budget: float) -> str:
    one, two = (next(each for each in forecast.outcomes if each.stages == stages) for stages in (1, 2))
    first, second = (forecast.affordable(outcome, budget) or 0 for outcome in (one, two))
    return f"A budget of {budget:,.2f} pays for {first:,} suspects in one stage, or {second:,} in two."


def _expected(value: Expected) -> str:
    low, high = value.interval
    return f"{value.mean:,.1f} [{low:,.0f}, {high:,.0f}]"


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _limits_text(limits: Limits, forecast: Forecast) -> list[str]:
    """Return in sentences what no scan by the enrolment can reach."""
    scan = forecast.scan
    accused, families = forecast.families
    most = forecast.accused_at_most * (scan.suspects - scan.derived)
    together = (
        f"accuses nobody, or {limits.together:,} at once"
        if limits.together <= scan.suspects
        else "can accuse nobody, whatever they score"
    )
    holm = (
        "can accuse somebody"
        if limits.families >= limits.needed_by_holm
        else f"can accuse nobody: that takes {limits.needed_by_holm:,} families in each stratum"
    )
    return [
        f"No suspect can have a p-value below {limits.floor:.3g}, since the smallest stratum has {limits.families:,} "
        f"families. So Holm over {scan.suspects:,} suspects {holm}. Benjamini-Hochberg {together}; to accuse "
        f"{max(scan.derived, 1):,} thieves alone it takes {limits.needed_by_bh:,} families in each stratum.",
        f"{families:,} families of calibration models stand for all innocents, each judged by the others, and "
        f"{accused:,} of them would be called derived alone. So the share of innocents that are is "
        f"{forecast.accused_at_most:.2%} at most, with 95 % confidence: up to {most:,.0f} suspects. The intervals tell "
        "of draws alone. Suspects unlike these models may fare worse.",
    ]

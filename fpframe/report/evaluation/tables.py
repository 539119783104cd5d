"""Evaluations as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fpframe.evaluation import LEVELS, Evaluation, Rate
from fpframe.report.evaluation.diagnostics import diagnostics_markdown
from fpframe.report.tables import columns, count_text, markdown_table, number, p_text


def evaluation_markdown(evaluations: Sequence[Evaluation]) -> str:
    """Return all that evaluations show, side by side: rates, areas, what the verdicts are worth, and what they cost."""
    names = labels(evaluations)
    first = evaluations[0]
    recipe, victim = first.enrolment.recipe, first.enrolment.victim
    channels = ", ".join(f"`{channel}`" for channel in dict.fromkeys(each.channel for each in evaluations))
    return "\n".join(
        [
            f"Recipe `{recipe.name}`, seed {recipe.seed}, data `{recipe.dataset}`, victim `{victim['address']}` "
            f"(accuracy {victim['accuracy']:.3f}), calibrated on {first.enrolment.calibration.source}; channels: "
            f"{channels}.\n",
            *_unfit(evaluations),
            f"Models called derived at alpha {recipe.alpha:g} (of thefts this is the power, of independent models the "
            "false positives), with exact 95 % intervals (families as units):\n",
            markdown_table(["models", *names], _rates(evaluations)),
            _power_sentence(first),
            "AUC of held-out derived against held-out independent models, with 95 % intervals (families as units):\n",
            markdown_table(["derived", "independent", "n", *names], _areas(evaluations)),
            "Share of all thefts above a threshold that at most a given share of the independent models reaches (exact "
            "95 % intervals), and area under the robustness-uniqueness curve:\n",
            markdown_table(
                ["", *(f"at {float(level):.0%} of independent" for level in map(str, LEVELS)), "ARUC"],
                _thresholds(evaluations),
            ),
            diagnostics_markdown(evaluations, names),
            "Perturbations, measured on the test images:\n",
            markdown_table(["scheme", "fooling rate", "max abs delta", "queries"], _perturbations(evaluations)),
        ]
    )


def _unfit(evaluations: Sequence[Evaluation]) -> list[str]:
    """Say which enrolments are not fit to accuse anybody, and were accepted by their owner."""
    notes = {
        (each.enrolment.scheme, note.code): note.text
        for each in evaluations
        if each.enrolment.fitness is not None
        for note in each.enrolment.fitness.accepted
    }
    return [
        f"The enrolment by `{scheme}` is not fit to accuse anybody, and was accepted all the same ({code}): {text}\n"
        for (scheme, code), text in notes.items()
    ]


def labels(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return what tells evaluations apart: scheme, channel, or both."""
    schemes = {each.enrolment.scheme for each in evaluations}
    channels = {each.channel for each in evaluations}
    if len(channels) == 1:
        return [each.enrolment.scheme for each in evaluations]
    if len(schemes) == 1:
        return [each.channel for each in evaluations]
    return [f"{each.enrolment.scheme}, {each.channel}" for each in evaluations]


def _rates(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    return [
        [row[0].kind, *(_rate_text(cell) for cell in row)]
        for row in zip(*(evaluation.rates() for evaluation in evaluations), strict=True)
    ]


def _rate_text(rate: Rate) -> str:
    open_ = f", {rate.inconclusive} inconclusive" if rate.inconclusive else ""
    return count_text(rate.hits, rate.n, rate.interval) + open_


def _power_sentence(evaluation: Evaluation) -> str:
    """Return the first line of the table in words, so that nobody reads it wrong."""
    rate = evaluation.rates()[0]
    return (
        f"(Read: with this zoo, scheme {evaluation.enrolment.scheme} and channel {evaluation.channel}, {rate.kind} is "
        f"found at alpha {evaluation.enrolment.recipe.alpha:g} in {rate.hits} of {rate.n} cases, "
        f"{rate.hits / rate.n:.0%}.)\n"
    )


def _areas(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    return [
        [
            row[0].derived,
            row[0].independent,
            f"{row[0].n_derived} / {row[0].n_independent}",
            *(f"{cell.auc:.3f} [{cell.interval[0]:.2f}, {cell.interval[1]:.2f}]" for cell in row),
        ]
        for row in zip(*(evaluation.separations() for evaluation in evaluations), strict=True)
    ]


def _thresholds(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    rows = []
    for name, evaluation in zip(labels(evaluations), evaluations, strict=True):
        widest = evaluation.everything("derived")[0], evaluation.everything("independent")[0]
        whole = next(s for s in evaluation.separations() if (s.derived, s.independent) == widest)
        cells = [
            f"n too small ({whole.n_independent})" if at is None else count_text(at.hits, at.n, at.interval)
            for at in whole.power.values()
        ]
        rows.append([name, *cells, f"{whole.aruc:.3f}"])
    return rows


def _perturbations(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    rows = {}
    for evaluation in evaluations:
        facts = evaluation.enrolment.victim
        rows[evaluation.enrolment.scheme] = [
            evaluation.enrolment.scheme,
            ", ".join(f"{rate:.1%}" for rate in facts["fooling_rate"]) or "-",
            ", ".join(f"{value:.4f}" for value in facts["max_abs_delta"]) or "-",
            str(evaluation.enrolment.queries.queries),
        ]
    return list(rows.values())


def suspects_text(evaluation: Evaluation) -> str:
    """Return the held-out suspects as lines for a terminal, highest score first, with the AUCs below."""
    rows = [["suspect (what it really is)", "accuracy", "score", "p-value", "verdict"]]
    for item in sorted(
        evaluation.suspects, key=lambda item: -item.verdict.score if math.isfinite(item.verdict.score) else math.inf
    ):
        kind = f"independent, {item.model.stratum}"
        if item.model.relation == "derived":
            kind = "failed theft" if item.facts.failed else "derived"
        rows.append(
            [
                f"{kind}: {item.model.lineage}",
                f"{item.facts.accuracy:.3f}",
                number(item.verdict.score),
                p_text(item.verdict.p_value),
                item.verdict.verdict,
            ]
        )
    victim = evaluation.enrolment.victim
    alpha = evaluation.enrolment.recipe.alpha
    lines = [
        f"victim {victim['address']}: accuracy {victim['accuracy']:.3f}; suspects took no part in the enrolment, "
        f"and each is judged on its own at alpha {alpha:g}",
        "",
        *columns(rows),
        "",
        "AUC of held-out derived against held-out independent models [95 % interval, families as units]:",
    ]
    areas = [
        [f"  {item.derived}", f"against {item.independent}", f"n = {item.n_derived} / {item.n_independent}",
         f"{item.auc:.3f} [{item.interval[0]:.2f}, {item.interval[1]:.2f}]"]
        for item in evaluation.separations()
    ]  # fmt: skip
    return "\n".join([*lines, *columns(areas)])

"""What the second victim shows, in words and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fpframe.decision import AreaTest
from fpframe.paper.experiment import Table
from fpframe.paper.laboratory import BASELINE, CONTROL, Laboratory
from fpframe.paper.statistics import contrast_text
from fpframe.paper.template import fill
from fpframe.paper.transfer.judged import Judged
from fpframe.zoo import Facts, ZooModel


def scored(second: Laboratory) -> list[ZooModel]:
    """Return the models that were made from the second victim to be scored, failed thefts among them."""
    return [model for model in second.zoo.of("test") if model.relation == "derived"]


def table(judged: Sequence[Judged]) -> Table:
    """Return the similarity of every model by every scheme and encoder."""
    sides = judged[0].sides
    groups = (
        ("derived from the second victim", sides.thefts, [each.above for each in judged]),
        ("independent", sides.innocents, [each.below for each in judged]),
        ("derived from the first victim", sides.strangers, [each.beside for each in judged]),
    )
    return Table(
        header=("model", "kind", "family", *(each.name.replace("`", "") for each in judged)),
        rows=[
            (str(model.lineage), kind, model.family, *(float(scores[row]) for scores in columns))
            for kind, models, columns in groups
            for row, model in enumerate(models)
        ],
    )


def text(second: Laboratory, victim: Facts, judged: Sequence[Judged], contrasts: Mapping[str, AreaTest]) -> str:
    """Return what was done and what it shows, as Markdown."""
    count, sides = len(scored(second)), judged[0].sides
    fitted = [model.relation for model in second.zoo.of("fit")]
    failed = f"{count - len(sides.thefts)} of them failed and are left out." if count > len(sides.thefts) else ""
    rows = []
    for each in judged:
        derived, independent, strangers = each.averages
        rows.append([each.name, derived.text, independent.text, each.area.text, strangers.text, each.hard_area.text])
    return fill(
        "transfer",
        accuracy=f"{victim.accuracy:.3f}",
        agreement=f"{victim.agreement:.1%}",
        count=count,
        failed=failed,
        fitted_derived=fitted.count("derived"),
        fitted_independent=fitted.count("independent"),
        control=CONTROL,
        baseline=BASELINE,
        schemes=rows,
        differences=[[name, contrast_text(test)] for name, test in contrasts.items()],
    )

"""What the second victim shows, in words and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fpframe.decision import AreaTest
from fpframe.paper.experiment import Table
from fpframe.paper.laboratory import BASELINE, CONTROL, Laboratory
from fpframe.paper.statistics import contrast_text
from fpframe.paper.transfer.judged import Judged
from fpframe.report import markdown_table
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
    failed = f" {count - len(sides.thefts)} of them failed and are left out." if count > len(sides.thefts) else ""
    rows = []
    for each in judged:
        derived, independent, strangers = each.averages
        rows.append([each.name, derived.text, independent.text, each.area.text, strangers.text, each.hard_area.text])
    return "\n".join(
        [
            "The second victim is trained like the first, with another seed: its accuracy is "
            f"{victim.accuracy:.3f}, and it gives the first one's label to {victim.agreement:.1%} of the test images. "
            f"It has perturbation, points and queries of its own. {count} models were extracted from it to be scored, "
            f"by the recipe's extraction attacks and held-out architectures in turn.{failed} The independent models "
            "are those of the recipe's test split. Neither encoder has seen any of them. The second victim's own "
            f"encoder was fitted on {fitted.count('derived')} further models extracted from it and the "
            f"{fitted.count('independent')} independent models of the fit split, the first one's on the recipe's fit "
            "split. An encoder reads the answers to a view's points in their order, and the points of two victims are "
            "clusters of their own, in no common order. So the second victim and its thieves were asked the first "
            "victim's queries as well.\n",
            "Mean similarity with a 95 % bootstrap interval over families, and AUC of derived against independent "
            "models (numbers of models in brackets). In the last two columns stand the held-out models that were "
            "derived from the *first* victim: for the second one they are independent, and an encoder that only knows "
            f"how thieves train would take them for its own thieves'. `{CONTROL}` is the control, `{BASELINE}` the "
            "trivial baseline, which has no encoder to transfer:\n",
            markdown_table(
                [
                    "scheme",
                    "derived",
                    "independent",
                    "AUC",
                    "derived from the first victim",
                    "AUC against these",
                ],
                rows,
            ),
            "Differences of AUC on the same models, with a 95 % bootstrap interval and DeLong's test, both with "
            "families as units:\n",
            markdown_table(["", "difference"], [[name, contrast_text(test)] for name, test in contrasts.items()]),
        ]
    )

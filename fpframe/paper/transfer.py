"""Transfer: does an encoder that was fitted for one victim protect another one?

The second victim has queries and thieves of its own; what it borrows is the encoder. Beside it stands an encoder that
was fitted for it. And since an encoder may know thieves by how they train, and not by whom they robbed, models stolen
from the *first* victim are asked too: they are innocent of this theft.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from fpframe.channel import PROBS, through_channel
from fpframe.decision import AreaTest
from fpframe.decision.paths import mean_of_views
from fpframe.enrolment.asking import ZooAnswers
from fpframe.enrolment.calibration import score_views
from fpframe.enrolment.fitting import collect_answers
from fpframe.fingerprint import extract
from fpframe.paper.average import Average
from fpframe.paper.experiment import Claim, Experiment, Finding, Outcome, Table
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.measuring import Separation, contrast, contrast_text, separation
from fpframe.paper.secondvictim import second_victim, with_second_victim
from fpframe.paper.transferpictures import Embedded, draw_planes, draw_similarities
from fpframe.report.verdicts import markdown_table
from fpframe.rng import derive_seed, threads
from fpframe.zoo import Facts, Zoo, ZooModel

FIRST, OWN = "first victim's encoder", "own encoder"
#: Nothing of its own: the second victim and its thieves answer what the first one's encoder was fitted on.
BORROWED = "first victim's queries and encoder"
#: Means of the paper: derived and independent models of the second victim under the first one's encoder.
DERIVED, INDEPENDENT = 0.85, 0.33
#: An encoder that loses less AUC than this serves as well.
_CLOSE = 0.05
_LEVEL = 0.05


@attrs.frozen(kw_only=True, eq=False)
class Sides:
    """The models that are asked about the second victim.

    Attributes:
        thefts: derived from it.
        innocents: held-out independent models.
        strangers: held-out models derived from the first victim, independent of the second one.
    """

    thefts: Sequence[ZooModel]
    innocents: Sequence[ZooModel]
    strangers: Sequence[ZooModel]


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """How similar to the second victim models are by one scheme and encoder.

    Attributes:
        name: scheme and encoder.
        sides: the models.
        above: similarity of those derived from the second victim ``(P,)``.
        below: that of independent ones ``(N,)``.
        beside: that of those derived from the first victim ``(H,)``.
    """

    name: str
    sides: Sides
    above: np.ndarray
    below: np.ndarray
    beside: np.ndarray

    @property
    def averages(self) -> tuple[Average, Average, Average]:
        """Mean similarity of derived models, independent ones, and those derived from the first victim."""
        groups = (
            (self.sides.thefts, self.above),
            (self.sides.innocents, self.below),
            (self.sides.strangers, self.beside),
        )
        derived, independent, strangers = (
            Average.of(values, [model.family for model in models]) for models, values in groups
        )
        return derived, independent, strangers

    @property
    def area(self) -> Separation:
        """How well derived and independent models separate."""
        return separation(self.sides.thefts, self.above, self.sides.innocents, self.below)

    @property
    def hard_area(self) -> Separation:
        """How well models that are derived from the second victim separate from those derived from the first."""
        return separation(self.sides.thefts, self.above, self.sides.strangers, self.beside)

    def less(self, other: Judged) -> AreaTest:
        """Compare the area with that of another scheme or encoder on the same models."""
        sides = (self.above, self.below), (other.above, other.below)
        return contrast(self.sides.thefts, self.sides.innocents, *sides)


def run(laboratory: Laboratory) -> Finding:
    """Train a second victim with its thieves, and score them by both victims' encoders."""
    second = with_second_victim(laboratory)
    sides = Sides(thefts=second.thefts("test"), innocents=second.innocents("test"), strangers=laboratory.thefts("test"))
    judged: dict[tuple[str, str], Judged] = {}
    embedded: dict[str, Embedded] = {}
    for scheme in (UAP, CONTROL, BASELINE):
        outside = Zoo(tuple(sides.strangers), laboratory.zoo.workspace)
        asked, strangers = second.ask(scheme), second.ask(scheme, zoo=outside)
        ways = {OWN: (second.fit(scheme, asked), asked, strangers)}
        if scheme != BASELINE:  # which counts equal labels: all its encoders are one
            known = laboratory.ask(scheme, "fit")
            encoder, borrowed = laboratory.fit(scheme, known), [_borrow(second, known, zoo) for zoo in (None, outside)]
            ways = {FIRST: (encoder, asked, strangers), BORROWED: (encoder, borrowed[0], borrowed[1]), **ways}
        for which, way in ways.items():
            name = f"`{scheme}`" + ("" if scheme == BASELINE else f", {which}")
            judged[scheme, which] = _judge(name, sides, *way)
            if scheme == UAP and which != BORROWED:
                embedded[which] = _embed(way[0], sides, way[1])
    first, own = judged[UAP, FIRST], judged[UAP, OWN]
    others = (own, judged[UAP, BORROWED], judged[CONTROL, FIRST], judged[BASELINE, OWN])
    contrasts = {f"{first.name} less {other.name}": first.less(other) for other in others}
    victim = laboratory.zoo.facts(second_victim(laboratory))
    return Finding(
        data={
            "second_victim": attrs.asdict(victim),
            "failed_thefts": len(_scored(second)) - len(sides.thefts),
            "judged": {
                each.name: {
                    **{
                        f"mean_similarity_of_{side}": attrs.asdict(average)
                        for side, average in zip(("derived", "independent", "strangers"), each.averages, strict=True)
                    },
                    "derived_from_independent": attrs.asdict(each.area),
                    "derived_from_strangers": attrs.asdict(each.hard_area),
                }
                for each in judged.values()
            },
            "contrasts": {name: attrs.asdict(test) for name, test in contrasts.items()},
        },
        claims=(*_means(first), _transfers(first), _compared(first, own, first.less(own))),
        text=_text(second, victim, list(judged.values()), contrasts),
        tables={"models": _table(list(judged.values()))},
        pictures={
            "embeddings": draw_planes(embedded, seed=derive_seed(laboratory.recipe.seed, "t-SNE")),
            "similarity": draw_similarities(
                {each.name.replace("`", ""): (each.above, each.below, each.beside) for each in judged.values()}
            ),
        },
    )


def _scored(second: Laboratory) -> list[ZooModel]:
    return [model for model in second.zoo.of("test") if model.relation == "derived"]


def _borrow(second: Laboratory, asked: ZooAnswers, zoo: Zoo | None) -> ZooAnswers:
    """Ask the second victim and the test split, or another zoo, the queries that were made for the first victim."""
    zoo = zoo or Zoo(tuple(second.zoo.of("test")), second.zoo.workspace)
    answers = collect_answers(zoo, asked.questions.queries, keep=True, on_event=second.on_event)
    with threads(1):
        victim = extract(second.victim.as_query(), asked.questions.queries)
    return attrs.evolve(asked, victim=victim, models=list(zip(zoo.models, answers, strict=True)))


def _answers(asked: ZooAnswers, models: Sequence[ZooModel]) -> Tensor:
    found = {id(model): answer for model, answer in asked.models}
    return torch.stack([found[id(model)] for model in models])


def _judge(name: str, sides: Sides, encoder: nn.Module, asked: ZooAnswers, strangers: ZooAnswers) -> Judged:
    def scores(where: ZooAnswers, models: Sequence[ZooModel]) -> np.ndarray:
        views = score_views(encoder, _answers(where, models), asked.victim, PROBS)
        return np.array([mean_of_views(row) for row in views])

    return Judged(
        name=name,
        sides=sides,
        above=scores(asked, sides.thefts),
        below=scores(asked, sides.innocents),
        beside=scores(strangers, sides.strangers),
    )


def _embed(encoder: nn.Module, sides: Sides, asked: ZooAnswers) -> Embedded:
    """Return the embeddings of the victim's and the models' views, with the kind of each."""
    groups = [("victim", asked.victim)]
    groups += [("derived", answers) for answers in _answers(asked, sides.thefts)]
    kinds = ["other-teacher" if model.stratum == "other-teacher" else "independent" for model in sides.innocents]
    groups += list(zip(kinds, _answers(asked, sides.innocents), strict=True))
    with threads(1), torch.no_grad():
        rows = torch.cat([encoder(through_channel(answers, PROBS)) for _, answers in groups])
    return Embedded(points=rows.numpy(), kinds=[kind for kind, answers in groups for _ in answers])


def _means(first: Judged) -> list[Claim]:
    """Compare the paper's means with ours: they agree where our interval holds the paper's figure."""
    claims, averages = [], dict(zip(("derived", "independent"), first.averages[:2], strict=True))
    for (side, average), paper in zip(averages.items(), (DERIVED, INDEPENDENT), strict=True):
        low, high = average.interval
        other = "independent" if side == "derived" else "derived"
        claims.append(
            Claim(
                what=f"mean similarity of {side} models to the second victim, under the first victim's encoder",
                paper=f"{paper:.2f}",
                ours=average.text,
                outcome="agrees" if low <= paper <= high else "differs",
                # a mean says nothing by itself: an encoder may find everything similar
                why=f"{average.value - paper:+.2f}, where {other} models have {averages[other].value:.3f}; other "
                "victims, thieves and independent models than the paper's",
            )
        )
    return claims


def _transfers(first: Judged) -> Claim:
    low, high = first.area.interval
    return Claim(
        what="the first victim's encoder tells the second victim's derived from independent models: AUC",
        paper="above 0.5",
        ours=first.area.text,
        outcome="agrees" if low > 0.5 else "differs" if high < 0.5 else "undecided",
        why="" if low > 0.5 or high < 0.5 else "the interval holds 0.5, which is chance",
    )


def _compared(first: Judged, own: Judged, test: AreaTest) -> Claim:
    """Compare with an encoder of its own: as good where the whole interval lies above a loss of `_CLOSE`."""
    low, high = test.interval
    if low == high:  # as where both separate completely, which says little when models are few
        low = first.area.interval[0] - own.area.auc
    outcome: Outcome = "undecided"
    if test.p_value <= _LEVEL and test.difference < 0:
        outcome = "differs"
    elif low > -_CLOSE:
        outcome = "agrees"
    return Claim(
        what="it serves as well as an encoder of the second victim's own: AUC less that of its own",
        paper="",
        ours=contrast_text(test),
        outcome=outcome,
        why={
            "differs": "its own is better",
            "agrees": f"a loss of {_CLOSE:g} or more is outside of the interval",
            "undecided": f"a loss of {_CLOSE:g} cannot be excluded with so few models",
        }[outcome],
    )


def _table(judged: Sequence[Judged]) -> Table:
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


def _text(second: Laboratory, victim: Facts, judged: Sequence[Judged], contrasts: Mapping[str, AreaTest]) -> str:
    count, sides = len(_scored(second)), judged[0].sides
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


EXPERIMENT = Experiment(
    name="transfer",
    section="Supplement E (Figure E)",
    title="An encoder fitted for one victim protects another",
    shows="An encoder that was trained for one victim tells derived from independent models of another victim, with a "
    "mean similarity of 0.85 and 0.33: one encoder serves many victims.",
    run=run,
)

"""Transfer: does an encoder that was fitted for one victim protect another one?

The second victim has queries and thieves of its own; what it borrows is the encoder. Beside it stands an encoder that
was fitted for it. And since an encoder may know thieves by how they train, and not by whom they robbed, models stolen
from the *first* victim are asked too: they are innocent of this theft.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from torch import nn

from fpframe.decision import mean_of_views
from fpframe.enrolment import ZooAnswers, score_views, scored_answers
from fpframe.models import PROBS, ask
from fpframe.paper.experiment import Experiment, Finding
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.transfer.claims import compared_claim, mean_claims, transfer_claim
from fpframe.paper.transfer.judged import Judged, Sides
from fpframe.paper.transfer.pictures import Embedded, draw_planes, draw_similarities
from fpframe.paper.transfer.secondvictim import second_victim, with_second_victim
from fpframe.paper.transfer.text import scored, table, text
from fpframe.report import drawn_as
from fpframe.rng import derive_seed, threads
from fpframe.zoo import Zoo, ZooModel, ask_models

FIRST, OWN = "first victim's encoder", "own encoder"
#: Nothing of its own: the second victim and its thieves answer what the first one's encoder was fitted on.
BORROWED = "first victim's queries and encoder"


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
            "failed_thefts": len(scored(second)) - len(sides.thefts),
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
        claims=(*mean_claims(first), transfer_claim(first), compared_claim(first, own, first.less(own))),
        text=text(second, victim, list(judged.values()), contrasts),
        tables={"models": table(list(judged.values()))},
        pictures={
            "embeddings": draw_planes(embedded, seed=derive_seed(laboratory.recipe.seed, "t-SNE")),
            "similarity": draw_similarities(
                {each.name.replace("`", ""): (each.above, each.below, each.beside) for each in judged.values()}
            ),
        },
    )


def _borrow(second: Laboratory, asked: ZooAnswers, zoo: Zoo | None) -> ZooAnswers:
    """Ask the second victim and the test split, or another zoo, the queries that were made for the first victim."""
    zoo = zoo or Zoo(tuple(second.zoo.of("test")), second.zoo.workspace)
    answers = ask_models(zoo, asked.questions.queries, keep=True, on_event=second.run.on_event)
    with threads(1):
        victim = ask(second.victim.as_query(), asked.questions.queries)
    return attrs.evolve(asked, victim=victim, models=list(zip(zoo.models, answers, strict=True)))


def _judge(name: str, sides: Sides, encoder: nn.Module, asked: ZooAnswers, strangers: ZooAnswers) -> Judged:
    def scores(where: ZooAnswers, models: Sequence[ZooModel]) -> np.ndarray:
        views = score_views(encoder, where.of(models), asked.victim, PROBS)
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
    groups += [("derived", answers) for answers in asked.of(sides.thefts)]
    kinds = [drawn_as(model) for model in sides.innocents]
    groups += list(zip(kinds, asked.of(sides.innocents), strict=True))
    with threads(1), torch.no_grad():
        rows = torch.cat([encoder(scored_answers(answers, asked.victim, PROBS)) for _, answers in groups])
    return Embedded(points=rows.numpy(), kinds=[kind for kind, answers in groups for _ in answers])


EXPERIMENT = Experiment(
    name="transfer",
    section="Supplement E (Figure E)",
    title="An encoder fitted for one victim protects another",
    shows="An encoder that was trained for one victim tells derived from independent models of another victim, with a "
    "mean similarity of 0.85 and 0.33: one encoder serves many victims.",
    run=run,
    scores=True,
)

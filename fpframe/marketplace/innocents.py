"""`innocent_kinds`: what innocent suspects would score, by calibration models that are judged by the others."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fpframe.decision import StratumPaths, StratumScores, interval_over_views, mean_of_views
from fpframe.enrolment import PLAIN, Enrolment
from fpframe.marketplace.kinds import Kind, Kinds, largest_p, scores_of_first

#: Lower than any score, which is a mean of cosines, and finite: what is not finite counts as high.
_LOWEST = -2.0


def innocent_kinds(enrolment: Enrolment, channel: str, *, first_views: int) -> Kinds:
    """Judge each calibration model as a suspect, by all models that are not of its family.

    Its p-values are those of a verdict: by strata and families, the largest counts, and models that are clearly less
    able than it count as scoring as high. Only it and its relatives count as scoring lower, without being missed in the
    number of models: no p-value could reach a level for which there are just enough. A further suspect, which is no
    calibration model, scores below all models of its stratum as often as it scores above all. So with one stratum, and
    a family for each model, p-values of innocents are exactly as often at most k/(n+1) as the definition promises.

    What else withholds a verdict, from weak suspects or after odd answers, is left out: innocents are accused here
    rather more often.

    Args:
        enrolment: the enrolment.
        channel: what suspects reveal.
        first_views: views of the first stage.
    """
    paths, rows, ability = enrolment.paths(channel), enrolment.calibration.rows, enrolment.ability
    whole = {name: path.scores() for name, path in paths.items()}
    begun = scores_of_first(paths, first_views)
    found = []
    for stratum, path in paths.items():
        each = 1 / len(paths) / (whole[stratum].units + 1)
        found.append(Kind(name=stratum, share=each, p=1.0, sure=1.0, first=1.0))  # below all
        for place, (row, family) in enumerate(zip(rows[stratum], path.families, strict=True)):
            less = ability.less_able_than(ability.models[row]) if ability is not None else ()
            others = {
                name: _without(family, scores, [less[other] for other in rows[name]] if less else ())
                for name, scores in whole.items()
            }
            first = {name: _without(family, scores, ()) for name, scores in begun.items()}
            views = path.views[place]
            p = largest_p(mean_of_views(views), others)
            found.append(
                Kind(
                    name=stratum,
                    share=each / path.families.count(family),
                    p=p,
                    sure=max(p, largest_p(_low(enrolment, row, channel, path, place), others)),
                    first=largest_p(mean_of_views(views[:first_views]), first),
                    family=family,
                )
            )
    return Kinds.of(found)


def _without(family: str, scores: StratumScores, less_able: Sequence[bool]) -> StratumScores:
    """Return scores of which those of a family count as low."""
    own = [other == family for other in scores.families]
    less = tuple(flag and not mine for flag, mine in zip(less_able, own, strict=True)) if any(less_able) else ()
    kept = tuple(_LOWEST if mine else score for score, mine in zip(scores.scores, own, strict=True))
    return attrs.evolve(scores, scores=kept, less_able=less)


def _low(enrolment: Enrolment, row: int, channel: str, path: StratumPaths, place: int) -> float:
    """Return the low end of the interval of a model's score over its views, or over the points of the only one."""
    views = path.views[place]
    if len(views) > 1:
        return interval_over_views(views.tolist())[0]
    interval = enrolment.interval_over_points(enrolment.calibration.answers[PLAIN][row], channel)
    return mean_of_views(views) if interval is None else interval[0]

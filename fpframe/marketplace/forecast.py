"""`forecast_scan`: what a scan of very many suspects would come to, by an enrolment's own models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from fpframe.decision import reaches, refuse_alpha, upper_bound
from fpframe.enrolment import Enrolment
from fpframe.errors import UsageError
from fpframe.marketplace.innocents import innocent_kinds
from fpframe.marketplace.limits import Limits
from fpframe.marketplace.scan import Scan
from fpframe.marketplace.simulate import Expected, Outcome, simulate
from fpframe.marketplace.thieves import thief_kinds
from fpframe.verification import planned_asks


@attrs.frozen(kw_only=True)
class Forecast:
    """What a scan would come to.

    Attributes:
        scan: the scan.
        channel: what suspects reveal.
        alpha: the level.
        outcomes: what each way to scan comes to.
        limits: what no scan by this enrolment can reach.
        queries_of_first: images that a suspect is sent in the first stage.
        queries_of_all: images that a suspect is sent for a whole verdict, if it is a service.
        accused_alone: by kind of innocent, the share that is called derived if each suspect is held to the level alone.
        found_alone: by attack, the share that is called derived so.
        families: families of calibration models that are called derived so, and all of them.
        accused_at_most: the share of suspects like these that is called derived so, at most, with 95 % confidence.
        models: how many models stand for innocents and for thieves.
    """

    scan: Scan
    channel: str
    alpha: float
    outcomes: tuple[Outcome, ...]
    limits: Limits
    queries_of_first: int
    queries_of_all: int
    accused_alone: Mapping[str, float]
    found_alone: Mapping[str, float]
    families: tuple[int, int]
    accused_at_most: float
    models: tuple[int, int]

    def queries(self, outcome: Outcome) -> Expected:
        """Return the images that are sent in all; what the first stage has asked is not asked again."""
        if outcome.stages == 1:
            sent = float(self.scan.suspects * self.queries_of_all)
            return Expected(mean=sent, interval=(sent, sent))
        first, rest = self.scan.suspects * self.queries_of_first, self.queries_of_all - self.queries_of_first
        further = outcome.asked_further
        low, high = (first + rest * end for end in further.interval)
        return Expected(mean=first + rest * further.mean, interval=(low, high))

    def affordable(self, outcome: Outcome, budget: float) -> int | None:
        """Return how many suspects a budget pays for; ``None`` where queries cost nothing."""
        each = self.scan.cost(self.queries(outcome).mean) / self.scan.suspects
        return int(budget / each) if each else None


def forecast_scan(
    enrolment: Enrolment, evaluation: str | Path, scan: Scan, *, channel: str | None = None, alpha: float | None = None
) -> Forecast:
    """Simulate a scan.

    Innocent suspects score as the calibration models do, each kind as often; thieves score as the derived models of an
    evaluation do, each attack as often. All suspects are compared with one calibration, as in a real scan.

    Args:
        enrolment: the enrolment.
        evaluation: the folder that ``fpframe evaluate`` wrote for it.
        scan: the scan.
        channel: what suspects reveal; ``None`` takes the recipe's first.
        alpha: the level; ``None`` takes the enrolment's.

    Raises:
        UsageError: the level is none, or higher than the enrolment's; there is no such channel; or there are not so
            many views.
        DataError: the evaluation cannot be read, or is of another enrolment.
    """
    level, views = enrolment.recipe.alpha if alpha is None else alpha, enrolment.queries.views
    refuse_alpha(level)
    if not reaches(level, enrolment.recipe.alpha):
        raise UsageError(
            f"alpha {level:g} is higher than the {enrolment.recipe.alpha:g} of the enrolment; take that or a lower one"
        )
    if scan.first_views > views:
        raise UsageError(f"the first stage cannot ask {scan.first_views} views: the enrolment has {views}; ask fewer")
    channel = channel or enrolment.recipe.channels[0]
    innocents = innocent_kinds(enrolment, channel, first_views=scan.first_views)
    thieves = thief_kinds(Path(evaluation), enrolment, channel, first_views=scan.first_views)
    return Forecast(
        scan=scan,
        channel=channel,
        alpha=level,
        outcomes=tuple(simulate(innocents, thieves, scan, alpha=level)),
        limits=Limits.of(enrolment.strata(channel), scan, alpha=level),
        queries_of_first=scan.first_views * enrolment.queries.images.shape[1],
        queries_of_all=sum(planned_asks(enrolment, service=True, at_once=1)),
        accused_alone=innocents.shares_called(level),
        found_alone=thieves.shares_called(level),
        families=(families := innocents.families_called(level)),
        accused_at_most=upper_bound(*families),
        models=(len(enrolment.calibration.models), len(thieves.p)),
    )

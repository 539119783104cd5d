"""``fpframe forecast``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Json
from fpframe.cli.streams import say

if TYPE_CHECKING:
    from fpframe.marketplace import Scan


@Parameter(name="*", group=Group("Scan", sort_key=2))
@attrs.frozen(kw_only=True)
class ScanOptions:
    """What is scanned, and how.

    Attributes:
        suspects: Models on the marketplace.
        derived: How many of them are made from the victim.
        first_views: Views that the first of two stages asks.
        screen: Highest p-value after the first stage at which a suspect is asked all views.
        price: Price of a thousand queries, in any currency.
        repeats: Simulations.
        seed: Decides every draw.
    """

    suspects: int = 1_000_000
    derived: int = 20
    first_views: int = 1
    screen: float = 0.2
    price: float = 0.0
    repeats: int = 1000
    seed: int = 0

    def scan(self) -> Scan:
        """Return the scan.

        Raises:
            UsageError: there are more thieves than suspects.
            ParameterError: a number is out of range.
        """
        from fpframe.marketplace import Scan

        return Scan(**attrs.asdict(self))


def forecast(
    enrolment: Path,
    *,
    evaluation: Path,
    channel: str | None = None,
    alpha: float | None = None,
    budget: float | None = None,
    json_: Json = False,
    scan: ScanOptions = ScanOptions(),
) -> None:
    """Simulate a scan of very many suspects: who would be accused, how many thieves found, and for how much.

    Nobody is asked anything. Innocent suspects score as the calibration models do, and thieves as the derived models
    that were evaluated.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        evaluation: Folder that 'fpframe evaluate' wrote for it.
        channel: What suspects reveal, such as probs or top1; the recipe's first by default.
        alpha: Level; the enrolment's by default, and not above it.
        budget: Money to spend, in the currency of the price; says how many suspects it pays for.
        json_: Print exactly one JSON object.
        scan: What is scanned, and how.

    Raises:
        UsageError: the budget is below 0.
    """
    from fpframe.enrolment import Enrolment
    from fpframe.errors import UsageError
    from fpframe.marketplace import forecast_scan
    from fpframe.report import forecast_dict, forecast_text

    if budget is not None and not 0 <= budget < float("inf"):
        raise UsageError(f"--budget must be at least 0 and finite (got {budget:g})")
    wanted = scan.scan()
    found = forecast_scan(Enrolment.open(enrolment), evaluation, wanted, channel=channel, alpha=alpha)
    say(json.dumps(forecast_dict(found, budget=budget), indent=2) if json_ else forecast_text(found, budget=budget))

"""What commands say of an enrolment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpframe.enrolment import Enrolment


def describe_enrolment(enrolment: Enrolment, path: Path) -> str:
    """Return what an enrolment consists of, and what a verdict by it rests on, as lines for a terminal."""
    calibrated = ", ".join(f"{count} {name}" for name, count in enrolment.calibration.counts.items())
    filters = ", ".join(name for name in enrolment.calibration.answers if name)
    lines = [
        f"{path}: victim {enrolment.victim['address']} (accuracy {enrolment.victim['accuracy']:.3f}); "
        f"{enrolment.scheme}, {enrolment.queries.queries} queries, channels {', '.join(enrolment.encoders)}; "
        f"calibrated on {calibrated}" + (f"; also through {filters}" if filters else "")
    ]
    lines += [*_ability_lines(enrolment), *_stranger_lines(enrolment)]
    return "\n".join([*lines, f"  digest {enrolment.digest}", *(f"  {note.text}" for note in enrolment.caveats)])


def _ability_lines(enrolment: Enrolment) -> list[str]:
    """Return how able victim and calibration models are, and what so few images can tell."""
    from fpframe.decision import FOR_SUSPECTS, resolution

    able = enrolment.to_dict()["ability"]
    if able is None:
        return []
    ranges = [f"{name} {low:.3f} to {high:.3f}" for name, (low, _, high) in able["calibration"].items()]
    told = resolution(able["images"], 0.1, errors=FOR_SUSPECTS)
    return [
        f"  accuracy on {able['images']} test images, which tell a suspect from models less able by {told:.3f}, if "
        f"they differ on a tenth of them: victim {able['victim']:.3f}; {', '.join(ranges)}"
    ]


def _stranger_lines(enrolment: Enrolment) -> list[str]:
    """Return what models of each kind would be called if nobody of the kind were calibrated."""
    channel = next(iter(enrolment.encoders))
    rates = [f"{each.name} {each.accused} of {each.n}" for each in enrolment.strangers(channel)]
    return [f"  called derived if their kind were not calibrated ({channel}): {', '.join(rates)}"]

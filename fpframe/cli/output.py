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
    told = [
        *_fitness(enrolment),
        *_ability(enrolment),
        _strangers(enrolment),
        enrolment.left_out(next(iter(enrolment.encoders))).in_words(),
        f"digest {enrolment.digest}",
        *(note.text for note in enrolment.caveats),
    ]
    return "\n".join([*lines, *(f"  {line}" for line in told)])


def _ability(enrolment: Enrolment) -> list[str]:
    """Return how able victim and calibration models are, and what so few images can tell."""
    from fpframe.decision import FOR_SUSPECTS, resolution

    able = enrolment.to_dict()["ability"]
    if able is None:
        return []
    ranges = [f"{name} {low:.3f} to {high:.3f}" for name, (low, _, high) in able["calibration"].items()]
    told = resolution(able["images"], 0.1, errors=FOR_SUSPECTS)
    return [
        f"ability on {able['images']} test images, which tell a suspect from models less able by {told:.3f}, if they "
        f"differ on a tenth of them: victim {able['victim']:.3f}; {', '.join(ranges)}"
    ]


def _strangers(enrolment: Enrolment) -> str:
    """Return what models of each kind would be called if nobody of the kind were calibrated."""
    channel = next(iter(enrolment.encoders))
    # architectures of one model each are many, and say little where nobody is accused
    told = [each for each in enrolment.strangers(channel) if each.n > 1 or each.accused]
    rates = [f"{each.name} {each.accused} of {each.n}" for each in told]
    if not rates:  # of one kind only, nothing is left to judge it by
        return "all models that calibrate are of one kind"
    return f"called derived if their kind were not calibrated ({channel}): {', '.join(rates)}"


def _fitness(enrolment: Enrolment) -> list[str]:
    """Return what was looked at before the enrolment may accuse anybody."""
    if enrolment.fitness is None:
        return []
    victim, zoo = enrolment.fitness.victim, enrolment.fitness.zoo
    failed = f"; {zoo.failed} failed theft{'s' if zoo.failed > 1 else ''} left out" if zoo.failed else ""
    agreement = f"; median kappa with the victim {zoo.agreement:.2f}" if zoo.agreement is not None else ""
    lines = [
        f"victim: accuracy {victim.accuracy:.3f} on {victim.images} test images (guessing {victim.guessing:.3f}, mean "
        f"images of the classes {victim.class_means:.3f}), {victim.pool_accuracy:.3f} on the pool",
        f"fitted on {zoo.derived} derived and {zoo.independent} independent models{failed}",
    ]
    if zoo.strata:
        ranges = ", ".join(
            f"{name} {each.lowest:.3f} to {each.highest:.3f} (median {each.median:.3f})"
            for name, each in zoo.strata.items()
        )
        lines.append(f"accuracy of the calibration models: {ranges}{agreement}")
    lines += [
        f"{made.perturbation}: {made.moved:.0%} of its queries moved, aim reached on {made.converged:.0%}"
        for made in enrolment.fitness.queries
        if made.perturbation != "none"
    ]
    return lines

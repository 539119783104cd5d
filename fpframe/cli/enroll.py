"""``fpframe enroll``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag, RunOptions, VictimOptions, Words
from fpframe.cli.output import describe_enrolment


def enroll(
    *,
    out: Path,
    recipe: str = "quick",
    scheme: str | None = None,
    without: Words = (),
    alpha: float | None = None,
    seed: int | None = None,
    force: Flag = False,
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Fingerprint a victim and calibrate the verdict.

    Args:
        out: Folder to write the enrolment to.
        recipe: Preset, such as tiny, quick or small, or a TOML file.
        scheme: Fingerprint scheme, see 'fpframe plugins'; or a TOML file with one.
        without: Strata to leave out. Without same-data your architecture is never trained, which saves much time
            where it is a large one.
        alpha: Highest p-value at which a suspect is called derived.
        seed: Decides every random choice.
        force: Overwrite an existing enrolment.
        victim: The owner's model.
        run: The data, and how work is carried out.
    """
    from fpframe.enrolment import enroll as enroll_victim, refuse_existing

    refuse_existing(out, force=force)  # before hours of training
    with run.shown() as shown:
        enrolment = enroll_victim(
            victim.named(),
            run.dataset,
            recipe=recipe,
            scheme=scheme,
            seed=seed,
            alpha=alpha,
            without=without,
            run=shown,
        )
    enrolment.save(out, force=force)
    print(describe_enrolment(enrolment, out))

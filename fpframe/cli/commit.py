"""``fpframe commit``."""

from __future__ import annotations

from pathlib import Path

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Flag, RunOptions, VictimDetails, Words
from fpframe.cli.streams import say


@Parameter(name="*", group=Group("Commitment", sort_key=1))
@attrs.frozen(kw_only=True)
class TermsOptions:
    """What is settled beforehand.

    Attributes:
        recipe: Preset, such as tiny, quick or small, or a TOML file. Its seeds are replaced when the beacon is known.
        beacon: Day, or time in UTC, of the public randomness that seeds will follow from, such as 2026-12-01 or
            2026-12-01T12:00:00Z; the next day by default.
        source: Where that randomness will be published.
        alpha: Highest p-value at which a suspect is called derived, of all enrolments together; the recipe's by
            default.
        enrolments: How many enrolments may be made; each is held to alpha divided by their number.
        sequential: Suspects will be judged with --sequential.
        certify: Suspects will be judged with --certify.
        channel: What suspects reveal, as for 'fpframe verify'.
        through: Answer filter that they answer through, as for 'fpframe verify'.
        zoo_seed: Public seed of the data's division and of the zoo, for models that several victims share; it follows
            from the beacon by default.
        without: Strata to leave out.
    """

    recipe: str = "quick"
    beacon: str | None = None
    source: str = "drand"
    alpha: float | None = None
    enrolments: int = 1
    sequential: Flag = False
    certify: Flag = False
    channel: str = "auto"
    through: str = "auto"
    zoo_seed: int | None = None
    without: Words = ()


def commit(
    victim: str,
    /,
    *,
    key: Path,
    out: Path,
    terms: TermsOptions = TermsOptions(),
    details: VictimDetails = VictimDetails(),
    run: RunOptions = RunOptions(),
) -> None:
    """Commit to a victim and to how it will be enrolled, before its seeds can be known.

    Args:
        victim: Your model, as for --victim of 'fpframe enroll'.
        key: Your private key (PEM), such as 'openssl genpkey -algorithm ed25519' makes.
        out: Folder of the case, which you keep: it holds what was committed to, and the log of enrolments.
        terms: What is settled beforehand.
        details: More about the victim.
        run: The data, and where plugins are.
    """
    from datetime import timedelta

    from fpframe.base import now
    from fpframe.cli.committed import told
    from fpframe.enrolment import Terms
    from fpframe.evidence import commit as commit_to, read_private_key
    from fpframe.recipe import Recipe

    secret = read_private_key(key)
    recipe = Recipe.load(terms.recipe)
    settled = Terms(
        beacon=terms.beacon or (now() + timedelta(days=1)).date().isoformat(),
        source=terms.source,
        alpha=recipe.alpha if terms.alpha is None else terms.alpha,
        enrolments=terms.enrolments,
        test="sequential" if terms.sequential else "conformal",
        certify=terms.certify,
        channel=terms.channel,
        through=terms.through,
        zoo_seed=terms.zoo_seed,
        without=terms.without,
    )
    named = details.victim_of(victim)
    how = told(victim, details, run)
    with run.shown() as shown:
        case = commit_to(named, run.dataset, recipe=recipe, terms=settled, key=secret, out=out, how=how, run=shown)
    say(f"commitment {case.root}")
    say(f"  have it time-stamped: openssl ts -query -sha256 -cert -digest {case.root} -out {out}.tsq")
    say(f"  seeds follow from the public randomness of {settled.beacon} ({settled.source})")

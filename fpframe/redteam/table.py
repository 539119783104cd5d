"""Everything that a malicious owner is known to try, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

from fpframe.redteam import dating, forging, judging, signing, trying
from fpframe.redteam.attempt import Attempt, Said
from fpframe.redteam.stage import Stage


@attrs.frozen
class Unseen:
    """What no bundle can show.

    Attributes:
        name: what it is called.
        what: what the owner does.
        instead: what the other side can do about it.
    """

    name: str
    what: str
    instead: str


def _try(
    act: Callable[[Stage], Said],
    *expected: str,
    needs: Literal["", "authority", "shipped"] = "",
    instead: str = "",
) -> Attempt:
    """Return an attempt that is called as its function, and told in the words of that."""
    what = " ".join((act.__doc__ or "").split())
    return Attempt(
        name=act.__name__.replace("_", "-"), what=what, act=act, expected=expected, needs=needs, instead=instead
    )


_AUDIT = "'fpframe audit' says that it differs, with the victim and the data"

ATTEMPTS: tuple[Attempt, ...] = (
    _try(trying.grind_seeds, "committed-otherwise"),
    _try(trying.try_more_often, "attempts-spent"),
    _try(trying.show_best_of_fifty, "commitment-differs"),
    _try(trying.rewrite_log, "log-damaged"),
    _try(trying.commit_late, "beacon-too-early"),
    _try(trying.back_date_commitment, "beacon-too-early", needs="authority"),
    _try(trying.swap_commitment, "commitment-of-another-case"),
    _try(dating.stamp_late, "token-after-first-query", needs="authority"),
    _try(dating.seal_late, "seal-after-first-query"),
    _try(dating.back_date_seal, "seal-before-beacon"),
    _try(dating.found_authority, "authority-unknown", needs="authority"),
    _try(dating.borrow_token, "token-of-another-subject", needs="authority"),
    _try(dating.claim_older_model, "suspect-older"),
    _try(signing.strip_signature, "signature-missing"),
    _try(signing.borrow_signature, "key-unknown"),
    _try(signing.attest_oneself, "key-unknown"),
    _try(signing.swap_subject, "subject-differs"),
    _try(signing.leave_out_member, "subject-differs"),
    _try(judging.raise_level, "verdict-differs"),
    _try(judging.choose_test, "chosen-afterwards"),
    _try(judging.choose_channel, "chosen-afterwards"),
    _try(judging.replay_answers, "answers-differ"),
    _try(judging.replay_answers_with_help, "verdict-differs", needs="shipped"),
    _try(judging.rewrite_verdict, "signature-wrong"),
    _try(judging.rewrite_verdict_with_help, "verdict-differs", "statement-damaged", needs="shipped"),
    _try(forging.remove_models, "subject-differs"),
    _try(forging.edit_encoder, "subject-differs"),
    _try(forging.edit_scores, "member-damaged", needs="shipped"),
    _try(forging.remove_models_early, "member-damaged", needs="shipped"),
    _try(forging.edit_encoder_early, instead=_AUDIT),
    _try(forging.make_up_answers, instead=_AUDIT),
    _try(dating.back_date_between, instead="'fpframe check' says that no authority dated it; ask for a token"),
)

#: What cannot be played against a bundle, for everything in it is as it should be.
UNSEEN: tuple[Unseen, ...] = (
    Unseen(
        "innocent-as-victim",
        "Fine-tune a public model of somebody innocent, commit to it as the victim, and claim against its origin.",
        "compare the date of the commitment with that of the suspect ('suspect-older'), by digests that were dated",
    ),
    Unseen(
        "points-on-surrogates",
        "Commit to a component of one's own that chooses points by models of the suspect's kind.",
        "read the components that 'fpframe check' marks ('component-foreign'), and calibrate on models of the holder",
    ),
    Unseen(
        "many-commitments",
        "Commit a hundred times, and show the one that accuses.",
        "ask for the earliest commitment that was published or stamped",
    ),
)

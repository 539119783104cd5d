"""A decision that its own numbers contradict cannot be made."""

import math
import re

import attrs
import pytest

from fpframe.base import Note
from fpframe.decision import Decision, StratumScores, decide

HIGH, LOW = 2.0, 0.05


def stratum(count=9):
    return StratumScores(scores=tuple(i / 10 for i in range(1, count + 1)), families=tuple(map(str, range(count))))


def decision(score, *, alpha=0.1, **options):
    return decide([score] * 4, {"near": stratum(9), "far": stratum(19)}, alpha=alpha, **options)


DERIVED, NOT_SHOWN = decision(HIGH), decision(LOW)
INCONCLUSIVE = decision(HIGH, behaviour=Note("sent-nothing", "It sent nothing."))
CERTIFIED = decision(HIGH, alpha=0.3, certify=True)
FAILED = NOT_SHOWN.strata["near"]

#: What a caller may get wrong: a decision that can be, what is changed in it, and what is said of the result.
IMPOSSIBLE = {
    "derived above its level": (DERIVED, {"alpha": 0.05}, "DERIVED at level 0.05: stratum 'near' has 0.1"),
    "derived with one stratum that fails": (
        DERIVED,
        {"strata": {**DERIVED.strata, "near": FAILED}, "p_value": FAILED.p},
        "DERIVED at level 0.1: stratum 'near' has 1",
    ),
    "derived by p-values where the bounds count": (
        DERIVED,
        {"certify": True},
        "DERIVED at level 0.1: stratum 'far' has 0.14",
    ),
    "derived with no stratum": (DERIVED, {"strata": {}}, "DERIVED with no stratum"),
    "derived with a smaller p-value than its strata": (DERIVED, {"p_value": 0.01}, "DERIVED with a p-value of 0.01"),
    "derived without a p-value": (DERIVED, {"p_value": math.nan}, "DERIVED with a p-value of nan"),
    "derived at no level": (DERIVED, {"alpha": math.nan}, "DERIVED at level nan"),
    "derived with a reason": (DERIVED, {"reason": INCONCLUSIVE.reason}, "DERIVED with the reason"),
    "not shown although every stratum passes": (NOT_SHOWN, {"alpha": 1.0}, "NOT_SHOWN at level 1: every stratum"),
    "not shown with a reason": (NOT_SHOWN, {"reason": INCONCLUSIVE.reason}, "NOT_SHOWN with the reason"),
    "inconclusive without a reason": (INCONCLUSIVE, {"reason": None}, "INCONCLUSIVE without a reason"),
    "another word": (DERIVED, {"verdict": "GUILTY"}, "GUILTY (known: DERIVED, NOT_SHOWN, INCONCLUSIVE)"),
}


@pytest.mark.parametrize(("possible", "changes", "words"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_decision_that_its_numbers_contradict_cannot_be_made(possible, changes, words):
    with pytest.raises(ValueError, match=re.escape(f"a decision cannot be {words}")):
        attrs.evolve(possible, **changes)


def test_the_decisions_that_tests_make_can_be():
    for possible, word in ((DERIVED, "DERIVED"), (NOT_SHOWN, "NOT_SHOWN"), (INCONCLUSIVE, "INCONCLUSIVE")):
        assert Decision(**attrs.asdict(possible, recurse=False)) == possible or word == "INCONCLUSIVE"
        assert possible.verdict == word


def test_the_evidence_is_the_largest_p_value_or_the_largest_bound_where_it_is_certified():
    assert DERIVED.evidence == DERIVED.p_value == 1 / 10
    assert CERTIFIED.verdict == "DERIVED"
    assert CERTIFIED.evidence == CERTIFIED.strata["near"].bound > CERTIFIED.p_value
    assert math.isnan(INCONCLUSIVE.evidence)

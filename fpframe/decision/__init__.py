"""From scores to verdicts, and from verdicts to rates with intervals."""

from fpframe.decision.decide import (
    DERIVED,
    INCONCLUSIVE,
    NOT_SHOWN,
    Decision,
    decide,
    holm_thresholds,
    require_alpha,
)
from fpframe.decision.metrics import auc, auc_interval, clopper_pearson
from fpframe.decision.pvalues import StratumResult, StratumScores, stratum_p_value

__all__ = [
    "DERIVED",
    "INCONCLUSIVE",
    "NOT_SHOWN",
    "Decision",
    "StratumResult",
    "StratumScores",
    "auc",
    "auc_interval",
    "clopper_pearson",
    "decide",
    "holm_thresholds",
    "require_alpha",
    "stratum_p_value",
]

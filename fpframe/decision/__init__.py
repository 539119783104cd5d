"""From scores to verdicts, and from verdicts to rates with intervals."""

from fpframe.decision.curves import PowerAt, aruc, roc, tpr_at_fpr
from fpframe.decision.decide import decide
from fpframe.decision.levels import holm_thresholds, require_alpha
from fpframe.decision.metrics import auc, auc_interval, clopper_pearson
from fpframe.decision.outcome import DERIVED, INCONCLUSIVE, NOT_SHOWN, Decision
from fpframe.decision.paired import AreaTest, bootstrap_interval, difference_test, holm, kernel
from fpframe.decision.paths import StratumPaths
from fpframe.decision.pvalues import (
    StratumResult,
    StratumScores,
    needed_models,
    stratum_p_value,
    stratum_p_values,
    upper_bound,
)
from fpframe.decision.sequential import Standard, decide_sequentially, standard_of
from fpframe.decision.validity import LeftOut, ValidityAt, check_validity, leave_one_stratum_out
from fpframe.decision.variance import VarianceShares, variance_shares
from fpframe.decision.welch import decide_by_welch, welch_p_value, welch_p_values

__all__ = [
    "DERIVED",
    "INCONCLUSIVE",
    "NOT_SHOWN",
    "AreaTest",
    "Decision",
    "LeftOut",
    "PowerAt",
    "Standard",
    "StratumPaths",
    "StratumResult",
    "StratumScores",
    "ValidityAt",
    "VarianceShares",
    "aruc",
    "auc",
    "auc_interval",
    "bootstrap_interval",
    "check_validity",
    "clopper_pearson",
    "decide",
    "decide_by_welch",
    "decide_sequentially",
    "difference_test",
    "holm",
    "holm_thresholds",
    "kernel",
    "leave_one_stratum_out",
    "needed_models",
    "require_alpha",
    "roc",
    "standard_of",
    "stratum_p_value",
    "stratum_p_values",
    "tpr_at_fpr",
    "upper_bound",
    "variance_shares",
    "welch_p_value",
    "welch_p_values",
]

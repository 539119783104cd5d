from .ability import (
    FOR_SUSPECTS as FOR_SUSPECTS,
    clearly_less_able as clearly_less_able,
    resolution as resolution,
)
from .beaten import Beaten as Beaten, kernel as kernel
from .conformal import decide as decide, stands_out as stands_out
from .curves import PowerAt as PowerAt, aruc as aruc, roc as roc, tpr_at_fpr as tpr_at_fpr
from .few import LEAST as LEAST, Gap as Gap, gap_above as gap_above
from .levels import (
    HIGHEST_ALPHA as HIGHEST_ALPHA,
    holm_thresholds as holm_thresholds,
    refuse_alpha as refuse_alpha,
    require_alpha as require_alpha,
)
from .many import (
    SHARINGS as SHARINGS,
    Sharing as Sharing,
    levels_of_many as levels_of_many,
    reach as reach,
)
from .metrics import auc as auc, clopper_pearson as clopper_pearson
from .newcombe import auc_interval as auc_interval
from .outcome import (
    DERIVED as DERIVED,
    INCONCLUSIVE as INCONCLUSIVE,
    NOT_SHOWN as NOT_SHOWN,
    Decision as Decision,
    Test as Test,
    Word as Word,
    interval_over_views as interval_over_views,
    undecided as undecided,
)
from .paired import (
    AreaTest as AreaTest,
    difference_test as difference_test,
    holm as holm,
)
from .paths import StratumPaths as StratumPaths, mean_of_views as mean_of_views, pooled as pooled
from .pvalues import (
    StratumResult as StratumResult,
    StratumScores as StratumScores,
    needed_models as needed_models,
    reaches as reaches,
    stratum_p_value as stratum_p_value,
    stratum_p_values as stratum_p_values,
    upper_bound as upper_bound,
)
from .sequential import Standard as Standard, decide_sequentially as decide_sequentially, standard_of as standard_of
from .shared import decide_together as decide_together, share_of as share_of
from .validity import (
    LeftOut as LeftOut,
    ValidityAt as ValidityAt,
    check_validity as check_validity,
    leave_one_stratum_out as leave_one_stratum_out,
)
from .variance import VarianceShares as VarianceShares, variance_shares as variance_shares
from .welch import decide_by_welch as decide_by_welch, welch_p_value as welch_p_value, welch_p_values as welch_p_values
from .zoos import (
    area_over_zoos as area_over_zoos,
    difference_over_zoos as difference_over_zoos,
    standard_deviation as standard_deviation,
    with_zoos as with_zoos,
)

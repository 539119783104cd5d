from .bench import Bench as Bench
from .check import Check as Check, ConformanceError as ConformanceError
from .parametrized import parametrize_with_checks as parametrize_with_checks
from .report import report_data as report_data, report_lines as report_lines
from .results import (
    CheckResult as CheckResult,
    check_component as check_component,
    check_scheme as check_scheme,
    check_stratum as check_stratum,
    checks_for as checks_for,
    run_checks as run_checks,
    run_data_checks as run_data_checks,
)

"""The conformance kit: does a component keep the promises of its kind?

For plugin authors: `check_component` in any test, `parametrize_with_checks` in pytest, ``fpframe plugins check NAME``
on the command line. The built-ins pass exactly these checks.
"""

from fpframe.testing.bench import Bench
from fpframe.testing.check import Check, ConformanceError
from fpframe.testing.parametrizing import parametrize_with_checks
from fpframe.testing.running import (
    CheckResult,
    check_component,
    check_scheme,
    checks_for,
    run_checks,
    run_scheme_checks,
)

__all__ = [
    "Bench",
    "Check",
    "CheckResult",
    "ConformanceError",
    "check_component",
    "check_scheme",
    "checks_for",
    "parametrize_with_checks",
    "run_checks",
    "run_scheme_checks",
]

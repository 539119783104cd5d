"""Choose the checks for a component, and run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs

from fpframe.interfaces import Component, Scheme, Stratum
from fpframe.registry import Registry
from fpframe.testing.bench import Bench
from fpframe.testing.check import Check, ConformanceError, NotHere
from fpframe.testing.checks import ALL

Outcome = Literal["passed", "failed", "expected failure", "skipped"]


@attrs.frozen(kw_only=True)
class CheckResult:
    """How one check came out.

    Attributes:
        check: the check.
        outcome: ``passed``, ``failed``, ``expected failure``, or ``skipped`` where it cannot be made on this machine.
        text: what is wrong, or why it was skipped; empty where it passed.
    """

    check: Check
    outcome: Outcome
    text: str = ""


def checks_for(component: Component) -> tuple[Check, ...]:
    """Return the checks that are for this component, by its kind and by what it declares."""
    return tuple(one for one in ALL if (not one.kinds or component.kind in one.kinds) and one.applies(component))


def require_reasons(component: Component) -> None:
    """Make sure that every failure that a component declares to be expected is that of a check, with a reason.

    Raises:
        ConformanceError: a check is unknown or is not for this component, or a reason is missing.
    """
    known = {one.name for one in checks_for(component)}
    for name, reason in component.expected_failures.items():
        if name not in known:
            raise ConformanceError(
                f"'{component.name}' expects '{name}' to fail, which is not a check for it; take it out of "
                "expected_failures"
            )
        if not reason.strip():
            raise ConformanceError(f"'{component.name}' gives no reason why '{name}' fails; write one")


def run_check(check: Check, component: Component, bench: Bench) -> CheckResult:
    """Run one check; a failure that the component declares is expected, and must happen."""
    reason = component.expected_failures.get(check.name)
    try:
        check(component, bench)
    except NotHere as error:
        return CheckResult(check=check, outcome="skipped", text=str(error))
    except ConformanceError as error:
        if reason is not None:
            return CheckResult(check=check, outcome="expected failure", text=reason)
        return CheckResult(check=check, outcome="failed", text=str(error))
    if reason is not None:
        text = f"'{component.name}' passes what it expects to fail ({reason}); remove it from expected_failures"
        return CheckResult(check=check, outcome="failed", text=text)
    return CheckResult(check=check, outcome="passed")


def run_checks(component: Component) -> tuple[CheckResult, ...]:
    """Run every check that is for a component, and return how each came out.

    Raises:
        ConformanceError: the failures that it declares to be expected are not well written.
    """
    require_reasons(component)
    bench = Bench()
    return tuple(run_check(one, component, bench) for one in checks_for(component))


def run_data_checks(offer: Scheme | Stratum, registry: Registry) -> tuple[CheckResult, ...]:
    """Run every check that is for schemes, or for strata, and return how each came out.

    Args:
        offer: the scheme or stratum.
        registry: where what it names is looked for.
    """
    kind, results = "scheme" if isinstance(offer, Scheme) else "stratum", []
    for one in ALL:
        if kind in one.kinds:
            try:
                one(offer, registry)
            except ConformanceError as error:
                results.append(CheckResult(check=one, outcome="failed", text=str(error)))
            else:
                results.append(CheckResult(check=one, outcome="passed"))
    return tuple(results)


def check_scheme(scheme: Scheme, registry: Registry) -> None:
    """Check that a scheme can be used.

    Raises:
        ConformanceError: it cannot; the message has a line for each promise that is broken.
    """
    _raise_failed(run_data_checks(scheme, registry))


def check_stratum(stratum: Stratum, registry: Registry) -> None:
    """Check that models of a stratum can be planned.

    Raises:
        ConformanceError: they cannot; the message has a line for each promise that is broken.
    """
    _raise_failed(run_data_checks(stratum, registry))


def check_component(component: Component) -> None:
    """Check that a component keeps every promise of its kind.

    Args:
        component: an object of the class to check. Parameters that make it fast serve well: what is checked does not
            depend on them. `component.for_checks()` returns one.

    Raises:
        ConformanceError: it breaks promises; the message has a line for each.
    """
    _raise_failed(run_checks(component))


def _raise_failed(results: Sequence[CheckResult]) -> None:
    failed = [result for result in results if result.outcome == "failed"]
    if failed:
        raise ConformanceError("\n".join(f"{result.check.name}: {result.text}" for result in failed))

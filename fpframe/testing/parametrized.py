"""`parametrize_with_checks`: each check of each component as a test of its own, for pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fpframe.interfaces import Component
from fpframe.testing.bench import Bench
from fpframe.testing.check import Check
from fpframe.testing.results import checks_for, require_reasons, run_check

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(components: Iterable[Component]) -> pytest.MarkDecorator:
    """Return a decorator that runs a test for each check of each component.

    The test function takes one argument, `check`, and calls it::

        @parametrize_with_checks([MyMethod()])
        def test_conformance(check):
            check()

    A check that fails is a failed test; one that cannot be made here is skipped with the reason; one that the component
    declares in `expected_failures` is an expected failure, and fails where it passes.

    Raises:
        ConformanceError: the failures that a component declares to be expected are not well written.
    """
    import pytest

    cases = []
    for component in components:
        require_reasons(component)
        cases += [
            pytest.param(_case(one, component), id=f"{component.kind}-{component.name}-{one.name}")
            for one in checks_for(component)
        ]
    return pytest.mark.parametrize("check", cases)


def _case(check: Check, component: Component) -> Callable[[], None]:
    def run() -> None:
        import pytest

        result = run_check(check, component, _bench(type(component), component.spec()))
        if result.outcome == "skipped":
            pytest.skip(result.text)
        elif result.outcome == "expected failure":
            pytest.xfail(result.text)
        elif result.outcome == "failed":
            pytest.fail(result.text, pytrace=False)

    return run


@lru_cache(maxsize=8)
def _bench(component: type[Any], spec: str) -> Bench:
    """Return one bench for all checks of a component, which share its runs."""
    return Bench()

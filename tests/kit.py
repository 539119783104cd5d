"""What tests of the conformance kit share: which checks a component fails, and that it fails one alone."""

from __future__ import annotations

from collections.abc import Collection

from fpframe.interfaces.component import Component
from fpframe.testing.results import run_checks


def failures(component: Component) -> dict[str, str]:
    """Return the message of every check that fails."""
    return {result.check.name: result.text for result in run_checks(component) if result.outcome == "failed"}


def require_fault_alone(component: Component, check: str, words: str, following: Collection[str] = ()) -> None:
    """Require that a component fails a check with these words, names itself, and fails nothing else.

    Args:
        component: a component that is sound but for one fault.
        check: the check that finds it.
        words: a part of the message.
        following: checks that cannot pass where this one fails.
    """
    failed = failures(component)
    assert check in failed, failed
    assert failed.keys() - set(following) == {check}, failed
    assert failed[check].startswith(f"'{component.name}'")
    assert words in failed[check]

"""The frame of the conformance kit: what is chosen, what is expected, and what is told."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

import fpframe
from core.testing.test_kit_conduct import Noise, Talking
from fpframe import testing
from fpframe.testing.bench import Bench
from fpframe.testing.changes import watched
from fpframe.testing.check import ConformanceError
from fpframe.testing.checks import ALL
from fpframe.testing.parametrized import parametrize_with_checks
from fpframe.testing.results import check_component, checks_for, run_checks

#: Modules whose ``BROKEN`` maps checks to components that break them.
TESTED_BY = [f"core.testing.{path.stem}" for path in sorted(Path(__file__).parent.glob("test_kit_*.py"))]


def test_every_check_has_a_component_that_breaks_it():
    broken: dict[str, Any] = {}
    for module in TESTED_BY:
        broken |= getattr(importlib.import_module(module), "BROKEN", {})
    assert broken.keys() == {check.name for check in ALL}


def test_checks_have_names_of_their_own_and_say_their_promise_in_one_sentence():
    names = [check.name for check in ALL]
    assert len(set(names)) == len(names)
    for check in ALL:
        assert check.summary.endswith("."), check.name
        assert check.summary[0].isupper() or check.summary.startswith("`"), check.name


def test_what_is_exported_is_sorted_and_there():
    assert testing.__all__ == sorted(testing.__all__, key=lambda name: (not name[0].isupper(), name))
    assert all(hasattr(testing, name) for name in testing.__all__)


def test_the_kit_needs_no_pytest_until_tests_are_made():
    code = "import sys, fpframe.testing; print('pytest' in sys.modules, 'fpframe_plugins' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False False\n"


def test_checks_are_chosen_by_kind_and_by_what_is_declared(registry):
    def named(kind, name):
        return {check.name for check in checks_for(registry.create(kind, name))}

    assert "the_bound_holds_for_each_sample" in named("perturbation", "uap")
    assert "the_bound_holds_for_each_sample" not in named("perturbation", "deepfool")
    assert "another_seed_gives_another_result" in named("perturbation", "uap")
    assert "no_seed_changes_a_deterministic_result" in named("perturbation", "deepfool")
    assert not {check.name for check in ALL if check.kinds == ("encoder",)} & named("perturbation", "uap")


def test_a_failure_that_is_expected_must_happen():
    class Frank(Talking):
        """Print, and say so."""

        __doc__ = Noise.__doc__
        expected_failures: ClassVar[Any] = {"prints_nothing": "it talks to its author"}

    class Reformed(Noise):
        """Claim to print, and do not."""

        __doc__ = Noise.__doc__
        expected_failures: ClassVar[Any] = {"prints_nothing": "it used to"}

    results = {result.check.name: result for result in run_checks(Frank())}
    assert (results["prints_nothing"].outcome, results["prints_nothing"].text) == (
        "expected failure",
        "it talks to its author",
    )
    check_component(Frank())
    with pytest.raises(ConformanceError, match=r"passes what it expects to fail \(it used to\); remove it from"):
        check_component(Reformed())


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"prints_nothing": " "}, "'noise' gives no reason why 'prints_nothing' fails; write one"),
        ({"prints_nothin": "why"}, "'noise' expects 'prints_nothin' to fail, which is not a check for it"),
        (
            {"embeddings_have_unit_length": "why"},
            "expects 'embeddings_have_unit_length' to fail, which is not a check for it",
        ),
    ],
)
def test_an_expectation_without_reason_or_check_is_an_error(expected, words):
    class Odd(Noise):
        """Expect the wrong thing."""

        __doc__ = Noise.__doc__
        expected_failures: ClassVar[Any] = expected

    for use in (check_component, run_checks, lambda component: parametrize_with_checks([component])):
        with pytest.raises(ConformanceError) as raised:
            use(Odd())
        assert words in str(raised.value)


@pytest.mark.slow
def test_each_check_is_a_test_of_its_own_in_pytest(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import attrs, torch\n"
        "from core.testing.test_kit_conduct import Noise, Talking\n"
        "from fpframe.testing import parametrize_with_checks\n"
        "class Frank(Talking):\n"
        "    __doc__ = Noise.__doc__\n"
        "    name = 'frank'\n"
        "    expected_failures = {'prints_nothing': 'it talks to its author'}\n"
        "class Loud(Talking):\n"
        "    __doc__ = Noise.__doc__\n"
        "    name = 'loud'\n"
        "@parametrize_with_checks([Noise(), Frank(), Loud()])\n"
        "def test_conformance(check):\n"
        "    check()\n"
    )
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-rA",
            "-c",
            "/dev/null",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [Path(__file__).parent, Path(__file__).parents[2]]))},
    )
    lines = ended.stdout.splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    assert len(failed) == 1, ended.stdout
    assert "test_conformance[perturbation-loud-prints_nothing]" in failed[0]
    assert "'loud': it changes output: 'working hard" in ended.stdout
    [expected] = [line for line in lines if line.startswith("XFAIL")]
    assert "perturbation-frank-prints_nothing" in expected
    assert "it talks to its author" in expected
    assert sum(line.startswith("PASSED") for line in lines) >= 50


def test_a_bench_makes_the_same_each_time_and_hands_out_copies():
    first, second = Bench(), Bench()
    assert all(
        (a == b).all() for a, b in zip(first.classifier().parameters(), second.classifier().parameters(), strict=True)
    )
    assert first.classifier() is not first.classifier()
    assert (first.images(8).images == second.images(8).images).all()
    assert (first.images(8, seed=1).images != first.images(8).images).any()


@pytest.mark.parametrize(
    "register",
    [
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
    ],
)
def test_hooks_are_seen_where_they_stay(register):
    model = Bench().untrained()
    with watched(models={"the model": model}, tensors={}) as changed:
        handle = getattr(model.module[0], register)(lambda *_: None)
        handle.remove()
    assert changed == {}
    with watched(models={"the model": model}, tensors={}) as changed:
        getattr(model.module[0], register)(lambda *_: None)
    assert changed == {"hooks": "the model"}


@pytest.mark.parametrize("channels", [1, 3])
def test_the_model_of_a_bench_knows_its_images_but_not_all(channels):
    bench = Bench()
    images = bench.images(400, channels=channels, seed=5)
    assert 0.8 <= bench.classifier(channels=channels).accuracy(images.pixels, images.labels) < 1
    constant = bench.constant(channels=channels)
    assert len(constant.logits(images.pixels).unique(dim=0)) == 1


def test_a_component_that_crashes_is_told_on_one_line():
    class Crashing(Noise):
        """Crash."""

        __doc__ = Noise.__doc__

        def act(self, model, x):
            raise RuntimeError("first\nsecond")

    with pytest.raises(ConformanceError) as raised:
        check_component(Crashing())
    assert "'noise' fails while it is tried: RuntimeError: first second" in str(raised.value)
    assert all(": 'noise'" in line for line in str(raised.value).splitlines())


def test_parameters_that_make_it_fast_are_what_the_kit_takes():
    assert attrs.asdict(fpframe.load_registry().get("perturbation", "uap").for_checks())["steps"] < 100


def test_what_refuses_for_want_of_a_library_is_skipped_and_what_refuses_otherwise_fails():
    class Bookish(Noise):
        __doc__ = Noise.__doc__
        missing: ClassVar[str] = "no_such_library"

        def generate(self, model, x, labels, *, references, seed):
            try:
                importlib.import_module(self.missing)
            except ModuleNotFoundError as error:
                raise fpframe.UsageError(f"{self.missing} is not installed ({self.name}); install it") from error
            raise fpframe.UsageError(f"nothing is missing ({self.name}); look elsewhere")

    class Grumpy(Bookish):
        __doc__ = Noise.__doc__
        missing = "json"

    results = run_checks(Bookish())
    assert {result.text for result in results if result.outcome == "skipped"} == {
        "it needs 'no_such_library', which is not installed",
        "no CUDA device is here",
    }
    assert not [result for result in results if result.outcome == "failed"]
    [same] = [result for result in run_checks(Grumpy()) if result.check.name == "gives_the_same_again"]
    assert (same.outcome, "fails while it is tried: UsageError: nothing is missing" in same.text) == ("failed", True)

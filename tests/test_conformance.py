"""Every built-in passes the conformance kit, which is the one that plugin authors have."""

from __future__ import annotations

import fpframe
from fpframe.registry.registry import KINDS
from fpframe.testing.parametrized import parametrize_with_checks
from fpframe.testing.results import check_scheme

REGISTRY = fpframe.load_registry()
OFFERED = [
    (kind, name) for info in REGISTRY.plugins for kind, name in info.components if info.distribution == "fpframe"
]
COMPONENTS = [REGISTRY.get(kind, name).for_checks() for kind, name in OFFERED if kind != "scheme"]


@parametrize_with_checks(COMPONENTS)
def test_a_built_in_keeps_its_promises(check):
    check()


def test_every_shipped_scheme_can_be_used():
    for kind, name in OFFERED:
        if kind == "scheme":
            check_scheme(REGISTRY.get(kind, name), REGISTRY)


def test_all_kinds_are_covered_and_nothing_is_left_out():
    # the strata that fpframe has are part of what its verdicts promise, and no plugin's
    assert {kind for kind, _ in OFFERED} == set(KINDS) - {"stratum"}
    assert len(COMPONENTS) == sum(kind != "scheme" for kind, _ in OFFERED) > 50


def test_expected_failures_of_built_ins_are_few():
    expected = {component.name: dict(component.expected_failures) for component in COMPONENTS}
    assert {name: list(checks) for name, checks in expected.items() if checks} == {
        "art-functionally-equivalent": [  # tests/adapters tries these on networks that it takes
            "another_seed_gives_another_result",
            "gives_the_same_again",
            "keeps_nothing_of_its_work",
            "leaves_dtype_and_threads",
            "leaves_its_inputs",
            "leaves_no_hooks",
            "leaves_the_process",
            "leaves_the_random_state",
            "leaves_the_train_flags",
            "leaves_the_weights",
            "prints_nothing",
            "the_student_gives_finite_logits",
            "the_student_is_its_weights",
            "works_on_three_channels",
            "works_with_a_model_on_cuda",
        ],
        "ddn": ["another_seed_gives_another_result"],
        "sklearn": ["gradients_reach_the_images"],
    }

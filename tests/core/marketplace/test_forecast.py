"""Forecasts from an enrolment and from its evaluation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from fpframe import Enrolment
from fpframe.cli import run
from fpframe.decision import mean_of_views, stratum_p_value
from fpframe.errors import DataError, UsageError
from fpframe.marketplace import Scan, forecast_scan
from fpframe.marketplace.innocents import innocent_kinds
from fpframe.marketplace.thieves import thief_kinds
from fpframe.report import forecast_dict, forecast_text, write_evaluations
from frozen import ENROLMENT, modern_enrolment
from tiny import evaluate_tiny

CHANNEL = "probs"


@pytest.fixture(scope="module")
def enrolment():
    return modern_enrolment()


def suspect(enrolment, scores: list[float], **changes) -> dict[str, Any]:
    """Return what an evaluation tells of a model with these view scores."""
    p = max(stratum_p_value(mean_of_views(scores), stratum).p for stratum in enrolment.strata(CHANNEL).values())
    told = {"relation": "derived", "stratum": "extract(soft)", "failed": False, "channel": CHANNEL}
    told |= {"view_scores": scores, "p_value": p, "interval": [min(scores), max(scores)]}
    return {**told, "enrolment": enrolment.digest, **changes}


def evaluated(enrolment, folder: Path, *suspects: dict[str, Any]) -> Path:
    told = {"evaluations": [{"scheme": enrolment.scheme, "channel": CHANNEL, "suspects": list(suspects)}]}
    (folder / "result.json").write_text(json.dumps(told))
    return folder


@pytest.fixture
def evaluation(enrolment, tmp_path) -> Path:
    """Two thieves, one of whom scores above all models and one below, and two who count for nothing."""
    return evaluated(
        enrolment,
        tmp_path,
        suspect(enrolment, [1.0, 1.0, 1.0]),
        suspect(enrolment, [-1.0, -1.0, -1.0], stratum="finetune(all)"),
        suspect(enrolment, [1.0, 1.0, 1.0], failed=True),
        suspect(enrolment, [1.0, 1.0, 1.0], relation="independent"),
    )


def test_innocents_are_judged_by_the_models_that_are_no_relatives(enrolment):
    found = innocent_kinds(enrolment, CHANNEL, first_views=1)
    families = len(set(enrolment.families))
    assert found.share.sum() == pytest.approx(1)
    assert found.families_called(1.0) == (families, families)
    for stratum, path in enrolment.paths(CHANNEL).items():
        own = [place for place, name in enumerate(found.names) if name == stratum]
        assert found.share[own].sum() == pytest.approx(1 / 2)
        assert len(own) == len(path.views) + 1, "one stands for who scores below all"
    assert (found.sure >= found.p).all()
    assert set(np.round(found.p * 10).astype(int)) <= set(range(1, 11)), "the number of models stays"


@pytest.mark.parametrize("level", [0.1, 0.2, 0.5])
def test_no_level_is_passed_more_often_than_it_promises(enrolment, level):
    found = innocent_kinds(enrolment, CHANNEL, first_views=enrolment.queries.views)
    for stratum in enrolment.calibration.counts:
        own = np.array([name == stratum for name in found.names])
        assert found.share[own & (found.p <= level + 1e-9)].sum() <= found.share[own].sum() * level + 1e-9


def test_by_all_views_the_first_stage_is_the_second_but_for_ability(enrolment):
    plain = attrs.evolve(enrolment, ability=None)
    found = innocent_kinds(plain, CHANNEL, first_views=plain.queries.views)
    assert found.first.tolist() == found.p.tolist()


def test_thieves_are_those_that_an_evaluation_judged(enrolment, evaluation):
    found = thief_kinds(evaluation, enrolment, CHANNEL, first_views=1)
    assert found.names == ("extract(soft)", "finetune(all)")
    assert found.p.tolist() == found.sure.tolist() == found.first.tolist() == [0.1, 1.0]
    assert found.share.tolist() == [0.5, 0.5]


def test_a_thief_without_a_verdict_is_never_found(enrolment, tmp_path):
    told = suspect(enrolment, [1.0] * 3, p_value=None, interval=[None, None]) | {"view_scores": []}
    found = thief_kinds(evaluated(enrolment, tmp_path, told), enrolment, CHANNEL, first_views=1)
    assert found.p.tolist() == found.sure.tolist() == found.first.tolist() == [math.inf]


def test_a_thief_is_found_only_where_the_low_end_of_its_interval_passes(enrolment, tmp_path):
    told = suspect(enrolment, [1.0, 1.0, 1.0], interval=[-1.0, 1.0])
    found = thief_kinds(evaluated(enrolment, tmp_path, told), enrolment, CHANNEL, first_views=1)
    assert (found.p.tolist(), found.sure.tolist()) == ([0.1], [1.0])


def test_a_forecast_counts_queries_and_money(enrolment, evaluation):
    scan = Scan(suspects=1000, derived=10, first_views=1, price=2.0, repeats=50)
    found = forecast_scan(enrolment, evaluation, scan)
    queries = enrolment.queries
    assert found.queries_of_first == queries.images.shape[1]
    assert found.queries_of_all > queries.queries, "ability and probes are asked too"
    one, two = found.outcomes[0], found.outcomes[3]
    assert found.queries(one).mean == 1000 * found.queries_of_all
    rest = found.queries_of_all - found.queries_of_first
    assert found.queries(two).mean == 1000 * found.queries_of_first + two.asked_further.mean * rest
    assert found.affordable(one, 100.0) == int(100 / (2.0 * found.queries_of_all / 1000))
    assert found.affordable(two, 100.0) > found.affordable(one, 100.0)
    free = forecast_scan(enrolment, evaluation, attrs.evolve(scan, price=0.0))
    assert free.affordable(free.outcomes[0], 100.0) is None
    assert found.found_alone == {"extract(soft)": 1.0, "finetune(all)": 0.0}
    assert found.families[1] == len(set(enrolment.families))
    assert found.accused_at_most > found.families[0] / found.families[1]


def test_a_forecast_is_told_in_words_and_as_data(enrolment, evaluation):
    found = forecast_scan(enrolment, evaluation, Scan(suspects=1_000_000, price=1.0, repeats=50))
    text = forecast_text(found, budget=1000)
    assert "Holm over 1,000,000 suspects can accuse nobody: that takes 9,999,999 families in each stratum" in text
    assert "A budget of 1,000.00 pays for" in text
    assert text.count("\n1 ") == text.count("\n2 ") == 3
    told = forecast_dict(found, budget=1000)
    assert json.loads(json.dumps(told, allow_nan=False))["limits"]["needed_by_bh"] == 499_999
    assert [each["stages"] for each in told["outcomes"]] == [1, 1, 1, 2, 2, 2]
    assert "cost" not in forecast_text(forecast_scan(enrolment, evaluation, Scan(suspects=100, repeats=50)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the evaluation"),
        ("{}", "this is no evaluation"),
        ("[1", "this is no evaluation"),
        ('{"evaluations": []}', r"tells nothing of channel probs \(channels: none\)"),
    ],
)
def test_what_is_no_evaluation_is_refused(enrolment, tmp_path, content, message):
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    with pytest.raises(DataError, match=message):
        thief_kinds(tmp_path, enrolment, CHANNEL, first_views=1)


def test_another_evaluation_is_refused(enrolment, tmp_path):
    evaluated(enrolment, tmp_path, suspect(enrolment, [1.0] * 3) | {"enrolment": "0" * 64})
    with pytest.raises(DataError, match="is of another enrolment"):
        thief_kinds(tmp_path, enrolment, CHANNEL, first_views=1)
    evaluated(enrolment, tmp_path, suspect(enrolment, [1.0] * 3, relation="independent"))
    with pytest.raises(DataError, match="judged no derived models"):
        thief_kinds(tmp_path / "result.json", enrolment, CHANNEL, first_views=1)


@pytest.mark.parametrize(
    ("scan", "options", "message"),
    [
        (Scan(repeats=2), {"alpha": 0.2}, "alpha must lie in"),
        (Scan(repeats=2), {"channel": "whispers"}, "unknown channel 'whispers'"),
        (Scan(repeats=2, first_views=4), {}, "the first stage cannot ask 4 views: the enrolment has 3"),
    ],
    ids=["level", "channel", "views"],
)
def test_what_the_enrolment_does_not_have_is_refused(enrolment, evaluation, scan, options, message):
    with pytest.raises(UsageError, match=message):
        forecast_scan(enrolment, evaluation, scan, **options)


def test_what_evaluate_writes_is_read(tiny_enrolment, tiny_store, tmp_path, capsys):
    judged = evaluate_tiny(Enrolment.open(tiny_enrolment), tiny_store)
    write_evaluations([judged], tmp_path)
    words = ["forecast", str(tiny_enrolment), "--evaluation", str(tmp_path), "--suspects", "1000", "--repeats", "50"]
    assert run([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    thieves = [e for e in judged.suspects if e.model.relation == "derived" and not e.facts.failed]
    called = {e.model.stratum for e in thieves if e.verdict.verdict == "DERIVED"}
    assert told["models"] == {"innocents": 54, "thieves": len(thieves)}
    assert {name for name, share in told["found_alone"].items() if share} == called
    assert run([*words, "--budget", "-1"]) == 2
    assert "--budget must be at least 0" in capsys.readouterr().err


def test_a_frozen_enrolment_is_forecast_by_the_command(tmp_path, capsys):
    enrolment = Enrolment.open(ENROLMENT)
    evaluated(enrolment, tmp_path, suspect(enrolment, [1.0, 1.0, 1.0]))
    assert run(["forecast", str(ENROLMENT), "--evaluation", str(tmp_path), "--repeats", "10"]) == 0
    assert "1,000,000 suspects, 20 of them made from the victim" in capsys.readouterr().out

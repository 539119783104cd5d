"""A service that fights back gets the right verdict, or none for a reason that says what it did."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch

import fpframe
from faultserver import FaultServer
from fpframe.enrolment.enrolment import Enrolment
from fpframe.isolation import InProcess
from fpframe.zoo.model import victim_model
from tiny import NEAREST

DESCRIPTION = """
url = "{url}"
images = {images}
[answer]
at = "$.predictions"
[price]
request = 0.01
[patience]
first = 0
longest = 0
"""


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture(scope="module")
def copy(tiny_store, enrolment):
    """The victim itself, as a model of numbers."""
    zoo = fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store)).build()
    victim = zoo.load(victim_model(enrolment.recipe)).eval()

    def answer(images):
        with torch.no_grad():
            return victim(torch.tensor(images, dtype=torch.float32)).softmax(1).numpy()

    return answer


@pytest.fixture(scope="module")
def innocent():
    space: dict = {}
    exec(NEAREST, space)
    return lambda images: space["predict"](torch.tensor(images, dtype=torch.float32)).numpy()


def verified(enrolment, folder, server, *, images=8, **options):
    path = folder / "service.toml"
    path.write_text(DESCRIPTION.format(url=server.url, images=images))
    terms = fpframe.Terms(parallel=2, budget=100.0)
    registry = fpframe.load_registry()
    return fpframe.verify(enrolment, f"http:{path}", isolation=InProcess(registry), terms=terms, **options)


def well(ask):
    ask.say(ask.rows())


def rounded(ask):
    ask.say(ask.rows().round(2))


def percent(ask):
    ask.say(ask.rows() * 100)


def top_three(ask):
    rows = ask.rows()
    order = np.argsort(-rows, 1)[:, :3]
    ask.say(
        [[{"label": int(k), "score": float(row[k])} for k in ranks] for row, ranks in zip(rows, order, strict=True)]
    )


def labels(ask):
    ask.say(ask.rows().argmax(1))


def failing(ask):
    chance = random.Random(ask.number).random()
    if chance < 0.15:
        ask.reset()
    elif chance < 0.3:
        ask.send(503)
    else:
        well(ask)


def cached(ask):
    key = ask.body
    ask.server.cache = getattr(ask.server, "cache", {})
    ask.say(ask.server.cache.setdefault(key, ask.rows()))


@pytest.mark.parametrize("mode", [well, rounded, percent, top_three, labels, failing, cached])
def test_a_copy_is_derived_however_its_service_answers(mode, enrolment, copy, tmp_path):
    with FaultServer(mode, copy) as server:
        verdict = verified(enrolment, tmp_path, server)
        assert (verdict.verdict, verdict.reason) == ("DERIVED", "")
        service = verdict.transcript.about["service"]
        assert service["requests"] == server.requests
        assert float(service["money"]) == pytest.approx(0.01 * server.requests)


def test_an_innocent_service_is_not_accused(enrolment, innocent, tmp_path):
    with FaultServer(failing, innocent) as server:
        assert verified(enrolment, tmp_path, server).verdict != "DERIVED"


def test_a_service_that_refuses_repeats_is_judged_without_them(enrolment, copy, tmp_path):
    def refusing(ask):
        ask.send(409) if ask.repeated else well(ask)

    with FaultServer(refusing, copy) as server:
        verdict = verified(enrolment, tmp_path, server, images=1)
        assert verdict.verdict == "DERIVED"
        assert {"repeats-refused", "control-missing"} & codes(verdict) == {"repeats-refused"}
    verdict.transcript.save(tmp_path / "answers.npz")
    [again] = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])
    assert again.verdict == "DERIVED"
    assert codes(again) - {"answers-recorded"} == codes(verdict) - {"suspect-not-isolated"}


def test_a_service_that_refuses_near_copies_too_is_judged_with_a_caveat(enrolment, copy, tmp_path):
    def refusing(ask):
        with ask.server.lock:
            seen = getattr(ask.server, "seen", np.empty((0, *ask.images.shape[1:])))
            ask.server.seen = np.concatenate([seen, ask.images])
        if len(seen) and bool((np.abs(seen - ask.images).max((1, 2, 3)) < 1.5 / 255).any()):
            ask.send(409)
        else:
            well(ask)

    with FaultServer(refusing, copy) as server:
        verdict = verified(enrolment, tmp_path, server, images=1)
        assert verdict.verdict == "DERIVED"
        assert {"repeats-refused", "control-missing"} <= codes(verdict)


def test_a_service_whose_answers_vary_is_judged_with_a_caveat(enrolment, copy, tmp_path):
    def noisy(ask):
        noise = np.random.default_rng(ask.number).uniform(0, 0.02, ask.rows().shape)
        ask.say((ask.rows() + noise) / (1 + noise.sum(1, keepdims=True)))

    with FaultServer(noisy, copy) as server:
        assert "control-missing" in codes(verified(enrolment, tmp_path, server))


def codes(verdict):
    return {note.code for note in verdict.caveats}


def reordered(ask):
    ask.say(ask.rows()[::-1].copy())


def not_finite(ask):
    rows = ask.rows()
    if ask.number > 50:
        rows[0, 0] = np.nan
    ask.say(json.loads(json.dumps(rows.tolist())))


def more_classes(ask):
    rows = ask.rows()
    ask.say(np.hstack([rows, rows[:, :1]]) if ask.number > 50 else rows)


@pytest.mark.parametrize(
    ("mode", "code"),
    [(reordered, "batch-reordered"), (not_finite, "answers-not-finite"), (more_classes, "answers-changed-kind")],
)
def test_a_service_that_cannot_be_judged_says_why(mode, code, enrolment, copy, tmp_path):
    with FaultServer(mode, copy) as server:
        verdict = verified(enrolment, tmp_path, server)
        assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", code)


def plainly(ask, rows):
    ask.say(rows)


def never_twice(ask, rows):
    ask.send(409) if ask.repeated else ask.say(rows)


def kept(ask, rows):
    ask.server.cache = getattr(ask.server, "cache", {})
    ask.say(np.stack([ask.server.cache.setdefault(i.tobytes(), row) for i, row in zip(ask.images, rows, strict=True)]))


@pytest.mark.slow
@pytest.mark.parametrize("how", [plainly, never_twice, kept])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_another_model_in_the_middle_is_found(share, how, enrolment, copy, innocent, tmp_path):
    """Also where the service refuses what it was sent before, or answers it from a cache."""
    change = share * (len(enrolment.able) + enrolment.queries.queries)
    with FaultServer(lambda ask: how(ask, (copy if ask.server.images < change else innocent)(ask.images))) as server:
        verdict = verified(enrolment, tmp_path, server, images=1 if how is never_twice else 8)
        assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "answers-changed")


def test_a_service_that_is_out_of_reach_is_no_behaviour(enrolment, copy, tmp_path):
    with (
        FaultServer(lambda ask: ask.send(401) if ask.number > 50 else well(ask), copy) as server,
        pytest.raises(fpframe.SuspectUnavailableError) as caught,
    ):
        verified(enrolment, tmp_path, server)
    assert caught.value.exit_code == 4


def test_evidence_is_kept_with_recorded_answers(enrolment, copy, tmp_path):
    with FaultServer(well, copy) as server:
        verdict = verified(enrolment, tmp_path, server)
    verdict.transcript.save(tmp_path / "answers.npz")
    [again] = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])
    assert again.verdict == verdict.verdict == "DERIVED"
    assert again.transcript.about["service"] == verdict.transcript.about["service"]

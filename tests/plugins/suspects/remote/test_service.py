"""A service is asked in order, however many requests are under way, and never again for what it has answered."""

from __future__ import annotations

import threading
import zlib

import pytest
import torch

import fpframe
from faultserver import FaultServer, linear_model
from plugins.suspects.remote.asking import describe, open_service, pixels


def well(ask):
    ask.say(ask.rows())


def wanted(asked):
    return torch.from_numpy(linear_model()(asked.numpy())).float()


@pytest.mark.parametrize("parallel", [1, 5])
def test_answers_stand_in_the_order_of_the_images(parallel, registry, tmp_path):
    slowest_first = threading.Event()

    def out_of_order(ask):
        if parallel > 1 and ask.number == 1:
            slowest_first.wait(30)
        elif ask.number == 4:
            slowest_first.set()
        ask.say(ask.rows())

    with FaultServer(out_of_order) as server:
        terms = fpframe.Terms(parallel=parallel)
        query = open_service(registry, describe(tmp_path, server.url), terms=terms)
        asked = pixels(37)
        assert torch.allclose(query(asked), wanted(asked), atol=1e-5)
        assert (server.requests, server.images) == (10, 37)


@pytest.mark.parametrize("parallel", [1, 4])
def test_what_was_answered_is_not_asked_again(parallel, registry, tmp_path):
    address, ledger = "", str(tmp_path / "a.ledger")
    asked = pixels(40)
    with FaultServer(lambda ask: ask.send(402) if ask.number == 6 else ask.say(ask.rows())) as server:
        address = describe(tmp_path, server.url)
        query = open_service(registry, address, terms=fpframe.Terms(ledger=ledger, parallel=parallel))
        with pytest.raises(fpframe.SuspectUnavailableError, match=r"402|pay"):
            query(asked)
        query.meter.close()
        sent = server.requests
        assert sent >= 6
        again = open_service(registry, address, terms=fpframe.Terms(ledger=ledger, resume=True))
        assert torch.allclose(again(asked), wanted(asked), atol=1e-5)
        assert server.requests == 11  # ten answers, and one refusal
        # an image that is asked a second time is sent a second time
        again(asked[:4])
        assert server.requests == 12
        assert again.meter.evidence()["requests"] == 12
        assert again.meter.evidence()["outcomes"] == {"200": 11, "402": 1}


def test_with_a_third_of_the_requests_failing_the_answers_are_the_same(registry, tmp_path):
    def third(ask):
        """Fail about half of the requests once, however the requests overtake each other."""
        if ask.tries == 1 and zlib.crc32(ask.body) % 2:
            (ask.reset if ask.number % 2 else lambda: ask.send(503))()
        else:
            ask.say(ask.rows())

    asked = pixels(120)
    with FaultServer(third) as server:
        address = describe(tmp_path, server.url)
        query = open_service(registry, address, terms=fpframe.Terms(budget=1.0, parallel=3))
        assert torch.allclose(query(asked), wanted(asked), atol=1e-5)
        evidence = query.meter.evidence()
        assert 30 < server.requests == evidence["requests"] < 60
        assert float(evidence["money"]) == pytest.approx(server.requests * 0.01)
        # each try of a request has the key of the first
        assert len(set(server.keys)) == 30


def test_a_budget_is_never_exceeded(registry, tmp_path):
    """Each request fails once, so that half of the money goes for nothing and no request is given up."""
    with FaultServer(lambda ask: ask.send(503) if ask.tries == 1 else ask.say(ask.rows())) as server:
        query = open_service(registry, describe(tmp_path, server.url), terms=fpframe.Terms(budget=0.13, parallel=4))
        with pytest.raises(fpframe.ResourceError, match=r"budget of 0\.13 EUR"):
            query(pixels(80))
        assert server.requests == 13


def test_what_the_budget_does_not_pay_for_is_refused_before_anything_is_sent(registry, tmp_path):
    with FaultServer(well) as server:
        address = describe(tmp_path, server.url)
        with pytest.raises(fpframe.ResourceError, match=r"budget of 0\.09 EUR does not pay for 0\.10"):
            open_service(registry, address, terms=fpframe.Terms(budget=0.09, planned=40))
        open_service(registry, address, terms=fpframe.Terms(budget=0.10, planned=40))(pixels(40))
        assert server.requests == 10


def test_a_service_that_always_fails_is_given_up(registry, tmp_path):
    """However many requests there are, only so many are in vain."""
    with FaultServer(lambda ask: ask.say(ask.rows()) if ask.number < 3 else ask.send(500)) as server:
        query = open_service(registry, describe(tmp_path, server.url), terms=fpframe.Terms(parallel=8))
        with pytest.raises(fpframe.SuspectUnavailableError, match="tried"):
            query(pixels(400))
        assert server.requests < 50


def test_stopping_ends_within_the_request_that_is_under_way(registry, tmp_path):
    with FaultServer(well) as server:
        query = open_service(registry, describe(tmp_path, server.url), terms=fpframe.Terms(rate=2))
        query.on_asked = query.meter.stop
        with pytest.raises(fpframe.SuspectUnavailableError, match="ended"):
            query(pixels(400))
        assert server.requests == 1


def test_the_most_queries_hold_for_what_is_sent(registry, tmp_path):
    with FaultServer(lambda ask: ask.send(500) if ask.number == 2 else ask.say(ask.rows())) as server:
        query = open_service(registry, describe(tmp_path, server.url), max_queries=12)
        with pytest.raises(fpframe.ResourceError, match="12 that may be sent"):
            query(pixels(12))
        assert server.images == 12


def test_evidence_names_the_service_and_its_answers(registry, tmp_path):
    with FaultServer(well) as server:
        query = open_service(registry, describe(tmp_path, server.url))
        query(pixels(8))
        evidence = query.meter.evidence()
        address = server.url.removeprefix("http://").partition("/")[0]
    assert evidence["about"]["service"]["url"] == server.url
    assert evidence["seen"]["address"] == [address]
    assert [answer["request_id"] for answer in evidence["answers"]] == ["r1", "r2"]
    assert [answer["at"] for answer in evidence["answers"]] == [0, 4]

"""A service is asked in order, however many requests are under way, and never again for what it has answered."""

from __future__ import annotations

import json
import threading
import zlib

import attrs
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


#: Ten images, then five, then two alone, four images a request: 3 + 2 + 1 + 1 requests.
PLANNED = (10, 5, 1, 1)


def ask_planned(query):
    return torch.cat([query(part) for part in pixels(sum(PLANNED)).split(PLANNED)])


def test_what_the_budget_does_not_pay_for_is_refused_before_anything_is_sent(registry, tmp_path):
    with FaultServer(well) as server:
        address = describe(tmp_path, server.url)
        with pytest.raises(fpframe.ResourceError, match=r"budget of 0\.06 EUR does not pay for 0\.07"):
            open_service(registry, address, terms=fpframe.Terms(budget=0.06, planned=PLANNED))
        assert server.requests == 0
        ask_planned(open_service(registry, address, terms=fpframe.Terms(budget=0.07, planned=PLANNED)))
        assert server.requests == 7


def test_a_budget_without_a_price_is_refused(registry, tmp_path):
    (tmp_path / "service.toml").write_text('url = "http://127.0.0.1:9/x"\n')
    for address in (f"http:{tmp_path / 'service.toml'}", "predict:http://127.0.0.1:9/x"):
        with pytest.raises(fpframe.UsageError, match=r"no price is known.*write \[price\]"):
            open_service(registry, address, terms=fpframe.Terms(budget=1.0))


def test_a_run_that_goes_on_needs_what_was_not_answered_yet(registry, tmp_path):
    with FaultServer(lambda ask: ask.send(402) if ask.number == 5 else ask.say(ask.rows())) as server:
        address = describe(tmp_path, server.url)
        terms = fpframe.Terms(ledger=str(tmp_path / "a.ledger"), planned=PLANNED, budget=0.07)
        query = open_service(registry, address, terms=terms)
        with pytest.raises(fpframe.SuspectUnavailableError, match="402"):
            ask_planned(query)
        query.meter.close()
        resumed = attrs.evolve(terms, resume=True)
        with pytest.raises(fpframe.ResourceError, match=r"0\.07 EUR does not pay for 0\.03 more after 0\.05"):
            open_service(registry, address, terms=resumed)
        with pytest.raises(fpframe.ResourceError, match=r"3 more queries would exceed the 17 .* after 15"):
            open_service(registry, address, terms=attrs.evolve(resumed, budget=0.08), max_queries=17)
        ask_planned(open_service(registry, address, terms=attrs.evolve(resumed, budget=0.08), max_queries=18))
        assert server.requests == 8


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


class Telling:
    """A server that tells its input, and fails to at first."""

    def __init__(self, failures: int) -> None:
        self.failures, self.asked = failures, 0

    def __call__(self, handler) -> None:
        self.asked += 1
        content = b'{"inputs": [{"name": "pictures", "datatype": "FP32"}]}'
        handler.send_response(503 if self.asked <= self.failures else 200)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


def named_input(ask):
    assert json.loads(ask.body)["name"] == "pictures"
    ask.say(ask.rows())


def test_the_question_for_inputs_is_asked_once_tried_again_and_written_down(registry, tmp_path):
    telling = Telling(failures=2)
    template = '[request]\ntemplate = \'{"inputs": "{images}", "name": "{input}"}\''
    with FaultServer(named_input, on_get=telling) as server:
        address = describe(tmp_path, server.url, top=f'metadata = "{server.url}"', more=template)
        terms = fpframe.Terms(ledger=str(tmp_path / "a.ledger"), parallel=4)
        query = open_service(registry, address, terms=terms)
        assert torch.allclose(query(pixels(40)), wanted(pixels(40)), atol=1e-5)
        assert (telling.asked, server.requests) == (3, 10)
        evidence = query.meter.evidence()
        assert (evidence["requests"], evidence["money"]) == (13, "0.10")
        assert evidence["outcomes"] == {"503": 2, "200": 11}
        query.meter.close()
        # an earlier run was told it
        again = open_service(registry, address, terms=attrs.evolve(terms, resume=True))
        again(torch.cat([pixels(40), pixels(4, seed=1)]))
        assert (telling.asked, server.requests) == (3, 11)


def test_a_service_that_does_not_tell_its_inputs_is_sent_no_image(registry, tmp_path):
    def refuses(handler):
        handler.send_error(400)

    with FaultServer(well, on_get=refuses) as server:
        query = open_service(registry, describe(tmp_path, server.url, top=f'metadata = "{server.url}"'))
        with pytest.raises(fpframe.SuspectUnavailableError, match="does not tell its inputs"):
            query(pixels(4))
        assert server.requests == 0

"""A ledger has every request before it is sent, holds the budget, and gives every answer back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import fpframe
from fpframe.base import parse_json
from fpframe.spending import Coming, Ledger, LedgerView, Terms

ABOUT = {"price": {"currency": "EUR"}, "url": "http://host/x"}
CENT = Decimal("0.01")


def open_ledger(path: Path, about=ABOUT, most_images=None, **terms) -> Ledger:
    return Ledger(Terms(ledger=str(path), **terms), about, most_images=most_images)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "service.ledger"


def test_answers_are_found_again_by_place_and_images(path):
    ledger = open_ledger(path)
    first = ledger.sending(0, ["a", "b"], price=CENT)
    second = ledger.sending(2, ["a"], price=CENT)
    ledger.answered(second, b"again\nand more", status=200, seconds=0.1)
    ledger.answered(first, b"first", status=200, seconds=0.1)
    ledger.close()
    ledger = open_ledger(path, resume=True)
    assert ledger.recall(0, ["a", "b"]) == b"first"
    assert ledger.recall(2, ["a"]) == b"again\nand more"
    assert ledger.recall(3, ["a"]) is None
    with pytest.raises(fpframe.UsageError, match="other images"):
        ledger.recall(2, ["c"])


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_what_was_sent_counts_also_where_the_file_was_cut_off(path, cut):
    ledger = open_ledger(path)
    ledger.answered(ledger.sending(0, ["a"], price=CENT), b"{}" * 10, status=200, seconds=0.1)
    ledger.sending(1, ["b"], price=CENT)
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"got": 2, "status": 200, "bytes": 100, "sha256": "00", "seconds": 1}\n{"answer"'[:cut])
    ledger = open_ledger(path, resume=True)
    assert (ledger.account.requests, ledger.account.answered, ledger.account.money) == (2, 1, 2 * CENT)
    assert path.read_bytes().startswith(whole)
    assert parse_json(path.read_bytes().removeprefix(whole)).keys() == {"began"}
    assert ledger.sending(1, ["b"], price=CENT) == 3


def test_the_budget_holds_over_runs_and_whatever_came_back(path):
    ledger = open_ledger(path, budget=0.02)
    ledger.failed(ledger.sending(0, ["a"], price=CENT), "no answer")
    ledger.close()
    ledger = open_ledger(path, budget=0.02, resume=True)
    ledger.sending(0, ["a"], price=CENT)
    before = path.read_bytes()
    with pytest.raises(fpframe.ResourceError, match=r"budget of 0.02 EUR does not pay for 0.01 more after 0.02"):
        ledger.sending(0, ["a"], price=CENT)
    assert path.read_bytes() == before


def test_images_that_are_sent_again_count_among_the_most(path):
    ledger = open_ledger(path, most_images=3)
    ledger.sending(0, ["a", "b"], price=CENT)
    with pytest.raises(fpframe.ResourceError, match="raise --max-queries"):
        ledger.sending(0, ["a", "b"], price=CENT)


def test_two_runs_on_one_ledger_are_refused(path, monkeypatch):
    monkeypatch.setattr("fpframe.spending.locking._GONE_SECONDS", 0)
    first = open_ledger(path)
    with pytest.raises(fpframe.UsageError, match="another run asks the same service"):
        open_ledger(path)
    first.close()
    open_ledger(path).close()


def test_asking_twice_takes_a_word(path):
    ledger = open_ledger(path)
    ledger.answered(ledger.sending(0, ["a"], price=CENT), b"{}", status=200, seconds=0.1)
    ledger.close()
    with pytest.raises(
        fpframe.UsageError, match=r"answers to 1 image are kept.*0\.01 EUR spent.*say --resume to go on"
    ):
        open_ledger(path)


def test_a_run_without_answers_is_gone_on_with_unasked_and_what_it_sent_counts(path):
    ledger = open_ledger(path, budget=0.01)
    ledger.answered(ledger.sending(-1, [], price=0 * CENT, what="inputs"), b"{}", status=200, seconds=0.1)
    ledger.failed(ledger.sending(0, ["a"], price=CENT), "no answer")
    ledger.close()
    ledger = open_ledger(path, budget=0.01)
    assert (ledger.account.requests, ledger.account.money) == (2, CENT)
    with pytest.raises(fpframe.ResourceError, match="budget"):
        ledger.sending(0, ["a"], price=CENT)


@pytest.mark.parametrize("resume", [False, True])
def test_a_description_that_was_mended_before_any_answer_begins_anew(path, resume):
    ledger = open_ledger(path)
    ledger.failed(ledger.sending(0, ["a"], price=CENT), "an answer that has nothing at $.predictions")
    ledger.close()
    mended = {**ABOUT, "url": "http://host/y"}
    ledger = open_ledger(path, about=mended, resume=resume)
    assert ledger.account.requests == 0
    assert LedgerView(path).evidence()["about"] == mended


def coming(at: int, *images: str) -> Coming:
    return Coming(at=at, images=images, price=CENT)


def test_what_was_announced_waits_for_the_disk_once(path, monkeypatch):
    ledger, synced = open_ledger(path), []
    monkeypatch.setattr(ledger._file._syncer, "soon", lambda: None)
    monkeypatch.setattr("os.fsync", synced.append)
    ledger.announce([coming(0, "a"), coming(1, "b"), coming(2, "c")])
    assert len(synced) == 1
    for at, image in enumerate("abc"):
        ledger.answered(ledger.sending(at, [image], price=CENT), b"{}", status=200, seconds=0.1)
    assert len(synced) == 1
    ledger.sending(0, ["a"], price=CENT, tries=2)  # nobody announced that
    assert len(synced) == 2


@pytest.mark.parametrize(("boots", "counted"), [(("one", "one"), 1), (("one", "two"), 3), (("", ""), 3)])
def test_what_was_announced_counts_where_the_machine_may_have_lost_what_came_after(path, monkeypatch, boots, counted):
    monkeypatch.setattr("fpframe.spending.ledger.boot_id", lambda: boots[0])
    ledger = open_ledger(path)
    ledger.announce([coming(0, "a"), coming(1, "b"), coming(2, "c")])
    ledger.answered(ledger.sending(0, ["a"], price=CENT), b"{}", status=200, seconds=0.1)
    ledger.close()
    monkeypatch.setattr("fpframe.spending.ledger.boot_id", lambda: boots[1])
    for _ in range(2):  # once, however often it is opened
        ledger = open_ledger(path, resume=True)
        assert (ledger.account.requests, ledger.account.money) == (counted, counted * CENT)
        ledger.close()
    ledger = open_ledger(path, resume=True)
    ledger.sending(1, ["b"], price=CENT)
    assert ledger.account.requests == counted + 1


def test_no_more_is_announced_than_the_budget_pays_for(path):
    ledger = open_ledger(path, budget=0.02)
    ledger.announce([coming(0, "a"), coming(1, "b"), coming(2, "c")])
    assert path.read_bytes().count(b'"at"') == 2


def test_what_is_asked_before_any_image_stands_in_the_ledger_and_is_kept(path):
    ledger = open_ledger(path)
    ledger.answered(ledger.sending(-1, [], price=0 * CENT, what="inputs"), b"told", status=200, seconds=0.1)
    ledger.close()
    ledger = open_ledger(path, resume=True)
    assert ledger.recall(-1, []) == b"told"
    evidence = ledger.account.evidence()
    assert (evidence["requests"], evidence["images"], evidence["outcomes"]) == (1, 0, {"200": 1})
    assert evidence["answers"][0]["what"] == "inputs"


@pytest.mark.parametrize(
    ("content", "about", "said"),
    [
        (None, {"url": "http://other/x"}, "answered 1 images by another service.*with --resume, or remove the file"),
        (b"nonsense\n", ABOUT, "damaged"),
        (b'{"got": 7, "sha256": ""}\n', ABOUT, "damaged"),
        (b'{"got": 7, "sha256": ""}\n', {"url": "http://other/x"}, "damaged"),
    ],
)
def test_a_ledger_of_something_else_is_refused(path, content, about, said):
    ledger = open_ledger(path)
    ledger.answered(ledger.sending(0, ["a"], price=CENT), b"{}", status=200, seconds=0.1)
    ledger.close()
    if content is not None:
        path.write_bytes(path.read_bytes() + content)
    with pytest.raises(fpframe.UsageError, match=said):
        open_ledger(path, about=about, resume=True)


def test_a_ledger_that_is_written_is_read_beside_it(path):
    ledger, view = open_ledger(path), LedgerView(path)
    assert view.answered == 0
    number = ledger.sending(0, ["a", "b"], price=CENT)
    assert view.spending == "2 images sent, 2 of them in vain or under way, 0.01 EUR spent"
    ledger.answered(number, b"{}", status=200, seconds=0.1, address="127.0.0.1:80", headers={"server": "x"})
    assert view.answered == 2
    assert view.evidence() == ledger.account.evidence()
    assert view.evidence()["seen"] == {"address": ["127.0.0.1:80"], "header server": ["x"]}
    view.remove()
    assert not path.exists()


def test_a_ledger_in_memory_counts_too():
    ledger = Ledger(Terms(budget=0.01), ABOUT)
    ledger.answered(ledger.sending(0, ["a"], price=CENT), b"{}", status=200, seconds=0.1)
    assert ledger.account.spending == "1 image sent, 0.01 EUR spent"
    with pytest.raises(fpframe.ResourceError, match="budget"):
        ledger.sending(1, ["b"], price=CENT)


def test_a_disk_that_cannot_be_written_is_said_before_anything_is_sent(path, monkeypatch):
    ledger = open_ledger(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(fpframe.ResourceError, match="No space left on device"):
        ledger.sending(0, ["a"], price=CENT)

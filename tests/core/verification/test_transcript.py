"""Replay: recorded answers lead to the same verdict, and what does not belong to the questions is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import fpframe
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import DataError, UsageError


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture(scope="module")
def thief(tiny_store):
    zoo = fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store), splits=("test",)).build()
    return next(zoo.load(model) for model in zoo.models if model.stratum == "finetune(all)")


def suspects(thief, registry):
    """Return makers of suspects that answer in every way there is."""
    noise = registry.create("filter", "answer-noise", deviation=0.1)
    flip = registry.create("filter", "flip", probability=0.5)

    def breaking(pixels):
        rows = thief.logits(pixels).softmax(1)
        return torch.where(torch.arange(len(rows))[:, None] == 3, torch.nan, rows)

    return {
        "logits": lambda: thief,
        "probabilities": lambda: lambda pixels: thief.logits(pixels).softmax(1),
        "rounded": lambda: lambda pixels: thief.logits(pixels).softmax(1).round(decimals=2),
        "labels": lambda: lambda pixels: thief.logits(pixels).argmax(1),
        "noise": lambda: noise.wrap(thief.as_query(), seed=0),
        "flip": lambda: flip.wrap(thief.as_query(), seed=0),
        "broken": lambda: breaking,
        "swapped": lambda: lambda pixels: thief.logits(pixels).softmax(1).flip(0),
    }


KINDS = ["logits", "probabilities", "rounded", "labels", "noise", "flip", "broken", "swapped"]


@pytest.mark.parametrize("test", ["conformal", "sequential"])
@pytest.mark.parametrize("kind", KINDS)
def test_recorded_answers_reach_the_same_verdict(enrolment, thief, registry, tmp_path, kind, test):
    verdict = fpframe.verify(enrolment, suspects(thief, registry)[kind](), test=test)
    verdict.transcript.save(tmp_path / "answers.npz")
    [again] = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"], test=test)
    before, after = verdict.to_dict(), again.to_dict()
    [note] = [note for note in after["caveats"] if note["code"] == "answers-recorded"]
    after["caveats"].remove(note)
    assert after == before
    assert np.array_equal(again.transcript.answers, verdict.transcript.answers, equal_nan=True)


def test_a_full_record_is_stopped_where_the_suspect_would_have_been(enrolment, thief, tmp_path):
    fpframe.verify(enrolment, thief).transcript.save(tmp_path / "answers.npz")
    [replayed] = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"], test="sequential")
    assert replayed.decision == fpframe.verify(enrolment, thief, test="sequential").decision


def test_a_record_that_an_early_stop_left_incomplete_is_refused_for_the_full_test(enrolment, thief, tmp_path):
    fpframe.verify(enrolment, thief, test="sequential").transcript.save(tmp_path / "answers.npz")
    with pytest.raises(UsageError, match="verified with --sequential"):
        fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])


def test_exported_queries_can_be_asked_by_somebody_who_has_only_the_files(enrolment, thief, tmp_path):
    index = fpframe.export_queries(enrolment, tmp_path / "out")
    about = json.loads(index.read_text())
    images = np.load(tmp_path / "out" / "queries.npz")["images"]
    files = sorted((tmp_path / "out" / "images").iterdir())
    assert len(images) == len(files) == about["images"] == 548
    for number in (0, 100, 547):
        assert np.array_equal(np.asarray(Image.open(files[number])), images[number, 0])
    start, stop = about["views"]
    assert np.array_equal(images[start:stop], enrolment.queries.images.flatten(0, 1).numpy())
    rows = thief.logits(torch.from_numpy(images).float() / 255).softmax(1).numpy()
    direct = fpframe.verify(enrolment, lambda pixels: thief.logits(pixels).softmax(1))
    for name, answers in {
        "all": rows,
        "views": rows[start:stop],
        "shaped": rows[start:stop].reshape(5, 40, 10),
        "without ability": rows[start:],
    }.items():
        np.savez(tmp_path / f"{name}.npz", answers=answers)
        [verdict] = fpframe.verify_many(enrolment, answers=[tmp_path / f"{name}.npz"])
        assert verdict.view_scores == pytest.approx(direct.view_scores, abs=1e-5)
        expected = (direct.verdict, "") if name == "all" else ("INCONCLUSIVE", "ability-not-recorded")
        assert (verdict.verdict, verdict.reason_code) == expected
        once = any(note.code == "recorded-once" for note in verdict.caveats)
        assert once == (name in ("views", "shaped"))
    np.savez(tmp_path / "labels.npz", answers=rows.argmax(1))
    assert fpframe.verify_many(enrolment, answers=[tmp_path / "labels.npz"])[0].channel == "top1"


def test_answers_of_a_third_party_are_bound_to_the_questions_where_they_say_which(enrolment, thief, tmp_path):
    rows = thief.logits(enrolment.queries.images.flatten(0, 1).float() / 255).softmax(1).numpy()
    for name, queries, message in (("mine", enrolment.queries.digest, ""), ("other", "0" * 64, "another query set")):
        np.savez(tmp_path / f"{name}.npz", answers=rows, queries=queries)
        if message:
            with pytest.raises(DataError, match=message):
                fpframe.verify_many(enrolment, answers=[tmp_path / f"{name}.npz"])
        else:
            [verdict] = fpframe.verify_many(enrolment, answers=[tmp_path / f"{name}.npz"])
            assert "queries-not-named" not in {note.code for note in verdict.caveats}
    np.savez(tmp_path / "silent.npz", answers=rows)
    [verdict] = fpframe.verify_many(enrolment, answers=[tmp_path / "silent.npz"])
    assert "queries-not-named" in {note.code for note in verdict.caveats}


def test_answers_that_got_out_of_order_accuse_nobody(enrolment, thief, tmp_path):
    rows = thief.logits(enrolment.queries.images.flatten(0, 1).float() / 255).softmax(1).numpy()
    for seed in range(6):
        np.savez(tmp_path / "answers.npz", answers=np.random.default_rng(seed).permutation(rows))
        [verdict] = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])
        assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "labels-disagree")
        assert "its answers may be out of order" in verdict.sentence


def test_answers_to_other_questions_are_refused(enrolment, thief, tmp_path):
    transcript = fpframe.verify(enrolment, thief).transcript
    transcript.about["queries"] = "0" * 64
    transcript.save(tmp_path / "answers.npz")
    with pytest.raises(DataError, match="given to another query set"):
        fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"answers": np.zeros((7, 10))}, "7 answers do not fit 200 queries, or 548 with the probes"),
        ({"rows": np.zeros((200, 10))}, "cannot read recorded answers"),
        ({"answers": np.array([["a", "b"]])}, "wrong form"),
        ({"answers": np.zeros((200, 10)), "images": np.zeros((3, 32), np.uint8)}, "wrong form"),
        ({"answers": np.array([{"a": 1}], dtype=object)}, "cannot read recorded answers"),
        ({"answers": np.zeros((200, 10)), "about": np.array('{"suspect": "x"}')}, "wrong form"),
        ({"answers": np.zeros((200, 10)), "about": np.array('{"notes": 5}')}, "wrong form"),
        ({"answers": np.zeros((200, 10)), "about": np.array("[]")}, "wrong form"),
        ({"answers": np.zeros((200, 10)), "about": np.array('{"notes": [], "notes": []}')}, "cannot read recorded"),
        ({"answers": np.zeros((200, 10)), "about": np.array('{"channel": NaN}')}, "cannot read recorded"),
    ],
)
def test_a_file_that_holds_no_such_answers_is_refused_in_one_line(enrolment, tmp_path, content, message):
    np.savez(tmp_path / "answers.npz", **content)
    with pytest.raises(DataError, match=message) as caught:
        fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_a_damaged_file_is_refused(enrolment, tmp_path, content):
    (tmp_path / "answers.npz").write_bytes(content)
    with pytest.raises(DataError, match="cannot read recorded answers"):
        fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])


def test_nothing_is_overwritten_without_being_asked(enrolment, thief, tmp_path):
    transcript = fpframe.verify(enrolment, thief).transcript
    transcript.save(tmp_path / "answers.npz")
    with pytest.raises(UsageError, match="exists already"):
        transcript.save(tmp_path / "answers.npz")
    transcript.save(tmp_path / "answers.npz", force=True)
    fpframe.export_queries(enrolment, tmp_path / "out")
    with pytest.raises(UsageError, match="exists already"):
        fpframe.export_queries(enrolment, tmp_path / "out")
    fpframe.export_queries(enrolment, tmp_path / "out", force=True)

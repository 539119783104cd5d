"""Answers on disk as they come, and a questioning that goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import torch
from torch import Tensor

from fpframe.errors import ResourceError, TransportError, UsageError
from fpframe.isolation import Answers, Facts, Failure, HowRead, Isolation, Journals, OpeningRequest
from fpframe.isolation.journal import Journal
from fpframe.models import Query, Reading
from fpframe.registry import load_registry

LOGITS = Reading(kind="logits", told=False, evidence="values from -1 to 2")
REQUEST = OpeningRequest(num_classes=3, image_shape=(1, 2, 2), batch_size=64)
PIXELS = (torch.arange(300 * 4).reshape(300, 1, 2, 2) % 256) / 255


@attrs.define(eq=False)
class Suspect:
    """Answers by the mean of an image, until it may not any more."""

    outputs: str
    answers: int | None = None
    batches: list[int] = attrs.field(factory=list)

    @property
    def facts(self) -> Facts:
        how = HowRead(self.outputs, None)  # type: ignore[arg-type]
        return Facts(address="here", digest="d", architecture="", preparation="", notes=(), reading=how)

    def ask(self, pixels: Tensor) -> Answers | Failure:
        if self.answers is not None and len(self.batches) >= self.answers:
            return Failure.of(TransportError("503 (here); ask it again"), "raised", address="here")
        self.batches.append(len(pixels))
        level = pixels.flatten(1).mean(1, keepdim=True)
        return Answers(rows=torch.cat([level, 1 - level, level * 0], 1), reading=HowRead("logits", "probs", LOGITS))


class Room(Isolation):
    """Opens suspects that are handed out one after the other."""

    def __init__(self, *suspects: Suspect, journals: Journals | None = None) -> None:
        super().__init__(load_registry(), journals=journals)
        self.suspects = list(suspects)

    def start(self, address: str, request: OpeningRequest) -> Suspect:
        suspect = self.suspects.pop(0)
        suspect.outputs = request.outputs
        return suspect

    def close(self) -> None: ...


def opened(suspect: Suspect, journals: Journals | None, questions: str = "q") -> Query:
    # a suspect that goes on is opened again as what it was read as
    return Room(suspect, suspect, journals=journals).open("here", REQUEST, questions=questions)


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_a_questioning_goes_on_where_it_ended_and_sends_nothing_again(tmp_path, batches):
    whole = opened(Suspect("auto"), None)(PIXELS)
    stops, goes_on = Suspect("auto", answers=batches), Suspect("auto")
    with pytest.raises(TransportError, match="503"):
        opened(stops, Journals(tmp_path))(PIXELS)
    resumed = opened(goes_on, Journals(tmp_path, resume=True))
    assert torch.equal(resumed(PIXELS), whole)
    assert sum(stops.batches) + sum(goes_on.batches) == len(PIXELS)
    assert (resumed.outputs, resumed.reading) == ("logits", LOGITS)
    assert goes_on.outputs == "logits", "it is read as before, though its first answers did not come again"


def test_the_same_images_get_their_answers_in_the_order_of_asking(tmp_path):
    first, again = Suspect("auto"), Suspect("auto")
    asked = opened(first, Journals(tmp_path))
    for part in (PIXELS[:2], PIXELS[:1], PIXELS[:1]):
        asked(part)
    resumed = opened(again, Journals(tmp_path, resume=True))
    for part in (PIXELS[:2], PIXELS[:1], PIXELS[:1]):
        resumed(part)
    assert not again.batches
    resumed(PIXELS[:1])
    assert again.batches == [1]


def test_a_new_run_writes_over_nothing(tmp_path):
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS[:3])
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS[:2])
    assert len(list(tmp_path.glob("*.journal"))) == 2
    latest = Suspect("auto")
    opened(latest, Journals(tmp_path, resume=True))(PIXELS[:2])
    assert not latest.batches


def test_a_suspect_that_is_named_twice_has_two_journals(tmp_path):
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS[:3])
    journals = Journals(tmp_path, resume=True)
    opened(Suspect("auto"), journals)
    with pytest.raises(UsageError, match="no answers of an earlier run are kept for 'here'"):
        opened(Suspect("auto"), journals)


def test_two_that_go_on_at_once_do_not_share_a_journal(tmp_path):
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS[:3])
    first, second = Suspect("auto"), Suspect("auto")
    asked = opened(first, Journals(tmp_path, resume=True))
    asked(PIXELS[:3])
    asked(PIXELS[3:5])
    asked = opened(second, Journals(tmp_path, resume=True))
    asked(PIXELS[:3])
    asked(PIXELS[3:5])
    assert (first.batches, second.batches) == ([2], []), "the second takes over what the first has, as a whole"
    with pytest.raises(UsageError, match="no answers of an earlier run are kept"):
        Journals(tmp_path / "elsewhere", resume=True).of(first.facts, REQUEST, questions="q")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def test_an_answer_that_was_being_written_is_asked_again(tmp_path):
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS)
    [path] = tmp_path.glob("*.journal")
    cut(path)
    goes_on = Suspect("auto")
    opened(goes_on, Journals(tmp_path, resume=True))(PIXELS)
    assert goes_on.batches == [len(PIXELS) % 64]
    again = Suspect("auto")
    opened(again, Journals(tmp_path, resume=True))(PIXELS)
    assert not again.batches, "what was cut off is there now, and nothing stands between"


def twice(path: Path) -> None:
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head.replace('"format":1', '"format":2'), *lines]) + "\n")


def rows(path: Path) -> None:
    path.write_text(path.read_text().replace('"classes":3', '"classes":4'))


def no_json(path: Path) -> None:
    path.write_text("{\n" + path.read_text())


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (twice, "of another suspect or other questions"),
        (rows, "the journal is damaged: cannot reshape"),
        (no_json, "the journal cannot be read"),
    ],
)
def test_a_damaged_journal_is_refused(tmp_path, damage: Callable[[Path], None], words):
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS[:3])
    [path] = tmp_path.glob("*.journal")
    damage(path)
    with pytest.raises(UsageError, match=words):
        opened(Suspect("auto"), Journals(tmp_path, resume=True))(PIXELS[:3])


@pytest.mark.parametrize("changed", ["questions", "options"])
def test_a_journal_is_of_one_suspect_opened_in_one_way_and_asked_one_thing(tmp_path, changed):
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS[:3])
    request = attrs.evolve(REQUEST, outputs="probs") if changed == "options" else REQUEST
    with pytest.raises(UsageError, match=r"no answers of an earlier run are kept .*; leave out --resume"):
        Room(Suspect("auto"), journals=Journals(tmp_path, resume=True)).open(
            "here", request, questions="q" if changed == "options" else "other"
        )


def test_other_images_than_then_are_refused(tmp_path):
    opened(Suspect("auto"), Journals(tmp_path))(PIXELS[:3])
    resumed = opened(Suspect("auto"), Journals(tmp_path, resume=True))
    with pytest.raises(UsageError, match="other images, or other batches, were sent when the journal was written"):
        resumed(PIXELS[3:6])


def test_an_answer_that_cannot_be_kept_ends_the_questioning(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=r"answers cannot be kept: .*; free space, or set FPFRAME_HOME"):
        opened(Suspect("auto"), Journals(tmp_path / "file"))(PIXELS[:3])


def test_a_suspect_that_never_answers_leaves_no_file(tmp_path):
    with pytest.raises(TransportError, match="503"):
        opened(Suspect("auto", answers=0), Journals(tmp_path))(PIXELS[:3])
    assert not list(tmp_path.iterdir())


def test_a_journal_goes_when_it_is_told_to(tmp_path):
    room = Room(Suspect("auto"), journals=Journals(tmp_path))
    room.open("here", REQUEST)(PIXELS[:3])
    [journal] = room.kept
    assert isinstance(journal, Journal)
    assert journal.answered == 3
    journal.remove()
    journal.remove()
    assert not list(tmp_path.iterdir())


def test_answers_of_a_suspect_without_a_digest_are_those_of_its_folder(tmp_path, monkeypatch):
    journals = tmp_path / "journals"
    for name in ("here", "elsewhere"):
        (tmp_path / name).mkdir()
    facts = attrs.evolve(Suspect("auto").facts, digest="")
    monkeypatch.chdir(tmp_path / "here")
    kept = Journals(journals).of(facts, REQUEST, questions="q")
    kept.keep(PIXELS[:2], Answers(rows=torch.eye(3)[:2], reading=HowRead("logits", "probs", LOGITS)))
    assert Journals(journals, resume=True).of(facts, REQUEST, questions="q").answered == 2
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="no answers of an earlier run are kept for 'here'"):
        Journals(journals, resume=True).of(facts, REQUEST, questions="q")

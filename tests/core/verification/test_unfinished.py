"""One suspect that fails while it is questioned costs no other its verdict, and nothing of what was answered."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
import torch
from torch import Tensor

import fpframe
from fpframe.cli import run
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import ModelError, ResourceError, TransportError
from fpframe.models.query import Query
from fpframe.verification import Unfinished, UnfinishedError, Verdict, verify_each
from tiny import larger


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return larger(Enrolment.open(tiny_enrolment), 4)


@attrs.define
class Suspect:
    """Answers by chance for an image, until something happens to the way to it."""

    calls: int | None = None
    error: BaseException = attrs.field(factory=lambda: ConnectionError("503"))
    asked: int = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        self.asked += 1
        if self.calls is not None and self.asked > self.calls:
            raise self.error
        weights = torch.rand(64, 10, generator=torch.Generator().manual_seed(0))
        return (pixels.flatten(1) @ weights * 8).softmax(1)


def query(suspect: Suspect) -> Query:
    return Query(suspect, num_classes=10, address=f"after {suspect.calls}", batch_size=64)


@pytest.mark.parametrize("calls", [0, 1, 4, 5, 9, 10, 20, 42])
def test_a_failing_way_to_a_suspect_is_never_called_its_behaviour(enrolment, calls):
    with pytest.raises(TransportError, match="the model could not be reached: 503"):
        fpframe.verify(enrolment, query(Suspect(calls)))


def test_the_other_suspects_get_the_verdicts_that_they_would_get_beside_one_that_is_not_shown(enrolment):
    whole = fpframe.verify_many(enrolment, [query(Suspect()), query(Suspect())])
    failing = [query(Suspect()), query(Suspect(6))]
    with pytest.raises(UnfinishedError, match="1 of 2 suspects failed while they were questioned: the model") as raised:
        fpframe.verify_many(enrolment, failing)
    done, failed = raised.value.outcomes
    assert isinstance(done, Verdict)
    assert attrs.evolve(done, suspect={}) == attrs.evolve(whole[0], suspect={})
    assert done.alpha == whole[0].alpha
    assert isinstance(failed, Unfinished)
    assert len(failed.transcript.answers) >= len(enrolment.able)
    assert raised.value.exit_code == ResourceError.exit_code


def test_each_outcome_is_returned_where_that_is_wanted(enrolment):
    outcomes = verify_each(enrolment, [query(Suspect(6)), query(Suspect()), query(Suspect(0))])
    assert [type(each) for each in outcomes] == [Unfinished, Verdict, Unfinished]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with two suspects, of which one fails after the images that ability is measured on."""
    (tmp_path / "theirs.py").write_text(
        "import torch\n"
        "calls = [0]\n"
        "def works(pixels):\n"
        "    weights = torch.rand(64, 10, generator=torch.Generator().manual_seed(0))\n"
        "    return (pixels.flatten(1) @ weights * 8).softmax(1)\n"
        "def fails(pixels):\n"
        "    calls[0] += 1\n"
        "    if calls[0] > 2:\n"
        "        raise ConnectionError('503')\n"
        "    return works(pixels)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.slow
def test_the_command_prints_the_verdicts_that_stand_and_ends_with_the_code_of_the_failure(here, capfd, tiny_enrolment):
    ways = ["python:theirs:works", "python:theirs:fails"]
    larger(Enrolment.open(tiny_enrolment), 3).save("larger.enrolment")
    code = run(["verify", "larger.enrolment", *ways, "--json", "--save-answers", "kept.npz"])
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert code == 6
    assert [each["suspect"]["address"] for each in told["suspects"]] == ways[:1]
    [failed] = told["unfinished"]
    assert (failed["address"], failed["exit_code"]) == (ways[1], 6)
    assert failed["answered"] == 300
    assert Path(failed["journal"]).exists()
    assert "the answers to 300 images are kept: run the same command with --resume" in err
    assert {path.name for path in here.glob("kept*")} == {"kept-1.npz", "kept-2.npz"}
    assert len(list(here.glob("home/journals/*"))) == 1, "of the suspect that has its verdict nothing is kept"


def test_a_model_that_fails_at_once_is_an_error_of_the_model(enrolment):
    with pytest.raises(ModelError, match=r"the model failed .*: no weights \(after 0\); fix it"):
        fpframe.verify(enrolment, query(Suspect(0, ValueError("no weights"))))

"""``fpframe seal``, and ``fpframe verify --attest``."""

from __future__ import annotations

import shutil

import pytest

import fpframe
from fpframe.cli import run
from fpframe.evidence import Attestation, Seal, read_public_key
from frozen import ENROLMENT, answers
from sworncase import make_key
from tsa import make_authority, stamp


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with keys and an enrolment that nothing was committed to for."""
    monkeypatch.chdir(tmp_path)
    for name in ("me", "auditor"):
        make_key(tmp_path, name)
    shutil.copytree(ENROLMENT, tmp_path / "my.enrolment")
    return tmp_path


def test_a_seal_lies_beside_the_enrolment_and_is_not_overwritten(folder, capsys):
    assert run(["seal", "my.enrolment", "--key", "me.pem"]) == 0
    digest = fpframe.Enrolment.open("my.enrolment").digest
    said = capsys.readouterr().out
    assert f"enrolment {digest}" in said
    assert "no authority has dated it" in said
    assert Seal.read((folder / "my.enrolment.seal").read_bytes()).subject.sha256 == digest
    assert run(["seal", "my.enrolment", "--key", "me.pem"]) == 2
    assert run(["seal", "my.enrolment", "--key", "me.pem", "--force"]) == 0


def test_a_token_is_checked_before_it_is_sealed(folder, capsys):
    authority = make_authority(folder / "tsa")
    digest = fpframe.Enrolment.open("my.enrolment").digest
    (folder / "good.tsr").write_bytes(stamp(authority, digest))
    (folder / "other.tsr").write_bytes(stamp(authority, "ab" * 32))
    sealing = ["seal", "my.enrolment", "--key", "me.pem", "--timestamp"]
    assert run([*sealing, "other.tsr"]) == 5
    assert "[token-of-another-subject]" in capsys.readouterr().err
    assert not (folder / "my.enrolment.seal").exists()
    assert run([*sealing, "good.tsr", "--authority", str(authority)]) == 0
    assert "there at 20" in capsys.readouterr().out
    assert run([*sealing, "good.tsr", "--force"]) == 0
    assert "says a token that nobody checked" in capsys.readouterr().out


def test_verdicts_are_attested_with_their_answers(folder, capsys):
    asking = ["verify", "my.enrolment", "--answers", str(answers("independent"))]
    asking += ["--attest", "asked", "--key", "auditor.pem", "--released"]
    assert run([*asking, "yesterday"]) == 2
    assert "--released takes a day" in capsys.readouterr().err
    assert run([*asking, "2026-11-01"]) == 0
    told = Attestation.read((folder / "asked/attestation.dsse.json").read_bytes(), key=read_public_key("auditor.pem"))
    assert [verdict.verdict for verdict in told.verdicts] == ["NOT_SHOWN"]
    assert told.released == "2026-11-01"
    assert {path.name for path in (folder / "asked").iterdir()} == {"attestation.dsse.json", "answers-1.npz"}


@pytest.mark.parametrize("words", [["--attest", "asked"], ["--key", "auditor.pem"]])
def test_a_statement_needs_a_folder_and_a_key(folder, capsys, words):
    assert run(["verify", "my.enrolment", "--answers", str(answers("derived")), *words]) == 2
    assert "--attest and --key belong together" in capsys.readouterr().err


def test_a_day_of_release_needs_a_statement(folder, capsys):
    assert run(["verify", "my.enrolment", "--answers", str(answers("derived")), "--released", "2026-11-01"]) == 2
    assert "--released is about a signed statement; name --attest and --key too" in capsys.readouterr().err

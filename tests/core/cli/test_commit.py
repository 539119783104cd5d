"""``fpframe commit``, and ``fpframe enroll`` under a commitment."""

from __future__ import annotations

import json

import pytest

from fpframe.base import now
from fpframe.cli import run
from fpframe.evidence import Case
from fpframe.opening import build_backbone, save_weights
from sworncase import make_key, soon


@pytest.fixture
def folder(tmp_path, monkeypatch, registry):
    """A folder with a key and a victim, which is not trained: nothing is enrolled here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "store"))
    make_key(tmp_path, "me")
    save_weights(build_backbone(registry, "paper:arc-e", 10, (1, 8, 8), seed=0), tmp_path / "victim.safetensors")
    return tmp_path


COMMIT = [
    "commit",
    "paper:arc-e",
    "--weights",
    "victim.safetensors",
    "--recipe",
    "tiny",
    "--key",
    "me.pem",
    "--out",
    "case",
]


def test_a_case_is_written_with_the_usual_terms_and_remembers_how_the_victim_was_named(folder, capsys):
    assert run(COMMIT) == 0
    case = Case.open(folder / "case")
    assert f"commitment {case.root}\n" in capsys.readouterr().out
    terms = next(leaf.value for leaf in case.leaves if leaf.name == "terms")
    assert (terms["alpha"], terms["enrolments"], terms["test"], terms["zoo_seed"]) == (0.1, 1, "conformal", None)
    assert terms["beacon"] > now().date().isoformat()
    assert case.how == {
        "victim": "paper:arc-e",
        "details": {"weights": str(folder / "victim.safetensors")},
        "data": {},
    }


def test_a_case_is_never_overwritten(folder, capsys):
    assert run(COMMIT) == 0
    assert run(COMMIT) == 2
    assert "output folder exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--enrolments", "2"], "alpha"),
        (["--beacon", "2026-01-01"], "is not later than the commitment"),
    ],
)
def test_what_cannot_be_committed_to_is_refused_and_leaves_nothing(folder, capsys, words, said):
    assert run([*COMMIT, *words]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "case").exists()


ENROLL = ["enroll", "--commitment", "case", "--out", "my.enrolment"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--commitment and --beacon belong together"),
        (["--beacon", "x"], "a beacon is written DATE:HEX"),
        (["--beacon", f"2026-12-01:{'5f' * 32}", "--alpha", "0.1"], "--alpha was settled by the commitment"),
        (["--beacon", f"2026-12-01:{'5f' * 32}", "--recipe", "tiny"], "--recipe was settled by the commitment"),
        (["--beacon", f"2026-12-01:{'5f' * 32}"], "was committed to, and not that of 2026-12-01"),
    ],
)
def test_an_enrolment_under_a_commitment_takes_its_recipe_from_there(folder, capsys, words, said):
    assert run([*COMMIT, "--beacon", soon(3600)]) == 0
    assert run([*ENROLL, *words]) == 2
    assert said in capsys.readouterr().err


def test_a_case_of_somebody_else_runs_no_code(folder, capsys):
    (folder / "evil.py").write_text("raise SystemExit('it ran')\n")
    assert run([*COMMIT, "--beacon", soon(3600)]) == 0
    path = folder / "case" / "leaves.json"
    stored = json.loads(path.read_text())
    stored["how"]["victim"] = "python:evil:network"
    path.write_text(json.dumps(stored))
    assert run([*ENROLL, "--beacon", f"{soon(3600)}:{'5f' * 32}"]) == 2
    said = capsys.readouterr().err
    assert "'python:evil:network' imports code, and is not followed: it is the victim of the case" in said


@pytest.mark.parametrize("how", [{}, {"victim": 1}, {"victim": "paper:arc-e", "details": {"colour": "red"}}])
def test_a_case_that_does_not_say_how_the_victim_was_named_asks_for_it(folder, capsys, how):
    assert run([*COMMIT, "--beacon", soon(3600)]) == 0
    path = folder / "case" / "leaves.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "how": how}))
    assert run([*ENROLL, "--beacon", f"{soon(3600)}:{'5f' * 32}"]) == 2
    assert "name it with --victim" in capsys.readouterr().err

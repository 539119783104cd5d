"""However a command ends: one line and a documented code, for bad inputs, a system that refuses, and our own faults."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from arrayfiles import archive, declared
from core.cli.complaining import complaint
from forging import forge, forge_json
from fpframe.cli import run
from fpframe.cli.endings import ending
from fpframe.cli.leaving import told_of_leaving
from fpframe.errors import IntegrityError
from fpframe.store import dump
from frozen import ENROLMENT, answers


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty current folder but for an enrolment, and a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "store"))
    shutil.copytree(ENROLMENT, tmp_path / "e")
    return tmp_path


def packed(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
DEEP = "[" * 100_000
GROUP = "[[independent]]\nstratum = 'same-data'\n"

#: What lies at FILE, what is run on it, the code and what is said; ``None`` makes a pipe.
FILES: dict[str, tuple[bytes | None, str, int, str]] = {
    "deep TOML": (f"a = {DEEP}".encode(), "zoo plan FILE.toml", 2, "the recipe nests too deeply"),
    "deep tables": (
        f"[{'.'.join('a' * 5000)}]".encode(),
        "zoo plan FILE.toml",
        2,
        "unknown key|nests too deeply|missing",
    ),
    "a number of 5000 digits": (b"seed = " + b"1" * 5000, "zoo plan FILE.toml", 2, "4300 digits"),
    "a recipe in Latin 1": ("name = 'ü'".encode("latin-1"), "zoo plan FILE.toml", 2, "not UTF-8 text"),
    "a recipe with a zero byte": (b"name = 'a\x00'", "zoo plan FILE.toml", 2, "the recipe is not TOML"),
    "a recipe that is a pipe": (None, "zoo plan FILE.toml", 2, "not a regular file"),
    "a recipe of endless models": (
        b"name = 'x'\n" + GROUP.encode() + b"calibrate = 1000000000",
        "zoo plan FILE.toml",
        2,
        r"'independent\.0\.calibrate' must be a whole number of at least 0 and at most 10000 \(got 1000000000\)",
    ),
    "a scheme that is a pipe": (None, "enroll --out o --recipe tiny --scheme FILE.toml", 2, "not a regular file"),
    "classes that are a pipe": (None, "enroll --out o --classes FILE", 3, "cannot read the classes: it is a link"),
    "classes in Latin 1": ("ü".encode("latin-1"), "enroll --out o --classes FILE", 3, "cannot read the classes"),
    "indices that are a pipe": (None, "enroll --out o --victim timm:x --victim-indices FILE", 3, "not a regular file"),
    "indices without an end": (
        declared("(100000000000000,)"),
        "enroll --out o --victim timm:x --victim-indices FILE",
        3,
        "cannot read the victim's indices: it holds 0 bytes",
    ),
    "indices that are a page": (HTML, "enroll --out o --victim timm:x --victim-indices FILE", 3, "HTML page"),
    "answers that are a pipe": (None, "verify e --answers FILE", 3, "not a regular file"),
    "answers without an end": (
        archive(answers=declared("(100000000000000,)")),
        "verify e --answers FILE",
        3,
        "where its shape",
    ),
    "answers that unpack without an end": (
        packed(answers=np.zeros(10**7)),
        "verify e --answers FILE",
        3,
        "80000128 bytes unpacked",
    ),
    "answers about which deep JSON speaks": (
        packed(answers=np.zeros((48, 10)), about=np.array(DEEP)),
        "verify e --answers FILE",
        3,
        "nests too deeply",
    ),
    "answers that are a pointer": (LFS, "verify e --answers FILE", 3, "Git LFS pointer"),
    "answers that are cut": (
        packed(answers=np.zeros((48, 10)))[:200],
        "verify e --answers FILE",
        3,
        "not a whole archive",
    ),
    "a model that is a pipe": (None, "verify e FILE.onnx", 3, "a device, a pipe or a socket"),
    "a .pt that is a pointer": (LFS, "verify e FILE.pt --backbone paper:arc-e", 3, "Git LFS pointer"),
    "a .pt that is a page": (HTML, "verify e FILE.pt --backbone paper:arc-e", 3, "HTML page"),
    "a .safetensors that is a pointer": (LFS, "verify e FILE.safetensors --backbone paper:arc-e", 3, "Git LFS pointer"),
    "an .onnx that is a page": (HTML, "verify e FILE.onnx", 3, "HTML page"),
    "a victim's weights that are a pointer": (
        LFS,
        "enroll --out o --recipe tiny --victim paper:arc-e --weights FILE.pt",
        3,
        "Git LFS pointer",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_used_ends_in_one_line(here, capfd, case):
    content, command, code, message = FILES[case]
    words = command.split()
    file = next(word for word in words if word.startswith("FILE"))
    os.mkfifo(here / file) if content is None else (here / file).write_bytes(content)
    assert_told(complaint(capfd, words, code), message)
    assert not (here / "o").exists()


ENROLMENTS: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "a member is a pipe": (lambda e: (swap(e / "recipe.toml"), os.mkfifo(e / "recipe.toml")), 5, "not a regular file"),
    "a member never ends": (
        lambda e: (swap(e / "recipe.toml"), (e / "recipe.toml").symlink_to("/dev/zero")),
        5,
        "not a regular file",
    ),
    "the manifest never ends": (
        lambda e: (swap(e / "manifest.json"), (e / "manifest.json").symlink_to("/dev/zero")),
        5,
        "not a regular file",
    ),
    "the manifest is deep": (lambda e: (e / "manifest.json").write_text(DEEP), 5, "nests too deeply"),
    "the manifest has a long number": (lambda e: (e / "manifest.json").write_text("1" * 5000), 5, "4300 digits"),
    "the recipe is deep": (lambda e: forge(e, members={"recipe.toml": f"a = {DEEP}".encode()}), 5, "nests too deeply"),
    "scores are deep": (lambda e: forge(e, members={"calibration.json": DEEP.encode()}), 5, "nests too deeply"),
    "the table of scores is a list": (lambda e: forge(e, members={"calibration.json": b"[]"}), 5, "fit together"),
    "the profile is a text": (lambda e: forge(e, profile="x"), 5, "'profile' is wrong"),
    "there are no channels": (lambda e: forge(e, channels=[]), 5, "is not one of an enrolment's"),
    "channels are numbers": (lambda e: forge(e, channels=[1]), 5, "fit together"),
    "queries have no views": (
        lambda e: forge(e, members={"queries.safetensors": queries(torch.zeros(0, 16, 1, 8, 8, dtype=torch.uint8))}),
        5,
        "there are no query images",
    ),
    "scores are not finite": (
        lambda e: forge_json(e, "calibration.json", lambda s: s["view_scores"]["probs"][""][0].__setitem__(0, 1e999)),
        5,
        "Infinity is not a number",
    ),
}


def swap(path: Path) -> None:
    path.unlink()


def queries(images: torch.Tensor) -> bytes:
    return dump({"images": images}, {})


def assert_told(line: str, message: str) -> None:
    assert re.search(message, line), line


@pytest.mark.parametrize("case", ENROLMENTS)
def test_an_enrolment_that_is_damaged_ends_in_one_line(here, capfd, case):
    change, code, message = ENROLMENTS[case]
    change(here / "e")
    assert_told(complaint(capfd, ["verify", "e", "a.onnx"], code), message)


LONG = "x" * 300


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (f"verify {LONG} a.onnx", 2, "no such enrolment"),
        (f"verify e {LONG}.onnx", 3, "File name too long"),
        (f"verify e --answers {LONG}.npz", 3, "File name too long"),
        (f"verify e a.onnx --report {LONG}", 2, "no file can be called so: File name too long"),
        (f"enroll --recipe {LONG}.toml --out o", 2, "File name too long"),
        (f"enroll --recipe tiny --out {LONG}", 2, "no file can be called so: File name too long"),
        ("verify e a.onnx --report e/report.html", 2, "would lie inside an enrolment"),
        ("verify e a.onnx --save-answers e/a.npz", 2, "would lie inside an enrolment"),
        ("verify e a.onnx --report e/new/report.html", 2, "would lie inside an enrolment"),
        ("calibrate e --out e/inner", 2, "would lie inside an enrolment"),
        ("evaluate e --out e/results", 2, "would lie inside an enrolment"),
        ("queries export e --out e/queries", 2, "would lie inside an enrolment"),
        ("enroll --recipe tiny --out e/inner", 2, "would lie inside an enrolment"),
        ("train --recipe tiny --out e/inner.safetensors", 2, "would lie inside an enrolment"),
        ("compare --schemes residual --recipe tiny --out e/results", 2, "would lie inside an enrolment"),
        ("demo --out e/demo", 2, "would lie inside an enrolment"),
        ("enroll --recipe tiny --out /proc/nowhere/e", 6, r"the output cannot be written: .* \(/proc\)"),
        ("calibrate e --out /proc/nowhere/e", 6, r"the output cannot be written: .* \(/proc\)"),
        ("verify e a.onnx --report /proc/report.html", 6, r"the output cannot be written: .* \(/proc\)"),
        ("evaluate e --out /proc/nowhere/results", 6, r"the output cannot be written: .* \(/proc\)"),
        ("train --recipe tiny --out /proc/nowhere/a.safetensors", 6, r"the output cannot be written: .* \(/proc\)"),
    ],
)
def test_a_name_or_a_place_that_cannot_be_used_is_refused_before_any_work(
    here, capfd, monkeypatch, command, code, message
):
    def work(*_: object, **__: object) -> None:
        raise AssertionError("work was done")

    for module in ("enrolment.enroll_victim", "enrolment.calibrate_on_zoo", "evaluation.evaluate_models"):
        monkeypatch.setattr(f"fpframe.{module}.open_workspace", work)
    before = {path.name for path in (here / "e").iterdir()}
    assert_told(complaint(capfd, command.split(), code), message)
    assert {path.name for path in (here / "e").iterdir()} == before


RED, TURNED = "\x1b[31mred", "\u202egnp.exe"


@pytest.mark.parametrize("name", [RED, TURNED, "a\rb", "\x07", "\udce9"])
def test_a_name_does_nothing_to_the_terminal(here, capfd, name):
    for command in (["verify", "e", f"{name}.onnx"], ["verify", name, "a.onnx"], ["zoo", "plan", name], [name]):
        assert run(command) in (2, 3)
        told = capfd.readouterr().err
        assert len(told.splitlines()) == 1, told
        assert told.rstrip("\n").isprintable(), told


def test_what_recorded_answers_say_does_nothing_to_the_terminal(here, capfd):
    with np.load(answers("independent")) as file:
        stored = {name: file[name] for name in file.files}
    about = str(stored["about"])
    assert '"address": "' in about
    stored["about"] = np.array(about.replace('"address": "', f'"address": "{TURNED}\\u001b[2J'))
    np.savez(here / "answers.npz", **stored)
    assert run(["verify", "e", "--answers", "answers.npz"]) in (0, 7)
    told = capfd.readouterr().out
    assert r"\u202egnp.exe\x1b[2J" in told
    assert told.replace("\n", "").isprintable()


ERRORS: dict[str, tuple[BaseException, int, str]] = {
    "of our own": (IntegrityError("the manifest is damaged"), 5, "error: the manifest is damaged"),
    "a fault": (RuntimeError("shape\nmismatch"), 70, "internal error: RuntimeError: shape (please report; "),
    "a fault without words": (AssertionError(), 70, "internal error: AssertionError (please report; "),
    "an end by somebody else": (SystemExit(0), 70, "internal error: SystemExit: 0 (please report; "),
    "a generator's end": (GeneratorExit(), 70, "internal error: GeneratorExit (please report; "),
    "memory": (MemoryError(), 6, "error: there is not enough memory"),
    "memory of a GPU": (torch.OutOfMemoryError("CUDA out of memory"), 6, "error: there is not enough memory"),
    "recursion": (RecursionError("maximum recursion depth exceeded"), 3, "error: a file or a model nests too deeply"),
    "a letter": (UnicodeEncodeError("ascii", "ü", 0, 1, "no"), 3, "error: a text or a name cannot be used"),
    "a zero byte": (ValueError("embedded null byte"), 3, "error: a text or a name cannot be used"),
    "a full disk": (OSError(errno.ENOSPC, "No space left on device", "/x"), 6, "No space left on device (/x)"),
    "a right": (PermissionError(errno.EACCES, "Permission denied", "/x"), 6, "Permission denied (/x)"),
    "a long name": (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), 2, "no file can be called so"),
    "a worker's pipe": (BrokenPipeError(errno.EPIPE, "Broken pipe"), 6, "error: the system refuses: Broken pipe"),
    "Ctrl-C": (KeyboardInterrupt(), 130, "error: interrupted"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_whatever_is_raised_has_a_code_and_one_line(capfd, monkeypatch, case):
    error, code, message = ERRORS[case]

    def fail(**_: object) -> None:
        raise error

    monkeypatch.delenv("FPFRAME_DEBUG", raising=False)
    monkeypatch.setattr("fpframe.registry.load_registry", fail)
    assert run(["plugins"]) == code
    told = capfd.readouterr().err
    assert message in told
    assert told.startswith("fpframe: ")
    assert len(told.splitlines()) == 1
    monkeypatch.setenv("FPFRAME_DEBUG", "1")
    assert run(["plugins"]) == code
    assert ("Traceback" in capfd.readouterr().err) == (case != "Ctrl-C")


def test_the_help_names_every_code(capfd):
    assert run(["--help"]) == 0
    told = " ".join(capfd.readouterr().out.split())
    for code in {code for _, code, _ in ERRORS.values()} | {0, 7, 143}:
        assert str(code) in told, code
    page = (Path(__file__).parents[3] / "docs" / "explanation" / "verdicts.md").read_text()
    for code in {code for _, code, _ in ERRORS.values()} | {0, 7, 143}:
        assert f"| {code} |" in page, code


# --- streams and surroundings


def test_a_closed_standard_output_is_refused_before_anything_is_done(capfd, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert run(["store", "path"]) == 6
    assert "standard output is closed" in capfd.readouterr().err


def test_a_full_standard_output_is_no_success(capfd, monkeypatch):
    with open("/dev/full", "w") as full:  # noqa: PTH123, SIM117
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", full)
            assert run(["store", "path"]) == 6
    assert "the output cannot be written: No space left on device" in capfd.readouterr().err


def test_a_reader_that_has_gone_has_seen_enough(capfd, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:  # noqa: PTH123, SIM117
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", pipe)
            assert run(["store", "path"]) == 0
    assert capfd.readouterr().err == ""


def test_a_closed_standard_error_keeps_no_result_back(capfd, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert run(["store", "path"]) == 0
    assert run(["store", "pat"]) == 2
    assert capfd.readouterr().out


def test_an_encoding_that_lacks_a_letter_is_no_fault(monkeypatch, tmp_path):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "Größe"))
    assert run(["store", "path"]) == 0
    assert shown.getvalue().endswith(b"/Gr\\xf6\\xdfe\n")


def test_a_current_folder_that_is_gone_is_named(tmp_path, capfd, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for command in (["verify", str(ENROLMENT), "python:a:b"], ["enroll", "--recipe", "tiny", "--out", "x"]):
        assert "the current folder does not exist any more; change to another one" in complaint(capfd, command, 2)


def test_without_a_home_the_store_has_to_be_named(capfd, monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for variable in ("FPFRAME_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert "there is no home folder" in complaint(capfd, ["store", "path"], 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "code", "told"),
    [
        ("{fpframe} store path > /dev/full", 6, "the output cannot be written"),
        ("{fpframe} store path >&-", 6, "standard output is closed"),
        ("{fpframe} store path 2>&- | grep -q .", 0, ""),
        ("PYTHONIOENCODING=ascii {fpframe} verify {e} ü.onnx", 3, r"\xfc.onnx"),
        ("mkdir gone && cd gone && rmdir ../gone && {fpframe} verify {e} python:a:b", 2, "fpframe: error"),
        ("{fpframe} verify {e} " + "x" * 300 + ".onnx", 3, "File name too long"),
    ],
)
def test_the_real_command_ends_as_it_should(tmp_path, shell, code, told):
    command = shell.format(fpframe=f"{sys.executable} -m fpframe", e=ENROLMENT)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert len(done.stderr.splitlines()) <= 1, done.stderr


def test_what_the_system_says_is_cut_to_a_readable_length():
    code, told = ending(OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000))
    assert (code, len(told) < 250) == (2, True)


LEAVING = """
import os
import sys

import fpframe.{module} as theirs
from fpframe.cli import main


def leaves(*_, **__):
    os._exit(0)


theirs.{name} = leaves
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("module", "name", "command"),
    [
        ("registry", "load_registry", ["plugins"]),
        pytest.param(
            "enrolment.scoring",
            "scored_answers",
            ["verify", str(ENROLMENT), "--answers", str(answers("derived"))],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_code_that_leaves_the_process_in_the_middle_is_named_and_never_a_success(tmp_path, module, name, command):
    script = tmp_path / "script.py"
    script.write_text(LEAVING.format(module=module, name=name))
    done = subprocess.run([sys.executable, script, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"fpframe: error: '__main__' ended the process with code 0 before the command was done \(.*script\.py:10\); "
        r"mend it, or leave it out\n",
        done.stderr,
    )


def test_a_forked_process_leaves_without_a_word(capfd):
    with told_of_leaving():
        child = os.fork()
        if not child:
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert os._exit.__module__ == "posix"
    assert capfd.readouterr().err == ""

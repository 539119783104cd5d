"""Nothing in a pickle runs, whatever it says; what surrounds it is read all the same."""

from __future__ import annotations

import builtins
import copyreg
import functools
import io
import operator
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from core.opening.everyday import classifier, net, state
from fpframe import ModelError, load_weights
from fpframe.opening.checkpoints import pickled


@pytest.fixture(autouse=True)
def canary(tmp_path, monkeypatch):
    """Read pickles in this process, where what runs would be seen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pickled, "_here", True)
    yield tmp_path / "canary"
    assert not (tmp_path / "canary").exists(), "a payload ran"


class Calls:
    """Pickled, it calls a function when it is unpickled."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


MAKE = "open('canary', 'w').close()"


def make_directory():
    """Return what makes the canary by the shortest way."""
    return Calls(os.mkdir, "canary")


class Keyed:
    """Something that can be the key of a mapping, and that is a payload."""

    def __reduce__(self):
        return os.mkdir, ("canary",)


#: By kind, what runs code where an unrestricted unpickler reads it.
PAYLOADS = {
    "a system's function": make_directory,
    "exec": lambda: Calls(exec, MAKE),
    "eval": lambda: Calls(eval, "__import__('os').mkdir('canary')"),
    "getattr": lambda: Calls(getattr, Path("canary"), "mkdir"),
    "a partial function": lambda: Calls(functools.reduce, operator.methodcaller("mkdir"), [Path("canary")]),
    "an import": lambda: Calls(builtins.__import__, "os"),
    "another unpickler": lambda: Calls(pickle.loads, pickle.dumps(make_directory())),
    "PyTorch's own loader": lambda: Calls(torch.load, "other.pt"),
    "a storage that is a pickle": lambda: Calls(torch.storage._load_from_bytes, pickle.dumps(make_directory())),
    "a tensor of a subclass": lambda: Calls(torch._tensor._rebuild_from_type_v2, exec, type, (MAKE,), {}),
    "an object with a state": lambda: Calls(
        copyreg._reconstructor, Path, object, None, state={"_raw": make_directory()}
    ),
    "a function that is changed": lambda: Calls(torch._utils._rebuild_parameter, make_directory(), False, {}),
    "a model of a hub": lambda: Calls(torch.hub.load, ".", "net"),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_payload_beside_weights_does_not_run_and_they_are_read(kind, protocol, canary):
    torch.save({"state_dict": state(), "args": PAYLOADS[kind]()}, "a.pt", pickle_protocol=protocol)
    found = load_weights(classifier(), "a.pt")
    assert found.liberties[0].code == "weights-located"
    assert torch.equal(found.module.head.weight, net().head.weight)


@pytest.mark.parametrize("old", [False, True])
def test_a_payload_in_the_place_of_a_weight_does_not_run_and_is_a_weight_that_is_missing(canary, old):
    torch.save({**state(), "head.bias": make_directory()}, "a.pt", _use_new_zipfile_serialization=not old)
    with pytest.raises(ModelError, match=r"missing head\.bias"):
        load_weights(classifier(), "a.pt")


def test_the_payload_is_real(canary):
    torch.save(make_directory(), "a.pt")
    torch.load("a.pt", weights_only=False)
    assert canary.exists()
    canary.rmdir()


@pytest.mark.parametrize("content", [make_directory, lambda: [make_directory()], lambda: {Keyed(): 1}])
def test_a_file_of_payloads_alone_is_refused_with_the_name_of_what_it_would_call(content, canary):
    Path("a.pkl").write_bytes(pickle.dumps(content()))
    with pytest.raises(ModelError, match=r"no state dict.*posix\.mkdir, whose code is not run"):
        load_weights(classifier(), "a.pkl")


#: Instructions of a pickle that no library writes, by kind.
INSTRUCTIONS = {
    "INST": b"(S'canary'\nios\nmkdir\n.",
    "OBJ": b"(cos\nmkdir\nS'canary'\no.",
    "NEWOBJ": b"\x80\x02cos\nmkdir\nU\x06canary\x85\x81.",
    "a class of a stub that is changed": b"\x80\x02cos\nmkdir\n}U\x0b__setitem__cos\nsystem\nsb.",
    "a function that is changed": b"\x80\x02ctorch._utils\n_rebuild_parameter\n}U\x05_makecos\nmkdir\nsb.",
    "an object that is changed": b"\x80\x02ccollections\nOrderedDict\n)R}U\x05itemscos\nmkdir\nsb.",
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent name": b"\x80\x02U\x06canaryQ.",
    "a buffer of another's": b"\x80\x05\x97.",
}


@pytest.mark.parametrize("kind", INSTRUCTIONS)
def test_instructions_that_no_library_writes_run_nothing(kind, canary):
    Path("a.pkl").write_bytes(INSTRUCTIONS[kind])
    with pytest.raises(ModelError, match=r"is refused|no state dict"):
        load_weights(classifier(), "a.pkl")


def test_a_program_is_not_run_even_where_it_looks_like_a_state_dict(canary, monkeypatch):
    torch.save(state(), "a.pt")
    with zipfile.ZipFile("a.pt", "a") as archive:
        archive.writestr("a/constants.pkl", pickle.dumps(()))
    monkeypatch.setattr("fpframe.opening.checkpoints.contents.refuse_other_kinds", lambda path: None)
    with pytest.raises(ModelError, match="TorchScript program"):
        load_weights(classifier(), "a.pt")


def test_containers_that_contain_themselves_or_multiply_are_looked_at_once(canary):
    looped = {"model": state()}
    looped["again"] = looped
    doubled = [0]
    for _ in range(30):
        doubled = [doubled, doubled]
    torch.save({**looped, "more": doubled}, "a.pt")
    assert load_weights(classifier(), "a.pt").liberties[0].text.startswith("The weights lay under 'model' in")


def test_containers_without_an_end_are_refused(canary, monkeypatch):
    monkeypatch.setattr("fpframe.opening.checkpoints.walk._MOST", 1000)
    torch.save({"model": state(), "more": [[] for _ in range(2000)]}, "a.pt")
    with pytest.raises(ModelError, match="lie in each other without an end"):
        load_weights(classifier(), "a.pt")


def test_pickles_in_pickles_have_an_end(canary):
    content = pickle.dumps(torch.zeros(1))
    for _ in range(8):
        content = pickle.dumps(Calls(torch.storage._load_from_bytes, content))
    Path("a.pkl").write_bytes(content)
    with pytest.raises(ModelError, match="is refused"):
        load_weights(classifier(), "a.pkl")


#: Arrays of NumPy that are none, by kind.
ARRAYS = {
    "of objects": lambda: np.array([make_directory()], dtype=object),
    "of dates": lambda: np.array(["2024-01-01"], dtype="datetime64[D]"),
    "of texts": lambda: np.array(["a", "bc"]),
    "of records": lambda: np.zeros(2, dtype=[("a", "f4")]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_that_is_not_of_numbers_is_no_weight(kind, canary):
    arrays = {name: value.numpy() for name, value in state().items()}
    Path("a.pkl").write_bytes(pickle.dumps({**arrays, "head.bias": ARRAYS[kind]()}))
    with pytest.raises(ModelError, match=r"missing head\.bias.*\(array\)"):
        load_weights(classifier(), "a.pkl")


def test_tensors_that_are_only_marked_as_changed_are_not_read_as_they_lie(canary):
    marked = torch.imag(torch.conj(torch.complex(torch.zeros(5), torch.ones(5))))
    assert marked.is_neg()
    torch.save({**state(), "head.bias": marked}, "a.pt")
    with pytest.raises(ModelError, match=r"missing head\.bias.*\(marked\)"):
        load_weights(classifier(), "a.pt")


def test_names_of_a_stranger_are_shown_on_one_line_without_what_a_terminal_obeys(canary):
    stream = io.BytesIO()
    torch.save({"state_dict": state(), "x": make_directory()}, stream)
    content = stream.getvalue().replace(b"posix\nmkdir", b"po\x1b[1\nmkdir")
    Path("a.pt").write_bytes(content)
    try:
        told = " ".join(note.text for note in load_weights(classifier(), "a.pt").liberties)
    except ModelError as error:  # where the archive says that its bytes were changed
        told = str(error)
    assert told.isprintable()

"""`Run`: how work is carried out, and what became of the keywords that said so before."""

from __future__ import annotations

import inspect
import threading
from pathlib import Path

import attrs
import pytest
import torch

import fpframe
from fpframe.base.device import CHOICE, computing_device, computing_on
from fpframe.errors import ParameterError, UsageError
from fpframe.recipe.former import FORMER, explains_former
from fpframe.store.store import Store


def test_a_run_that_is_told_nothing_takes_the_users_store_and_plugins_and_trains_in_this_process(monkeypatch, tmp_path):
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path))
    run = fpframe.Run()
    assert (run.workers, run.device, run.data_root, run.executor) == (1, None, None, None)
    assert run.store.root == tmp_path
    assert "timm" in run.registry.names("backbone")


@pytest.mark.parametrize("given", ["models", Path("models"), Store(Path("models"))])
def test_a_store_may_be_its_folder(given):
    assert fpframe.Run(store=given).store.root == Path("models")


def test_installed_plugins_are_looked_up_once_and_not_before_they_are_needed(monkeypatch):
    looked = []
    monkeypatch.setattr("fpframe.recipe.run.load_registry", lambda: looked.append(1) or "plugins")
    run = fpframe.Run()
    assert looked == []
    assert [run.registry, run.registry] == ["plugins", "plugins"]
    assert looked == [1]


def test_a_registry_that_was_given_stays_with_a_changed_run(registry):
    run = fpframe.Run(registry=registry)
    assert attrs.evolve(run, workers=2).registry is registry


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_workers_are_counted_from_one(workers):
    with pytest.raises(ParameterError, match=r"'workers' of 'Run' must be a whole number of at least 1 \(got"):
        fpframe.Run(workers=workers)


def test_the_device_of_a_run_goes_before_the_environments_inside_it_and_in_its_thread_alone(monkeypatch):
    monkeypatch.setenv(CHOICE, "not a device")
    elsewhere = []

    def look():
        with pytest.raises(UsageError, match="'not a device' is not a device"):
            computing_device()
        elsewhere.append(True)

    with fpframe.Run(device="cpu").computing():
        assert computing_device() == torch.device("cpu")
        with computing_on(None):
            assert computing_device() == torch.device("cpu")
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert elsewhere == [True]
    with pytest.raises(UsageError, match=r"\(FPFRAME_DEVICE\)"):
        computing_device()


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("tpu", r"'tpu' is not a device to compute on \(the run's device\); set it to cpu, cuda or cuda:N"),
        ("cuda:99", r"'cuda:99' cannot be used: torch finds .* here \(the run's device\)"),
    ],
)
def test_a_device_that_is_not_there_is_refused_before_anything_is_trained(device, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        fpframe.enroll(recipe="tiny", run=fpframe.Run(store=tmp_path, device=device))
    assert not any(tmp_path.iterdir())


# --- former keywords

CALLS = {
    "enroll": fpframe.enroll,
    "calibrate": fpframe.calibrate,
    "evaluate": fpframe.evaluate,
    "compare": fpframe.compare,
    "plan_zoo": fpframe.plan_zoo,
}


@pytest.mark.parametrize(
    ("call", "keyword"),
    [
        (call, name)
        for call in CALLS
        for name in FORMER
        # 'calibrate' has no victim, and a word of its own for what one was made from
        if name not in inspect.signature(CALLS[call]).parameters and (call, name) != ("calibrate", "victim_indices")
    ],
)
def test_a_former_keyword_is_refused_with_what_to_write_now(call, keyword):
    with pytest.raises(TypeError, match=rf"^{call}\(\) no longer takes '{keyword}'; write ") as caught:
        CALLS[call](**{keyword: 1})
    assert str(caught.value).endswith(FORMER[keyword])


def test_functions_say_what_became_of_keywords_of_their_own():
    with pytest.raises(TypeError, match=r"write enroll\(\.\.\.\)\.save\(PATH\)$"):
        fpframe.enroll(out="x")
    with pytest.raises(TypeError, match=r"write design=fpframe\.Design\(seeds=\.\.\.\)$"):
        fpframe.compare(["akh"], seeds=2)
    with pytest.raises(TypeError, match=r"write past=fpframe\.VictimPast\(indices=\.\.\.\)$"):
        fpframe.calibrate("x", victim_indices=[1])


def test_a_keyword_that_never_was_one_is_refused_as_python_does():
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'wieghts'"):
        fpframe.enroll(wieghts="x")


def test_a_keyword_that_a_function_still_takes_is_not_former_to_it():
    @explains_former()
    def opening(store):
        return store

    assert opening(store=3) == 3

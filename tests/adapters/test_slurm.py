"""Tasks in jobs that submitit submits: as processes of this machine, and to a Slurm whose commands are made here."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import attrs
import pytest

from adapters import fakeslurm
from fpframe.errors import ResourceError, UsageError
from fpframe.executors import open_executor, slurm
from fpframe.executors.interface import Job, Task
from fpframe.executors.slurm import SlurmExecutor
from fpframe.recipe.run import Run
from fpframe.zoo.plan import plan_zoo
from fpframe.zoo.setting import train_victim

SURVIVAL = Path(__file__).parents[1] / "survival" / "recipe.toml"


def square(state, item):
    return item * item + len(state)


def facts(state, item):
    time.sleep(0.2)
    return os.environ["OMP_NUM_THREADS"], os.getpid(), id(state)


def die_once(state, item):
    number, marker = item
    if number == 1 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(state, number)


def die_or_wait(state, item):
    """Item: number, and a folder for marks; 1 dies, and 2 ends after the second death."""
    number, folder = item
    if number == 1:
        Path(folder, f"death-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while len(list(Path(folder).glob("death-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return number


def fail(state, item):
    if item == 2:
        raise ValueError(f"no luck with {item}")
    time.sleep(60)


def one_fast_one_slow(state, item):
    number, folder = item
    Path(folder, f"{os.getpid()}.begun").touch()
    time.sleep(0 if number == 1 else 60)


def as_text(payload: bytes) -> str:
    return payload.decode()


def refuse(payload: bytes):
    raise AttributeError("no such class here")


def job(work, *, unpickle=as_text):
    return Job(work=work, state="abc", pickled=lambda: b"abc", unpickle=unpickle)


def tasks(*items):
    return [Task(key=str(item), item=item) for item in items]


def results(executor, work, todo, **options):
    done = []
    executor.run(job(work, **options), todo, on_done=lambda item, result: done.append((item, result)))
    return done


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


@pytest.fixture(params=["local", "slurm"])
def executor(request, tmp_path, monkeypatch) -> SlurmExecutor:
    """Return an executor of two jobs at a time; afterwards nothing of it may run."""
    monkeypatch.chdir(Path(__file__).parents[1])  # jobs import this module from the current folder
    if request.param == "slurm":
        commands, states = tmp_path / "commands", tmp_path / "states"
        commands.mkdir()
        states.mkdir()
        fakeslurm.install(commands)
        monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv(fakeslurm.FOLDER, str(states))
        monkeypatch.setattr(slurm, "_LOOK", 0.5)
    return SlurmExecutor(workers=2, folder=tmp_path / "jobs", cluster=request.param)


def test_jobs_give_what_inline_gives_in_an_order_that_needs_allow(executor, tmp_path, capfd):
    todo = [*tasks(1, 2), Task(key="4", item=4, needs=frozenset({"3"})), *tasks(3)]
    done = results(executor, square, todo)
    assert sorted(done) == sorted(results(open_executor("inline", workers=1), square, todo))
    assert done.index((3, 12)) < done.index((4, 19))
    assert list(executor.folder.iterdir()) == [], "nothing is left of a run that went well"
    assert capfd.readouterr().out == ""


def test_a_job_does_many_tasks_with_one_state_and_one_thread(executor):
    found = [result for _, result in results(executor, facts, tasks(*range(6)))]
    assert {threads for threads, _, _ in found} == {"1"}
    workers = {(pid, state) for _, pid, state in found}
    assert len(workers) == len({pid for pid, _ in workers}) <= 2


def test_a_job_that_dies_costs_one_task_which_another_job_does(executor, tmp_path):
    todo = [Task(key=str(n), item=(n, str(tmp_path / "died"))) for n in range(4)]
    done = results(executor, die_once, todo)
    assert (tmp_path / "died").exists()
    assert sorted((item[0], result) for item, result in done) == [(0, 3), (1, 4), (2, 7), (3, 12)]
    [run] = executor.folder.iterdir()
    assert (run / "logs").is_dir(), "where a job died its log is kept"
    assert not (run / "state").exists()


def test_a_task_that_ends_its_job_twice_is_named_and_the_others_are_kept(executor, tmp_path):
    todo = [Task(key=str(n), item=(n, str(tmp_path)), label=f"model {n}") for n in (1, 2)]
    done = []
    with pytest.raises(ResourceError, match=r"died \(job .* ended: .*\) each of the 2 times .* 'model 1'"):
        executor.run(job(die_or_wait), todo, on_done=lambda item, result: done.append(result))
    assert done == [2]
    assert len(list(tmp_path.glob("death-*"))) == 2


def test_an_error_of_the_work_comes_back_as_it_is_and_ends_the_other_jobs(executor):
    begin = time.monotonic()
    with pytest.raises(ValueError, match="no luck with 2") as caught:
        results(executor, fail, tasks(1, 2))
    assert "in fail" in "".join(caught.value.__notes__)
    assert time.monotonic() - begin < 45


def test_an_interrupt_cancels_the_jobs(executor, tmp_path):
    def interrupted(item, result):
        raise KeyboardInterrupt

    todo = [Task(key=str(n), item=(n, str(tmp_path))) for n in (1, 2)]
    with pytest.raises(KeyboardInterrupt):
        executor.run(job(one_fast_one_slow), todo, on_done=interrupted)
    pids = [int(path.stem) for path in tmp_path.glob("*.begun")]
    assert pids
    deadline = time.monotonic() + 10
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, "a job outlived the run"
        time.sleep(0.05)


def test_a_state_that_cannot_be_rebuilt_is_told(executor):
    with pytest.raises(ResourceError, match="cannot rebuild the victim or its data: no such class here"):
        results(executor, square, tasks(1), unpickle=refuse)


def test_slurm_is_asked_for_what_the_options_say(executor, tmp_path):
    if executor.cluster == "local":
        with pytest.raises(UsageError, match="'sbatch' and 'srun'"):
            results(attrs.evolve(executor, cluster="slurm"), square, tasks(1))
        return
    asking = attrs.evolve(executor, cpus=3, gpus=1, partition="long", minutes=90, memory=2.5)
    assert sorted(results(asking, square, tasks(1, 2))) == [(1, 4), (2, 7)]
    asked = (tmp_path / "states" / "1.sh").read_text()
    for flag in ("array=0-1%2", "cpus-per-task=3", "gpus-per-node=1", "partition=long", "time=90", "no-requeue"):
        assert f"#SBATCH --{flag}" in asked
    assert "--mem=2560MB" in asked


def test_a_refusal_of_slurm_is_told_in_one_line(executor, tmp_path, capfd):
    if executor.cluster == "slurm":
        (tmp_path / "commands" / "sbatch").write_text(
            "#!/bin/sh\necho 'sbatch: error: invalid partition' >&2\nexit 1\n"
        )
        with pytest.raises(
            ResourceError, match="Slurm does not take the jobs: sbatch: error: invalid partition; check"
        ):
            results(executor, square, tasks(1))
    with pytest.raises(UsageError, match="needs at least 1 CPU"):
        attrs.evolve(executor, cpus=0)
    assert capfd.readouterr() == ("", "")


def test_a_zoo_that_jobs_build_is_the_zoo_of_inline_byte_for_byte(executor, tmp_path):
    stores = {}
    for name, chosen in (("inline", None), ("jobs", executor)):
        run = Run(store=tmp_path / name, executor=chosen)
        plan = plan_zoo(SURVIVAL, splits=("test",), run=run)
        train_victim(plan.recipe, plan.workspace, run)
        plan.build()
        stores[name] = {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.safetensors")}
    assert stores["jobs"] == stores["inline"]
    assert len(stores["jobs"]) > 2 * len(plan.models)

"""Executors: every task once and in order, whatever happens to a worker, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fpframe.errors import ResourceError, UsageError
from fpframe.executors import EXECUTORS, open_executor
from fpframe.executors.inline import InlineExecutor
from fpframe.executors.interface import Job, Task
from fpframe.executors.processes import ProcessExecutor
from fpframe.store import write_durably
from fpframe.store.mapped import mapped_meanwhile
from fpframe.store.store import HOME

# each test starts processes that import everything anew
pytestmark = pytest.mark.slow

LINUX = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at processes in /proc")


class AwkwardError(Exception):
    """Can be pickled, but not unpickled."""

    def __init__(self, what, why):
        super().__init__(f"{what}: {why}")


def square(state, item):
    return item * item + len(state)


def fail(state, item):
    if item == 2:
        raise ValueError(f"no luck with {item}")
    time.sleep(60)


def fail_awkwardly(state, item):
    raise AwkwardError("bad", item)


def give_what_cannot_be_sent(state, item):
    return lambda: item


def die_once(state, item):
    """Item: number, and the file that says that it has died before."""
    number, marker = item
    if number == 1 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(state, number)


def die_or_take_long(state, item):
    """Item: number, and a folder for marks; 1 dies when 2 is under way, which ends after the second death."""
    number, folder = item
    if number == 1:
        await_file(Path(folder, "begun"))
        Path(folder, f"death-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    Path(folder, "begun").touch()
    deadline = time.monotonic() + 30
    while len(list(Path(folder).glob("death-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    return number


def leave(state, item):
    sys.exit(3)


def one_fast_one_slow(state, item):
    time.sleep(0 if item == 1 else 60)


def thread_settings(state, item):
    return [os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")]


def process_id(state, item):
    return os.getpid()


def mark_and_sleep(state, item):
    Path(item, str(os.getpid())).touch()
    time.sleep(60)


def write_for_ever(state, item):
    """Item: where to write, whether through a map, and a folder for marks; 1 ends when 2 is in the middle of it."""
    number, path, mapped, folder = item
    if number == 1:
        return await_file(Path(folder, "begun"))

    def for_ever(*_):
        Path(folder, "begun").touch()
        time.sleep(60)

    os.fsync = for_ever
    if mapped:
        return mapped_meanwhile((4,), for_ever)
    return write_durably(Path(path), b"half")


def never_give_up(state, item):
    """Item: number, and a folder for marks; 2 cannot be stopped by asking, and 1 ends when it has begun."""
    number, folder = item
    if number == 1:
        return await_file(Path(folder, "begun"))
    while True:
        try:
            Path(folder, "begun").touch()
            time.sleep(60)
        except BaseException:
            continue


def as_text(payload: bytes) -> str:
    return payload.decode()


def refuse(payload: bytes):
    raise AttributeError("no such class here")


def job(work, *, state="abc", unpickle=as_text):
    return Job(work=work, state=state, pickled=state.encode, unpickle=unpickle)


def tasks(*items):
    return [Task(key=str(item), item=item) for item in items]


def results(executor, work, todo, **options):
    done = []
    executor.run(job(work, **options), todo, on_done=lambda item, result: done.append((item, result)))
    return done


def processes(workers=2):
    return open_executor("processes", workers=workers)


def await_file(path: Path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(autouse=True)
def nothing_left():
    """Every test here must leave no child process and no open file."""
    before = set(multiprocessing.active_children())
    multiprocessing.resource_tracker.ensure_running()  # stays until the end of this process
    files = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    yield
    assert set(multiprocessing.active_children()) <= before
    if files:
        assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208


CHAIN = [
    Task(key="a", item=1),
    Task(key="b", item=2),
    Task(key="e", item=5, needs=frozenset({"d"})),
    Task(key="c", item=3),
    Task(key="d", item=4, needs=frozenset({"c"})),
]


@pytest.mark.parametrize("name", ["inline", "processes"])
def test_every_task_is_done_once_and_after_those_that_it_needs(name):
    done = results(open_executor(name, workers=2), square, CHAIN)
    assert sorted(done) == [(1, 4), (2, 7), (3, 12), (4, 19), (5, 28)]
    order = [item for item, _ in done]
    assert order.index(3) < order.index(4) < order.index(5)


def test_the_longest_chain_comes_first_and_then_the_order_of_the_plan():
    assert [item for item, _ in results(InlineExecutor(), square, CHAIN)] == [3, 4, 1, 2, 5]


@pytest.mark.parametrize("executor", [InlineExecutor(), ProcessExecutor(workers=2)], ids=["inline", "processes"])
@pytest.mark.parametrize(
    ("todo", "message"),
    [
        ([Task(key="a", item=1), Task(key="a", item=2)], "two tasks have the key 'a'"),
        ([Task(key="a", item=1, needs=frozenset({"x"}), label="model A")], "'model A' needs 'x', which is not a task"),
        (
            [Task(key="a", item=1, needs=frozenset({"b"})), Task(key="b", item=2, needs=frozenset({"a"}))],
            "tasks wait for each other",
        ),
    ],
    ids=["same key", "unknown need", "circle"],
)
def test_impossible_plans_are_refused_before_anything_runs(executor, todo, message):
    with pytest.raises(ValueError, match=message):
        executor.run(job(fail), todo, on_done=lambda item, result: None)


def test_without_tasks_nothing_is_pickled_or_started():
    def explode() -> bytes:
        raise AssertionError

    processes().run(Job(work=square, state="", pickled=explode, unpickle=as_text), [], on_done=lambda *_: None)


def test_inline_uses_the_state_as_it_is_and_pickles_nothing():
    def explode(*_):
        raise AssertionError

    state = object()
    seen = []
    InlineExecutor().run(
        Job(work=lambda state, item: state, state=state, pickled=explode, unpickle=explode),
        tasks(1),
        on_done=lambda item, result: seen.append(result),
    )
    assert seen[0] is state


def test_the_state_is_pickled_once_for_all_workers():
    calls = []

    def pickled() -> bytes:
        calls.append(1)
        return b"abc"

    work = Job(work=square, state="abc", pickled=pickled, unpickle=as_text)
    processes().run(work, tasks(1, 2, 3), on_done=lambda *_: None)
    assert calls == [1]


def test_one_worker_keeps_its_process_for_all_tasks():
    assert len({pid for _, pid in results(processes(1), process_id, tasks(1, 2, 3))} - {os.getpid()}) == 1


def test_more_workers_than_tasks_is_fine():
    assert sorted(results(processes(4), square, tasks(1, 2))) == [(1, 4), (2, 7)]


def test_a_dead_worker_costs_one_task_which_is_tried_again(tmp_path):
    todo = [Task(key=str(n), item=(n, str(tmp_path / "died"))) for n in range(4)]
    done = results(processes(), die_once, todo)
    assert (tmp_path / "died").exists()
    assert sorted((item[0], result) for item, result in done) == [(0, 3), (1, 4), (2, 7), (3, 12)]


def test_a_task_that_ends_its_worker_twice_is_named_and_the_others_are_kept(tmp_path):
    todo = [Task(key=str(n), item=(n, str(tmp_path)), label=f"model {n}") for n in (1, 2)]
    done = []
    with pytest.raises(ResourceError, match=r"a worker process died \(signal 9\) each of the 2 times .* 'model 1'"):
        processes().run(job(die_or_take_long), todo, on_done=lambda item, result: done.append(result))
    assert done == [2]
    assert len(list(tmp_path.glob("death-*"))) == 2


def test_a_task_that_leaves_the_process_is_named_with_the_exit_code():
    with pytest.raises(ResourceError, match=r"died \(exit code 3\) each of the 2 times that it worked on '1'"):
        results(processes(1), leave, tasks(1))


def test_an_error_in_a_worker_comes_back_as_it_is_and_stops_the_others_at_once():
    begin = time.monotonic()
    with pytest.raises(ValueError, match="no luck with 2") as caught:
        results(processes(), fail, tasks(1, 2))
    assert time.monotonic() - begin < 20
    assert "in fail" in "".join(caught.value.__notes__)  # where it happened


def test_an_error_that_cannot_travel_is_told_in_words():
    with pytest.raises(RuntimeError, match="AwkwardError: bad: 1"):
        results(processes(), fail_awkwardly, tasks(1))


def test_a_result_that_cannot_travel_is_an_error():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        results(processes(), give_what_cannot_be_sent, tasks(1))


def test_a_worker_that_cannot_be_set_up_says_why():
    with pytest.raises(
        ResourceError, match="cannot rebuild the victim or its data: no such class here; use one worker"
    ):
        results(processes(), square, tasks(1, 2, 3), unpickle=refuse)


def stop_after_first(work, todo, *, error=KeyboardInterrupt, within=30):
    """Raise an error when the first of some tasks is done, and see that it comes out within some seconds."""

    def interrupted(item, result):
        raise error

    begin = time.monotonic()
    with pytest.raises(error):
        processes().run(job(work), todo, on_done=interrupted)
    assert time.monotonic() - begin < within


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_stops_the_workers_at_once(error):
    stop_after_first(one_fast_one_slow, tasks(1, 2), error=error, within=20)


@LINUX
@pytest.mark.parametrize("mapped", [False, True], ids=["a file", "a file that is mapped"])
def test_a_worker_that_is_stopped_while_it_writes_leaves_no_part_of_a_file(mapped, tmp_path, monkeypatch):
    home, marks = tmp_path / "home", tmp_path / "marks"
    monkeypatch.setenv(HOME, str(home))
    marks.mkdir()
    stop_after_first(
        write_for_ever, [Task(key=str(n), item=(n, str(home / "entry"), mapped, str(marks))) for n in (1, 2)]
    )
    assert (marks / "begun").exists()
    assert home.exists()
    assert [path for path in home.rglob("*") if path.is_file()] == []


@LINUX
def test_a_worker_that_will_not_stop_is_killed(tmp_path):
    stop_after_first(never_give_up, [Task(key=str(n), item=(n, str(tmp_path))) for n in (1, 2)])


def test_workers_have_one_thread_and_the_callers_environment_is_left_as_found(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert results(processes(), thread_settings, tasks(1)) == [(1, ["1", "1", "1"])]
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert "MKL_NUM_THREADS" not in os.environ


def script(folder: Path, text: str) -> Path:
    path = folder / "script.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n{text}")
    return path


@LINUX
def test_workers_end_when_their_parent_is_killed(tmp_path):
    text = f"""
from test_executors import job, mark_and_sleep, processes, tasks, Task
if __name__ == "__main__":
    todo = [Task(key=str(n), item={str(tmp_path)!r}) for n in range(2)]
    processes().run(job(mark_and_sleep), todo, on_done=lambda *_: None)
"""
    path = script(tmp_path, text)
    with subprocess.Popen([sys.executable, path]) as parent:
        try:
            deadline = time.monotonic() + 60
            while len(workers := [int(mark.name) for mark in tmp_path.iterdir() if mark.name.isdecimal()]) < 2:
                assert parent.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert all(alive(pid) for pid in workers)
        finally:
            parent.kill()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlived their parent"
        time.sleep(0.02)


@LINUX
def test_ctrl_c_does_not_reach_a_worker_that_is_still_being_started(tmp_path):
    text = f"""
import os
from pathlib import Path
from test_executors import await_file, process_id, processes, results, tasks
if __name__ == "__mp_main__":  # this file is imported before the worker can do anything about signals
    Path({str(tmp_path)!r}, str(os.getpid())).touch()
    await_file(Path({str(tmp_path / "go")!r}))
if __name__ == "__main__":
    print(results(processes(1), process_id, tasks(1)))
"""
    with subprocess.Popen([sys.executable, script(tmp_path, text)], stdout=subprocess.PIPE, text=True) as parent:
        deadline = time.monotonic() + 60
        while not (workers := [int(mark.name) for mark in tmp_path.iterdir() if mark.name.isdecimal()]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(workers[0], signal.SIGINT)
        time.sleep(0.2)
        (tmp_path / "go").touch()
        words, _ = parent.communicate(timeout=60)
    assert words == f"[(1, {workers[0]})]\n"


def test_a_script_without_a_main_guard_is_told_about_it(tmp_path):
    text = """
from test_executors import job, processes, results, square, tasks
from fpframe.errors import ResourceError
try:
    results(processes(), square, tasks(1, 2))
except ResourceError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, script(tmp_path, text)], capture_output=True, text=True, timeout=120)
    assert "a worker process died (exit code 1) while it was set up" in run.stdout
    assert 'if __name__ == "__main__":' in run.stdout


def test_an_unknown_executor_is_refused_with_a_near_name():
    assert EXECUTORS == ("inline", "processes", "ray", "slurm")
    with pytest.raises(UsageError, match="no executor 'process'; did you mean 'processes'"):
        open_executor("process", workers=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "'workers' must be at least 1"),
        ({"workers": 1, "address": "auto"}, "'address' is for the executor 'ray'"),
        ({"workers": 1, "gpus": 1.0}, "'gpus' is for the executor 'ray' or 'slurm'"),
        ({"workers": 1, "partition": "long"}, "'partition' is for the executor 'slurm'"),
        ({"workers": 1, "minutes": 30}, "'minutes' is for the executor 'slurm'"),
        ({"workers": 1, "memory": 2.0}, "'memory' is for the executor 'slurm'"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        open_executor("processes", **options)


def test_ray_without_ray_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r'pip install "fpframe\[ray\]"'):
        open_executor("ray", workers=1)

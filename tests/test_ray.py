"""The Ray executor on a real Ray: on this machine alone, and on a cluster of two nodes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import ray

from fpframe.base.events import ignore
from fpframe.errors import ResourceError, UsageError
from fpframe.executors import open_executor
from fpframe.executors.interface import Job, Task
from fpframe.executors.raysession import RaySession
from fpframe.recipe.run import Run
from fpframe.zoo.plan import plan_zoo
from fpframe.zoo.setting import train_victim

SURVIVAL = Path(__file__).parent / "survival" / "recipe.toml"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes and sockets in /proc"),
]


def square(state, item):
    return item * item + len(state)


def die_once(state, item):
    number, marker = item
    if number == 1 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(state, number)


def die(state, item):
    os.kill(os.getpid(), signal.SIGKILL)


def fail(state, item):
    if item == 2:
        raise ValueError(f"no luck with {item}")
    time.sleep(60)


def one_fast_one_slow(state, item):
    time.sleep(0 if item == 1 else 60)


def facts(state, item):
    return os.environ["OMP_NUM_THREADS"], os.environ.get("CUDA_VISIBLE_DEVICES"), os.getpid(), id(state)


def node_and_wait(state, item):
    """Item: number, and a folder for marks; 1 does not end on the node where it is begun first."""
    number, folder = item
    node = ray.get_runtime_context().get_node_id()
    if number == 1 and not (mark := Path(folder, "begun")).exists():
        mark.write_text(node)
        time.sleep(60)
    return node


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


def processes_of(folder: Path) -> dict[int, str]:
    """The running processes whose environment names a folder, each with its command."""
    found = {}
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdecimal() and os.fsencode(folder) in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def listening_hosts(pids: set[int]) -> set[str]:
    """The addresses at which processes accept connections; IPv4 in IPv6 is told as IPv4."""
    sockets = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            sockets |= {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    hosts = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                words = bytes.fromhex(fields[1].partition(":")[0])
                packed = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
                hosts.add(socket.inet_ntop(family, packed).removeprefix("::ffff:"))
    return hosts


def await_that(condition, *, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Ray keeps its token, which it reads once in a process."""
    return tmp_path_factory.mktemp("home")


def surroundings() -> tuple[dict[str, str], object]:
    """What Ray changes in the process that uses it."""
    # the last two are those of scikit-learn's and torch's libraries, which a plugin imports when it is first used
    others = ("PYTEST_CURRENT_TEST", "KMP_", "TORCHINDUCTOR_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return environment, signal.getsignal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def ray_folder(monkeypatch, home) -> Iterator[Path]:
    """Where Ray keeps its files; after the test it must be gone, and the process as it was."""
    # not under tmp_path: the path of a socket may have 107 characters
    folder = Path(tempfile.mkdtemp(prefix="r"))
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(Path(__file__).parent)  # workers import this module from the current folder
    before = surroundings()
    yield folder
    try:
        assert not ray.is_initialized()
        assert surroundings() == before
        await_that(lambda: not processes_of(folder), seconds=15)
    finally:
        for pid in processes_of(folder):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def test_ray_of_this_machine_listens_on_loopback_alone_and_gives_what_inline_gives(ray_folder):
    hosts, commands = set(), []

    def look(item, result):
        children = processes_of(ray_folder)
        commands.extend(children.values())
        hosts.update(listening_hosts({*children, os.getpid()}))

    todo = [*tasks(1, 2), Task(key="4", item=4, needs=frozenset({"3"})), *tasks(3)]
    expected = sorted(results(open_executor("inline", workers=1), square, todo))
    done = []
    open_executor("ray", workers=2).run(
        job(square), todo, on_done=lambda item, result: (look(item, result), done.append((item, result)))
    )
    assert sorted(done) == expected
    assert done.index((3, 12)) < done.index((4, 19))
    assert any("gcs_server" in command for command in commands)
    assert any("raylet" in command for command in commands)
    assert hosts == {"127.0.0.1"}


def test_a_killed_worker_costs_one_task_and_nothing_is_written_to_standard_output(tmp_path, capfd):
    todo = [Task(key=str(n), item=(n, str(tmp_path / "died"))) for n in range(4)]
    done = results(open_executor("ray", workers=2), die_once, todo)
    assert (tmp_path / "died").exists()
    assert sorted((item[0], result) for item, result in done) == [(0, 3), (1, 4), (2, 7), (3, 12)]
    assert capfd.readouterr().out == ""


def interrupted(item, result):
    raise KeyboardInterrupt


def test_what_goes_wrong_is_said_in_words_and_a_ray_of_the_caller_is_left_running():
    callers_own = RaySession(None, cpus=2)
    executor = open_executor("ray", workers=2)
    begin = time.monotonic()
    try:
        with pytest.raises(ResourceError, match=r"a worker process died .* each of the 2 times .* 'model A'"):
            results(executor, die, [Task(key="a", item=1, label="model A")])
        with pytest.raises(ValueError, match="no luck with 2") as caught:
            results(executor, fail, tasks(1, 2))
        assert type(caught.value) is ValueError
        assert "in fail" in "".join(caught.value.__notes__)
        with pytest.raises(KeyboardInterrupt):
            executor.run(job(one_fast_one_slow), tasks(1, 2), on_done=interrupted)
        with pytest.raises(ResourceError, match="cannot rebuild the victim or its data: no such class here"):
            results(executor, square, tasks(1), unpickle=refuse)
        with pytest.raises(ResourceError, match="asks for 1 CPU and 3 GPU, and the largest of 1 Ray nodes has 2 CPU"):
            results(open_executor("ray", workers=2, gpus=3), square, tasks(1))
        with pytest.raises(ResourceError, match="asks for 64 CPU"):
            results(open_executor("ray", workers=2, cpus=64), square, tasks(1))
        found = [result for _, result in results(executor, facts, tasks(1, 2, 3, 4, 5, 6))]
        assert {(threads, gpus) for threads, gpus, _, _ in found} == {("1", "")}
        states = {(pid, state) for _, _, pid, state in found}
        assert len(states) == len({pid for pid, _ in states})  # made once in each worker
        assert time.monotonic() - begin < 50  # nobody waited for a task of 60 seconds
        assert ray.is_initialized()
    finally:
        callers_own.close()


def test_an_address_where_nobody_answers_is_refused_soon():
    begin = time.monotonic()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ResourceError, match=f"no Ray cluster answers at {address}"):
            results(open_executor("ray", workers=1, address=address), square, tasks(1))
    with pytest.raises(ResourceError, match="no Ray cluster is running on this machine"):
        results(open_executor("ray", workers=1, address="auto"), square, tasks(1))
    with pytest.raises(UsageError, match="must be HOST:PORT or 'auto'"):
        results(open_executor("ray", workers=1, address="head"), square, tasks(1))
    assert time.monotonic() - begin < 10


@pytest.fixture
def token(ray_folder) -> Iterator[None]:
    """Let clusters ask for a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        yield


@pytest.fixture
def cluster(ray_folder, token) -> Iterator[str]:
    """A head that takes no tasks and two nodes, all on this machine; they ask for a token."""
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        address = f"127.0.0.2:{free.getsockname()[1]}"
    port = address.partition(":")[2]

    def ray_command(*words: str) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    ray_command("get-auth-token", "--generate")
    head = ("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", "--disable-usage-stats")
    ray_command("start", *head, "--node-ip-address=127.0.0.2")
    try:
        for host in ("127.0.0.3", "127.0.0.4"):
            ray_command("start", f"--address={address}", f"--node-ip-address={host}", "--num-cpus=1")
        yield address
    finally:
        for pid in processes_of(ray_folder):  # not `ray stop`, which stops every Ray of this machine
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_a_node_that_dies_costs_its_tasks_one_attempt(cluster, ray_folder, tmp_path):
    mark = tmp_path / "begun"
    killed = []

    def kill_the_node_of_task_1(item, result):
        if item[0] == 2:
            await_that(mark.exists)
            [host] = [node["NodeManagerAddress"] for node in ray.nodes() if node["NodeID"] == mark.read_text()]
            for pid, command in processes_of(ray_folder).items():
                if "raylet/raylet" in command and f"--node_ip_address={host}" in command:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(mark.read_text())

    todo = [Task(key=str(n), item=(n, str(tmp_path))) for n in range(1, 6)]
    done = []
    open_executor("ray", workers=2, address=cluster).run(
        job(node_and_wait),
        todo,
        on_done=lambda item, node: (done.append((item[0], node)), kill_the_node_of_task_1(item, node)),
    )
    assert sorted(number for number, _ in done) == [1, 2, 3, 4, 5]
    assert len(killed) == 1
    assert dict(done)[1] != killed[0]


def test_a_zoo_that_ray_builds_with_a_worker_killed_is_the_zoo_of_inline_byte_for_byte(ray_folder, tmp_path):
    struck = []

    def strike(event):
        """Kill a worker that is at work, once, as soon as the first model is there."""
        if event.task == "training models" and not struck:
            struck.extend(
                pid for pid, command in processes_of(ray_folder).items() if re.match("ray::(?!IDLE)", command)
            )
            os.kill(struck[0], signal.SIGKILL)

    stores = {}
    for name, listener in (("inline", ignore), ("ray", strike)):
        run = Run(store=tmp_path / name, executor=open_executor(name, workers=2))
        plan = plan_zoo(SURVIVAL, splits=("test",), run=run)
        train_victim(plan.recipe, plan.workspace, run)
        attrs.evolve(plan, run=attrs.evolve(run, on_event=listener)).build()
        stores[name] = {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.safetensors")}
    assert struck
    assert stores["ray"] == stores["inline"]
    assert len(stores["ray"]) > 2 * len(plan.models)  # weights and labels of each, and of what they are made from

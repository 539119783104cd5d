"""Suspects that wish whoever asks them ill: each is one line and an exit code, and nothing of it is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import torch

import fpframe
from fpframe.errors import FpframeError, ModelError, ResourceError, TransportError
from fpframe.isolation import DeadSuspectError, HungSuspectError, Limits, OpeningRequest, OwnProcess
from fpframe.isolation.namespaces import World, enter_namespaces

# each test starts a process for its suspect
pytestmark = pytest.mark.slow

REQUEST = OpeningRequest(num_classes=10, image_shape=(1, 8, 8))
GIB = 1024**3
SUSPECTS = """
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import torch

import fpframe

HERE = {here!r}


def fine(pixels):
    return pixels.flatten(1)[:, 20:30].softmax(1)


def sleeps(pixels):
    time.sleep(600)


def sleeps_when_it_is_made():
    time.sleep(600)


def loops_whatever_it_is_told(pixels):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def drips(pixels):
    time.sleep(0.05)
    return fine(pixels)


def exits_with_0(pixels):
    sys.exit(0)


def exits_at_once_with_0(pixels):
    os._exit(0)


def exits_with_a_word(pixels):
    sys.exit("bye")


def aborts(pixels):
    os.abort()


def crashes(pixels):
    ctypes.string_at(0)


def kills_itself(pixels):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def leaves_by_another_door(pixels):
    raise GeneratorExit


def interrupts(pixels):
    raise KeyboardInterrupt


def eats_memory(pixels):
    eaten = []
    while True:
        eaten.append(bytearray(1 << 26))


def eats_memory_in_one_bite(pixels):
    return torch.ones(1 << 33)


def eats_memory_elsewhere(pixels):
    script = "x = [bytearray(1 << 24) for _ in range(200)]; import time; time.sleep(60)"
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    time.sleep(600)


def returns_none(pixels):
    return None


def returns_sparse(pixels):
    return fine(pixels).to_sparse()


def returns_complex(pixels):
    return fine(pixels).to(torch.complex64)


def raises_what_a_terminal_obeys(pixels):
    raise RuntimeError("\\x1b[2J\\u202eolleh\\nTraceback (most recent call last)")


def raises_an_error_that_cannot_say_itself(pixels):
    class Mute(Exception):
        def __str__(self):
            raise ValueError("mute")
    raise Mute


def says_everywhere(message):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, message)
        except OSError:
            pass
    time.sleep(600)


def babbles(pixels):
    says_everywhere(b"\\xff" * 4096)


def forges_an_answer(pixels):
    reading = b'{{"outputs": "pickle", "channel": "probs", "reading": null}}'
    text = b'{{"is": "answers", "shape": [7, 10], "reading": ' + reading + b"}}"
    message = len(text).to_bytes(4, "big") + (280).to_bytes(8, "big") + text + bytes(280)
    says_everywhere(message)


def forges_an_answer_with_a_key_twice(pixels):
    text = b'{{"is": "answers", "is": "answers"}}'
    message = len(text).to_bytes(4, "big") + bytes(8) + text
    says_everywhere(message)


def closes_everything(pixels):
    os.closerange(0, 256)
    time.sleep(600)


def tried(action):
    try:
        action()
    except (OSError, subprocess.SubprocessError) as error:
        print("refused", error)
        return 0.0
    return 1.0


def shares(pixels, *actions):
    answers = torch.zeros(len(pixels), 10)
    answers[:, :len(actions)] = torch.tensor([tried(action) for action in actions]) / 16
    answers[:, 9] = 1 - answers[:, :9].sum(1)
    return answers


def writes_files(pixels):
    return shares(
        pixels,
        lambda: open(os.path.join(HERE, "canary"), "w"),
        lambda: open("/tmp/fpframe-canary", "w"),
        lambda: os.mkdir(os.path.join(HERE, "canary-folder")),
        lambda: os.remove(os.path.join(HERE, "precious")),
        lambda: os.rename(os.path.join(HERE, "precious"), os.path.join(HERE, "stolen")),
        lambda: os.truncate(os.path.join(HERE, "precious"), 0),
        lambda: os.chmod(os.path.join(HERE, "precious"), 0),
        lambda: subprocess.run(["sh", "-c", "echo > " + os.path.join(HERE, "canary")], check=True) and None,
    )


def writes_into_its_own_folder(pixels):
    import tempfile
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    return fine(pixels)


def opens_sockets(pixels):
    return shares(
        pixels,
        lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
        lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        lambda: socket.getaddrinfo("localhost.invalid", 80),
    )


def makes_namespaces(pixels):
    libc, number = ctypes.CDLL(None, use_errno=True), {{"x86_64": 56, "aarch64": 220}}[os.uname().machine]
    def made(call, *arguments):
        pid = libc.syscall(call, *arguments)
        if pid == 0:
            os._exit(0)
        if pid < 0:
            raise OSError(ctypes.get_errno(), "refused")
    user, end = 0x10000000, signal.SIGCHLD
    flags = (ctypes.c_uint64 * 11)(user, 0, 0, 0, end)
    return shares(
        pixels,
        lambda: made(number, user | end, 0, 0, 0, 0),
        lambda: made(number, user | 0x20000 | end, 0, 0, 0, 0),
        lambda: made(435, flags, 88),
    )


def starts_threads_and_programs(pixels):
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    subprocess.run(["true"], check=True)
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {{}}), 0)
    return fine(pixels)


def looks_around(pixels):
    parent = int(os.environ["FPFRAME_TEST_PARENT"])
    return shares(
        pixels,
        lambda: open("/proc/%d/environ" % parent, "rb").read(),
        lambda: open("/proc/%d/mem" % parent, "rb"),
        lambda: os.kill(parent, 0),
        lambda: open("/dev/tty", "w"),
    )


def nests_folders(pixels):
    place = os.open(os.environ["TMPDIR"], os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=place)
        outer, place = place, os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(outer)
    return fine(pixels)


def locks_folders(pixels):
    folder = os.path.join(os.environ["TMPDIR"], "locked")
    os.makedirs(os.path.join(folder, "in it"))
    os.symlink(HERE, os.path.join(folder, "link"))
    os.rename(folder, folder + " ")
    os.mkdir(folder, 0)
    os.mkdir(folder + "-wx", 0o300)
    open(os.path.join(folder + "-wx", "file"), "w").close()
    return fine(pixels)


def fills_its_folder(pixels):
    kept, written = [], 0
    try:
        for number in range(2000):
            path = os.path.join(os.environ["TMPDIR"], str(number))
            kept.append(open(path, "wb"))
            os.unlink(path)  # nobody can find it any more
            kept[-1].write(bytes(1 << 20))
            kept[-1].flush()
            written += 1
    except OSError as error:
        print("refused", error)
    answers = torch.zeros(len(pixels), 10)
    answers[:, 0], answers[:, 9] = written / 4096, 1 - written / 4096
    return answers


def kills_everybody(pixels):
    if os.getpid() < 100:  # where it sees none but its own processes
        tried(lambda: os.kill(-1, signal.SIGKILL))
        tried(lambda: os.kill(os.getppid(), signal.SIGKILL))
    return fine(pixels)


def reads_a_secret(pixels):
    seen = "SECRET_KEY" in os.environ or b"SECRET_KEY" in open("/proc/self/environ", "rb").read()
    return shares(pixels, lambda: None if seen else open("/nowhere"))


def prints(pixels):
    os.write(1, b"to descriptor one\\n")
    print("by print \\x1b[31m")
    os.system("echo by another program")
    return fine(pixels)


def leaves_a_process_behind(pixels):
    subprocess.Popen(["sleep", "3333.25"], start_new_session=True)
    return fine(pixels)


def raises_like_a_service(pixels):
    from urllib.error import HTTPError
    raise HTTPError("https://nowhere.invalid", 503, "unavailable", None, None)


def raises_a_key_error(pixels):
    return {{}}["answers"]


def raises_of_shapes(pixels):
    return torch.nn.Linear(3, 10)(pixels.flatten(1))


def changes_kind(pixels):
    changes_kind.asked = getattr(changes_kind, "asked", 0) + 1
    return fine(pixels) * (100 if changes_kind.asked > 1 else 1)
"""
#: By suspect, the error that it is, and what is said of it.
ENDINGS: dict[str, tuple[type[FpframeError], str]] = {
    "exits_with_0": (DeadSuspectError, "ended its process with code 0"),
    "exits_at_once_with_0": (DeadSuspectError, "ended its process with code 0"),
    "exits_with_a_word": (DeadSuspectError, "ended its process with code bye"),
    "aborts": (DeadSuspectError, r"crashed \(SIGABRT\)"),
    "crashes": (DeadSuspectError, r"crashed \(SIGSEGV\)"),
    "kills_itself": (DeadSuspectError, r"was killed \(SIGKILL"),
    "leaves_by_another_door": (ModelError, "failed: GeneratorExit"),
    "interrupts": (DeadSuspectError, "ended its process"),
    "eats_memory": (ResourceError, "memory"),
    "eats_memory_in_one_bite": (ResourceError, "memory"),
    "eats_memory_elsewhere": (DeadSuspectError, "used more than 1 GiB of memory .*raise --memory"),
    "returns_none": (ModelError, r"answers with nothing \(None\)"),
    "returns_sparse": (ModelError, "answers with a sparse tensor"),
    "returns_complex": (ModelError, "answers with complex numbers"),
    "raises_what_a_terminal_obeys": (ModelError, "failed on images of shape"),
    "raises_an_error_that_cannot_say_itself": (FpframeError, "suspect"),
    "babbles": (DeadSuspectError, "sent something that is not an answer"),
    "forges_an_answer": (DeadSuspectError, "sent something that is not an answer"),
    "forges_an_answer_with_a_key_twice": (DeadSuspectError, "sent something that is not an answer"),
    "closes_everything": (DeadSuspectError, "closed its connection"),
    "raises_like_a_service": (TransportError, "could not be reached: .*--allow-network"),
    "raises_a_key_error": (ModelError, "'answers' .*; fix it, or the code that asks it$"),
    "raises_of_shapes": (ModelError, "check its input shape and preprocessing$"),
}
HANGING = {
    "sleeps": "took more than 0.3 seconds to answer 7 images",
    "sleeps_when_it_is_made": "took more than 0.3 seconds to be opened",
    "loops_whatever_it_is_told": "took more than 0.3 seconds to answer 7 images",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "hostile_suspects.py").write_text(SUSPECTS.format(here=str(folder)))
    (folder / "precious").write_text("precious")
    return folder


@pytest.fixture(scope="module")
def way(registry, here):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setenv("SECRET_KEY", "0xdeadbeef")
        patch.setenv("FPFRAME_TEST_PARENT", str(os.getpid()))
        with OwnProcess(registry, Limits.usual(memory_bytes=GIB)) as made:
            yield made
    assert sorted(path.name for path in here.iterdir()) == ["hostile_suspects.py", "precious"]
    assert (here / "precious").read_text() == "precious"
    assert (here / "precious").stat().st_mode & 0o600


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def confined(way) -> OwnProcess:
    """The way, where the system lets suspects be kept from everything."""
    if lacking := opened(way, "fine").notes:
        pytest.skip(lacking[0].text)
    return way


def opened(way: OwnProcess, name: str, **changes: object) -> fpframe.Query:
    return way.open(f"python:hostile_suspects:{name}", attrs.evolve(REQUEST, **changes))


def refused(way: OwnProcess, name: str, images: torch.Tensor, count: int) -> bool:
    """Tell whether none of the things that a suspect tried worked."""
    return bool((opened(way, name)(images)[:, :count] == 0).all())


@pytest.mark.parametrize("name", ENDINGS)
def test_a_suspect_that_ends_badly_is_one_line_with_its_cause(way, images, name):
    error, message = ENDINGS[name]
    with pytest.raises(error, match=message) as raised:
        opened(way, name)(images)
    text = str(raised.value)
    assert text.isprintable()
    assert f"python:hostile_suspects:{name}" in text
    assert raised.value.exit_code in (3, 6)
    assert opened(way, "fine")(images).shape == (7, 10), "others go on"


@pytest.mark.parametrize("name", HANGING)
def test_a_suspect_that_hangs_is_ended(way, images, name, monkeypatch):
    short = attrs.evolve(way.limits, batch_seconds=0.3)
    if "made" not in name:
        query = opened(way, name)
    monkeypatch.setattr(way, "limits", short)
    began = time.monotonic()
    with pytest.raises(HungSuspectError, match=HANGING[name] + ".*raise --timeout"):
        opened(way, name) if "made" in name else query(images)
    assert time.monotonic() - began < 30
    assert HungSuspectError.exit_code == 6


def test_a_suspect_that_is_slow_each_time_is_ended_when_its_time_in_all_is_over(way, images, monkeypatch):
    query = opened(way, "drips")
    query(images)
    monkeypatch.setattr(way, "limits", attrs.evolve(way.limits, total_seconds=0.01))
    with pytest.raises(HungSuspectError, match=r"took more than 0\.01 seconds in all"):
        query(images)


def test_an_answer_whose_wait_was_interrupted_is_never_taken_for_another(way, images, monkeypatch):
    query = opened(way, "sleeps")

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(query._asker.session._frames, "_on_beat", interrupt)
    with pytest.raises(KeyboardInterrupt):
        query(images)
    with pytest.raises(DeadSuspectError, match="process is gone"):
        query(images)


def test_a_suspect_writes_no_files_but_in_a_folder_of_its_own_that_is_removed(confined, images):
    assert refused(confined, "writes_files", images, 8)
    assert not Path("/tmp/fpframe-canary").exists()
    assert opened(confined, "writes_into_its_own_folder")(images).shape == (7, 10)


def test_a_suspect_has_no_network_unless_it_is_allowed(confined, images, registry):
    assert refused(confined, "opens_sockets", images, 4)
    with OwnProcess(registry, Limits.usual(network=True)) as allowing:
        answers = opened(allowing, "opens_sockets")(images)
    assert (answers[:, :2] > 0).all()
    assert (answers[:, 2] == 0).all()  # through it services of this machine could be told to do what it may not


def test_a_suspect_makes_no_namespaces_in_which_it_may_do_more(confined, images):
    assert refused(confined, "makes_namespaces", images, 3)
    assert opened(confined, "starts_threads_and_programs")(images).shape == (7, 10)


@pytest.mark.parametrize("name", ["nests_folders", "locks_folders"])
def test_whatever_a_suspect_leaves_in_its_folder_is_removed_without_a_word(way, images, name, monkeypatch):
    monkeypatch.setattr(way, "limits", attrs.evolve(way.limits, memory_bytes=None))  # otherwise it lies in memory
    query = opened(way, name)
    query(images)
    [session] = [child for child in way._children if child._address.endswith(name)]
    folder = Path(session._folder)
    assert list(folder.iterdir())
    session.end()
    assert not folder.exists()


def test_a_suspect_fills_no_disk_nor_all_memory_by_files(confined, images, registry):
    limits = Limits.usual(memory_bytes=GIB // 8)
    with OwnProcess(registry, limits) as way:
        written = opened(way, "fills_its_folder")(images)[0, 0] * 4096
    assert 100 < written <= 128
    assert not list(Path(confined._folder).glob("*/*")), "it lies in memory, in a world of the suspect's own"


def test_a_system_that_cannot_limit_the_folder_is_told_of(monkeypatch):
    monkeypatch.setattr("fpframe.isolation.namespaces._entered", lambda wanted: True)
    for most, error, ends in ((None, None, True), (1, None, True), (1, OSError(1, "no"), False)):

        def call(*_: object, error: OSError | None = error) -> int:
            if error is not None:
                raise error
            return 0

        monkeypatch.setattr("fpframe.isolation.namespaces.call", call)
        assert enter_namespaces(network=False, folder="/nowhere", most=most) == World(own=True, folder_ends=ends)


def test_a_suspect_neither_signals_nor_looks_into_other_processes(confined, images):
    assert refused(confined, "looks_around", images, 4)
    assert opened(confined, "kills_everybody")(images).shape == (7, 10)


def test_a_suspect_sees_the_variables_that_are_named_and_no_others(way, images, registry):
    assert refused(way, "reads_a_secret", images, 1)
    with OwnProcess(registry, Limits.usual(variables=("SECRET_KEY",))) as telling:
        assert (opened(telling, "reads_a_secret")(images)[:, 0] > 0).all()
    with pytest.raises(fpframe.UsageError, match="no environment variable 'NOT_SET'"):
        opened(OwnProcess(registry, Limits.usual(variables=("NOT_SET",))), "fine")


def test_what_a_suspect_prints_goes_to_standard_error_without_what_a_terminal_obeys(registry, images, capfd, here):
    with OwnProcess(registry) as way:
        opened(way, "prints")(images)
    told = capfd.readouterr()
    assert told.out == ""
    for line in ("to descriptor one", "by print  [31m", "by another program"):
        assert f"suspect python:hostile_suspects:prints: {line}" in told.err.splitlines()
    assert "\x1b" not in told.err


def test_no_process_of_a_suspect_outlives_it(confined, images):
    query = opened(confined, "leaves_a_process_behind")
    query(images)
    assert comes_true(lambda: running("3333.25"))
    del query
    assert comes_true(lambda: not running("3333.25"))


def comes_true(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Wait for what holds soon: /proc first shows a new program without arguments, and an old one dies slowly."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def running(argument: str) -> bool:
    """Tell whether a program runs that was given an argument."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in path.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def test_a_suspect_that_changes_the_kind_of_its_answers_is_told_as_in_this_process(way, images):
    query = opened(way, "changes_kind", batch_size=64)
    query(images)
    with pytest.raises(fpframe.errors.KindChangedError, match=r"percent|kind"):
        query(images)


def test_a_registry_that_other_processes_cannot_find_is_used_here_and_a_note_says_so(here, monkeypatch):
    monkeypatch.chdir(here)
    own = fpframe.load_registry(extra=[type("Nothing", (), {})()])
    with OwnProcess(own) as way:
        [note] = opened(way, "fine").notes
    assert note.code == "suspect-not-isolated"
    assert "plugins that are not installed" in note.text

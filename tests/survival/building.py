"""Builds of a small zoo that may be struck, what they have finished so far, and what must be true of their stores.

Linux only: who belongs to a build is read from ``/proc``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from fpframe.recipe.run import Run
from fpframe.store.store import Store
from fpframe.store.temporary import PREFIX
from fpframe.zoo.keys import labels_key, model_key
from fpframe.zoo.lineage import is_filter
from fpframe.zoo.model import victim_model
from fpframe.zoo.plan import plan_zoo

RECIPE = Path(__file__).with_name("recipe.toml")

#: Seconds after which a build, or what is left of a killed one, counts as stuck.
PATIENCE = 300.0

Fault = str


def fpframe(*arguments: str, store: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of fpframe on a store, to its end."""
    command = [sys.executable, "-m", "fpframe", *arguments]
    return subprocess.run(command, env=_environment(store), capture_output=True, text=True, timeout=PATIENCE)


def _environment(store: Path) -> dict[str, str]:
    return {**os.environ, "FPFRAME_HOME": str(store), "OMP_NUM_THREADS": "1"}


class Build:
    """One run of ``fpframe zoo build``, the leader of a session that holds all its processes."""

    def __init__(self, store: Path, executor: str, *, log: Path | None = None, workers: int = 2) -> None:
        command = [sys.executable, "-m", "fpframe", "zoo", "build", str(RECIPE)]
        command += ["--executor", executor, "--workers", str(workers)]
        self.log = log or store.with_name(f"{store.name}.log")
        with self.log.open("w") as log:
            self._leader = subprocess.Popen(
                command,
                env=_environment(store),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.pid = self._leader.pid

    def exit_code(self) -> int | None:
        """Return how the leader ended, negative for a signal; ``None`` while it runs."""
        return self._leader.poll()

    def wait(self) -> int:
        """Wait until the leader has ended, and return how."""
        return self._leader.wait(PATIENCE)

    def workers(self) -> list[int]:
        """Return the processes of the session that train models for the leader."""
        return [pid for pid in _session(self.pid) if b"spawn_main" in _read(pid, "cmdline")]

    def end(self) -> None:
        """Leave no process behind."""
        for pid in _session(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._leader.wait(PATIENCE)

    def all_gone(self) -> bool:
        """Wait until no process of the session runs, and tell whether that came to be."""
        deadline = time.monotonic() + PATIENCE / 10
        while _session(self.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        return not _session(self.pid)


def _session(leader: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for pid in (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()):
        # the name in the second field may hold spaces and brackets
        fields = _read(pid, "stat").rpartition(b")")[2].split()
        if len(fields) > 3 and int(fields[3]) == leader and fields[0] not in (b"Z", b"X"):
            found.append(pid)
    return found


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended
        return b""


class Finished:
    """The finished models of a store: each is remembered as it was found first, and a later write is noticed.

    Labels that a model gives to the test images are stored before the model itself. They belong to it, and may be
    written again until it is there: a model that was killed before its end is made from the beginning.
    """

    def __init__(self, store: Path, reference: Path) -> None:
        self.store = store
        planned = plan_zoo(str(RECIPE), run=Run(store=reference))  # a plan without a victim has no keys
        space = planned.workspace
        everything = dict.fromkeys(
            link for model in (victim_model(planned.recipe), *planned.models) for link in model.chain
        )
        #: For each model its files; the first of them is written last.
        self._files = {}
        for model in everything:
            own, labels = (Store(store).path(key(model, space)) for key in (model_key, labels_key))
            self._files[model.lineage.exact] = (
                [labels] if is_filter(model.lineage.last, space.registry) else [own, labels]
            )
        self._stamps: dict[Path, tuple[int, int]] = {}
        self.made_again: set[Path] = set()

    def __len__(self) -> int:
        """Return the number of models that all of the recipe comes to."""
        return len(self._files)

    def look(self) -> int:
        """Return how many models are finished, and note what was written again."""
        finished = 0
        for files in self._files.values():
            if files[0].exists():
                finished += 1
                for file in (*files, *(file.with_suffix(".json") for file in files)):
                    self._note(file)
        return finished

    def _note(self, file: Path) -> None:
        try:
            stat = file.stat()
        except FileNotFoundError:
            if file in self._stamps:
                self.made_again.add(file)
            return  # a sidecar is written after its entry, and may have been lost by a kill
        stamp = (stat.st_ino, stat.st_mtime_ns)
        if self._stamps.setdefault(file, stamp) != stamp:
            self.made_again.add(file)


def temporary_files(store: Path) -> list[Path]:
    """Return the temporary files of a store, fast enough to see one in the milliseconds in which it is there."""
    found = []
    with contextlib.suppress(FileNotFoundError):  # there is no entry yet
        for folder in os.scandir(store / "models"):
            found += [Path(file.path) for file in os.scandir(folder) if file.name.startswith(PREFIX)]
    return found


def contents(store: Path) -> dict[str, str]:
    """Return a digest of each entry by its path in the store."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*.safetensors"))
    }


def clear_up(store: Path) -> int:
    """Run ``gc`` and return how many temporary files it removed."""
    done = fpframe("store", "gc", "--json", store=store)
    return sum(item["kind"] == "temporary" for item in json.loads(done.stdout)["garbage"])


def faults(store: Path, reference: Path, finished: Finished) -> list[Fault]:
    """Return what is wrong with a store that is built and cleared up; empty when all is as it must be."""
    found = []
    mine, undisturbed = contents(store), contents(reference)
    if mine != undisturbed:
        different = sorted(path for path in mine.keys() | undisturbed.keys() if mine.get(path) != undisturbed.get(path))
        found.append(f"{len(different)} entries are not those of the undisturbed store, such as {different[0]}")
    entries = {store / path for path in mine}
    allowed = entries | {path.with_suffix(".json") for path in entries}
    if others := sorted(path for path in store.rglob("*") if path.is_file() and path not in allowed):
        found.append(f"{len(others)} files are neither entries nor their sidecars, such as {others[0]}")
    if finished.look() < len(finished):
        found.append(f"{len(finished) - finished.look()} models are missing")
    if finished.made_again:
        found.append(f"{len(finished.made_again)} files of finished models were written again")
    checked = fpframe("store", "verify", store=store)
    if checked.returncode:
        found.append(f"'fpframe store verify' ended with exit code {checked.returncode}: {checked.stderr.strip()}")
    return found


def undisturbed(reference: Path, executor: str) -> Path:
    """Build the zoo without any disturbance, unless it was, and return its store."""
    if not reference.exists():
        unfinished = reference.with_name(f"{reference.name}-unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        build = Build(unfinished, executor)
        try:
            code = build.wait()
        finally:
            build.end()
        if code:
            raise SystemExit(f"the undisturbed build failed: {build.log.read_text()}")
        unfinished.rename(reference)
    return reference

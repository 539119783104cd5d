"""Run tasks in spawned worker processes, each with one thread and a pipe of its own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import attrs

from fpframe.errors import ResourceError
from fpframe.executors.child import Message, main
from fpframe.executors.interface import Item, Job, Result, State, Task
from fpframe.executors.pool import ATTEMPTS, Outcome, Pool, PooledExecutor
from fpframe.executors.worker import ONE_THREAD

#: Seconds that a worker gets to end by itself: an idle one, or one that first removes the file that it is writing.
_GRACE = 5.0

#: Held while a worker is started, for the environment belongs to all threads that start any.
_starting = threading.Lock()


@attrs.frozen(kw_only=True)
class ProcessExecutor(PooledExecutor):
    """Runs tasks in worker processes of this machine.

    A worker that dies costs one task, which is tried again in a new worker; the pipes are not shared, so that the
    others do not notice. When this process is killed, the workers end by themselves.

    Attributes:
        workers: processes at a time; no more are started than there are tasks to begin.
    """

    workers: int

    def open(self, job: Job[State, Item, Result], tasks: int) -> Pool[Item, Result]:
        """See `PooledExecutor.open`."""
        return _ProcessPool(job, min(self.workers, tasks))


@attrs.define(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    task: Task[Any] | None  # None while it has nothing to do
    ready: bool = False  # it has made its state, so that it can be sent tasks


class _ProcessPool(Pool[Item, Result]):
    def __init__(self, job: Job[Any, Item, Result], slots: int) -> None:
        self.slots = slots
        self._setup = (pickle.dumps((job.work, job.unpickle)), job.pickled())
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def submit(self, task: Task[Item]) -> None:
        for worker in [worker for worker in self._workers if worker.task is None]:
            try:
                worker.pipe.send(task.item)
            except OSError:  # it died while it had nothing to do
                self._remove(worker)
            else:
                worker.task = task
                return
        self._start(task)

    def next(self) -> Outcome[Item, Result]:
        while True:
            for worker in self._with_news():
                outcome = self._hear(worker)
                if outcome is not None:
                    return outcome

    def close(self) -> None:
        for worker in self._workers:  # all of them first, then wait for each
            if worker.task is None:
                worker.pipe.close()
            else:
                worker.process.terminate()
        for worker in list(self._workers):
            self._remove(worker)

    def _start(self, task: Task[Item]) -> None:
        """Start a worker that gets `task` once it is set up."""
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        try:
            process = spawn.Process(target=main, args=(theirs, str(Path.cwd())), name="fpframe-worker")
            with _starting, _one_thread(), _no_interrupts():
                process.start()
                self._workers.append(_Worker(process, ours, task))  # an interrupt after the block must find it
        except Exception:
            ours.close()
            raise
        finally:
            theirs.close()  # so that the worker's end is the only one, and its death can be heard

    def _with_news(self) -> list[_Worker]:
        """Wait until a worker has sent something or has died; both are known by its pipe or by its sentinel."""
        sources = {source: worker for worker in self._workers for source in (worker.pipe, worker.process.sentinel)}
        # a sentinel alone is not enough: the result may have been sent just before the end
        return list(dict.fromkeys(sources[source] for source in wait(list(sources))))  # type: ignore[index]

    def _hear(self, worker: _Worker) -> Outcome[Item, Result] | None:
        """Take one message of a worker, or note its death."""
        try:
            if not worker.pipe.poll():
                return self._died(worker)
            message, value = worker.pipe.recv()
        except (EOFError, OSError):  # it ended, maybe in the middle of a message
            return self._died(worker)
        task = worker.task
        if message is Message.HELLO:
            with suppress(OSError):  # its death will be heard
                for part in self._setup:
                    worker.pipe.send_bytes(part)
        elif message is Message.READY:
            self._failed_starts, worker.ready = 0, True
            with suppress(OSError):
                worker.pipe.send(task.item)  # type: ignore[union-attr]
        else:
            assert task is not None
            worker.task = None
            return Outcome(task=task, **{message.value: value})
        return None

    def _died(self, worker: _Worker) -> Outcome[Item, Result] | None:
        """Remove a dead worker; its task is lost, or goes to another worker if it was not begun."""
        task, ready = worker.task, worker.ready
        how = self._remove(worker)
        if task is None:
            return None
        if ready:
            return Outcome(task=task, lost=how)
        self._failed_starts += 1
        if self._failed_starts >= ATTEMPTS:
            raise ResourceError(
                f"a worker process died ({how}) while it was set up (out of memory?); what is finished is kept: run "
                "again, with fewer --workers. A script that asks for workers needs an "
                "'if __name__ == \"__main__\":' around its work"
            )
        self._start(task)
        return None

    def _remove(self, worker: _Worker) -> str:
        """Leave nothing of a worker; return how it ended."""
        self._workers.remove(worker)
        worker.pipe.close()  # an idle worker ends by that
        worker.process.join(_GRACE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        code = worker.process.exitcode or 0
        worker.process.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let what is started in the block find `ONE_THREAD` in its environment."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Let what is started in the block never see Ctrl-C, also while it is still importing; here it only waits."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started on first use, after which it would let interrupts in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

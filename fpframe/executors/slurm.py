"""Run tasks in jobs of a Slurm cluster, which take them through files in a shared folder."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import attrs

from fpframe.errors import ResourceError, UsageError
from fpframe.executors.interface import Item, Job, Result, State, Task
from fpframe.executors.mailbox import END, LEFT, READY, REFUSED, Mailbox
from fpframe.executors.pool import ATTEMPTS, Outcome, Pool, PooledExecutor
from fpframe.executors.slurmjobs import SlurmJobs, import_submitit
from fpframe.executors.slurmworker import FUNCTIONS, POLL, PULSE, STATE, serve

#: Seconds between two signs of life of the run, and between two questions to Slurm which jobs ended.
_BEAT, _LOOK = 20.0, 20.0
#: Seconds that jobs get to end after they were cancelled.
_GRACE = 10.0


@attrs.frozen(kw_only=True)
class SlurmExecutor(PooledExecutor):
    """Runs tasks in jobs of a Slurm cluster.

    Each job is a worker that does many tasks. A job that dies costs one task one attempt; another job does it. A job
    takes no further task when half of its time is over, and another one is submitted in its place.

    Attributes:
        workers: jobs at a time; no more are submitted than there are tasks to begin.
        folder: where messages and logs of jobs lie, in a folder that all nodes share.
        cpus: CPUs of each job.
        gpus: GPUs of each job.
        partition: where jobs are submitted; ``None`` takes the cluster's own.
        minutes: time of each job; at least twice that of the longest task.
        memory: GiB of memory of each job; ``None`` takes the cluster's own.
        cluster: ``slurm``, or ``local`` for processes of this machine, to try it out.

    Raises:
        UsageError: submitit is not installed, or a number is out of range.
    """

    workers: int
    folder: Path
    cpus: int = 1
    gpus: int = 0
    partition: str | None = None
    minutes: int = 60
    memory: float | None = None
    cluster: str = "slurm"

    def __attrs_post_init__(self) -> None:
        import_submitit()
        if self.cpus < 1 or self.gpus < 0 or self.minutes < 1 or (self.memory is not None and self.memory <= 0):
            raise UsageError(
                "a Slurm job needs at least 1 CPU, 1 minute, and memory above 0 "
                f"(got {self.cpus} CPUs, {self.gpus} GPUs, {self.minutes} minutes, memory {self.memory})"
            )

    def open(self, job: Job[State, Item, Result], tasks: int) -> Pool[Item, Result]:
        """See `PooledExecutor.open`."""
        return _SlurmPool(job, self, min(self.workers, tasks))


@attrs.define(eq=False)
class _Worker:
    number: int
    job: Any
    mailbox: Mailbox
    ready: bool = False
    task: Task[Any] | None = None
    done: int = 0  # tasks that it has done, so that the next one has this number


class _SlurmPool(Pool[Item, Result]):
    def __init__(self, job: Job[Any, Item, Result], options: SlurmExecutor, slots: int) -> None:
        self.slots = slots
        options.folder.mkdir(parents=True, exist_ok=True)
        # nobody else may write there: what lies in it is unpickled
        self._run = Path(tempfile.mkdtemp(prefix="run-", dir=options.folder.absolute()))
        self._jobs = SlurmJobs(self._run / "logs", options)
        self._seconds = 60 * options.minutes / 2
        self._workers: list[_Worker] = []
        self._waiting: deque[Task[Item]] = deque()
        self._submitted = self._failed_starts = 0
        self._looked = time.monotonic()
        self._beaten = float("-inf")
        self._keeps_logs = False
        try:
            cloudpickle = import_submitit().core.utils.cloudpickle  # which also takes functions of a script
            Mailbox.write(self._run / FUNCTIONS, cloudpickle.dumps((job.work, job.unpickle)))
            Mailbox.write(self._run / STATE, job.pickled())
            self._beat()
        except BaseException:
            self.close()
            raise

    def submit(self, task: Task[Item]) -> None:
        self._waiting.append(task)

    def next(self) -> Outcome[Item, Result]:
        while True:
            self._beat()
            self._submit_jobs()
            for worker in list(self._workers):
                outcome = self._hear(worker)
                if outcome is not None:
                    return outcome
            self._hand_out()
            for worker in self._ended():
                outcome = self._hear(worker) or self._lost(worker)
                if outcome is not None:
                    return outcome
            time.sleep(POLL)

    def close(self) -> None:
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.mailbox.put(END)
        self._jobs.cancel([worker.job for worker in self._workers if worker.task is not None or not worker.ready])
        self._jobs.wait([worker.job for worker in self._workers], seconds=_GRACE)
        self._workers.clear()
        if self._keeps_logs:  # the state is as large as the data
            (self._run / STATE).unlink(missing_ok=True)
        else:
            shutil.rmtree(self._run, ignore_errors=True)

    def _beat(self) -> None:
        """Tell the workers that the run lives."""
        if time.monotonic() - self._beaten > _BEAT:
            (self._run / PULSE).touch()
            self._beaten = time.monotonic()

    def _submit_jobs(self) -> None:
        """Submit as many jobs as there are tasks that need one, all of them as one array."""
        busy = sum(worker.task is not None for worker in self._workers)
        lacking = min(self.slots, busy + len(self._waiting)) - len(self._workers)
        if lacking <= 0:
            return
        numbers = range(self._submitted, self._submitted + lacking)
        self._submitted += lacking
        for number in numbers:
            (self._run / str(number)).mkdir()
        folder = str(Path.cwd())
        jobs = self._jobs.submit([(serve, str(self._run), number, folder, self._seconds) for number in numbers])
        self._workers += [
            _Worker(number, job, Mailbox(self._run / str(number))) for number, job in zip(numbers, jobs, strict=True)
        ]

    def _hand_out(self) -> None:
        """Give waiting tasks to workers that are ready."""
        for worker in self._workers:
            if worker.ready and worker.task is None and self._waiting:
                worker.task = self._waiting.popleft()
                worker.mailbox.put_task(worker.done, worker.task.item)

    def _hear(self, worker: _Worker) -> Outcome[Item, Result] | None:
        """Take what a worker has told."""
        box = worker.mailbox
        if worker.task is not None and (told := box.outcome(worker.done)) is not None:
            task, worker.task = worker.task, None
            worker.done += 1
            return Outcome(task=task, **{told[0]: told[1]})
        if not worker.ready and box.has(REFUSED):
            raise box.get(REFUSED)
        if not worker.ready and box.has(READY):
            worker.ready, self._failed_starts = True, 0
        if box.has(LEFT):
            self._workers.remove(worker)
            if worker.task is not None:  # handed over when it had decided to leave
                self._waiting.appendleft(worker.task)
        return None

    def _ended(self) -> list[_Worker]:
        """Return the workers whose jobs ended without a word; Slurm is asked now and then."""
        if time.monotonic() - self._looked < self._jobs.patience(_LOOK):
            return []
        self._looked = time.monotonic()
        ended = self._jobs.ended([worker.job for worker in self._workers])
        return [worker for worker in self._workers if worker.job in ended]

    def _lost(self, worker: _Worker) -> Outcome[Item, Result] | None:
        """Remove a worker whose job ended; its task is lost, or goes to another one if it was not begun."""
        if worker not in self._workers:  # it has left properly
            return None
        self._workers.remove(worker)
        self._keeps_logs = True
        how = self._jobs.told(worker.job)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= ATTEMPTS:
                raise ResourceError(
                    f"{how} before its worker was ready (out of memory or time?); finished work is kept: look at "
                    f"{self._run / 'logs'}, and run again"
                )
        if worker.task is None:
            return None
        if worker.mailbox.has_begun(worker.done):
            return Outcome(task=worker.task, lost=how)
        self._waiting.appendleft(worker.task)
        return None

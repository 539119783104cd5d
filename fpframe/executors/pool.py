"""`Pool` and `PooledExecutor`: an engine only runs ready tasks; what is ready, retried or refused is decided here.

A new engine is a `Pool` that starts a task and waits for the next outcome, and an executor that opens it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Generic

import attrs

from fpframe.errors import ResourceError
from fpframe.executors.interface import Executor, Item, Job, Result, State, Task
from fpframe.executors.schedule import Schedule

#: How often a task is begun before it is taken for the cause of its worker's end: a machine may be short of memory
#: once by the fault of another program, but a task that always ends its worker would go on for ever.
ATTEMPTS = 2


@attrs.frozen(kw_only=True, eq=False)
class Outcome(Generic[Item, Result]):
    """How a task ended.

    Attributes:
        task: the task.
        result: what the work returned.
        error: what the work raised.
        lost: how the worker ended before the task did, in words such as ``signal 9``; empty when it did not.
    """

    task: Task[Item]
    result: Result | None = None
    error: BaseException | None = None
    lost: str = ""


class Pool(ABC, Generic[Item, Result]):
    """Workers that are ready for one job.

    Attributes:
        slots: how many tasks may be under way at once.
    """

    slots: int

    @abstractmethod
    def submit(self, task: Task[Item]) -> None:
        """Begin a task; called only while fewer than `slots` are under way."""

    @abstractmethod
    def next(self) -> Outcome[Item, Result]:
        """Wait until a task ends; called only while one is under way."""

    @abstractmethod
    def close(self) -> None:
        """Stop what is under way at once and leave no process behind; must be safe after any failure."""


class PooledExecutor(Executor):
    """Runs tasks on a pool."""

    @abstractmethod
    def open(self, job: Job[State, Item, Result], tasks: int) -> Pool[Item, Result]:
        """Make the workers.

        Args:
            job: what is done with each task.
            tasks: the number of tasks, at least one.
        """

    def run(
        self,
        job: Job[State, Item, Result],
        tasks: Sequence[Task[Item]],
        *,
        on_done: Callable[[Item, Result], None],
    ) -> None:
        """See `Executor.run`."""
        schedule = Schedule(tasks)  # refuses before a worker is started
        if tasks:
            pool = self.open(job, len(tasks))
            try:
                _drive(pool, schedule, on_done)
            finally:
                pool.close()


def _drive(pool: Pool[Item, Result], schedule: Schedule[Item], on_done: Callable[[Item, Result], None]) -> None:
    """Keep the pool busy until no task is ready and none is under way."""
    under_way = 0
    lost: Counter[str] = Counter()
    failure: ResourceError | None = None
    while True:
        while failure is None and under_way < pool.slots and (task := schedule.take()) is not None:
            pool.submit(task)
            under_way += 1
        if not under_way:
            break
        outcome = pool.next()
        under_way -= 1
        if outcome.error is not None:
            raise outcome.error
        if outcome.lost:
            lost[outcome.task.key] += 1
            if lost[outcome.task.key] < ATTEMPTS:
                schedule.give_back(outcome.task)
            elif failure is None:
                failure = _gave_up(outcome)
        else:
            schedule.done(outcome.task)
            on_done(outcome.task.item, outcome.result)  # type: ignore[arg-type]
    if failure is not None:  # only now, so that the others' work is not thrown away
        raise failure


def _gave_up(outcome: Outcome[Item, Result]) -> ResourceError:
    return ResourceError(
        f"a worker process died ({outcome.lost}) each of the {ATTEMPTS} times that it worked on "
        f"'{outcome.task.title}' (out of memory?); finished work is kept: run again, with fewer --workers"
    )

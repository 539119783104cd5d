"""`Schedule`: which tasks are ready, and which of them comes first."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Generic

from fpframe.executors.interface import Item, Task


class Schedule(Generic[Item]):
    """The tasks of one run as a graph: hands out those that are ready, the most urgent first.

    Args:
        tasks: the tasks, in the order of the plan.

    Raises:
        ValueError: two tasks share a key, a task needs one that is not there, or tasks wait for each other.
    """

    def __init__(self, tasks: Sequence[Task[Item]]) -> None:
        self._tasks = {task.key: task for task in tasks}
        if twice := [key for key, count in Counter(task.key for task in tasks).items() if count > 1]:
            raise ValueError(f"two tasks have the key '{twice[0]}'; keys must be unique in one run")
        for task in tasks:
            if unknown := sorted(task.needs - self._tasks.keys()):
                raise ValueError(f"'{task.title}' needs '{unknown[0]}', which is not a task of this run; add it")
        graph = {task.key: task.needs for task in tasks}
        try:
            order = tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            chain = " -> ".join(self._tasks[key].title for key in error.args[1])
            raise ValueError(f"tasks wait for each other ({chain}); break the circle") from None
        waiting = _waiting(self._tasks, order)
        self._rank = {task.key: (-waiting[task.key], index) for index, task in enumerate(tasks)}
        self._sorter = TopologicalSorter(graph)
        self._sorter.prepare()
        self._ready: list[tuple[tuple[int, int], str]] = []
        self._collect()

    def take(self) -> Task[Item] | None:
        """Return the most urgent ready task, which is then under way, or None when none is ready."""
        return self._tasks[heapq.heappop(self._ready)[1]] if self._ready else None

    def give_back(self, task: Task[Item]) -> None:
        """Make a task ready again whose worker was lost."""
        heapq.heappush(self._ready, (self._rank[task.key], task.key))

    def done(self, task: Task[Item]) -> None:
        """Note that a task is done, which may make others ready."""
        self._sorter.done(task.key)
        self._collect()

    def _collect(self) -> None:
        for key in self._sorter.get_ready():
            heapq.heappush(self._ready, (self._rank[key], key))


def _waiting(tasks: dict[str, Task[Item]], order: Sequence[str]) -> dict[str, int]:
    """Return the length of the longest chain of tasks that wait for each task."""
    length = dict.fromkeys(order, 0)
    for key in reversed(order):
        for need in tasks[key].needs:
            length[need] = max(length[need], length[key] + 1)
    return length

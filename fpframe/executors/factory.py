"""`open_executor`: an executor by its name."""

from __future__ import annotations

from fpframe.errors import UsageError, nearest
from fpframe.executors.inline import InlineExecutor
from fpframe.executors.interface import Executor
from fpframe.executors.processes import ProcessExecutor

#: The names that `open_executor` knows.
EXECUTORS = ("inline", "processes", "ray")


def open_executor(
    name: str, *, workers: int, address: str | None = None, cpus: float = 1.0, gpus: float = 0.0
) -> Executor:
    """Return an executor by name; nothing is started before its `run`.

    Args:
        name: one of `EXECUTORS`.
        workers: tasks at a time; `inline` always runs one.
        address: a Ray cluster to join, as ``HOST:PORT`` or ``auto``; without it Ray is started on this machine alone.
        cpus: CPUs that Ray sets aside for each task; more of them leave more memory to each, not more threads.
        gpus: GPUs that Ray sets aside for each task.

    Raises:
        UsageError: the name is unknown, Ray is asked for and not installed, a number is out of range, or an option
            does not apply to the executor.
    """
    if name not in EXECUTORS:
        raise UsageError(f"there is no executor '{name}'{nearest(name, EXECUTORS)}")
    if workers < 1:
        raise UsageError(f"'workers' must be at least 1 (got {workers})")
    if name == "ray":
        from fpframe.executors.ray import RayExecutor

        return RayExecutor(workers=workers, address=address, cpus=cpus, gpus=gpus)
    for option, given, default in (("address", address, None), ("cpus", cpus, 1.0), ("gpus", gpus, 0.0)):
        if given != default:
            raise UsageError(
                f"'{option}' is for the executor 'ray' (got executor '{name}'); leave it out, or use 'ray'"
            )
    return InlineExecutor() if name == "inline" else ProcessExecutor(workers=workers)

"""`open_executor`: an executor by its name."""

from __future__ import annotations

from pathlib import Path

from fpframe.errors import UsageError, nearest
from fpframe.executors.inline import InlineExecutor
from fpframe.executors.interface import Executor
from fpframe.executors.processes import ProcessExecutor

#: The names that `open_executor` knows.
EXECUTORS = ("inline", "processes", "ray", "slurm")
#: Which executors an option is for.
_OPTIONS = {
    "address": ("ray",),
    "cpus": ("ray", "slurm"),
    "gpus": ("ray", "slurm"),
    "partition": ("slurm",),
    "minutes": ("slurm",),
    "memory": ("slurm",),
}
#: Where messages and logs of Slurm jobs lie, if nobody says.
_FOLDER = Path("fpframe-slurm")
#: Minutes of a Slurm job, if nobody says.
_MINUTES = 60


def open_executor(
    name: str,
    *,
    workers: int,
    address: str | None = None,
    cpus: float | None = None,
    gpus: float | None = None,
    partition: str | None = None,
    minutes: int | None = None,
    memory: float | None = None,
    folder: Path | None = None,
) -> Executor:
    """Return an executor by name; nothing is started before its `run`.

    Args:
        name: one of `EXECUTORS`.
        workers: tasks at a time; `inline` always runs one.
        address: a Ray cluster to join, as ``HOST:PORT`` or ``auto``; without it Ray is started on this machine alone.
        cpus: CPUs that Ray sets aside for each task, or Slurm for each job, 1 by default; more of them leave more
            memory to each, not more threads.
        gpus: GPUs that Ray sets aside for each task, or Slurm for each job; none by default.
        partition: where Slurm runs its jobs; the cluster's own by default.
        minutes: that Slurm gives each job, 60 by default; at least twice what the longest task takes.
        memory: GiB that Slurm sets aside for each job; the cluster's own by default.
        folder: where messages and logs of Slurm jobs lie, shared by all nodes; ``fpframe-slurm`` by default.

    Raises:
        UsageError: the name is unknown, what it needs is not installed, a number is out of range, or an option does
            not apply to the executor.
    """
    if name not in EXECUTORS:
        raise UsageError(f"there is no executor '{name}'{nearest(name, EXECUTORS)}")
    if workers < 1:
        raise UsageError(f"'workers' must be at least 1 (got {workers})")
    given = {
        "address": address,
        "cpus": cpus,
        "gpus": gpus,
        "partition": partition,
        "minutes": minutes,
        "memory": memory,
    }
    for option, value in given.items():
        if value is not None and name not in _OPTIONS[option]:
            fitting = " or ".join(f"'{each}'" for each in _OPTIONS[option])
            raise UsageError(
                f"'{option}' is for the executor {fitting} (got executor '{name}'); leave it out, or use "
                f"'{_OPTIONS[option][0]}'"
            )
    cpus, gpus = 1.0 if cpus is None else cpus, 0.0 if gpus is None else gpus
    if name == "ray":
        from fpframe.executors.ray import RayExecutor

        return RayExecutor(workers=workers, address=address, cpus=cpus, gpus=gpus)
    if name == "slurm":
        from fpframe.executors.slurm import SlurmExecutor

        if cpus != int(cpus) or gpus != int(gpus):
            raise UsageError(f"a Slurm job gets whole CPUs and GPUs (got {cpus:g} and {gpus:g})")
        return SlurmExecutor(
            workers=workers,
            folder=folder or _FOLDER,
            cpus=int(cpus),
            gpus=int(gpus),
            partition=partition,
            minutes=_MINUTES if minutes is None else minutes,
            memory=memory,
        )
    return InlineExecutor() if name == "inline" else ProcessExecutor(workers=workers)

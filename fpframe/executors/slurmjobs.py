"""`SlurmJobs`: jobs that submitit submits, and what became of them."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpframe.errors import ResourceError, UsageError

if TYPE_CHECKING:
    from fpframe.executors.slurm import SlurmExecutor

#: What submitit calls jobs of this machine.
LOCAL = "local"


def import_submitit() -> Any:
    """Return the module `submitit`, which is optional; it is kept from writing to standard output.

    Raises:
        UsageError: it is not installed.
    """
    try:
        found = importlib.import_module("submitit")
    except ImportError as error:
        raise UsageError("the executor 'slurm' needs submitit; install it: pip install \"fpframe[slurm]\"") from error
    logging.getLogger("submitit").setLevel(logging.CRITICAL)
    return found


class SlurmJobs:
    """Submits jobs, and tells which of them ended.

    Args:
        folder: for their logs.
        options: what each of them asks for.

    Raises:
        UsageError: there is no Slurm on this machine.
    """

    def __init__(self, folder: Path, options: SlurmExecutor) -> None:
        self._local = options.cluster == LOCAL
        try:
            self._executor = import_submitit().AutoExecutor(folder, cluster=options.cluster)
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                f"jobs cannot be submitted on this machine: {error}; run fpframe where 'sbatch' and 'srun' are found"
            ) from error
        asked: dict[str, Any] = {
            "name": "fpframe",
            "timeout_min": options.minutes,
            "cpus_per_task": options.cpus,
            "gpus_per_node": options.gpus,
            "slurm_partition": options.partition,
            "mem_gb": options.memory,
            # another job takes the place of one that died, and attempts are counted
            "slurm_additional_parameters": {"no-requeue": True},
            "slurm_array_parallelism": options.workers,
            "slurm_signal_delay_s": 5,
        }
        self._executor.update_parameters(**{name: value for name, value in asked.items() if value})

    def submit(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Submit a job for each function with its arguments, all of them as one array.

        Raises:
            ResourceError: Slurm does not take them.
        """
        submitit = import_submitit()
        try:
            # what sbatch complains of is in the error too
            with contextlib.redirect_stderr(io.StringIO()), self._executor.batch():
                return [self._executor.submit(*call) for call in calls]
        except (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError, OSError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise ResourceError(
                f"Slurm does not take the jobs: {lines[-1] if lines else type(error).__name__}; check the partition, "
                "and what each job asks for"
            ) from error

    def patience(self, seconds: float) -> float:
        """Return how long to wait before jobs are looked at again: processes of this machine can be asked any time."""
        return 0 if self._local else seconds

    def ended(self, jobs: Sequence[Any]) -> list[Any]:
        """Return those that ended. One question to Slurm is about all of them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about lines of sacct that it cannot read
            return [job for number, job in enumerate(jobs) if job.done(force_check=not number)]

    def told(self, job: Any) -> str:
        """Return in words that a job ended, and how."""
        return f"job {job.job_id} ended: {job.state}"

    def cancel(self, jobs: Sequence[Any]) -> None:
        """Cancel jobs."""
        for job in jobs:
            job.cancel(check=False)

    def wait(self, jobs: Sequence[Any], *, seconds: float) -> None:
        """Wait for so many seconds at most until processes of this machine are gone; Slurm ends its jobs by itself."""
        deadline = time.monotonic() + seconds
        while self._local and not all(job.done() for job in jobs) and time.monotonic() < deadline:
            time.sleep(0.05)

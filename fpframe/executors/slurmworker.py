"""The main function of a Slurm job: it takes tasks from its mailbox, one after the other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fpframe.executors.mailbox import LEFT, READY, REFUSED, Mailbox
from fpframe.executors.worker import ONE_THREAD, make_work, portable

#: The functions and the state of the job, and the file that the run touches while it lives.
FUNCTIONS, STATE, PULSE = "functions", "state", "pulse"
#: Seconds between two looks into the mailbox.
POLL = 0.5
#: Seconds without a pulse after which the run is taken to be gone.
LONELY = 600.0


def serve(run: str, number: int, folder: str, seconds: float) -> None:
    """Do tasks until told to end, until the run is gone, or until half of the job's time is over.

    A task that is begun later might not be finished in time, and another job can do it.

    Args:
        run: the folder of the run.
        number: of this worker, whose mailbox is the folder of that name.
        folder: the current folder of the caller.
        seconds: after which no task is begun.
    """
    os.environ.update(ONE_THREAD)  # before the libraries are imported that read it
    for name in ("SIGTERM", "SIGUSR1", "SIGUSR2"):
        # Slurm means the end by them; submitit would raise an error in the middle of the work, which is not the work's
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    started, home = time.monotonic(), Path(run)
    mailbox = Mailbox(home / str(number))
    try:
        work = make_work((home / FUNCTIONS).read_bytes(), (home / STATE).read_bytes(), folder)
    except Exception as error:
        mailbox.put(REFUSED, portable(error))
        return
    mailbox.put(READY)
    pulse, task = _Pulse(home / PULSE), 0
    while not mailbox.closed:
        if mailbox.has_task(task):
            _do(mailbox, task, work)
            pulse.heard()
            task += 1
        elif time.monotonic() - started > seconds or pulse.silent:
            mailbox.put(LEFT)
            return
        else:
            time.sleep(POLL)


def _do(mailbox: Mailbox, number: int, work: Callable[[Any], Any]) -> None:
    item = mailbox.begin(number)
    try:
        mailbox.put_outcome(number, "result", work(item))
    except Exception as error:
        mailbox.put_outcome(number, "error", portable(error))


class _Pulse:
    """Whether a run still lives: clocks of two machines differ, so only changes of the time of a file count."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beat = 0
        self.heard()

    def heard(self) -> None:
        """Begin to wait anew."""
        self._since = time.monotonic()

    @property
    def silent(self) -> bool:
        """Whether the run has been silent for long."""
        try:
            beat = self._path.stat().st_mtime_ns
        except OSError:  # its folder is gone
            return True
        if beat != self._beat:
            self._beat = beat
            self.heard()
        return time.monotonic() - self._since > LONELY

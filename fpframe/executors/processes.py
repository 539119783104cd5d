"""Run work in spawned worker processes, each with one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fpframe.errors import ResourceError

Item = TypeVar("Item")
Result = TypeVar("Result")

#: What a worker was set up with, or why it could not be; both live as long as the worker.
_state: Any = None
_failure: Exception | None = None


def run_processes(
    work: Callable[[Any, Item], Result],
    waves: Iterable[Sequence[Item]],
    *,
    setup: Callable[[bytes], Any],
    payload: bytes,
    workers: int,
    on_done: Callable[[Item, Result], None],
) -> None:
    """Call ``work(state, item)`` in workers, where each worker made its state by ``setup(payload)``.

    The items of a wave run at the same time; a wave begins when the one before it is done, in the same workers.
    `work`, `setup`, items and results are pickled. `on_done` is called in this process, in order of completion. When
    this process is interrupted, or an item fails, the workers are stopped.

    Raises:
        ResourceError: a worker died, for example for want of memory.
    """
    before = set(multiprocessing.active_children())
    with (
        _one_thread_each(),
        ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_set_up,
            initargs=(setup, payload, str(Path.cwd())),
        ) as pool,
    ):
        try:
            for items in waves:
                futures: dict[Future[Result], Item] = {pool.submit(_call, work, item): item for item in items}
                for future in as_completed(futures):
                    on_done(futures[future], future.result())
        except BrokenProcessPool as error:
            raise ResourceError(
                "a worker process died (out of memory?); what is finished is kept: run again, with fewer --workers. "
                "A script that asks for workers needs an 'if __name__ == \"__main__\":' around its work"
            ) from error
        except BaseException:
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            # leaving the block waits until the pool has noticed
            raise


def _set_up(setup: Callable[[bytes], Any], payload: bytes, folder: str) -> None:
    global _state, _failure
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and stops the workers
    sys.path.append(folder)  # users keep the module of a python: address in the current folder
    try:
        _state = setup(payload)
    except Exception as error:  # raised here it would only look like a worker that died
        _failure = error


def _call(work: Callable[[Any, Item], Result], item: Item) -> Result:
    if _failure is not None:
        raise ResourceError(
            f"a worker cannot rebuild the victim or its data: {_failure}; use one worker, or define the victim's class "
            "in an importable module"
        )
    return work(_state, item)


@contextmanager
def _one_thread_each() -> Any:
    """Let workers start with one OpenMP thread: the pools that libraries open at import are not closed again."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

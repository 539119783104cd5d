"""`threads`: compute with a fixed number of threads, whatever else runs in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import torch
from threadpoolctl import threadpool_limits

from fpframe.errors import UsageError


@attrs.define(eq=False)
class _Process:
    """Who computes with a fixed number of threads now, and what to restore after it.

    Torch and BLAS have one number for the process, OpenMP one for each thread of it.

    Attributes:
        gate: held by whoever looks at the rest or changes it.
        blocks: for each thread that is in blocks, their numbers, outermost first.
        found: the number before the first block.
        pools: what restores the numbers of BLAS from before the first block.
    """

    gate: threading.Lock = attrs.field(factory=threading.Lock)
    blocks: dict[int, list[int]] = attrs.field(factory=dict)
    found: int = 0
    pools: threadpool_limits | None = None


_process = _Process()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` threads inside the block (torch, BLAS and OpenMP), and restore the number after it.

    Sums are split by thread, so results are only repeatable at a fixed number of threads. The number belongs to the
    process: threads that are in such blocks at the same time share it, and the last one out restores it.

    Raises:
        UsageError: another thread is in a block with another number.
    """
    with _process.gate:
        before, pools = _enter(count)
    try:
        yield
    finally:
        with _process.gate:
            _leave(before, pools)


def _enter(count: int) -> tuple[int, threadpool_limits]:
    mine = threading.get_ident()
    others = {number for thread, numbers in _process.blocks.items() if thread != mine for number in numbers}
    if others - {count}:
        raise UsageError(
            f"another thread of this process computes with {', '.join(map(str, sorted(others)))} thread(s), so that "
            f"this one cannot compute with {count} (fpframe.rng.threads); use the same number, or another process"
        )
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    pools = threadpool_limits(count)
    if not _process.blocks:
        _process.found, _process.pools = before, pools
    _process.blocks.setdefault(mine, []).append(count)
    return before, pools


def _leave(before: int, pools: threadpool_limits) -> None:
    numbers = _process.blocks[threading.get_ident()]
    numbers.pop()
    if numbers:  # back to the block around it
        pools.restore_original_limits()
        torch.set_num_threads(before)
        return
    del _process.blocks[threading.get_ident()]
    if _process.blocks:
        # the numbers of the process are still needed by others; that of this thread's own loops is not
        threadpool_limits(_process.found, user_api="openmp")
        return
    assert _process.pools is not None
    _process.pools.restore_original_limits()
    torch.set_num_threads(_process.found)
    _process.pools = None

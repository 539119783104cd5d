"""How independent pieces of work are run: one after the other, or in worker processes."""

from fpframe.executors.inline import run_inline
from fpframe.executors.processes import run_processes

__all__ = ["run_inline", "run_processes"]

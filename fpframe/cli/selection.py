"""``--no-plugin`` and ``--plugin``: which of the installed plugins a command may see."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fpframe.errors import PluginError, nearest


@contextmanager
def selected_plugins(*, blocked: Sequence[str], pinned: Sequence[str]) -> Iterator[None]:
    """Leave plugins out, and choose between those of one name, inside the block.

    The choice is put into the environment, where `fpframe.load_registry` finds it in this process and in the worker
    processes that it starts.

    Raises:
        PluginError: no plugin of a blocked name is installed.
    """
    if not (blocked or pinned):
        yield
        return
    # not at the top: `fpframe --help` needs neither plugins nor torch
    from fpframe.registry import DISABLED, PINNED, installed_names

    known = installed_names()
    for name in blocked:
        if name not in known:
            raise PluginError(
                f"--no-plugin {name} leaves nothing out: no such plugin is installed{nearest(name, known)}"
            )
    before = {variable: os.environ.get(variable) for variable in (DISABLED, PINNED)}
    for variable, names in ((DISABLED, blocked), (PINNED, pinned)):
        os.environ[variable] = ",".join([*filter(None, [before[variable]]), *names])
    try:
        yield
    finally:
        for variable, value in before.items():
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = value

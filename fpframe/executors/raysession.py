"""`RaySession`: this process's connection to Ray, which binds to loopback unless it joins a cluster."""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from fpframe.errors import ResourceError, UsageError

_LOOPBACK = "127.0.0.1"

#: Seconds until a cluster must have answered; Ray itself tries for minutes.
_PATIENCE = 5.0


def import_ray() -> Any:
    """Return the module `ray`, which is large and optional.

    Raises:
        UsageError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            _hush_ray()
            return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError("the executor 'ray' needs Ray; install it: pip install \"fpframe[ray]\"") from error


class RaySession:
    """A connection to Ray, and what must be undone at its end.

    Args:
        address: the cluster to join, ``HOST:PORT`` or ``auto``; None starts Ray for this session alone.
        cpus: CPUs of a Ray that is started.

    Raises:
        UsageError: the address has no such form.
        ResourceError: nobody answers there, or Ray cannot be started.
    """

    def __init__(self, address: str | None, *, cpus: int) -> None:
        self._ray = import_ray()
        self._undo = contextlib.ExitStack()
        if self._ray.is_initialized():  # the caller's own
            return
        host_port = _find_cluster() if address == "auto" else address
        if host_port is not None:
            _must_answer(host_port)
        place: dict[str, Any] = {"address": address}
        if address is None:
            place = {"address": "local", "num_cpus": cpus, "_node_ip_address": _LOOPBACK, "include_dashboard": False}
        with contextlib.ExitStack() as undo:
            undo.enter_context(_environment_restored())
            undo.enter_context(_standard_output_kept())
            undo.callback(_shut_down, self._ray)
            try:
                with _loopback_allowed(host_port), _sigterm_kept(), warnings.catch_warnings():
                    _hush_ray()
                    self._ray.init(**place, log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, RuntimeError, ValueError, OSError, self._ray.exceptions.RayError) as error:
                what = f"cannot join the Ray cluster at {address}" if address else "cannot start Ray on this machine"
                first_line = str(error).strip().partition("\n")[0]
                raise ResourceError(f"{what}: {first_line}; see docs/how-to/cluster.md") from error
            if address is None:
                self._must_be_on_loopback()
            self._undo = undo.pop_all()

    def nodes(self) -> list[dict[str, float]]:
        """Return the resources of each node that is alive."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def close(self) -> None:
        """Leave Ray as it was found: end what was started, and part from what was joined."""
        self._undo.close()

    def _must_be_on_loopback(self) -> None:
        """Refuse a Ray that others could reach, should a later version choose its addresses differently."""
        hosts = {node["NodeManagerAddress"] for node in self._ray.nodes()}
        if hosts != {_LOOPBACK}:
            raise ResourceError(
                f"Ray {self._ray.__version__} listens on {', '.join(sorted(hosts))} and not on {_LOOPBACK} alone; "
                "use the executor 'processes', or start Ray yourself and give its address"
            )


def _find_cluster() -> str:
    """Return the address that Ray means by ``auto``: ``RAY_ADDRESS``, or what `ray start` noted on this machine."""
    try:
        found = importlib.import_module("ray._private.services").get_ray_address_from_environment("auto", None)
    except ConnectionError as error:
        raise ResourceError(
            "no Ray cluster is running on this machine (address 'auto'); start one, or give its HOST:PORT"
        ) from error
    return str(found)


def _must_answer(address: str) -> None:
    """Ask for a connection first: Ray tells of a wrong address only after a long time, and at length."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UsageError(f"the address of a Ray cluster must be HOST:PORT or 'auto' (got '{address}')")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except OSError as error:
        raise ResourceError(
            f"no Ray cluster answers at {address} ({error.strerror or error}); start its head there: "
            f"ray start --head --port={port}"
        ) from error


def _loopback_allowed(address: str | None) -> contextlib.AbstractContextManager[None]:
    """Let Ray take 127.0.0.1 as an address where that is meant, as it does on macOS and Windows.

    On Linux it takes the address of a network interface instead, and then all its servers listen on every interface.
    """
    if address is not None and not address.startswith((_LOOPBACK + ":", "localhost:")):
        return contextlib.nullcontext()
    return _replaced("ray._private.ray_constants", "ENABLE_RAY_CLUSTER", False)


def _standard_output_kept() -> contextlib.AbstractContextManager[None]:
    """Keep Ray from writing to standard output that a worker died; the caller says so in its own words."""
    return _replaced("ray._private.worker", "print_to_stdstream", lambda *_, **__: None)


@contextlib.contextmanager
def _replaced(module: str, name: str, value: object) -> Iterator[None]:
    """Give a name in a module of Ray another value; where a later Ray has no such name this does nothing."""
    holder = importlib.import_module(module)
    missing = object()
    before = getattr(holder, name, missing)
    if before is missing:
        yield
        return
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)


@contextlib.contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Keep the caller's handler of SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextlib.contextmanager
def _environment_restored() -> Iterator[None]:
    """Restore the variables by which Ray tells its children how to behave; it leaves them behind."""
    before = _rays_variables()
    try:
        yield
    finally:
        for name in _rays_variables():
            del os.environ[name]
        os.environ.update(before)


def _rays_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("RAY_") or name == "PYTHONBREAKPOINT"}


def _hush_ray() -> None:
    """Ignore what Ray says of its own future versions, and that it leaves its log files open."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"ray(\.|$)")
    warnings.simplefilter("ignore", ResourceWarning)


def _shut_down(ray: Any) -> None:
    with warnings.catch_warnings():
        _hush_ray()
        ray.shutdown()
        gc.collect()  # or the warnings would come later

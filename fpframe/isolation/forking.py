"""The template: a process that has imported everything and runs nobody's code. Suspects' processes are forked from it.

Three processes stand between the template and a suspect's code. The first enters namespaces, which hold from its child
on. The second is the first process of these, so that all others there end with it; it says how the third ended. The
third is the suspect's.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from fpframe.base import Address, split_form
from fpframe.interfaces import BackboneSource
from fpframe.isolation.confinement import Bounds
from fpframe.isolation.frames import Frames
from fpframe.isolation.libc import end_with_parent
from fpframe.isolation.namespaces import World, enter_namespaces
from fpframe.isolation.serving import serve
from fpframe.opening import find_source
from fpframe.registry import Registry, load_registry

#: Bytes of the longest order to the template.
ORDER_BYTES = 1 << 16
#: Seconds after which the template looks whether its parent is still there.
_LOOK_SECONDS = 5.0


def main(descriptor: int, parent: int, *, blocked: Sequence[str], pinned: Sequence[str]) -> None:
    """Fork a process for each suspect that is ordered, until whoever orders is gone.

    Args:
        descriptor: a packet socket to whoever orders. An order is JSON, ``{"do": "fork", ...}`` with two sockets and
            a pipe for what the suspect prints, or ``{"do": "end", "pid": ...}``; the former gets a reply.
        parent: the process that orders.
        blocked: plugins that are left out.
        pinned: whose components are taken where several offer one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = socket.socket(fileno=descriptor)
    warnings.simplefilter("ignore", DeprecationWarning)  # of Python, about libraries' threads and forks
    registry = load_registry(blocked=blocked, pinned=pinned)
    gc.collect()
    gc.freeze()  # what all children share stays shared
    _reply(orders, {"ready": True})
    orders.settimeout(_LOOK_SECONDS)
    while os.getppid() == parent:
        try:
            text, descriptors, *_ = socket.recv_fds(orders, ORDER_BYTES, 3)
        except TimeoutError:
            continue
        if not text:
            return
        order = json.loads(text)
        if order["do"] == "end":
            _end(order["pid"])
        else:
            _warm_source(registry, order["address"])
            if order["backbone"]:
                _warm_backbone(registry, Address.parse(order["backbone"]))
            talk, report, says = descriptors
            pid = _fork(orders, registry, order, _stream(talk), _stream(report), says)
            _reply(orders, {"number": order["number"], "pid": pid})


def _warm_source(registry: Registry, address: str) -> None:
    """Import the source of a suspect, which each process that opens one of its kind would import otherwise."""
    with contextlib.suppress(Exception):  # it is told where the suspect is opened
        find_source(registry, address)


def _warm_backbone(registry: Registry, address: Address) -> None:
    """Let a source of backbones import the library that it builds them of, which takes longer than to build one."""
    if address.prefix in registry.names(BackboneSource.kind):
        with contextlib.suppress(Exception):  # it is told when the backbone is built
            registry.build(BackboneSource, address.prefix).names(split_form(address.rest)[0])


def _stream(descriptor: int) -> socket.socket:
    return socket.socket(fileno=descriptor)


def _reply(orders: socket.socket, told: dict[str, Any]) -> None:
    orders.send(json.dumps(told).encode())


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _fork(
    orders: socket.socket,
    registry: Registry,
    order: dict[str, Any],
    talk: socket.socket,
    report: socket.socket,
    says: int,
) -> int:
    """Fork the processes of a suspect, and return the first one of them."""
    template = os.getpid()
    pid = os.fork()
    if pid:
        talk.close()
        report.close()
        os.close(says)
        return pid
    try:
        orders.close()
        for standard in (1, 2):
            os.dup2(says, standard)
        os.close(says)
        os.setsid()
        end_with_parent(template, signal.SIGKILL)
        _enter(registry, order, talk, report)
    except EOFError:
        os._exit(0)  # nobody asks any more
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _enter(registry: Registry, order: dict[str, Any], talk: socket.socket, report: socket.socket) -> NoReturn:
    """Enter namespaces, and wait for the first process there."""
    bounds = Bounds(**order["bounds"])
    if _needs_network(registry, order["address"]):
        bounds = Bounds(**{**order["bounds"], "network": True})
    world = enter_namespaces(network=bounds.network, folder=bounds.folder, most=bounds.memory_bytes)
    outer = os.getpid()
    first = os.fork()
    if first:
        talk.close()
        report.close()
        os.waitpid(first, 0)
        os._exit(0)
    # a parent outside of the namespace has no number in it
    end_with_parent(0 if world.own else outer, signal.SIGKILL)
    _watch(registry, bounds, talk, report, world)


def _needs_network(registry: Registry, address: str) -> bool:
    try:
        source = find_source(registry, address)
    except Exception:
        return False  # it fails once more where the suspect is opened, and is told there
    return source is not None and source.needs_network


def _watch(registry: Registry, bounds: Bounds, talk: socket.socket, report: socket.socket, world: World) -> NoReturn:
    """Fork the process of the suspect, wait for it, and say how it ended."""
    watcher = os.getpid()
    pid = os.fork()
    if not pid:
        report.close()
        end_with_parent(watcher, signal.SIGKILL)
        serve(Frames(talk), registry, bounds, world)
        os._exit(0)
    talk.close()
    while True:  # what the suspect's process leaves behind ends up here too
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            with contextlib.suppress(OSError):  # nobody may want to know any more
                report.send(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())
            os._exit(0)


def start() -> None:
    """Read from standard input what to do, and do it."""
    order = json.load(sys.stdin)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    main(order["descriptor"], order["parent"], blocked=order["blocked"], pinned=order["pinned"])

"""The main function of a worker process that `processes` has started."""

from __future__ import annotations

import contextlib
import enum
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from types import FrameType
from typing import Any

from fpframe.executors.worker import make_work, portable


class Message(enum.Enum):
    """What a worker says: that it is there, that it has made its state, or how a task ended."""

    HELLO = "hello"
    READY = "ready"
    RESULT = "result"
    ERROR = "error"


def main(pipe: Connection, folder: str) -> None:
    """Do what comes through the pipe until it is closed.

    Args:
        pipe: this worker's end of a duplex pipe. The worker sends pairs of a `Message` and a value; after HELLO it is
            sent the bytes of the functions and of the state, after READY one item at a time.
        folder: the current folder of the parent.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and stops the workers
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # or programs started here could not be stopped
    with contextlib.suppress(EOFError, OSError), pipe:  # the parent has closed its end, or is gone
        pipe.send((Message.HELLO, None))
        functions, state = pipe.recv_bytes(), pipe.recv_bytes()
        try:
            work = make_work(functions, state, folder)
        except Exception as error:
            _send(pipe, Message.ERROR, error)
            return
        del functions, state
        pipe.send((Message.READY, None))
        while True:
            item = pipe.recv()
            try:
                message, value = Message.RESULT, work(item)
            except Exception as error:
                message, value = Message.ERROR, portable(error)
            _send(pipe, message, value)
            del item, value  # hold nothing while waiting


def _send(pipe: Connection, message: Message, value: Any) -> None:
    try:
        content = ForkingPickler.dumps((message, value))
    except Exception as error:
        content = ForkingPickler.dumps((Message.ERROR, portable(error)))
    pipe.send_bytes(content)


def _stop(number: int, frame: FrameType | None) -> None:
    """End this process from where it is, so that a file that is being written is removed on the way out."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would interrupt the removal
    sys.exit(128 + number)


def _end_with_parent() -> None:
    """End this process when its parent is gone, even in the middle of a task."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

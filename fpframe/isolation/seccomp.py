"""Calls that a suspect has no use for are refused by the kernel: a filter that Linux offers to every process."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from fpframe.isolation.libc import prctl

_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _IF_EQUAL, _IF_GREATER, _IF_ANY, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _REFUSE, _NOT_THERE = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_OFFSET_OF_NUMBER, _OFFSET_OF_MACHINE, _OFFSET_OF_FIRST_ARGUMENT = 0, 4, 16
#: Above them lie calls of another convention of the same machine.
_LAST_CALL = 0x3FFFFFFF

#: Sockets of the network, and the one that tells what networks there are. Others reach services of this machine, such
#: as one that starts containers, and these do not ask who is confined.
_NETWORKS = (2, 10, 16)
#: Flags of ``clone`` that make namespaces, in which a process may do what it may not outside.
_NEW_NAMESPACES = 0x7E020000
#: How the call ``clone`` is numbered, and its successor everywhere, whose flags no filter sees: the C library does
#: without it.
_CLONES, _CLONE3 = {"x86_64": 56, "aarch64": 220}, 435

#: How the kernel numbers a machine, its call ``socket``, and what else is refused: looking into other processes,
#: changing namespaces, mounts, the kernel itself, and what a file's name, owner or mode says (Landlock leaves that).
_MACHINES: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        41,
        (
            *(101, 310, 311, 438, 298, 304),  # ptrace, process_vm_*, pidfd_getfd, perf_event_open, open_by_handle_at
            *(272, 308, 165, 166, 155, 161),  # unshare, setns, mount, umount2, pivot_root, chroot
            *(321, 323, 248, 249, 250, 246, 175, 313),  # bpf, userfaultfd, keys, kexec_load, modules
            *(90, 91, 268, 92, 93, 94, 260),  # chmod and chown
            *(76, 132, 235, 261, 280, 188, 189, 190, 197, 198, 199),  # truncate, times, extended attributes
        ),
    ),
    "aarch64": (
        0xC00000B7,
        198,
        (
            *(117, 270, 271, 438, 241, 265),
            *(97, 268, 40, 39, 41, 51),
            *(280, 282, 217, 218, 219, 104, 105, 273),
            *(52, 53, 54, 55),
            *(45, 88, 5, 6, 7, 14, 15, 16),
        ),
    ),
}
#: Numbered alike on all machines: io_uring, which goes around such filters, mounts, fchmodat2, setxattrat and
#: removexattrat.
_EVERYWHERE = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 452, 463, 466)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def refuse_calls(*, network: bool) -> bool:
    """Let the kernel refuse calls of this process, and tell whether it does. It must gain no privileges any more.

    Args:
        network: whether it may make sockets, of the network alone.
    """
    if platform.machine() not in _MACHINES:
        return False
    machine, socket, others = _MACHINES[platform.machine()]
    refused = (*others, *_EVERYWHERE, *(() if network else (socket,)))
    steps = [
        (_LOAD, 0, 0, _OFFSET_OF_MACHINE),
        (_IF_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _OFFSET_OF_NUMBER),
        *(_only_networks(socket) if network else ()),
        *_no_namespaces(_CLONES[platform.machine()]),
        (_IF_GREATER, len(refused) + 1, 0, _LAST_CALL),
        *((_IF_EQUAL, len(refused) - place, 0, number) for place, number in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    packed = b"".join(struct.pack("HBBI", *step) for step in steps)
    try:
        prctl(_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(steps), packed)))
    except OSError:
        return False
    return True


def _only_networks(socket: int) -> list[tuple[int, int, int, int]]:
    last = len(_NETWORKS)
    return [
        (_IF_EQUAL, 0, last + 3, socket),
        (_LOAD, 0, 0, _OFFSET_OF_FIRST_ARGUMENT),
        *((_IF_EQUAL, last - place, 0, family) for place, family in enumerate(_NETWORKS)),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _no_namespaces(clone: int) -> list[tuple[int, int, int, int]]:
    return [
        (_IF_EQUAL, 0, 4, clone),
        (_LOAD, 0, 0, _OFFSET_OF_FIRST_ARGUMENT),
        (_IF_ANY, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
        (_IF_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _NOT_THERE),
    ]

"""What a suspect's process is kept from, as far as the system allows it."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from fpframe.isolation.landlock import forbid_writing
from fpframe.isolation.libc import drop_capabilities, gain_no_privileges
from fpframe.isolation.memory import mapped_bytes, maps_freely
from fpframe.isolation.namespaces import World
from fpframe.isolation.seccomp import refuse_calls

#: Processes and threads that a suspect may have, where they are counted apart from the user's others.
_MOST_PROCESSES = 4096
#: What drivers of GPUs write to.
_DEVICES = ("/dev/kfd", "/dev/dri", "/dev/shm", "/dev/nvidia-caps")


@attrs.frozen(kw_only=True)
class Bounds:
    """What one suspect may use.

    Attributes:
        memory_bytes: memory on top of what PyTorch takes; ``None`` for any.
        network: whether it may use the network.
        device: torch device that it runs on.
        folder: the only folder that it may write into. It holds no more than `memory_bytes` on top of that.
        files: further files that it may write, which are there already.
    """

    memory_bytes: int | None
    network: bool
    device: str
    folder: str
    files: Sequence[str] = ()


def confine(bounds: Bounds, world: World) -> list[str]:
    """Keep this process from whatever it has no use for, and return what it could not be kept from, in words.

    Args:
        bounds: what it may use.
        world: the world that it is in.
    """
    _limit(bounds, own_world=world.own)
    try:
        gain_no_privileges()
        drop_capabilities()
    except OSError:
        return ["the network", "writing files", "other processes of yours", "filling the disk"]
    devices = _gpu_devices() if maps_freely(bounds.device) else ()
    unwritten = forbid_writing(
        [Path(bounds.folder), *map(Path, bounds.files), Path("/dev/null"), *devices], network=bounds.network
    )
    without_sockets = refuse_calls(network=bounds.network)
    lacking = {
        "the network": not bounds.network and not (world.own or without_sockets),
        "writing files": not unwritten,
        "other processes of yours": not (world.own and unwritten),
        "filling the disk": not (world.folder_ends and unwritten),
    }
    return [what for what, is_so in lacking.items() if is_so]


def _limit(bounds: Bounds, *, own_world: bool) -> None:
    wanted = {resource.RLIMIT_CORE: 0}
    if own_world:
        wanted[resource.RLIMIT_NPROC] = _MOST_PROCESSES
    if bounds.memory_bytes is not None:
        wanted[resource.RLIMIT_FSIZE] = bounds.memory_bytes
        if not maps_freely(bounds.device):
            wanted[resource.RLIMIT_AS] = mapped_bytes() + bounds.memory_bytes
    for limit, value in wanted.items():
        _, hard = resource.getrlimit(limit)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))


def _gpu_devices() -> Iterator[Path]:
    yield from map(Path, _DEVICES)
    yield from Path("/dev").glob("nvidia*")

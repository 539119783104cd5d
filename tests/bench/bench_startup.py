"""What a user waits for before anything happens: ``import fpframe`` and ``fpframe --help``, in new processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from measuring import Row, take_turns

#: Seconds at most, the start of the interpreter included.
LIMITS = {"import fpframe": 0.2, "fpframe --help": 0.4}


def rows(*, repeats: int) -> list[Row]:
    """Measure both, with an empty interpreter beside them."""
    python = [sys.executable]
    times = take_turns(
        {
            "import fpframe": lambda: call([*python, "-c", "import fpframe"]),
            "fpframe --help": lambda: call([*python, "-m", "fpframe", "--help"]),
            "nothing": lambda: call([*python, "-c", ""]),
        },
        repeats=max(repeats, 7),
    )
    quality = f"{times.seconds['nothing']:.3f} s of them the interpreter"
    return [
        Row(what=f"`{name}`", ours=times.seconds[name], limit=limit, quality=quality) for name, limit in LIMITS.items()
    ]


def call(command: Sequence[str]) -> None:
    """Run a command to its end."""
    subprocess.run(command, check=True, capture_output=True)

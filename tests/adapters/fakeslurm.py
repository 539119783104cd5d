"""A Slurm of this machine: the four commands that submitit calls, for one user, without a queue.

Each command is a link to this file under its own name. Jobs are process groups, and their states are files of a folder.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

FOLDER = "FAKE_SLURM"


def install(place: Path) -> None:
    """Make the commands in a folder."""
    for name in ("sbatch", "srun", "sacct", "scancel"):
        command = place / name
        command.write_text(f"#!{sys.executable}\n{Path(__file__).read_text(encoding='utf-8')}")
        command.chmod(0o700)


def sbatch(words: list[str]) -> None:
    folder, [script] = Path(os.environ[FOLDER]), words
    text = Path(script).read_text(encoding="utf-8")
    number = 1 + len(list(folder.glob("*.sh")))
    (folder / f"{number}.sh").write_text(text, encoding="utf-8")
    array = re.search(r"--array=0-(\d+)", text)
    for name, index in [(f"{number}_{i}", i) for i in range(int(array[1]) + 1)] if array else [(str(number), None)]:
        variables = dict.fromkeys(("SLURM_NODEID", "SLURM_PROCID", "SLURM_LOCALID"), "0")
        variables |= dict.fromkeys(("SLURM_NTASKS", "SLURM_JOB_NUM_NODES"), "1") | {"SLURM_JOB_ID": str(number)}
        if index is not None:
            variables |= {"SLURM_ARRAY_JOB_ID": str(number), "SLURM_ARRAY_TASK_ID": str(index)}
        ending = folder / f"{name}.state"
        command = f"bash {script}; [ -e {ending} ] || (test $? = 0 && echo COMPLETED || echo FAILED) >{ending}"
        nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        begun = subprocess.Popen(["bash", "-c", command], env=os.environ | variables, start_new_session=True, **nothing)
        (folder / f"{name}.pid").write_text(str(begun.pid))
        begun.returncode = 0  # nobody waits for it
    print(f"Submitted batch job {number}")


def srun(words: list[str]) -> None:
    while words[0].startswith("--"):
        words = words[1 if words[0] == "--unbuffered" else 2 :]
    os.execvp(words[0], words)


def sacct(words: list[str]) -> None:
    folder = Path(os.environ[FOLDER])
    print("JobID|State|NodeList")
    for path in folder.glob("*.pid"):
        ending = path.with_suffix(".state")
        print(f"{path.stem}|{ending.read_text().strip() if ending.exists() else 'RUNNING'}|here")


def scancel(words: list[str]) -> None:
    path = Path(os.environ[FOLDER], f"{words[-1]}.pid")
    path.with_suffix(".state").write_text("CANCELLED")
    os.killpg(int(path.read_text()), signal.SIGKILL)


if __name__ == "__main__":
    {"sbatch": sbatch, "srun": srun, "sacct": sacct, "scancel": scancel}[Path(sys.argv[0]).name](sys.argv[1:])

"""How much memory `enroll` and `verify` take, by the number of images and with a thousand classes.

    python tests/bench/memory.py --write docs/results/performance.md

Each row is one command on made-up images in a folder, with a store of its own. Its memory is anonymous: what the
processes of the command hold that no file backs (`RssAnon` of `/proc/PID/status`), summed over all of them, sampled
all the time. Pages of the mapped images are none of it, for the system takes them back whenever it needs room. Linux
only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs
import numpy as np
import timm
from measuring import markdown, replaced
from PIL import Image
from safetensors.torch import save_file

#: Seconds between two samples.
EVERY = 0.02
#: Numbers of images whose peaks are compared.
SIZES = (2_000, 10_000, 50_000)
CLASSES, SIDE = 10, 64
MANY_CLASSES, MANY_EACH, LARGE = 1000, 4, 224
#: By how much the peak may grow with the images, and what a thousand classes may take.
GROWTH, MOST_GIB = 0.1, 6.0
#: Models that hardly learn will do: nobody is accused.
UNFIT = ("victim-at-chance", "victim-below-data", "zoo-disagrees", "too-few-to-fit", "queries-unmoved")

RECIPE = """
name = "memory"
scheme = "uap-contrastive"
alpha = 0.1

[victim]
backbone = "paper:arc-b"

[training]
epochs = 1

[queries]
points = 20
views = 5
craft_images = 400

[queries.perturbation]
steps = 50

[[independent]]
stratum = "same-data"
fit = 2
calibrate = 9

[[derived]]
attack = "extract-noise(soft)"
fit = 1

[[derived]]
attack = "extract-adversarial(soft)"
fit = 1

[[derived]]
attack = "finetune(all)"
fit = 1
"""

MANY_VICTIM = "mobilenetv3_small_050"
MANY = f"""
name = "memory-many"
scheme = "residual-300"
alpha = 0.1

[victim]
backbone = "timm:{MANY_VICTIM}"

[training]
epochs = 1
batch_size = 16

[[independent]]
stratum = "same-data"
fit = 2
calibrate = 9

[[derived]]
attack = "extract(soft)"
fit = 2
"""


@attrs.frozen(kw_only=True)
class Peak:
    """What one command took.

    Attributes:
        anonymous: the most that its processes held at once that no file backs, in MiB.
        resident: the most that they held at once, pages of files included, which several of them may share, in MiB.
        seconds: how long it ran.
    """

    anonymous: float
    resident: float
    seconds: float


def run(arguments: list[str], store: Path) -> Peak:
    """Run one command of fpframe to its end and return its peak.

    Raises:
        SystemExit: it failed.
    """
    environment = {**os.environ, "FPFRAME_HOME": str(store), "OMP_NUM_THREADS": "1"}
    started, log = time.perf_counter(), store.with_suffix(".log")
    print(f"memory: fpframe {' '.join(arguments)} ...", file=sys.stderr, flush=True)
    with log.open("a") as out:
        command = [sys.executable, "-m", "fpframe", *arguments]
        leader = subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
        highest = {"RssAnon": 0.0, "VmRSS": 0.0}
        while leader.poll() is None:
            sizes = [status(process) for process in below(leader.pid)]
            for what in highest:
                highest[what] = max(highest[what], sum(each.get(what, 0) for each in sizes))
            time.sleep(EVERY)
    if leader.returncode not in (0, 7):  # 7 is a verdict that is inconclusive
        raise SystemExit(log.read_text())
    peak = Peak(
        anonymous=highest["RssAnon"] / 1024, resident=highest["VmRSS"] / 1024, seconds=time.perf_counter() - started
    )
    print(f"memory: {peak}", file=sys.stderr, flush=True)
    return peak


def below(leader: int) -> list[int]:
    """Return a process and all that it started, directly or not."""
    found, looked_at = [leader], 0
    while looked_at < len(found):
        for children in Path(f"/proc/{found[looked_at]}/task").glob("*/children"):
            found += [int(child) for child in read(children).split()]
        looked_at += 1
    return found


def status(process: int) -> dict[str, int]:
    """Return the sizes in kB that the system tells of a process; none when it has ended."""
    lines = (line.split() for line in read(Path(f"/proc/{process}/status")).splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words and words[-1] == "kB"}


def read(path: Path) -> str:
    """Return a file of the system; nothing where the process has ended meanwhile."""
    try:
        return path.read_text()
    except OSError:
        return ""


def make_images(folder: Path, *, classes: int, each: int, side: int) -> None:
    """Write images in a folder for each class: a pattern of coloured squares of its own, in changing light.

    Three in ten are test images, so that those of the smallest data set fill a batch.
    """
    random = np.random.default_rng(0)
    for label in range(classes):
        pattern = random.integers(40, 216, (4, 4, 3))
        for number in range(each):
            place = folder / ("test" if number < 0.3 * each else "train") / f"{label:04}"
            place.mkdir(parents=True, exist_ok=True)
            moved = (pattern + random.integers(-40, 40, (4, 4, 3))).clip(0, 255).astype(np.uint8)
            image = np.kron(moved, np.ones((side // 4, side // 4, 1), np.uint8))
            Image.fromarray(image).save(place / f"{number:05}.png", compress_level=1)


def growing(folder: Path, *, workers: int, sizes: tuple[int, ...] = SIZES) -> list[list[str]]:
    """Return a row for each number of images: `enroll` with the whole zoo."""
    recipe = folder / "growing.toml"
    recipe.write_text(RECIPE)
    peaks: list[Peak] = []
    rows = []
    for count in sizes:
        data = folder / f"images-{count}"
        make_images(data, classes=CLASSES, each=count // CLASSES, side=SIDE)
        arguments = ["enroll", "--recipe", str(recipe), "--dataset", f"folder:{data}"]
        arguments += ["--out", str(folder / f"enrolment-{count}"), "--workers", str(workers)]
        for code in UNFIT:
            arguments += ["--accept-unfit", code]
        peaks.append(run(arguments, folder / f"store-{count}"))
        ratio = peaks[-1].anonymous / peaks[0].anonymous
        met = "-" if len(peaks) == 1 else "yes" if ratio <= 1 + GROWTH else "MISS"
        target = "-" if len(peaks) == 1 else f"<= {1 + GROWTH:g}"
        what = f"`enroll`, {count} images of {SIDE}x{SIDE}, {CLASSES} classes, {workers} workers"
        rows.append([what, *cells(peaks[-1]), f"{ratio:.2f}", target, met])
    return rows


def many(folder: Path, *, workers: int, classes: int = MANY_CLASSES) -> list[list[str]]:
    """Return the rows of `enroll` and `verify` of a victim with a thousand classes of large images."""
    recipe, data, store = folder / "many.toml", folder / "images-many", folder / "store-many"
    recipe.write_text(MANY)
    make_images(data, classes=classes, each=MANY_EACH, side=LARGE)
    enrolment = str(folder / "enrolment-many")
    arguments = ["enroll", "--recipe", str(recipe), "--dataset", f"folder:{data}", "--out", enrolment]
    for code in UNFIT:
        arguments += ["--accept-unfit", code]
    enrolled = run([*arguments, "--workers", str(workers)], store)
    suspect = folder / "suspect.safetensors"
    save_file(timm.create_model(MANY_VICTIM, num_classes=classes).state_dict(), suspect)
    verified = run(["verify", enrolment, str(suspect), "--backbone", f"timm:{MANY_VICTIM}"], store)
    return [row_of_many(name, peak, workers, classes) for name, peak in (("enroll", enrolled), ("verify", verified))]


def row_of_many(name: str, peak: Peak, workers: int, classes: int) -> list[str]:
    """Return the row of a command with many classes."""
    what = f"`{name}`, {classes} classes, {classes * MANY_EACH} images of {LARGE}x{LARGE}, {workers} workers"
    met = "yes" if peak.resident <= MOST_GIB * 1024 else "MISS"
    return [what, *cells(peak), "-", f"<= {MOST_GIB:g} GiB", met]


def cells(peak: Peak) -> list[str]:
    """Return a peak as it is printed."""
    return [f"{peak.anonymous:.0f}", f"{peak.resident:.0f}", f"{peak.seconds:.0f}"]


HEADINGS = ["What", "anonymous, MiB", "resident, MiB", "s", "anonymous, to the first", "target", "met"]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("growing", "many"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--folder", type=Path, help="where images and stores go; a temporary folder by default")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fpframe-memory-", dir=options.folder) as name:
        rows = []
        if options.only != "many":
            rows += growing(Path(name), workers=options.workers, sizes=tuple(options.sizes))
        if options.only != "growing":
            rows += many(Path(name), workers=options.workers)
    table = markdown(HEADINGS, rows)
    print(table)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        options.write.write_text(replaced(page, {"memory": table}), encoding="utf-8")


if __name__ == "__main__":
    main()

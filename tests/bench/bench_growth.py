"""How time and memory of extracting, enrolling and verifying grow with points, views, classes and models.

Each figure comes from a process of its own, on made-up images of 8x8 pixels and networks of one hidden layer that are
trained for one epoch, for what grows is fpframe's part. The zoo is built before, and is no part of the figures.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from measuring import markdown

import fpframe
from fpframe.base import UNFIT
from fpframe.models.ask_model import ask
from fpframe.models.queryset import QueryPart, QuerySet
from fpframe.recipe.recipe import Recipe

#: What is taken once, four and sixteen times. A quarter of the models are derived, a quarter fit, a half calibrate.
BASE = {"points": 20, "views": 5, "classes": 10, "models": 20}
FACTORS = (1, 4, 16)
STAGES = ("extract", "enrol", "verify")
#: Images of the made-up data set, for training, querying and testing.
IMAGES, TESTED = 9000, 1000
BACKBONE = "paper:arc-e"

RECIPE = """
name = "growth"
scheme = "uap-contrastive"
alpha = 0.1

[victim]
backbone = "{backbone}"

[training]
epochs = 1

[queries]
points = {points}
views = {views}
craft_images = 200

[queries.perturbation]
steps = 50

[[independent]]
stratum = "same-data"
fit = {quarter}
calibrate = {half}

[[derived]]
attack = "finetune(all)"
fit = {quarter}
"""


def table() -> str:
    """Measure everything and return the table."""
    with tempfile.TemporaryDirectory(prefix="fpframe-growth-") as name:
        folder = Path(name)
        base = measure(BASE, folder)  # the first, for points and views grow on its zoo
        measured = {
            (grows, factor): measure({**BASE, grows: factor * BASE[grows]}, folder)
            for grows in BASE
            for factor in FACTORS[1:]
        }
    headings = ["What", "grows with", "from", "to"]
    headings += [f"{factor}x, {unit}" for unit in ("s", "MiB") for factor in FACTORS]
    rows = []
    for stage in STAGES:
        # whoever asks one suspect meets no other models
        for grows in BASE if stage != "extract" else list(BASE)[:-1]:
            figures = [base[stage], *(measured[grows, factor][stage] for factor in FACTORS[1:])]
            cells = [f"{one[unit]:.3g}" for unit in ("seconds", "mebibytes") for one in figures]
            rows.append([stage, grows, str(BASE[grows]), str(FACTORS[-1] * BASE[grows]), *cells])
    return markdown(headings, rows)


def measure(size: dict[str, int], folder: Path) -> dict[str, dict[str, float]]:
    """Return what each stage takes at one size."""
    print(f"growth: {size} ...", file=sys.stderr, flush=True)
    if (size["classes"], size["models"]) != (BASE["classes"], BASE["models"]) or size == BASE:
        call("build", size, folder)
    return {stage: call(stage, size, folder) for stage in STAGES}


def call(stage: str, size: dict[str, int], folder: Path) -> dict[str, float]:
    """Run one stage in a new process and return what it measured."""
    # forked, for by then everything is imported; this process itself never computes
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(stage, size, folder, sender))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise SystemExit(f"{stage} failed at {size}") from None
    finally:
        process.join()


def child(stage: str, size: dict[str, int], folder: Path, sender: Connection) -> None:
    """Do one stage; send its median seconds and how far it raised the peak of this process's memory."""
    torch.set_num_threads(1)
    work = prepared(stage, size, folder)
    before, seconds = resident("VmRSS"), []
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    for _ in range(1 if stage in {"build", "enrol"} else 5):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    sender.send({"seconds": statistics.median(seconds), "mebibytes": resident("VmHWM") - before})


def prepared(stage: str, size: dict[str, int], folder: Path) -> Callable[[], Any]:
    """Make what a stage needs, and return what is to be measured."""
    registry, name = fpframe.load_registry(), "-".join(map(str, size.values()))
    suspect = fpframe.build_backbone(registry, BACKBONE, size["classes"], (1, 8, 8), seed=1)
    enrolment = folder / f"{name}.enrolment"
    if stage == "extract":
        random = torch.Generator().manual_seed(0)
        shape = (size["views"], 2 * size["points"], 1, 8, 8)  # each point clean and perturbed
        images = torch.randint(256, shape, generator=random, dtype=torch.uint8)
        questions = QuerySet(images=images, parts=(QueryPart(start=0, points=size["points"], pair=True),))
        query = suspect.as_query()
        return lambda: ask(query, questions)
    if stage == "verify":
        return lambda: fpframe.verify(enrolment, suspect, registry=registry)
    counts = {"quarter": size["models"] // 4, "half": size["models"] // 2}
    recipe = Recipe.parse(RECIPE.format(backbone=BACKBONE, **counts, **size), origin="growth")
    data = made_up_data(size["classes"])
    # the second time, every model is found in the store
    run = fpframe.Run(store=folder / "store", registry=registry)
    # its images are noise: no victim is fit to accuse anybody by them
    return lambda: fpframe.enroll(dataset=data, recipe=recipe, run=run, accept_unfit=UNFIT).save(enrolment, force=True)


def made_up_data(classes: int) -> fpframe.Dataset:
    """Return a data set in which the images of a class differ by noise."""
    random = torch.Generator().manual_seed(0)
    centres = torch.rand(classes, 1, 8, 8, generator=random)
    labels = torch.arange(IMAGES + TESTED) % classes
    noise = 0.15 * torch.randn(IMAGES + TESTED, 1, 8, 8, generator=random)
    images = (centres[labels] + noise).clamp(0, 1)
    return fpframe.Dataset.from_arrays((images[:IMAGES], labels[:IMAGES]), (images[IMAGES:], labels[IMAGES:]))


def resident(what: str) -> float:
    """Return a size of this process's memory, in MiB; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))

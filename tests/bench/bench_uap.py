"""One perturbation for all images, against ART's and against the algorithm written down plainly."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from bench_deepfool import art_classifier
from libraries import UniversalPerturbation
from material import Material
from measuring import Row, take_turns
from plain_uap import plain_uap
from torch import Tensor

import fpframe

#: Bound in pixel units: what fools most images of FashionMNIST; digits of 8x8 pixels need more.
EPSILON = {"digits": 0.25}
USUAL_EPSILON = 0.1
#: What the others are given: few images and passes, for each takes seconds; a share of fooled images at which to stop.
IMAGES, PASSES, TARGET, STEPS, OVERSHOOT = 200, 3, 0.8, 20, 0.02
#: Steps of `uap` for the comparison; its default is 1000.
BRIEF = 30
#: fpframe has to be at least 20 times as fast.
LIMIT = 1 / 20
#: Images on which fooling is counted, none of which was used.
HELD_OUT = 2000


def rows(material: Material, *, repeats: int) -> list[Row]:
    """Compare time and the share of held-out images that are fooled, at one bound and on the same images."""
    epsilon = EPSILON.get(material.data, USUAL_EPSILON)
    model, x = material.model, material.x[:IMAGES]
    held_out, clean = material.x[IMAGES:][:HELD_OUT], material.labels[IMAGES:][:HELD_OUT]
    registry = fpframe.load_registry()
    brief = registry.create("perturbation", "uap", epsilon=epsilon, steps=BRIEF)
    default = registry.create("perturbation", "uap", epsilon=epsilon)
    times = take_turns(
        {
            "fpframe": lambda: brief(model, x, material.labels[:IMAGES], seed=0).delta,
            "default": lambda: default(model, x, material.labels[:IMAGES], seed=0).delta,
            "ART": lambda: by_art(material, x, epsilon=epsilon),
            "plain loop": lambda: plain(material, x, epsilon=epsilon),
        },
        repeats=min(repeats, 3),
    )

    def fooled(name: str) -> float:
        moved = (held_out + times.results[name]).clamp(0, 1)
        return float((model.logits(moved).argmax(1) != clean).double().mean())

    row = partial(quality_row, times.seconds, epsilon, {name: fooled(name) for name in times.results})
    return [
        row("fpframe", f"`uap`, {BRIEF} steps", "ART", limit=LIMIT),
        row("fpframe", f"`uap`, {BRIEF} steps", "plain loop", limit=LIMIT),
        row("default", "`uap`, as it is by default", "ART", limit=None),
    ]


def quality_row(
    seconds: dict[str, float],
    epsilon: float,
    fooling: dict[str, float],
    name: str,
    what: str,
    other: str,
    *,
    limit: float | None,
) -> Row:
    """Return the row for one of fpframe's and one of the others; it must fool at least as many held-out images."""
    return Row(
        what=f"{what}, L-inf {epsilon:g}, {IMAGES} images",
        than=other,
        ours=seconds[name],
        theirs=seconds[other],
        limit=limit,
        good=fooling[name] >= fooling[other],
        quality=f"held-out fooling rate {fooling[name]:.3f} / {fooling[other]:.3f}",
    )


def by_art(material: Material, x: Tensor, *, epsilon: float) -> Tensor:
    """Return the delta of ART, without its ``clip_values``, with which it fools far fewer images."""
    np.random.seed(0)  # noqa: NPY002 - ART draws from the global generator
    attack = UniversalPerturbation(
        art_classifier(material, clipped=False),
        attacker="deepfool",
        attacker_params={"max_iter": STEPS, "epsilon": OVERSHOOT, "nb_grads": 10, "batch_size": 1, "verbose": False},
        delta=1 - TARGET,
        max_iter=PASSES,
        eps=epsilon,
        norm=np.inf,
        batch_size=len(x),
        verbose=False,
    )
    attack.generate(x.numpy())
    return torch.from_numpy(np.asarray(attack.noise)).float().reshape(1, *x.shape[1:])


def plain(material: Material, x: Tensor, *, epsilon: float) -> Tensor:
    """Return the delta of the algorithm written down plainly."""
    torch.manual_seed(0)
    return plain_uap(material.model, x, epsilon=epsilon, target=TARGET, passes=PASSES, steps=STEPS, overshoot=OVERSHOOT)

"""A small case: keys, a victim, a commitment to it, and an enrolment that follows from it; its fixtures are those of
`core/evidence`.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import attrs

import fpframe
from fpframe.base import now, write_time
from fpframe.enrolment import Beacon, Terms
from fpframe.evidence import Case, commit, enroll_committed, read_private_key
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup, Recipe

VALUE = "5f" * 32


def make_key(folder: Path, name: str) -> Path:
    """Make a key as the pages say."""
    path = folder / f"{name}.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, capture_output=True)
    return path


def soon(seconds: int = 1) -> str:
    """Return a time that is not there yet."""
    return write_time(now().fromtimestamp(now().timestamp() + seconds, now().tzinfo))


@attrs.frozen(kw_only=True)
class Sworn:
    """The folder of a case that was played up to the enrolment."""

    folder: Path
    recipe: Recipe
    terms: Terms
    beacon: Beacon

    @property
    def victim(self) -> fpframe.Victim:
        return fpframe.Victim("paper:arc-e", weights=self.folder / "victim.safetensors")

    def network(self, data: fpframe.Dataset) -> fpframe.Classifier:
        """Return the victim as a network."""
        return self.victim.open(data, self.run.registry)[0]

    @property
    def case(self) -> Path:
        return self.folder / "case"

    @property
    def enrolment(self) -> Path:
        return self.folder / "my.enrolment"

    @property
    def run(self) -> fpframe.Run:
        return fpframe.Run(store=self.folder / "store")


def recipe() -> Recipe:
    """Return a recipe of few models, which are not trained until they are as able as the victim."""
    own = IndependentGroup(
        stratum="other-architecture", fit=2, calibrate=4, test=1, backbones=("paper:arc-c", "paper:arc-d")
    )
    small = fpframe.Training(epochs=10, batch_size=32)
    tiny = Recipe.load("tiny")
    return attrs.evolve(
        tiny,
        name="sworn",
        alpha=0.5,
        channels=("probs",),
        training=small,
        epochs={},
        as_able_as_victim=False,
        independent=(own,),
        derived=(DerivedGroup(attack="extract(soft)", fit=2, test=1, backbones=("paper:arc-d",)),),
    )


def play(folder: Path) -> Sworn:
    """Train a victim, commit to it, wait for the beacon, and enroll; the folder holds the keys."""
    data = fpframe.load_registry().create("dataset", "digits").open("", root=None)
    network = fpframe.build_backbone(fpframe.load_registry(), "paper:arc-e", 10, data.image_shape, seed=0)
    seen = data.train[:400]
    fpframe.train(network, seen.pixels, seen.labels, fpframe.Training(epochs=10, batch_size=32), seed=0)
    fpframe.save_weights(network, folder / "victim.safetensors")
    terms = Terms(beacon=soon(4), alpha=0.5, enrolments=2, zoo_seed=0)
    sworn = Sworn(folder=folder, recipe=recipe(), terms=terms, beacon=Beacon(terms.beacon, VALUE))
    key = read_private_key(folder / "me.pem")
    case = commit(sworn.victim, recipe=sworn.recipe, terms=terms, key=key, out=sworn.case, run=sworn.run)
    while sworn.beacon.is_later_than(now()):
        time.sleep(0.1)
    enroll_committed(Case.open(case.folder), sworn.beacon, sworn.victim, out=sworn.enrolment, run=sworn.run)
    return sworn

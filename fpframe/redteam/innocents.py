"""`claim_against_origins`: how many innocents an owner accuses who has fine-tuned the victim from a public model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from fpframe.base import UNFIT
from fpframe.decision import clopper_pearson
from fpframe.enrolment import Enrolment, Independents, enroll, enrolment_addresses, find_independents
from fpframe.errors import UsageError
from fpframe.models import train
from fpframe.opening import Victim, refuse_code, save_weights
from fpframe.recipe import Run
from fpframe.verification import verify
from fpframe.zoo import open_workspace

#: Passes over the victim's images by which a public model becomes the "victim".
_EPOCHS = 1


@attrs.frozen
class Rate:
    """How many of some suspects were called derived.

    Attributes:
        accused: how many were.
        tried: how many were asked.
    """

    accused: int
    tried: int

    def __str__(self) -> str:
        low, high = clopper_pearson(self.accused, self.tried) if self.tried else (0.0, 1.0)
        return f"{self.accused} of {self.tried} (95 % interval {low:.2f} to {high:.2f})"

    def and_also(self, accused: bool) -> Rate:
        """Return the rate with one more suspect."""
        return Rate(self.accused + accused, self.tried + 1)


@attrs.frozen
class Claims:
    """What came of victims that were made from innocents.

    Attributes:
        origins: the models that they were made from.
        others: all other innocents.
    """

    origins: Rate
    others: Rate


def claim_against_origins(
    enrolment: Enrolment, independents: Independents, *, victims: int, run: Run
) -> Iterator[Claims]:
    """Fine-tune an innocent model, enroll it as the victim by the same recipe, and ask all innocents; one by one.

    Args:
        enrolment: says by which recipe.
        independents: a folder of files of weights.
        victims: how many of them are made into victims, one after another.
        run: the data, and how work is carried out.

    Yields:
        What came of all victims so far.

    Raises:
        UsageError: the models are not files of weights, or an address in the enrolment would import code.
    """
    if not run.trust_code:
        refuse_code(run.registry, enrolment_addresses(enrolment, recipe=True, dataset=True), whose="the enrolment")
    found = find_independents(independents.folder, run.registry)
    backbones = {file.path: file.backbone or independents.backbone for file in found}
    unnamed = [path for file in found for path in [file.path] if not file.needs_backbone or backbones[path] is None]
    if unnamed:
        raise UsageError(f"only files of weights can be fine-tuned; name their --backbone ({unnamed[0]})")
    origins, others = Rate(0, 0), Rate(0, 0)
    for chosen in list(backbones)[:victims]:
        forged = _enrolled(enrolment, Victim(backbones[chosen], weights=chosen), run)
        for path, backbone in backbones.items():
            accused = verify(forged, str(path), backbone=backbone).verdict == "DERIVED"
            origins, others = (
                (origins.and_also(accused), others) if path == chosen else (origins, others.and_also(accused))
            )
        yield Claims(origins, others)


def _enrolled(enrolment: Enrolment, origin: Victim, run: Run) -> Enrolment:
    recipe = enrolment.recipe
    workspace = open_workspace(recipe, None, run)
    seen = workspace.parts.victim
    network, _ = origin.open(workspace.dataset, run.registry)
    with run.computing():
        train(network, seen.stream, seen.labels, attrs.evolve(recipe.training, epochs=_EPOCHS), seed=0)
    with tempfile.TemporaryDirectory(prefix="fpframe-redteam-") as temporary:
        weights = Path(temporary) / "victim.safetensors"
        save_weights(network, weights)
        victim = Victim(origin.model, weights=weights, from_scratch=True)
        return enroll(victim, recipe=recipe, without=enrolment.victim["absent"], accept_unfit=UNFIT, run=run)

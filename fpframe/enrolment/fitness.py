"""`Fitness`: what was looked at before an enrolment may accuse anybody, as numbers that it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import cattrs

from fpframe.base import Note, explain, make_converter
from fpframe.parameters import number, whole

_count, _share = whole(low=0), number(low=0, high=1)


@attrs.frozen(kw_only=True)
class VictimLook:
    """What was seen of the victim before anything was trained.

    Attributes:
        images: labelled test images that it was asked about.
        accuracy: share of these that it gets right.
        guessing: the accuracy of labels in the same shares, dealt out at random.
        class_means: the accuracy of the plainest classifier of all, the nearest mean image of a class.
        pool_images: images of the pool that it was asked about.
        pool_accuracy: share of these that it gets right.
        gradients: share of the images tried at which it has a gradient.
    """

    images: int = attrs.field(validator=_count)
    accuracy: float = attrs.field(validator=_share)
    guessing: float = attrs.field(validator=_share)
    class_means: float = attrs.field(validator=_share)
    pool_images: int = attrs.field(validator=_count)
    pool_accuracy: float = attrs.field(validator=_share)
    gradients: float = attrs.field(validator=_share)


@attrs.frozen(kw_only=True)
class StratumLook:
    """How accurate the calibration models of a stratum are, on the test images.

    Attributes:
        models: their number.
        lowest: the lowest accuracy.
        median: the median accuracy.
        highest: the highest accuracy.
    """

    models: int = attrs.field(validator=_count)
    lowest: float = attrs.field(validator=_share)
    median: float = attrs.field(validator=_share)
    highest: float = attrs.field(validator=_share)


@attrs.frozen(kw_only=True)
class ZooLook:
    """What was seen of the models of the zoo once they were built.

    Attributes:
        derived: models made from the victim that fit the encoder.
        independent: independent models that do.
        failed: thefts that were to fit it and failed.
        agreement: the median over the calibration models of Cohen's kappa with the victim's labels of the test images;
            ``None`` where the enrolment was calibrated anew, without the victim.
        strata: how accurate the calibration models are, by stratum; empty where nobody could tell.
    """

    derived: int = attrs.field(validator=_count)
    independent: int = attrs.field(validator=_count)
    failed: int = attrs.field(validator=_count)
    agreement: float | None
    strata: Mapping[str, StratumLook]


@attrs.frozen(kw_only=True)
class Crafted:
    """What a perturbation did to the query points of a part.

    Attributes:
        perturbation: its name.
        moved: share of the images that it changed, as the 8-bit images that are sent.
        converged: share of its results that reached the aim of the method.
    """

    perturbation: str
    moved: float = attrs.field(validator=_share)
    converged: float = attrs.field(validator=_share)


@attrs.frozen(kw_only=True)
class Fitness:
    """What was looked at before an enrolment may accuse anybody.

    Attributes:
        victim: the victim.
        zoo: the models of the zoo.
        queries: what the perturbations did, part by part.
        accepted: in what the enrolment is unfit, and was accepted all the same.
    """

    victim: VictimLook
    zoo: ZooLook
    queries: tuple[Crafted, ...]
    accepted: tuple[Note, ...] = ()

    def calibrated_on(self, strata: Mapping[str, StratumLook]) -> Fitness:
        """Return what is left of it where the enrolment is calibrated on other models; on the same ones, all."""
        if strata == self.zoo.strata:
            return self
        return attrs.evolve(self, zoo=attrs.evolve(self.zoo, agreement=None, strata=dict(strata)))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return attrs.asdict(
            self, value_serializer=lambda _, __, value: list(value) if isinstance(value, tuple) else value
        )

    @classmethod
    def read(cls, stored: Any) -> Fitness:
        """Return what `to_dict` returned.

        Raises:
            ValueError: it is something else.
        """
        try:
            return _CONVERTER.structure(stored, cls)
        except cattrs.BaseValidationError as error:
            raise ValueError(f"the record of fitness is damaged: {explain(error)}") from error


_CONVERTER = make_converter([VictimLook, StratumLook, ZooLook, Crafted, Note, Fitness])

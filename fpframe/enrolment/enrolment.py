"""`Enrolment`: opened, saved, and how it scores answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from fpframe.base import Note
from fpframe.decision import Standard, StratumPaths, StratumScores, require_alpha
from fpframe.enrolment.by_commitment import commitment_note
from fpframe.enrolment.calibration import PLAIN
from fpframe.enrolment.contents import Contents
from fpframe.enrolment.facts import enrolment_facts
from fpframe.enrolment.folder import enrolment_digest, read_enrolment, write_enrolment
from fpframe.enrolment.leftout import LeftOutModels, leave_each_out
from fpframe.enrolment.repeats import families_by_answers
from fpframe.enrolment.scoring import Scorer
from fpframe.enrolment.sharpness import scored_answers
from fpframe.enrolment.strangers import Strangers, find_strangers
from fpframe.errors import UsageError
from fpframe.models import KNOWN_CHANNELS, is_channel, nearest_channel
from fpframe.registry import BUILT_IN, SAME_BASE, Registry
from fpframe.rng import threads

#: What stands in every verdict on a victim whose calibration holds fine-tunes of its public model.
_START_NOT_SHARED = Note(
    "start-not-shared",
    "No independent model was considered whose new layers began with the very numbers that the victim's did, as in two "
    "runs of one script with one seed. Such a model can score as a copy does, above all if it learned from the "
    "victim's images.",
)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Enrolment(Contents):
    """Everything that is needed to question a suspect.

    Attributes:
        recipe: the full recipe of the run.
        scheme: name of the scheme.
        encoder: name and parameters of the encoder.
        encoder_revision: its revision, since calibration scores hold for that one only.
        queries: the images that a suspect is sent.
        deltas: universal perturbations in pixel units, ``(1, C, H, W)`` each.
        encoders: the fitted network of each channel.
        victim_answers: the victim's probabilities ``(V, Q, K)``.
        calibration: the independent models that a suspect is compared with, their answers and scores.
        standards: by channel, mean and spread of the scores of the independent models of the fit split after each
            view, on Fisher's scale; an early stop needs them.
        victim: address, digest, accuracy and the like.
        classes: class names.
        assumptions: what was assumed of the victim and its data, for the reader of a verdict.
        profile: the machine that it was made on.
        ability: how able the victim and the calibration models are; ``None`` in an enrolment of an earlier release,
            which accuses nobody.
        fitness: what was looked at before it may accuse anybody; ``None`` in enrolments of earlier releases, and where
            schemes are compared.
        preparation: how images are prepared for the victim; ``None`` in enrolments of earlier releases, and where it
            gets them as they are.
        origin: by which code it was made; ``None`` in enrolments of earlier releases.
        commitment: what was fixed before it was made; ``None`` where nothing was.
    """

    # what suspects are compared with is computed once, for as long as the enrolment is open
    _scorers: dict[str, Scorer] = attrs.field(factory=dict, init=False)
    _paths: dict[tuple[str, str], dict[str, StratumPaths]] = attrs.field(factory=dict, init=False)
    _families: list[tuple[str, ...]] = attrs.field(factory=list, init=False)

    def __repr__(self) -> str:
        victim, models = str(self.victim.get("address", "")), len(self.calibration.models)
        return (
            f"Enrolment(victim={victim!r}, recipe={self.recipe.name!r}, scheme={self.scheme!r}, "
            f"queries={self.queries.queries}, calibration_models={models})"
        )

    @classmethod
    def open(cls, path: str | Path, *, registry: Registry | None = None) -> Enrolment:
        """Read an enrolment folder; every digest is checked, and nothing in it is executed.

        What follows from its parts is computed again: scores from answers and encoders, shapes, counts, and the kinds
        of calibration models. The scores of a large one take about a second.

        Raises:
            IntegrityError: a member is missing, may not be read, was changed, is not one of an enrolment's, or
                contradicts another.
            UsageError: there is no such folder, it is not an enrolment, or it is one of another release.
        """
        return read_enrolment(cls, Path(path), registry=registry)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the enrolment folder: whole or not at all.

        Raises:
            UsageError: the folder exists and `force` is not set.
        """
        write_enrolment(self, Path(path), force=force)

    @property
    def digest(self) -> str:
        """SHA-256 over everything that decides a verdict, whether it is written to a folder yet or not."""
        return enrolment_digest(self)

    def to_dict(self) -> dict[str, Any]:
        """Return who was enrolled, how, and what it was calibrated on, as JSON-able data; NaN becomes ``None``."""
        return enrolment_facts(self)

    @property
    def caveats(self) -> tuple[Note, ...]:
        """What every verdict rests on."""
        strata = self.calibration.counts
        return (
            *(self.fitness.accepted if self.fitness is not None else ()),
            Note(
                "calibrated-strata",
                f"The p-value speaks of independent models like the calibrated ones: {', '.join(strata)}.",
            ),
            *(
                Note(
                    "stratum-absent",
                    f"Stratum '{stratum}' is absent: no independent models of this kind were calibrated.",
                )
                for stratum in sorted({*BUILT_IN, *self.victim["absent"]} - set(strata))
            ),
            commitment_note(self),
            *self._left_out(),
            *self._repeated(),
            *(note for note in self.assumptions if note.code != "base-not-named" or SAME_BASE not in strata),
            *((_START_NOT_SHARED,) if SAME_BASE in strata else ()),
        )

    def _left_out(self) -> tuple[Note, ...]:
        if self.ability is None or not self.ability.left_out:
            return ()
        count = len(self.ability.left_out)
        return (
            Note(
                "calibration-left-out",
                f"{count} independent model{'s' if count > 1 else ''} that {'are' if count > 1 else 'is'} clearly less "
                "able than the victim did not calibrate.",
            ),
        )

    def _repeated(self) -> tuple[Note, ...]:
        told = {model.family for model in self.calibration.models}
        count = len(told) - len(set(self.families))
        if not count:
            return ()
        return (
            Note(
                "calibration-repeats",
                f"Of {len(told)} families of calibration models {count} answer{'s' if count == 1 else ''} as another "
                "one does, and count as one with it.",
            ),
        )

    @property
    def families(self) -> tuple[str, ...]:
        """The family of each calibration model; those whose models answer alike are one, see `families_by_answers`."""
        if not self._families:
            told = [model.family for model in self.calibration.models]
            plain = self.calibration.answers[PLAIN]
            self._families.append(families_by_answers(told, plain, self.victim_answers))
        return self._families[0]

    def require_families(self) -> None:
        """Refuse calibration models of which too many answer alike for anybody to be accused.

        Raises:
            UsageError: names the stratum, and how many families it has.
        """
        strata = self.calibration.by_stratum(np.zeros((len(self.families), 1)), self.families)
        require_alpha(self.recipe.alpha, {name: paths.scores() for name, paths in strata.items()})

    @property
    def able(self) -> Tensor:
        """The images ``(A, C, H, W)`` that ability is measured on; A is 0 where it is not."""
        if self.ability is None:
            return self.queries.images[0, :0]
        return self.ability.images

    def encoder_for(self, channel: str) -> str:
        """Return the channel whose encoder scores answers of `channel`: its own, or the nearest one's.

        Any encoder gives a valid p-value, as long as the calibration models' answers go through the suspect's channel.

        Raises:
            UsageError: there is no such channel.
        """
        if not is_channel(channel):
            raise UsageError(f"unknown channel '{channel}'; known: {KNOWN_CHANNELS}")
        return channel if channel in self.encoders else nearest_channel(channel, self.encoders)

    def paths(self, channel: str, through: str = PLAIN) -> dict[str, StratumPaths]:
        """Return the view scores of the calibration models in a channel and through a filter, by stratum.

        Raises:
            UsageError: there is no such channel, or the models were not asked through such a filter.
        """
        if through not in self.calibration.answers:
            known = ", ".join(f"'{name}'" for name in self.calibration.answers if name != PLAIN) or "none"
            raise UsageError(
                f"the calibration models were not asked through '{through}' (filters of this enrolment: {known}); add "
                f"it with 'fpframe calibrate ENROLMENT --through \"{through}\" --out NEW'"
            )
        # from the answers, and not from stored scores: nobody has to believe a number that follows from another
        if (channel, through) not in self._paths:
            self._paths[channel, through] = self.paths_of(self.calibration.answers[through], channel)
        return dict(self._paths[channel, through])

    def paths_of(self, answers: Tensor, channel: str) -> dict[str, StratumPaths]:
        """Return the view scores of the calibration models for other answers ``(M, V, Q, K)`` of theirs."""
        return self.calibration.by_stratum(self._scorer(channel).views(answers), self.families)

    def strangers(self, channel: str) -> tuple[Strangers, ...]:
        """Return what models of each kind would be called if nobody of the kind were calibrated; see `Strangers`.

        Raises:
            UsageError: there is no such channel.
        """
        return find_strangers(self.calibration, self.paths(channel), self.ability, alpha=self.recipe.alpha)

    def left_out(self, channel: str) -> LeftOutModels:
        """Return what the calibration models would be called, each judged by the others.

        Raises:
            UsageError: there is no such channel.
        """
        return leave_each_out(self.calibration, self.paths(channel), self.ability, alpha=self.recipe.alpha)

    def strata(self, channel: str, through: str = PLAIN) -> dict[str, StratumScores]:
        """Return the scores of the calibration models in a channel and through a filter, by stratum."""
        return {name: paths.scores() for name, paths in self.paths(channel, through).items()}

    def standard(self, channel: str) -> Standard:
        """Return what the scores of independent models are like after each view."""
        return self.standards[self.encoder_for(channel)]

    def embed(self, answers: Tensor, channel: str) -> Tensor:
        """Return embeddings ``(V, E)`` of answers ``(V, Q, K)`` in a channel."""
        encoder = self.encoders[self.encoder_for(channel)]
        embeddings: Tensor = encoder(scored_answers(answers, self.victim_answers, channel))
        return embeddings

    def view_scores(self, answers: Tensor, channel: str) -> Tensor:
        """Return the score ``(V,)`` of each view of a model; see `fpframe.enrolment.scoring.Scorer`."""
        return self._scorer(channel)(answers)

    def interval_over_points(self, answers: Tensor, channel: str) -> tuple[float, float] | None:
        """Return the interval of a model's score over the points of the only view; see `fpframe.enrolment.scoring`."""
        return self._scorer(channel).interval(answers)

    def _scorer(self, channel: str) -> Scorer:
        self.encoder_for(channel)
        if channel not in self._scorers:
            with threads(1):  # the same bits as in any other run
                self._scorers[channel] = Scorer(self.encoders, self.standards, self.victim_answers, channel)
        return self._scorers[channel]

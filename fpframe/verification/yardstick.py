"""`Yardstick`: what a suspect is measured against, in its channel and through its filter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.decision import (
    DERIVED,
    NOT_SHOWN,
    Decision,
    StratumPaths,
    StratumResult,
    StratumScores,
    Test,
    decide,
    decide_by_welch,
    decide_sequentially,
    gap_above,
    interval_over_views,
    mean_of_views,
    pooled,
    reaches,
    stands_out,
    stratum_p_value,
    undecided,
)
from fpframe.enrolment import PLAIN, Enrolment, find_strangers, fisher_z, restricted, stranger_notes
from fpframe.errors import UsageError
from fpframe.interfaces import FilteredQuery
from fpframe.models import Query
from fpframe.models.classes import SharedClasses
from fpframe.registry import Registry
from fpframe.rng import derive_seed
from fpframe.verification.hindrances import less_able_calibration, less_able_suspect, too_few_models, too_weak_suspect
from fpframe.verification.standing import Standing
from fpframe.zoo import FilterChain

#: What all strata in one are called.
POOLED = "all independent"
#: Ends the name of a stratum whose models answer as they are, beside the same ones behind a filter.
_UNFILTERED = ", unfiltered"


def unfiltered(stratum: str) -> str:
    """Return what a stratum is called whose models answer without the filter that the suspect is taken to have."""
    return stratum + _UNFILTERED


def models_of(stratum: str) -> str:
    """Return the stratum that the models are of, whether or not they answer through a filter."""
    return stratum.removesuffix(_UNFILTERED)


@attrs.frozen(kw_only=True, eq=False)
class Yardstick:
    """Calibration models that answered as the suspect does.

    Attributes:
        enrolment: the enrolment, as the suspect's classes are compared with it.
        channel: what the suspect reveals.
        through: the filter that it answers through; empty for none.
        paths: view scores of the calibration models, by stratum. Where there is a filter, each stratum stands there
            twice, through it and as it is (`unfiltered`): the larger p-value counts, so that a filter that the suspect
            does not have cannot speak against it.
        strata: their scores.
        caveats: what the reader of a verdict should know of this yardstick.
    """

    enrolment: Enrolment
    channel: str
    through: str
    paths: Mapping[str, StratumPaths]
    strata: Mapping[str, StratumScores]
    caveats: tuple[Note, ...]

    @classmethod
    def of(
        cls,
        enrolment: Enrolment,
        channel: str,
        through: str = PLAIN,
        *,
        registry: Registry,
        shared: SharedClasses | None = None,
    ) -> Yardstick:
        """Return the calibration of a channel and filter.

        One that was not stored is computed from the recorded answers of the calibration models.

        Args:
            enrolment: the enrolment.
            channel: what the suspect reveals.
            through: the filter that it answers through.
            registry: plugins, for filters.
            shared: the classes that it shares with the victim; ``None`` for all. A filter sees all classes that a model
                tells, and what comes out of it is restricted to these.

        Raises:
            UsageError: there is no such channel, or the filter changes images and the models were not asked through it.
        """
        encoder, caveats = enrolment.encoder_for(channel), []
        if encoder != channel:
            caveats.append(
                Note(
                    "channel-without-encoder",
                    f"No encoder was fitted for channel {channel}; that of {encoder} scored the suspect and the "
                    f"calibration models, whose answers all went through {channel}.",
                )
            )
        chain = FilterChain.parse(through, registry) if through else None
        through, whole = chain.text if chain else PLAIN, enrolment
        if shared is not None:
            enrolment = restricted(whole, shared, channel)
        paths = dict(enrolment.paths(channel, PLAIN))
        caveats += stranger_notes(
            find_strangers(enrolment.calibration, paths, enrolment.ability, alpha=enrolment.recipe.alpha)
        )
        if chain is not None:
            if through in enrolment.calibration.answers:
                behind = enrolment.paths(channel, through)
            else:
                given = _filtered(whole, chain)
                behind = enrolment.paths_of(given if shared is None else shared(given, channel), channel)
            paths = {unfiltered(name): path for name, path in paths.items()} | dict(behind)
        return cls(
            enrolment=enrolment,
            channel=channel,
            through=through,
            paths=paths,
            strata={name: path.scores() for name, path in paths.items()},
            caveats=tuple(caveats),
        )

    def scores(self, answers: Tensor) -> list[float]:
        """Return the score of each view of answers ``(V, Q, K)``, or of the first views."""
        scores: list[float] = self.enrolment.view_scores(answers, self.channel).tolist()
        return scores

    def decide(
        self,
        view_scores: Sequence[float],
        *,
        alpha: float,
        test: Test = "conformal",
        certify: bool = False,
        behaviour: Note | None = None,
        standing: Standing | None = None,
    ) -> Decision:
        """Turn view scores into a decision at level `alpha`.

        Args:
            view_scores: one score per view.
            alpha: the level.
            test: how scores become a decision.
            certify: whether bounds are held to the level, and not only p-values.
            behaviour: what the suspect did that prevents a verdict.
            standing: how able it is. Calibration models that are clearly less able count as scoring at least as high;
                where too few are left to reach the level, nothing can be said, unless the suspect would not stand out
                from all of them either. ``None`` counts every model by its score.
        """

        def decided(paths: Mapping[str, StratumPaths]) -> Decision:
            return self._decide(paths, view_scores, alpha=alpha, test=test, certify=certify, behaviour=behaviour)

        if standing is None or behaviour is not None:
            return self._unless_too_few(decided(self.paths))
        held = self._held_to(standing)
        decision, lacking = self._unless_too_few(decided(held)), _out_of_reach(held, alpha, certify=certify)
        reason = self._cannot_accuse(standing) if decision.verdict == DERIVED else None
        if lacking is not None and decided(self.paths).verdict != NOT_SHOWN:
            reason = less_able_calibration(*lacking, accuracy=standing.accuracy)
        if reason is None:
            return decision
        scores = {name: path.scores() for name, path in held.items()}
        return undecided(reason, scores, alpha=alpha, views=len(view_scores), test=test, certify=certify)

    def _unless_too_few(self, decision: Decision) -> Decision:
        """Return a decision; an undecided one where the suspect is above all models, and these are too few to tell."""
        above_all = not any(result.at_least for result in decision.strata.values())
        if decision.verdict != NOT_SHOWN or decision.test != "conformal" or decision.certify or not above_all:
            return decision
        scores = np.array([score for name in self._seen for score in self.strata[name].scores])
        gap = gap_above(float(fisher_z(np.array(decision.score))), fisher_z(scores).tolist())
        reason = too_few_models(gap, floor=max(result.floor for result in decision.strata.values()))
        return undecided(reason, self.strata, alpha=decision.alpha, views=decision.views)

    @property
    def _seen(self) -> list[str]:
        """The strata, each once."""
        return [name for name in self.strata if name == models_of(name)]

    def passes(self, score: float, decision: Decision, standing: Standing | None) -> bool:
        """Return whether a suspect with another score would stand out from every stratum, at a decision's level."""
        paths = self.paths if standing is None else self._held_to(standing)
        strata = {name: path.scores() for name, path in paths.items()}
        return stands_out(score, strata, alpha=decision.alpha, certify=decision.certify)

    def _cannot_accuse(self, standing: Standing) -> Note | None:
        """Return why nobody of this ability can be called derived, whatever it scores; ``None`` where somebody can."""
        ability = self.enrolment.ability
        if standing.unknown is not None or ability is None:
            return standing.unknown
        if standing.all_abler:
            return less_able_suspect(standing.accuracy, min(ability.accuracies()))
        return too_weak_suspect(standing.accuracy, ability.victim_accuracy) if standing.too_weak else None

    def _held_to(self, standing: Standing) -> Mapping[str, StratumPaths]:
        """Return the calibration for a suspect of some ability."""
        if not any(standing.less_able):
            return self.paths
        rows = self.enrolment.calibration.rows
        return {
            name: attrs.evolve(path, less_able=tuple(standing.less_able[row] for row in rows[models_of(name)]))
            for name, path in self.paths.items()
        }

    def _decide(
        self,
        paths: Mapping[str, StratumPaths],
        view_scores: Sequence[float],
        *,
        alpha: float,
        test: Test,
        certify: bool,
        behaviour: Note | None,
    ) -> Decision:
        if test == "welch-by-stratum":
            return decide_by_welch(view_scores, paths, alpha=alpha, behaviour=behaviour, test=test)
        if test == "welch":
            return decide_by_welch(view_scores, self._pooled(), alpha=alpha, behaviour=behaviour)
        if test == "sequential":
            return self._decide_sequentially(paths, view_scores, alpha=alpha, certify=certify, behaviour=behaviour)
        strata = {name: path.scores() for name, path in paths.items()}
        return decide(view_scores, strata, alpha=alpha, certify=certify, behaviour=behaviour)

    def _pooled(self) -> dict[str, StratumPaths]:
        """Return all strata in one, and where there is a filter, all unfiltered ones in another."""
        samples: dict[str, dict[str, StratumPaths]] = {}
        for name, path in self.paths.items():
            sample = POOLED if name == models_of(name) else unfiltered(POOLED)
            samples.setdefault(sample, {})[name] = path
        return {name: pooled(paths) for name, paths in samples.items()}

    def standardised(self, views: np.ndarray) -> np.ndarray:
        """Return what a sequential test compares at each look, for view scores ``(n, T)`` of the first T views."""
        return self.enrolment.standard(self.channel)(fisher_z(views))

    def _decide_sequentially(
        self,
        paths: Mapping[str, StratumPaths],
        view_scores: Sequence[float],
        *,
        alpha: float,
        certify: bool,
        behaviour: Note | None,
    ) -> Decision:
        if behaviour is not None:  # it may be that the enrolment has no standard
            views = len(view_scores)
            return undecided(behaviour, self.strata, alpha=alpha, views=views, test="sequential", certify=certify)
        scaled = {name: attrs.evolve(path, views=fisher_z(path.views)) for name, path in paths.items()}
        decision = decide_sequentially(
            fisher_z(np.array(view_scores, dtype=np.float64)).tolist(),
            scaled,
            self.enrolment.standard(self.channel),
            alpha=alpha,
            certify=certify,
        )
        if not math.isfinite(decision.score):
            return decision
        asked = view_scores[: decision.views]  # shown as a mean of cosines, as everywhere
        low_high = interval_over_views(asked) if len(asked) > 1 else (math.nan, math.nan)
        return attrs.evolve(decision, score=mean_of_views(asked), interval=low_high)


def _out_of_reach(
    paths: Mapping[str, StratumPaths], alpha: float, *, certify: bool
) -> tuple[str, StratumResult] | None:
    """Return a stratum in which no score reaches a level because models are less able, and what it says; or ``None``.

    A t-test may be held to a level that is out of reach of any count: models only matter then if they raise it.
    """
    for name, path in sorted(paths.items()):
        if not any(path.less_able):
            continue
        scores = path.scores()
        best = stratum_p_value(math.inf, scores)
        free = stratum_p_value(math.inf, attrs.evolve(scores, less_able=()))
        if not reaches(best.evidence(certify=certify), max(alpha, free.evidence(certify=certify))):
            return models_of(name), best
    return None


def _filtered(enrolment: Enrolment, chain: FilterChain) -> Tensor:
    """Return the recorded answers ``(M, V, Q, K)`` of the calibration models through filters that change answers only.

    Raises:
        UsageError: a filter changes images, so that the models themselves have to be asked.
    """
    recorded, changed = enrolment.calibration.answers[PLAIN], []
    images = torch.zeros(recorded.shape[1] * recorded.shape[2], 1, 1, 1)
    for number, answers in enumerate(recorded):
        query = _recorded(answers.flatten(0, 1))
        filtered: Query = chain.wrap(query, seed=derive_seed(enrolment.recipe.seed, "recorded through", number))
        link = filtered
        while isinstance(link, FilteredQuery) and not link.changes_images:
            link = link.inner
        if link is not query:
            raise UsageError(
                f"the calibration models were not asked through '{chain.text}', and it changes images, so that "
                "recorded answers cannot stand in; add it with "
                f"'fpframe calibrate ENROLMENT --through \"{chain.text}\" --out NEW'"
            )
        changed.append(filtered(images).reshape(answers.shape))
    return torch.stack(changed)


def _recorded(rows: Tensor) -> Query:
    return Query(lambda pixels: rows, num_classes=rows.shape[1], outputs="probs", batch_size=len(rows))

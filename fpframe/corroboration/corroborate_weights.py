"""`corroborate`: compare the weights of a suspect's file with the victim's, beside those of independent models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from fpframe.base import Event, Listener, ignore
from fpframe.corroboration.corroboration import ComparedLayer, ComparedModel, Corroboration
from fpframe.corroboration.independents import find_models, refuse_copies, require_whole
from fpframe.corroboration.likeness import Likeness, Reference, compare_weights
from fpframe.corroboration.noticing import remarks_of
from fpframe.corroboration.plan import Plan
from fpframe.corroboration.tracing import plan_of
from fpframe.corroboration.values import Values
from fpframe.corroboration.weightsfile import FileLayers, Weights, read_layers
from fpframe.decision import StratumScores, stratum_p_value
from fpframe.models import Classifier, state_digest
from fpframe.registry import Registry

#: Share of the victim's layers that a suspect has to have.
LEAST_SHARE = 0.5


def corroborate(
    victim: Classifier,
    suspect: Weights,
    independents: Path | str | Sequence[Weights],
    *,
    base: Weights | None = None,
    from_scratch: bool = False,
    checkpoint_key: str | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> Corroboration:
    """Compare the weights of a suspect's file with the victim's.

    Channels are brought into one order by weight matching in the manner of Git Re-Basin (Ainsworth, Hayase and
    Srinivasa, ICLR 2023), and to one scale. The likeness is the mean over layers of the cosine of their weights. Its
    p-value counts independent models of the same architecture that are at least as like the victim; that of a verdict
    does not change. This finds copies that were fine-tuned, pruned, quantised, permuted or rescaled. It does not find
    students, which learned from answers and have weights of their own.

    Args:
        victim: the victim, with its weights.
        suspect: the suspect's file, or a network or its state dict.
        independents: independent models of the victim's architecture: a folder of files of weights, as
            `fpframe.calibrate` takes it, or a file or network each.
        base: the public model that the victim was fine-tuned from; changes from it are compared then.
        from_scratch: whether the victim's training began with random weights. Unless this or the base is said, the
            sentence says that models of the same public origin, which are as like as copies, were not considered.
        checkpoint_key: where in the suspect's file its weights lie; needed only where several come as close.
        registry: where suspect sources come from; ``None`` takes the installed plugins.
        on_event: is told of progress.

    Raises:
        UsageError: one of these cannot hold weights.
        DataError: there is no such folder, or there are no independent models in it.
        ModelError: a file is missing, damaged, refused or ambiguous, or an independent model is another one's copy.
    """
    plan = plan_of(victim)
    opened = read_layers(suspect, victim, plan, key=checkpoint_key)
    found = Corroboration(
        victim={"address": victim.address, "digest": state_digest(victim.module)},
        suspect={"address": opened.address, "digest": opened.digest},
        origin_known=from_scratch or base is not None,
    )
    if len(opened.found) < LEAST_SHARE * len(plan.layers):
        reason = f"it has {len(opened.found)} of the victim's {len(plan.layers)} layers by name or shape"
        return attrs.evolve(found, not_comparable=f"{reason}, so it is a network of another architecture")
    own = read_layers(victim, victim, plan)
    public = None if base is None else read_layers(base, victim, plan)
    reference = _reference(plan, own, opened, public)
    if not reference.changed.layers:
        return attrs.evolve(found, not_comparable="the victim has the weights of the base, layer by layer")
    likeness = compare_weights(reference, Values.of(reference.plan, opened.tensors))
    models = find_models(independents, victim, plan, registry)
    refuse_copies(models.opened, {own.digest: "the victim", opened.digest: "the suspect"})
    scores = []
    for number, model in enumerate(models.opened, start=1):
        require_whole(model, reference.plan, opened.norms, "independent model")
        scores.append(compare_weights(reference, Values.of(reference.plan, model.tensors)))
        on_event(Event(task="comparing independent models", done=number, total=len(models.opened)))
    return attrs.evolve(
        found,
        base=None if public is None else {"address": public.address, "digest": public.digest},
        likeness=likeness.mean,
        in_place=likeness.in_place,
        result=stratum_p_value(
            likeness.mean, StratumScores(scores=tuple(score.mean for score in scores), families=models.families)
        ),
        layers=_layers(reference, opened, likeness, scores),
        independents=tuple(
            ComparedModel(name=name, family=family, likeness=score.mean, in_place=score.in_place)
            for name, family, score in zip(models.names, models.families, scores, strict=True)
        ),
        remarks=remarks_of(plan, opened, reference, scores, left_out=models.left_out),
    )


def _reference(plan: Plan, own: FileLayers, opened: FileLayers, public: FileLayers | None) -> Reference:
    """Return the victim's weights with the layers that the suspect has, and normalisation folded if it can be."""
    compared = plan.only(list(opened.found))
    compared = compared if opened.norms else compared.without_norms()
    if public is not None:
        require_whole(public, compared, opened.norms, "base")
    return Reference.of(
        compared,
        Values.of(compared, own.tensors),
        None if public is None else Values.of(compared, public.tensors),
    )


def _layers(
    reference: Reference, opened: FileLayers, likeness: Likeness, scores: Sequence[Likeness]
) -> tuple[ComparedLayer, ...]:
    return tuple(
        ComparedLayer(
            name=layer.name,
            found=opened.found[layer.name].how,
            suspect_name=opened.found[layer.name].name,
            shape=layer.shape,
            cosine=likeness.layers[layer.name].cosine,
            equal=likeness.layers[layer.name].equal,
            independents=tuple(score.layers[layer.name].cosine for score in scores),
        )
        for layer in reference.changed.layers
    )

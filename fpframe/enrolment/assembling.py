"""`assembled`: one enrolment of what was found out about a victim, its queries, and models beside it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from fpframe.base import machine_profile
from fpframe.decision import Standard
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.asked import ZooAnswers
from fpframe.enrolment.calibration import Calibration
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.method import Method
from fpframe.enrolment.origin import origin_of
from fpframe.enrolment.queries import fooling_rate
from fpframe.interfaces import Encoder
from fpframe.rng import threads
from fpframe.zoo import Setting


def assembled(
    setting: Setting,
    method: Method,
    asked: ZooAnswers,
    *,
    encoder: Encoder,
    encoders: Mapping[str, nn.Module],
    standards: Mapping[str, Standard],
    calibration: Calibration,
    ability: Ability,
) -> Enrolment:
    """Return the enrolment of a victim.

    Args:
        setting: the victim and its data.
        method: how it is fingerprinted.
        asked: the queries, and what the victim answered.
        encoder: what compares answers, as it was built.
        encoders: by channel, the fitted one.
        standards: by channel, what independent models score.
        calibration: the models that suspects are compared with.
        ability: what these and the victim answered to images that nobody chose.
    """
    recipe, prepared = setting.recipe, setting.victim.classifier.preparation
    with threads(1):
        facts, profile = _victim_facts(setting, asked.questions.deltas), machine_profile()
    return Enrolment(
        recipe=recipe,
        scheme=method.scheme.name,
        encoder=method.encoder,
        encoder_revision=encoder.revision,
        queries=asked.questions.queries,
        deltas=asked.questions.deltas,
        encoders=encoders,
        victim_answers=asked.victim,
        calibration=calibration,
        standards=standards,
        victim=facts,
        classes=setting.workspace.dataset.classes,
        assumptions=setting.caveats,
        profile=profile,
        ability=ability,
        preparation=prepared if str(prepared) else None,
        origin=origin_of(recipe, method, setting.workspace.registry),
    )


def _victim_facts(setting: Setting, deltas: tuple[Tensor, ...]) -> dict[str, object]:
    """Return what an enrolment says of its victim, and of the perturbations that were made for it."""
    classifier, test, base = setting.victim.classifier, setting.workspace.dataset.test, setting.workspace.base
    return {
        "address": setting.victim_name,
        "backbone": setting.victim.backbone,
        "absent": [each for each in setting.without if each not in setting.thefts_left_out],
        "digest": classifier.as_query().digest,
        "key": setting.victim.key,
        "images": setting.workspace.parts.victim.digest,
        "pool": setting.workspace.parts.pool.digest,
        "accuracy": round(classifier.accuracy(test.stream, test.labels), 6),
        # both on the test images, which no perturbation was made on
        "fooling_rate": [round(fooling_rate(classifier, test, delta), 6) for delta in deltas],
        "max_abs_delta": [float(delta.abs().max()) for delta in deltas],
        **({} if base is None else {"base": base.digest}),
    }

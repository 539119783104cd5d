"""The codes of all notes that fpframe and its plugins make, with what each means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from fpframe.base.unfit import UNFIT


@attrs.frozen(kw_only=True)
class Reason:
    """What a code says of a suspect that gets no verdict.

    Attributes:
        meaning: what happened, in one sentence.
        whose: whose doing it is: the suspect's, the choice of queries, the calibration, the enrolment, or none that
            could be told.
        remedy: what you can do about it.
    """

    meaning: str
    whose: Literal["suspect", "queries", "calibration", "enrolment", "unknown"]
    remedy: str


#: By code, why a verdict is ``INCONCLUSIVE``.
REASONS: Mapping[str, Reason] = {
    "ability-not-recorded": Reason(
        meaning="The recorded answers leave out the images that ability is measured on.",
        whose="unknown",
        remedy="Ask the suspect everything that `fpframe queries export` writes.",
    ),
    "answers-changed": Reason(
        meaning="The suspect answered the same images differently when they were asked again.",
        whose="suspect",
        remedy="Ask it where it answers the same way throughout.",
    ),
    "answers-changed-kind": Reason(
        meaning="The suspect answered in another kind than at first, such as in percent after probabilities.",
        whose="suspect",
        remedy="Ask it where it answers the same way throughout.",
    ),
    "answers-constant": Reason(
        meaning="All answers are the same.",
        whose="suspect",
        remedy="Check how it is loaded and asked.",
    ),
    "answers-not-finite": Reason(
        meaning="Some answers are not finite numbers (NaN or infinity).",
        whose="suspect",
        remedy="Check how it is loaded and asked.",
    ),
    "batch-decides": Reason(
        meaning="Several images are answered differently in a batch than alone, as by a network in training mode.",
        whose="suspect",
        remedy="Evaluation mode, or `--batch-size 1`",
    ),
    "batch-reordered": Reason(
        meaning="The answers to a batch came back in a different order from its images.",
        whose="suspect",
        remedy="`--batch-size 1`",
    ),
    "calibration-less-able": Reason(
        meaning="Too few calibration models are as able as the suspect, so it may stand out by ability alone.",
        whose="calibration",
        remedy="Enroll with models that are trained longer, or with more of them.",
    ),
    "calibration-not-finite": Reason(
        meaning="A calibration score is not a finite number.",
        whose="calibration",
        remedy="Calibrate or enroll again.",
    ),
    "enrolment-lacks-ability": Reason(
        meaning="The enrolment is from before ability was measured, and accuses nobody.",
        whose="enrolment",
        remedy="Enroll again.",
    ),
    "enrolment-lacks-standards": Reason(
        meaning="The enrolment is from before early stops and lacks what they need; the suspect was not asked.",
        whose="enrolment",
        remedy="Leave out `--sequential`, or enroll again.",
    ),
    "filter-not-calibrated": Reason(
        meaning="The suspect answers through a filter that the calibration models were not asked through.",
        whose="suspect",
        remedy="`fpframe calibrate --through`, or `--through none`",
    ),
    "labels-disagree": Reason(
        meaning="The suspect agrees with the victim's labels far less than any independent model does.",
        whose="unknown",
        remedy="Put its classes into the victim's order; `--mean` and `--std`.",
    ),
    "points-disagree": Reason(
        meaning="The interval of the score over the points of the only view lies on both sides of the threshold.",
        whose="queries",
        remedy="Enroll with more points.",
    ),
    "reveals-less": Reason(
        meaning="The suspect revealed less once the views began.",
        whose="suspect",
        remedy="Ask it where it answers the same way throughout.",
    ),
    "score-not-finite": Reason(
        meaning="The suspect's score is not a finite number, although its answers are.",
        whose="calibration",
        remedy="Calibrate or enroll again.",
    ),
    "stopped-answering": Reason(
        meaning="The suspect stopped answering.",
        whose="suspect",
        remedy="Ask again.",
    ),
    "suspect-less-able": Reason(
        meaning="The suspect scores as a copy would, but every calibration model is clearly abler than it.",
        whose="unknown",
        remedy="Check how it is loaded and asked.",
    ),
    "views-disagree": Reason(
        meaning="The interval of the score over the views lies on both sides of the threshold.",
        whose="queries",
        remedy="Enroll with more points or views.",
    ),
}

#: Caveats besides those of an enrolment that was accepted although it is unfit.
_OTHERS: dict[str, str] = {
    "answers-converted": "The answers were converted, such as from percent or sigmoids, or taken out of a container.",
    "answers-recorded": "The answers come from a file and are taken to be the suspect's.",
    "answers-vary": "The answers to one image change between repeats, and those of the calibration models do not.",
    "architecture-adapted": "Weights were opened in a library's network that was changed for the size of the images.",
    "architecture-less-able": "Models of an architecture stay less able than the victim, however long they train.",
    "assumption": "Something was assumed of the victim or its data, by an enrolment from before notes had codes.",
    "batch-dependent": "Answers are slightly different in a batch than alone, as with another precision.",
    "calibrated-strata": "The p-value speaks of independent models of these kinds only.",
    "calibration-left-out": "Independent models that are clearly less able than the victim did not calibrate.",
    "channel-below-named": "The suspect reveals less than the channel that was named.",
    "channel-without-encoder": "The encoder of another channel scored the suspect and the calibration models.",
    "chosen-afterwards": "Level, test, channel or filter was chosen when the suspect was known.",
    "class-order": "The classes of the data set are numbered by their names as text, and not as numbers.",
    "code-trusted": "The suspect's file could run code of its author when it was opened, and somebody allowed that.",
    "filter-detected": "Suspect and calibration models were compared through a filter that its answers show.",
    "filter-named": "Suspect and calibration models were compared through a filter that somebody named.",
    "filter-not-seen": "A filter that draws at random was named, and the suspect's answers do not change.",
    "images-converted": "Images of the data set were scaled, converted, or read in part.",
    "images-left-out": "Something in the folder of the data set was not read.",
    "images-linked": "Images of the data set lie behind a link to another folder.",
    "limit-not-held": "A limit on what the suspect may use could not be enforced.",
    "outputs-doubted": "The answers look different from what they were said to be, or may be something else too.",
    "preparation-assumed": "Nobody said how images are prepared for weights, and what is usual was done.",
    "queries-not-named": "The file of answers does not say which queries it answers.",
    "recorded-once": "Each image was recorded once, so nobody can see whether answers change between repeats.",
    "repeats-refused": "The service answers no image twice, so nobody can see whether its answers change.",
    "stratum-absent": "No independent models of this kind were calibrated.",
    "strangers-accused": "Models of a kind would be called derived if they were not calibrated.",
    "suspect-not-confined": "The system could not keep the suspect's process from the network, files or processes.",
    "suspect-not-isolated": "The suspect ran in fpframe's own process, where nothing limits it.",
    "suspect-source": "What the plugin that opened the suspect says about it.",
    "suspect-untrained": "The suspect is a network with random weights.",
    "victim-architecture-absent": "Another architecture stands in for the victim's.",
    "victim-images-not-named": "Which images the victim was trained on was not said.",
}

#: By code, what the reader of a verdict should know of what it rests on, in order.
CAVEATS: Mapping[str, str] = dict(
    sorted((_OTHERS | {code: unfitness.meaning for code, unfitness in UNFIT.items()}).items())
)

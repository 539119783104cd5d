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
        meaning="The suspect answered the same images, or near copies of them, differently later.",
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
    "classes-in-another-order": Reason(
        meaning="Labelled images show another order of the suspect's classes.",
        whose="unknown",
        remedy="`--match-classes`, or `--classes` with their names",
    ),
    "classes-left-out": Reason(
        meaning="Labelled images show that a class which was left out is one that both tell.",
        whose="unknown",
        remedy="`--classes` with all classes that both tell",
    ),
    "classes-not-matched": Reason(
        meaning="Labelled images do not show which of the suspect's classes is which of the victim's.",
        whose="unknown",
        remedy="`--classes` with their names",
    ),
    "classes-outside": Reason(
        meaning="The suspect answers many queries with classes that the victim does not tell.",
        whose="suspect",
        remedy="Ask it where it reveals probabilities of all its classes.",
    ),
    "classes-too-few": Reason(
        meaning="The suspect shares too few classes with the victim; it was not asked.",
        whose="unknown",
        remedy="Check the names of its classes (`--classes`).",
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
        remedy="`--classes` with the names of its classes, or `--match-classes`; `--mean` and `--std`",
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
        meaning="The suspect scores as a copy would, but is so weak that no calibration model is like it.",
        whose="unknown",
        remedy="Check how it is loaded and asked.",
    ),
    "too-few": Reason(
        meaning="The suspect scores above all calibration models, which are fewer than the level needs.",
        whose="calibration",
        remedy="Calibrate on more models.",
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
    "base-not-named": "Nobody said that the victim was trained from scratch, so others may share its public base.",
    "batch-dependent": "Answers are slightly different in a batch than alone, as with another precision.",
    "calibrated-otherwise": "Queries and encoders were committed to, and the calibration models are others.",
    "calibrated-strata": "The p-value speaks of independent models of these kinds only.",
    "calibration-left-out": "Independent models that are clearly less able than the victim did not calibrate.",
    "calibration-near-suspect": "Calibration models answer almost as the suspect does, and may be copies of it.",
    "calibration-near-victim": "Calibration models answer almost as the victim does, and may be copies of it.",
    "calibration-repeats": "Some families of calibration models answer as others do, and count as one with them.",
    "channel-below-named": "The suspect reveals less than the channel that was named.",
    "channel-without-encoder": "The encoder of another channel scored the suspect and the calibration models.",
    "chosen-afterwards": "Level, test, channel, filter or map of classes was chosen when the suspect was known.",
    "class-never-given": "The suspect never answers with a class that the victim and all calibration models give.",
    "class-order": "The classes of the data set are numbered by their names as text, and not as numbers.",
    "classes-matched": "The suspect's classes were matched with the victim's by labelled images, as all models' were.",
    "classes-named": "Somebody said which classes the suspect tells.",
    "classes-not-compared": "The suspect's own files call its classes otherwise, and they were taken in their order.",
    "classes-own-names": "The suspect's own files say which of the victim's classes it tells.",
    "classes-respelt": "Names of the suspect's classes were found although they are spelt differently.",
    "classes-shared": "Suspect and victim were compared only on the classes that both tell.",
    "code-trusted": "The suspect's file could run code of its author when it was opened, and somebody allowed that.",
    "committed": "Seeds follow from a commitment and from public randomness of a later time.",
    "control-missing": "A service refuses near copies of images, or its answers vary, so it may be several models.",
    "filter-detected": "Suspect and calibration models were compared through a filter that its answers show.",
    "filter-named": "Suspect and calibration models were compared through a filter that somebody named.",
    "filter-not-seen": "A filter that draws at random was named, and the suspect's answers do not change.",
    "images-converted": "Images of the data set were scaled, converted, or read in part.",
    "images-left-out": "Something in the folder of the data set was not read.",
    "images-linked": "Images of the data set lie behind a link to another folder.",
    "limit-not-held": "A limit on what the suspect may use could not be enforced.",
    "not-committed": "Nothing was committed to before the enrolment was made.",
    "objects-not-loaded": "The suspect's file names classes or functions that were neither imported nor called.",
    "output-chosen": "One of several outputs of the suspect was taken for its answers.",
    "outputs-doubted": "The answers look different from what they were said to be, or may be something else too.",
    "preparation-from-file": "Part of how images are prepared was read from the suspect's own file.",
    "preparation-assumed": "Nobody said how images are prepared for weights, and what is usual was done.",
    "queries-not-named": "The file of answers does not say which queries it answers.",
    "recorded-once": "Each image was recorded once, so nobody can see whether answers change between repeats.",
    "repeats-refused": "The service answers no image twice, so nobody can see whether its answers change.",
    "start-not-shared": "No model was considered whose new layers began with the very numbers that the victim's did.",
    "stratum-absent": "No independent models of this kind were calibrated.",
    "strangers-accused": "Models of a kind would be called derived if they were not calibrated.",
    "suspect-not-confined": "The system could not keep the suspect's process from the network, files or processes.",
    "suspect-not-isolated": "The suspect ran in fpframe's own process, where nothing limits it.",
    "suspect-source": "What the plugin that opened the suspect says about it.",
    "suspect-untrained": "The suspect is a network with random weights.",
    "thefts-left-out": "Thefts that modify weights could not be tried, for the victim can only be asked.",
    "victim-architecture-absent": "Another architecture stands in for the victim's.",
    "victim-images-not-named": "Which images the victim was trained on was not said.",
    "weights-averaged": "A file holds averaged weights (EMA, SWA) beside others, and the averaged ones were taken.",
    "weights-completed": "A file lacks tied weights, which it has under another name, or counters that decide nothing.",
    "weights-converted": "Weights were converted to another precision, or lay in their file as arrays of NumPy.",
    "weights-folded": "Weights that pruning or a norm had taken apart were put together again.",
    "weights-left-out": "A file of weights also holds tensors that the network has no place for.",
    "weights-located": "The weights lay in a container of their file, or their names began with a prefix.",
    "weights-of-network": "A file holds a whole pickled network, and its weights were put into the named one.",
}

#: By code, what the reader of a verdict should know of what it rests on, in order.
CAVEATS: Mapping[str, str] = dict(
    sorted((_OTHERS | {code: unfitness.meaning for code, unfitness in UNFIT.items()}).items())
)

#: The caveats that stand in the sentence of a verdict too, besides those of `UNFIT`: without them it says too much.
IN_SENTENCE: frozenset[str] = frozenset({"base-not-named", "start-not-shared"})

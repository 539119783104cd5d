"""Why an enrolment may not be fit to accuse anybody: each code, with its meaning and what helps."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class Unfitness:
    """What a code says of an enrolment.

    Attributes:
        meaning: what was found, in one sentence.
        remedy: what you can do about it.
        explains: codes of what follows from it; they are not told beside it.
    """

    meaning: str
    remedy: str
    explains: frozenset[str] = frozenset()


_STRANGER = frozenset({"victim-at-chance", "victim-below-data", "zoo-disagrees"})

#: By code, why an enrolment is not fit to accuse anybody.
UNFIT: Mapping[str, Unfitness] = {
    "answers-not-logits": Unfitness(
        meaning="The victim's outputs are probabilities, where logits are expected.",
        remedy="Return the outputs of the layer before the softmax or sigmoid, or the logarithms of the probabilities.",
    ),
    "architecture-accused": Unfitness(
        meaning="Models of an architecture would be accused too often if the architecture were not calibrated.",
        remedy="More architectures in `other-architecture`, more models in `fit`, or another scheme",
    ),
    "no-gradients": Unfitness(
        meaning="The victim gives no gradients, and a component of the scheme needs them.",
        remedy="Give the victim as a PyTorch module, or choose a scheme that only asks.",
    ),
    "order-of-classes": Unfitness(
        meaning="Another order of the classes fits the victim's answers far better.",
        remedy="`--classes FILE`",
        explains=_STRANGER,
    ),
    "pool-memorised": Unfitness(
        meaning="The victim makes far fewer errors on images of the pool than on test images.",
        remedy="`--victim-indices`, and images that it has not seen for the pool",
    ),
    "preparation-in-bytes": Unfitness(
        meaning="Mean or standard deviation are given for pixels from 0 to 255, where pixels are from 0 to 1.",
        remedy="Divide `--mean` and `--std` by 255.",
        explains=_STRANGER,
    ),
    "queries-unmoved": Unfitness(
        meaning="A perturbation that follows gradients changed no query image.",
        remedy="A larger `epsilon` or `overshoot`, or a scheme that only asks",
    ),
    "too-few-to-fit": Unfitness(
        meaning="Fewer than two models of a kind are left to fit the encoder on; failed thefts do not count.",
        remedy="More epochs in `[training]`, or more models in `fit`",
    ),
    "victim-at-chance": Unfitness(
        meaning="The victim's accuracy is not clearly above what guessing gets.",
        remedy="Check weights, `--mean`, `--std` and `--classes`, and that the data are what it was trained for.",
        explains=frozenset({"victim-below-data", "zoo-disagrees"}),
    ),
    "victim-below-data": Unfitness(
        meaning="The victim knows less than a tenth of what the mean image of each class tells.",
        remedy="Check weights, `--mean`, `--std` and `--classes`, and that the data are what it was trained for.",
        explains=frozenset({"zoo-disagrees"}),
    ),
    "zoo-disagrees": Unfitness(
        meaning="The calibration models agree with the victim no more than chance would have it.",
        remedy="Check that the victim is made for these data and labels; more epochs in `[training]`",
    ),
}

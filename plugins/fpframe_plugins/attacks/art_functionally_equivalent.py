"""Attack ``art-functionally-equivalent``: a network of two layers, solved for its weights by the code of ART."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.errors import first_line
from fpframe.parameters import number, whole
from fpframe.rng import derive_seed, isolated
from fpframe_plugins._art import art

Doubles = NDArray[np.float64]
#: Layers that change at most the shape, in evaluation mode.
_IDLE = (nn.Flatten, nn.Dropout, nn.Identity)
#: Images on which the last layer is solved for.
_IMAGES = 512
#: Of the conformance kit, whose network has convolutions.
_NOT_ON_CONVOLUTIONS = (
    "another_seed_gives_another_result", "gives_the_same_again", "keeps_nothing_of_its_work",
    "leaves_dtype_and_threads", "leaves_its_inputs", "leaves_no_hooks", "leaves_the_process",
    "leaves_the_random_state", "leaves_the_train_flags", "leaves_the_weights", "prints_nothing",
    "the_student_gives_finite_logits", "the_student_is_its_weights", "works_on_three_channels",
    "works_with_a_model_on_cuda",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class ArtFunctionallyEquivalent(fpframe.AttackSimulator):
    """Solve for the weights of a network of two layers, by ART's ``FunctionallyEquivalentExtraction``.

    Source: Jagielski et al., "High accuracy and high fidelity extraction of neural networks", USENIX Security 2020.
    Needs ``fpframe[art]``. The student answers as the victim does, with other weights: those of the first layer are
    found up to a factor for each neuron, and in another order.

    ART sends points far outside of [0, 1], and reads logits in double precision. A service that takes images gives
    neither, so the thief is one who holds the weights, and ART is told what a copy of them answers. The network must be
    a linear layer, a ReLU and a linear layer, with no more neurons than inputs.

    Attributes:
        tries: lines through the space of images that are searched at most, until one crosses every neuron.
        budget: most points that ART may send in a try. Where all neurons of a line are silent, it would search for
            ever.
        agreement: share of the thief's images that must get the victim's label, or the try has failed.
    """

    name: ClassVar[str] = "art-functionally-equivalent"
    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    expected_failures: ClassVar[Mapping[str, str]] = MappingProxyType(
        dict.fromkeys(_NOT_ON_CONVOLUTIONS, "it takes networks of two linear layers, and the kit's has convolutions")
    )

    tries: int = attrs.field(default=10, validator=whole(low=1))
    budget: int = attrs.field(default=500_000, validator=whole(low=1))
    agreement: float = attrs.field(default=0.95, validator=number(low=0, high=1))

    def image_passes(self, available: int, epochs: int) -> float:
        """Return zero: nothing is learned."""
        return 0

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student with the weights that were found.

        Raises:
            UsageError: ART is not installed.
            ModelError: the network has other layers, or no try succeeds.
        """
        attack = art("attacks.extraction", self.name).FunctionallyEquivalentExtraction
        layers, inputs = _two_layers(student, data.pixels)
        said = ""
        for attempt in range(self.tries):
            victim = self._estimator(layers)
            try:
                with isolated(derive_seed(seed, "art", attempt)), np.errstate(all="ignore"):
                    thief = attack(victim, num_neurons=layers[0].out_features)
                    thief.extract(inputs[:_IMAGES])
            except (AssertionError, ValueError) as error:  # another line may cross all neurons
                said = first_line(error)
                continue
            found = [thief.w_0.T, thief.b_0[:, 0], thief.w_1.T, thief.b_1[:, 0]]
            same = _answers(inputs, found).argmax(1) == _answers(inputs, _weights(layers)).argmax(1)
            said = f"{same.mean():.0%} of the images get the victim's label"
            if same.mean() >= self.agreement and all(np.isfinite(part).all() for part in found):
                with torch.no_grad():
                    for weight, value in zip(_parameters(layers), found, strict=True):
                        weight.copy_(torch.from_numpy(value))
                return student.eval()
        raise fpframe.ModelError(
            f"ART's FunctionallyEquivalentExtraction failed in {self.tries} tries: {said} ({self.name}); raise tries "
            "or budget, or take a network with fewer neurons"
        )

    def _estimator(self, layers: tuple[nn.Linear, nn.Linear]) -> Any:
        """Return what answers in double precision, no more often than the budget allows."""
        weights, budget, name = _weights(layers), self.budget, self.name
        base: Any = art("estimators.classification.blackbox", name).BlackBoxClassifierNeuralNetwork

        class Precise(base):  # type: ignore[misc]  # ART's own rounds to single precision
            sent = 0

            def predict(self, x: Doubles, batch_size: int = 128, **kwargs: Any) -> Doubles:
                self.sent += len(x)
                if self.sent > budget:
                    raise ValueError(f"{budget} points were not enough")
                return _answers(x, weights)

        return Precise(
            lambda x: _answers(x, weights), input_shape=(layers[0].in_features,), nb_classes=layers[1].out_features
        )


def _two_layers(student: Classifier, pixels: Tensor) -> tuple[tuple[nn.Linear, nn.Linear], Doubles]:
    """Return the layers of a network that has two, and what the first one is given for some images.

    Raises:
        ModelError: it has other layers.
    """
    leaves = [leaf for leaf in student.module.modules() if not list(leaf.children()) and not isinstance(leaf, _IDLE)]
    match leaves:
        case [nn.Linear() as first, nn.ReLU(), nn.Linear() as second] if None not in (first.bias, second.bias):
            given: list[Tensor] = []
            hook = first.register_forward_pre_hook(lambda _, taken: given.append(taken[0].detach().cpu()))
            try:
                logits = student.logits(pixels)
            finally:
                hook.remove()
            inputs = torch.cat(given).double().numpy()
            expected = logits.double().numpy()
            answers = _answers(inputs, _weights((first, second))) if inputs.ndim == 2 else np.empty(0)
            if answers.shape == expected.shape and np.allclose(answers, expected, rtol=1e-3, atol=1e-3):
                return (first, second), inputs
    kinds = ", ".join(type(leaf).__name__ for leaf in leaves[:4]) + (", ..." if len(leaves) > 4 else "")
    raise fpframe.ModelError(
        "'art-functionally-equivalent' takes networks of a linear layer, a ReLU and a linear layer alone "
        f"(got {kinds}); take another attack"
    )


def _parameters(layers: tuple[nn.Linear, nn.Linear]) -> list[Tensor]:
    return [weight for layer in layers for weight in (layer.weight, layer.bias)]


def _weights(layers: tuple[nn.Linear, nn.Linear]) -> list[Doubles]:
    return [weight.detach().cpu().double().numpy() for weight in _parameters(layers)]


def _answers(inputs: Doubles, weights: list[Doubles]) -> Doubles:
    """Return the logits ``(N, K)`` of two layers for ``(N, inputs)``."""
    first, first_bias, second, second_bias = weights
    logits: Doubles = np.maximum(inputs @ first.T + first_bias, 0) @ second.T + second_bias
    return logits


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [ArtFunctionallyEquivalent]

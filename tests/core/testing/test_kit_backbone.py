"""The checks for sources of backbones: each fails for a component that breaks that promise alone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, ClassVar

import attrs
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fpframe import BackboneSource, Classifier, UsageError
from fpframe.errors import nearest
from fpframe.interfaces.component import Component
from fpframe.rng import isolated
from fpframe.testing.check import ConformanceError
from fpframe.testing.results import check_component
from kit import require_fault_alone


class Net(nn.Module):
    """A convolution, a normalisation, and a layer for the classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 5, stride=4)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, classes)

    def forward(self, pixels: Any) -> Any:
        return self.head(self.norm(self.conv(pixels)).relu().mean((2, 3)))


@attrs.frozen(kw_only=True)
class Shallow(BackboneSource):
    """Build ``shallow:one`` and ``shallow:two``, which are the same."""

    name: ClassVar[str] = "shallow"
    network: ClassVar[Any] = Net

    def names(self, pattern: str = "*") -> list[str]:
        return [name for name in ("one", "two") if fnmatchcase(name, pattern)]

    def build(self, name: str, *, num_classes: int, image_shape: Any, pretrained: bool = False, seed: int) -> Any:
        if name not in ("one", "two"):
            raise self.unknown(name)
        with isolated(seed):
            module = self.network(image_shape[0], num_classes)
        return Classifier(module, num_classes=num_classes, image_shape=image_shape, address=f"{self.name}:{name}")

    def unknown(self, name: str) -> Exception:
        return UsageError(f"no architecture '{name}' (shallow:{name}){nearest(name, ('one', 'two'))}")


class Unmatched(Shallow):
    """List everything for every pattern."""

    def names(self, pattern: str = "*") -> list[str]:
        return ["one", "two"]


class Unlisted(Shallow):
    """Name examples that are not listed."""

    def names(self, pattern: str = "*") -> list[str]:
        return [name for name in ("one",) if fnmatchcase(name, pattern)]

    def examples(self) -> tuple[str, ...]:
        return ("one", "two")


class Unhelpful(Shallow):
    """Refuse without a hint."""

    def unknown(self, name: str) -> Exception:
        return UsageError(f"no architecture '{name}' (shallow:{name})")


class Indexed(Shallow):
    """Refuse as a dictionary does."""

    def unknown(self, name: str) -> Exception:
        return KeyError(name)


class OneMore(Shallow):
    """Tell a class more than is wanted."""

    network: ClassVar[Any] = staticmethod(lambda channels, classes: Net(channels, classes + 1))


class Anonymous(Shallow):
    """Leave the address out."""

    def build(self, name: str, **options: Any) -> Any:
        model = super().build(name, **options)
        model.address = name
        return model


class Adapted(Shallow):
    """Adapt a network, and have no name for it as it was before."""

    def build(self, name: str, **options: Any) -> Any:
        model = super().build(name.removesuffix("(stem=small)"), **options)
        model.form = "stem=small"
        return model


class Nameless(Adapted):
    """Adapt a network, and build nothing by the name of its form."""

    def unchanged(self, name: str) -> str:
        return name if "(" in name else f"{name}(unchanged)"

    def build(self, name: str, **options: Any) -> Any:
        if "(" in name:
            raise self.unknown(name)
        return super().build(name, **options)


class Repeating(Nameless):
    """Name the form of a name that has one."""

    def unchanged(self, name: str) -> str:
        return f"{name}(unchanged)"


class OtherForm(Nameless):
    """Build another network by the name of a form."""

    def build(self, name: str, **options: Any) -> Any:
        options["seed"] += "(" in name
        return super().build(name.partition("(")[0], **options)


class Formed(Nameless):
    """Adapt a network, and build it by the name of its form."""

    def build(self, name: str, **options: Any) -> Any:
        return super().build(name.partition("(")[0], **options)


class Lucky(Shallow):
    """Draw one bias from the global generator, and put that back."""

    def build(self, name: str, **options: Any) -> Any:
        model = super().build(name, **options)
        with torch.random.fork_rng():
            nn.init.normal_(model.module.head.bias)
        return model


class SecretScale(Net):
    """Hold a random number that is no weight."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, classes)
        self.scale = torch.rand(())

    def forward(self, pixels: Any) -> Any:
        return self.scale * super().forward(pixels)


class Secretive(Shallow):
    """Keep something from the weights."""

    network: ClassVar[Any] = SecretScale


class Closure(Net):
    """Call the last layer from a closure, which no copy can change."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, classes)
        head = self.head
        self.answer = lambda features: head(features)

    def forward(self, pixels: Any) -> Any:
        return self.answer(self.norm(self.conv(pixels)).relu().mean((2, 3)))


class Attached(Shallow):
    """Build what stays attached to its copies."""

    network: ClassVar[Any] = Closure


class Rounded(Net):
    """Round pixels to 8 bits first."""

    def forward(self, pixels: Any) -> Any:
        return super().forward((pixels * 255).round() / 255)


class Flat(Shallow):
    """Build what has no slope."""

    network: ClassVar[Any] = Rounded


class Restless(Net):
    """Normalise by the batch, always."""

    def forward(self, pixels: Any) -> Any:
        norm = self.norm
        seen = F.batch_norm(self.conv(pixels), norm.running_mean, norm.running_var, norm.weight, norm.bias, True)
        return self.head(seen.relu().mean((2, 3)))


class Moving(Shallow):
    """Build what changes when it is asked."""

    network: ClassVar[Any] = Restless


class SideOutputs(Net):
    """Give more than logits while it is trained."""

    def forward(self, pixels: Any) -> Any:
        logits = super().forward(pixels)
        return (logits, logits) if self.training else logits


class Talkative(Shallow):
    """Build what is trained by a loop of its own."""

    network: ClassVar[Any] = SideOutputs


BROKEN: dict[str, Component] = {
    "names_are_sorted_and_match_patterns": Unmatched(),
    "examples_are_among_its_names": Unlisted(),
    "an_unknown_architecture_is_refused": Unhelpful(),
    "networks_take_grey_and_coloured_images": OneMore(),
    "networks_know_their_address": Anonymous(),
    "networks_know_their_form": Adapted(),
    "weights_depend_on_the_seed_alone": Lucky(),
    "weights_fill_a_second_network": Secretive(),
    "a_copy_has_weights_of_its_own": Attached(),
    "gradients_reach_the_images": Flat(),
    "evaluation_changes_nothing": Moving(),
    "networks_learn": Talkative(),
}
WORDS = {
    "names_are_sorted_and_match_patterns": "names('one') has 2 names, not 1; use fnmatch",
    "examples_are_among_its_names": "its examples two are not among its names; name some of these",
    "an_unknown_architecture_is_refused": "its refusal lists no close names: no architecture 'one_' (shallow:one_)",
    "networks_take_grey_and_coloured_images": "one answers in shape (4, 5), or not finite; give (4, 4) logits",
    "networks_know_their_address": "one has the address 'one'; make it 'shallow:one'",
    "networks_know_their_form": "one was adapted (stem=small), and 'unchanged' has no name for it as it was before",
    "weights_depend_on_the_seed_alone": "the weights of one depend on the global generators; build inside",
    "weights_fill_a_second_network": "with the same weights another one answers differently; keep what it draws in",
    "a_copy_has_weights_of_its_own": "one and its copy answer by the same weights; call layers through self",
    "gradients_reach_the_images": "the gradient of one by its images is zero; detach and round nothing",
    "evaluation_changes_nothing": "one changes its buffers in evaluation mode",
    "networks_learn": "one cannot be trained: TypeError: ",
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_source_of_backbones_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Nameless(), "'shallow:one(stem=small)' cannot be built: UsageError: no architecture 'one(stem=small)'"),
        (Repeating(), "unchanged('one(unchanged)') is 'one(unchanged)(unchanged)'; return a name that has its form as"),
        (OtherForm(), "shallow:one(stem=small) is not the network that one is; build the form that a name says"),
    ],
    ids=["nameless", "repeating", "other-form"],
)
def test_a_form_that_its_name_does_not_build_is_told(source: BackboneSource, words: str) -> None:
    require_fault_alone(source, "networks_know_their_form", words)


def test_a_source_that_names_its_forms_passes() -> None:
    check_component(Formed())


def test_a_refusal_of_the_wrong_kind_is_told() -> None:
    with pytest.raises(ConformanceError) as caught:
        check_component(Indexed())
    assert "an unknown name fails with KeyError: 'one_'; raise a UsageError that lists close names" in str(caught.value)


def test_a_sound_source_of_backbones_passes() -> None:
    check_component(Shallow())

"""Universal and local perturbations, on small models of scikit-learn's digits and on synthetic ones."""

from __future__ import annotations

import copy
import random

import attrs
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.models.queryset import add_perturbation, to_pixels
from fpframe_plugins.perturbations._cw import cw_l2
from fpframe_plugins.perturbations._deepfool import deepfool_l2
from fpframe_plugins.perturbations._escaping import escape_gradient
from fpframe_plugins.perturbations.boundary import Boundary
from fpframe_plugins.perturbations.conferrable import Conferrable
from fpframe_plugins.perturbations.cw import Cw
from fpframe_plugins.perturbations.ddn import Ddn
from fpframe_plugins.perturbations.deepfool import Deepfool
from fpframe_plugins.perturbations.none import NoPerturbation
from fpframe_plugins.perturbations.pgd import Pgd
from fpframe_plugins.perturbations.pgd_l2 import PgdL2
from fpframe_plugins.perturbations.random_sign import RandomSign
from fpframe_plugins.perturbations.uap import Uap
from fpframe_plugins.perturbations.uap_deepfool import UapDeepfool

GRADIENT = [Uap(steps=40), UapDeepfool(images=48, passes=1)]
SEEDED = [*GRADIENT, RandomSign()]
ALL = [*SEEDED, NoPerturbation()]
BALLS = [Pgd(steps=20, step_size=0.125), PgdL2(steps=20, step_size=0.125)]
ESCAPING = [Deepfool(), Ddn(steps=40), Ddn(steps=40, rounding="none"), Cw(steps=25, learning_rate=0.1), *BALLS]
AIMED = [
    Boundary(steps=40, learning_rate=0.02),
    Boundary(toward="random", steps=40, learning_rate=0.02),
    Conferrable(steps=20),
    Conferrable(steps=20, loss="paper"),
]
LOCAL = [*ESCAPING, *AIMED]


def label(value: object) -> str | None:
    return value.name if isinstance(value, fpframe.Component) else None


def digits() -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(load_digits().images / 16 * 255).round().to(torch.uint8)
    return images.unsqueeze(1), torch.from_numpy(load_digits().target)


def network(channels: int, size: int) -> fpframe.Classifier:
    layers = nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(128, 10),
    )
    return fpframe.Classifier(layers, num_classes=10, image_shape=(channels, size, size))


@pytest.fixture(scope="module")
def victim() -> fpframe.Classifier:
    """A classifier of digits, trained on the first 1200 of them."""
    images, labels = digits()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = network(1, 8)
    return fpframe.train(model, to_pixels(images[:1200]), labels[:1200], fpframe.Training(epochs=5), seed=0)


@pytest.fixture(scope="module")
def lineage() -> tuple[fpframe.Classifier, list[fpframe.Classifier], list[fpframe.Classifier]]:
    """A victim, models fine-tuned from it, and independent ones with the same recipe; six of each."""
    images, labels = digits()
    x, labels = to_pixels(images[:700]), labels[:700]

    def train(seed: int, model: fpframe.Classifier | None = None) -> fpframe.Classifier:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)]
            fresh = fpframe.Classifier(nn.Sequential(*layers), num_classes=10, image_shape=(1, 8, 8))
        training = fpframe.Training(epochs=20 if model is None else 4)
        return fpframe.train(fresh if model is None else model, x, labels, training, seed=seed)

    victim = train(0)
    return victim, [train(seed, copy.deepcopy(victim)) for seed in range(1, 7)], [train(s) for s in range(7, 13)]


class Constant(nn.Module):
    """The same logits for every image; `looks` says whether the image is part of the graph at all."""

    def __init__(self, looks: bool) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.arange(10.0))
        self.looks = looks

    def forward(self, x: Tensor) -> Tensor:
        logits = self.bias.expand(len(x), 10)
        return logits + 0 * x.flatten(1).sum(1, keepdim=True) if self.looks else logits


def fooled(model: fpframe.Classifier, images: Tensor, delta: Tensor) -> float:
    """Share of 8-bit images that change their predicted label when delta is added as queries have it."""
    before = model.logits(to_pixels(images)).argmax(1)
    after = model.logits(to_pixels(add_perturbation(images, delta))).argmax(1)
    return float((before != after).float().mean())


def make(generator: fpframe.PerturbationGenerator, model: fpframe.Classifier, seed: int = 0) -> fpframe.Perturbation:
    images, labels = digits()
    return call(generator, model, to_pixels(images[:200]), labels[:200], seed=seed)


def call(
    generator: fpframe.PerturbationGenerator, model: fpframe.Classifier, x: Tensor, labels: Tensor, *, seed: int = 0
) -> fpframe.Perturbation:
    """Call with references where these are needed: the model itself, and an untrained network."""
    references = None
    if generator.needs_references:
        with torch.random.fork_rng():
            torch.manual_seed(9)
            references = fpframe.References([model], [network(model.image_shape[0], model.image_shape[1])])
    return generator(model, x, labels, references=references, seed=seed)


@pytest.mark.parametrize("epsilon", [0.02, 0.1, 0.7])
@pytest.mark.parametrize("kind", [Uap, UapDeepfool, RandomSign])
def test_no_element_of_delta_exceeds_epsilon_and_the_largest_comes_close(kind, epsilon, victim):
    few = {Uap: {"steps": 20}, UapDeepfool: {"images": 32, "passes": 1}, RandomSign: {}}[kind]
    largest = float(make(kind(epsilon=epsilon, **few), victim).delta.abs().max())
    assert 0.5 * epsilon < largest <= torch.tensor(epsilon, dtype=torch.float32)


@pytest.mark.parametrize("generator", [*ALL, *LOCAL], ids=label)
def test_the_same_seed_gives_the_same_bytes(generator, victim):
    one, two = make(generator, victim, seed=3).delta, make(generator, victim, seed=3).delta
    assert one.numpy().tobytes() == two.numpy().tobytes()


@pytest.mark.parametrize(
    "generator", [*SEEDED, *BALLS, Boundary(toward="random", steps=40, learning_rate=0.02)], ids=label
)
def test_another_seed_gives_another_delta(generator, victim):
    assert not torch.equal(make(generator, victim, seed=3).delta, make(generator, victim, seed=4).delta)


@pytest.mark.parametrize("generator", [*ALL, *LOCAL], ids=label)
def test_model_input_and_global_random_state_are_left_as_found(generator):
    model, (images, labels) = network(1, 8), digits()
    model.train()
    model.module[1].eval()
    model.module[0].weight.requires_grad_(False)
    modes = [module.training for module in model.modules()]
    needs = [weight.requires_grad for weight in model.parameters()]
    weights, x, y = state_digest(model), to_pixels(images[:50]), labels[:50].clone()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    call(generator, model, x, y)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]
    assert state_digest(model) == weights
    assert [module.training for module in model.modules()] == modes
    assert [weight.requires_grad for weight in model.parameters()] == needs
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(x, to_pixels(images[:50]))
    assert torch.equal(y, labels[:50])


@pytest.mark.parametrize("looks", [True, False], ids=["in-the-graph", "not-in-the-graph"])
@pytest.mark.parametrize("generator", [*GRADIENT, Uap(steps=2, target=0), UapDeepfool(target=0, images=8)], ids=label)
def test_a_constant_model_ends_without_convergence_and_with_a_finite_delta(generator, looks):
    model = fpframe.Classifier(Constant(looks), num_classes=10, image_shape=(1, 8, 8))
    made = make(generator, model)
    assert made.converged.tolist() == [False]
    assert bool(made.delta.isfinite().all())


def test_uap_fools_most_held_out_digits_and_random_sign_few(victim):
    images, _ = digits()
    held_out = images[1200:]
    adversarial = make(Uap(epsilon=0.25, steps=300), victim)
    chance = [fooled(victim, held_out, make(RandomSign(epsilon=0.25), victim, seed).delta) for seed in range(3)]
    assert fooled(victim, held_out, adversarial.delta) > 0.5
    assert max(chance) < 0.3
    assert bool(adversarial.converged)


def test_uap_deepfool_fools_more_held_out_digits_than_random_sign(victim):
    images, _ = digits()
    held_out = images[1200:]
    adversarial = make(UapDeepfool(epsilon=0.25, images=100, passes=2), victim).delta
    chance = [fooled(victim, held_out, make(RandomSign(epsilon=0.25), victim, seed).delta) for seed in range(3)]
    assert fooled(victim, held_out, adversarial) > max(chance) + 0.1


@pytest.mark.parametrize("generator", GRADIENT, ids=label)
def test_a_target_that_is_not_reached_is_reported(generator, victim):
    kind, params = type(generator), generator.params()
    assert make(kind(**{**params, "target": 1.0}), victim).converged.tolist() == [False]
    assert make(kind(**{**params, "target": 0.01, "epsilon": 0.4}), victim).converged.tolist() == [True]


def test_uap_deepfool_stops_at_the_pass_that_reaches_the_target(victim):
    made = make(UapDeepfool(target=0.01, epsilon=0.4, images=64, passes=5), victim)
    assert made.steps == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("generator", ALL, ids=label)
def test_one_delta_of_the_shape_of_an_image_is_made(generator, channels):
    x = torch.rand(20, channels, 12, 12, generator=torch.Generator().manual_seed(0))
    made = generator(network(channels, 12), x, torch.zeros(20, dtype=torch.long), seed=0)
    assert made.delta.shape == (1, channels, 12, 12)
    assert made.delta.dtype == torch.float32


def test_every_element_of_random_sign_is_plus_or_minus_epsilon(victim):
    delta = make(RandomSign(epsilon=0.1), victim).delta
    assert sorted(delta.unique().tolist()) == pytest.approx([-0.1, 0.1])
    assert 0.2 < float((delta > 0).float().mean()) < 0.8


def test_none_adds_nothing_and_has_no_epsilon(victim):
    assert not make(NoPerturbation(), victim).delta.any()
    assert NoPerturbation().params() == {}
    assert NoPerturbation().bound is None


@pytest.mark.parametrize("kind", [Uap, UapDeepfool, RandomSign, Pgd, Conferrable])
def test_an_epsilon_on_the_scale_of_255_is_refused_with_the_remedy(kind):
    with pytest.raises(fpframe.ParameterError) as caught:
        kind(epsilon=10.0)
    expected = f"'epsilon' of '{kind.name}' must be in (0, 1) in pixel units (got 10.0); did you mean 10/255?"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (Uap, {"steps": 0}),
        (Uap, {"batch_size": 0}),
        (Uap, {"step_size": 0.0}),
        (Uap, {"momentum": 1.5}),
        (Uap, {"target": 2}),
        (UapDeepfool, {"classes": 1}),
        (UapDeepfool, {"passes": 0}),
        (UapDeepfool, {"overshoot": -0.1}),
        (Deepfool, {"overshoot": -0.1}),
        (Deepfool, {"steps": 0}),
        (Ddn, {"gamma": 1.0}),
        (Ddn, {"first_norm": 0}),
        (Ddn, {"rounding": "7-bit"}),
        (Pgd, {"step_size": 0}),
        (Pgd, {"random_start": 1.5}),
        (PgdL2, {"epsilon": 0}),
        (Cw, {"confidence": -1}),
        (Cw, {"learning_rate": 0}),
        (Cw, {"initial_constant": 0}),
        (Cw, {"searches": 0}),
        (Cw, {"steps": 0}),
        (Boundary, {"margin": -0.1}),
        (Boundary, {"toward": "nowhere"}),
        (Boundary, {"learning_rate": 0}),
        (Conferrable, {"models": 0}),
        (Conferrable, {"dropout": 1.0}),
        (Conferrable, {"conferrability": 0}),
        (Conferrable, {"loss": "hinge"}),
    ],
)
def test_a_hyper_parameter_out_of_range_is_refused_by_name(kind, params):
    with pytest.raises(fpframe.ParameterError, match=f"'{next(iter(params))}' of '{kind.name}'"):
        kind(**params)


def linear(weights: Tensor) -> fpframe.Classifier:
    """A linear classifier of flattened ``(1, 2, 2)`` images, with ``weights`` ``(K, 4)``."""
    layer = nn.Linear(4, len(weights), bias=False)
    layer.weight.data = weights
    return fpframe.Classifier(
        nn.Sequential(nn.Flatten(), layer), num_classes=len(weights), image_shape=(1, 2, 2)
    ).requires_grad_(False)


def test_deepfool_finds_the_distance_to_the_nearest_boundary_of_a_linear_model():
    model = linear(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]))
    x = torch.tensor([0.6, 0.5, 0.3, 0.2]).reshape(1, 1, 2, 2)
    delta, changed, _ = deepfool_l2(model, x, labels=torch.tensor([0]), overshoot=0.0)
    # the boundary between classes 0 and 1 is 0.1 / sqrt(2) away, and a step goes 1e-4 further
    assert bool(changed)
    assert float(delta.norm()) == pytest.approx(0.1 / 2**0.5 + 1e-4, abs=1e-6)
    assert torch.allclose(delta.flatten()[2:], torch.zeros(2))


def test_deepfool_looks_at_the_likeliest_classes_only():
    # class 2 is nearer than the likelier class 1, for its gradient is longer
    model = linear(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [-4, 0, 9, 0]]))
    x = torch.tensor([0.6, 0.5, 0.3, 0.2]).reshape(1, 1, 2, 2)
    near, _, _ = deepfool_l2(model, x, labels=torch.tensor([0]), classes=3)
    far, _, _ = deepfool_l2(model, x, labels=torch.tensor([0]), classes=2)
    assert model(x + near).argmax(1).item() == 2
    assert model(x + far).argmax(1).item() == 1
    assert float(near.norm()) < float(far.norm())


def test_deepfool_treats_each_image_as_if_it_were_alone(victim):
    images, _ = digits()
    x = to_pixels(images[1200:1230])
    labels = victim.logits(x).argmax(1)
    together, _, _ = deepfool_l2(victim, x, labels=labels)
    alone = torch.cat([deepfool_l2(victim, x[[i]], labels=labels[[i]])[0] for i in range(len(x))])
    assert torch.allclose(together, alone, atol=1e-4)


def test_deepfool_changes_every_label_within_the_pixel_range_and_leaves_misclassified_images_alone(victim):
    images, _ = digits()
    x = to_pixels(images[1200:1300])
    labels = victim.logits(x).argmax(1)
    labels[:5] = (labels[:5] + 1) % 10
    delta, changed, _ = deepfool_l2(victim, x, labels=labels)
    assert bool(changed.all())
    assert bool((victim.logits(x + delta).argmax(1) != labels).all())
    assert not delta[:5].any()
    assert float((x + delta).min()) >= 0
    assert float((x + delta).max()) <= 1


def test_deepfool_says_which_images_it_could_not_change(victim):
    images, _ = digits()
    x = to_pixels(images[1200:1300])
    labels = victim.logits(x).argmax(1)
    delta, changed, _ = deepfool_l2(victim, x, labels=labels, steps=2)
    assert 0 < int(changed.sum()) < len(x)
    assert torch.equal(changed, victim.logits(x + delta).argmax(1) != labels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("generator", LOCAL, ids=label)
def test_each_image_gets_a_delta_of_its_own_shape(generator, channels):
    x = torch.rand(20, channels, 12, 12, generator=torch.Generator().manual_seed(0))
    made = call(generator, network(channels, 12), x, torch.zeros(20, dtype=torch.long))
    assert made.delta.shape == x.shape
    assert made.delta.dtype == torch.float32
    assert made.converged.shape == (20,)
    assert len({delta.numpy().tobytes() for delta in made.delta[made.converged]}) == int(made.converged.sum())


@pytest.mark.parametrize("generator", ESCAPING, ids=label)
def test_a_local_perturbation_changes_what_it_says_and_stays_in_the_pixel_range(generator, victim):
    images, labels = digits()
    x = to_pixels(images[1200:1400])
    before = victim.logits(x).argmax(1)
    # true labels that are all wrong make no difference: the victim's own answers have to change
    made = generator(victim, x, (labels[1200:1400] + 1) % 10, seed=0)
    moved = x + made.delta
    assert torch.equal(made.converged, victim.logits(moved).argmax(1) != before)
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= 1
    assert float(made.converged.float().mean()) > (0.3 if generator in BALLS else 0.99)


@pytest.mark.parametrize(("kind", "epsilon"), [(Pgd, 0.02), (Pgd, 0.1), (PgdL2, 0.3), (PgdL2, 2.0)])
@pytest.mark.parametrize("random_start", [0.0, 1.0])
def test_no_delta_leaves_its_ball_and_each_comes_close(kind, epsilon, random_start, victim):
    delta = make(kind(epsilon=epsilon, steps=20, step_size=0.125, random_start=random_start), victim).delta.flatten(1)
    sizes = delta.abs().amax(1) if kind is Pgd else delta.norm(dim=1)
    assert float(sizes.max()) <= epsilon * (1 + 1e-6)
    assert float(sizes.min()) > 0.5 * epsilon


@pytest.mark.parametrize("kind", [Pgd, PgdL2])
def test_a_larger_ball_fools_more(kind, victim):
    shares = [float(make(kind(epsilon=epsilon), victim).converged.float().mean()) for epsilon in (0.01, 0.1, 0.5)]
    assert shares[0] < 0.1
    assert shares[0] < shares[1] <= shares[2]
    if kind is Pgd:
        assert shares[2] == 1


@pytest.mark.parametrize("looks", [True, False], ids=["in-the-graph", "not-in-the-graph"])
@pytest.mark.parametrize("generator", LOCAL, ids=label)
def test_a_constant_model_ends_without_convergence_of_any_image_and_with_finite_deltas(generator, looks):
    made = make(generator, fpframe.Classifier(Constant(looks), num_classes=10, image_shape=(1, 8, 8)))
    assert made.converged.tolist() == [False] * 200
    assert bool(made.delta.isfinite().all())


def test_pgd_drops_images_that_it_cannot_move():
    model = fpframe.Classifier(Constant(looks=True), num_classes=10, image_shape=(1, 8, 8))
    assert make(Pgd(steps=40), model).steps == 1


def test_steps_are_those_that_were_taken(victim):
    assert make(Deepfool(steps=50), victim).steps < 50
    assert make(Deepfool(steps=2), victim).steps == 2
    assert make(Ddn(steps=7), victim).steps == 7
    assert make(PgdL2(steps=7), victim).steps == 7


def test_an_l2_epsilon_that_holds_every_image_is_refused_with_the_remedy(victim):
    with pytest.raises(fpframe.ParameterError) as caught:
        make(PgdL2(epsilon=10.0), victim)
    expected = (
        "'epsilon' of 'pgd-l2' must be in (0, 8) in pixel units for images of shape (1, 8, 8) (got 10.0); "
        "pixels are in [0, 1], not in [0, 255]"
    )
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    "generator",
    [
        Deepfool(),
        Deepfool(overshoot=0),
        Ddn(rounding="none"),
        Ddn(steps=300, rounding="none"),
        Cw(steps=300, learning_rate=0.003, searches=14),
    ],
    ids=lambda generator: generator.spec(),
)
def test_minimum_norm_methods_find_the_closed_form_distance_of_a_linear_binary_model(generator):
    random = torch.Generator().manual_seed(0)
    weights = torch.randn(2, 16, generator=random)
    x = 0.4 + 0.2 * torch.rand(50, 1, 4, 4, generator=random)  # so far inside that no minimum is clipped
    layer = nn.Linear(16, 2)
    layer.weight.data = weights
    layer.bias.data = -0.5 * weights.sum(1)
    model = fpframe.Classifier(nn.Sequential(nn.Flatten(), layer), num_classes=2, image_shape=(1, 4, 4))
    normal = weights[1] - weights[0]
    exact = ((x.flatten(1) - 0.5) @ normal).abs() / normal.norm()
    assert float((x.flatten(1) + exact.max()).max()) < 1
    assert float((x.flatten(1) - exact.max()).min()) > 0
    made = generator(model, x, torch.zeros(50, dtype=torch.long), seed=0)
    assert bool(made.converged.all())
    far = exact > 0.02  # deepfool goes 1e-4 further, by a constant
    assert int(far.sum()) > 25
    share = getattr(generator, "overshoot", 0)
    ratio = made.delta.flatten(1).norm(dim=1)[far] / (exact[far] * (1 + share))
    assert float(ratio.min()) > 0.999
    assert float(ratio.max()) < 1.01


def test_ddn_finds_8_bit_images_that_fool_as_they_are_asked_and_deepfool_needs_overshoot(victim):
    images, labels = digits()
    images, labels = images[1200:1400], labels[1200:1400]

    def asked(generator: fpframe.PerturbationGenerator) -> float:
        return fooled(victim, images, generator(victim, to_pixels(images), labels, seed=0).delta)

    assert asked(Ddn()) == 1
    assert asked(Deepfool(overshoot=1.0)) > 0.95
    assert asked(Deepfool(overshoot=0.02)) < 0.1


def test_the_direction_of_escape_is_that_of_the_cross_entropy_and_does_not_vanish_where_a_model_is_sure():
    weights = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    x = torch.rand(20, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    unsure, sure = linear(weights), linear(1000 * weights)
    labels = unsure.logits(x).argmax(1)
    inputs = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(unsure(inputs), labels, reduction="sum"), inputs)
    gradient, changed = escape_gradient(unsure, x, labels)
    assert not changed.any()
    assert torch.allclose(F.normalize(gradient.flatten(1)), F.normalize(slope.flatten(1)), atol=1e-4)
    inputs = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(sure(inputs), labels, reduction="sum"), inputs)
    assert int((slope.flatten(1).norm(dim=1) == 0).sum()) > 5
    assert float(escape_gradient(sure, x, labels)[0].flatten(1).norm(dim=1).min()) > 1


# --- cw


def test_cw_finds_ways_out_as_short_as_those_of_ddn_and_as_short_as_pgd_l2_needs(lineage):
    victim, _, _ = lineage
    images, labels = digits()
    # no pixel is black, where the tanh of the method is flat and takes thousands of steps
    x, labels = 0.3 + 0.4 * to_pixels(images[1200:1250]), labels[1200:1250]
    made = Cw(steps=100, learning_rate=0.02)(victim, x, labels, seed=0)
    lengths = made.delta.flatten(1).norm(dim=1)
    assert bool(made.converged.all())
    ddn = Ddn(steps=100, rounding="none")(victim, x, labels, seed=0)
    assert float(lengths.median()) < 1.005 * float(ddn.delta.flatten(1).norm(dim=1).median())
    # a ball of the median length lets pgd-l2 out of about half of the images, and no more
    within = PgdL2(epsilon=float(lengths.median()))(victim, x, labels, seed=0).converged
    assert 0.3 < float(within.float().mean()) <= 0.54


def test_cw_treats_each_image_as_if_it_were_alone(victim):
    images, _ = digits()
    x = 0.3 + 0.4 * to_pixels(images[1200:1205])
    labels = victim.logits(x).argmax(1)
    together, _, steps = cw_l2(victim, x, labels=labels, steps=60, learning_rate=0.05)
    alone = [cw_l2(victim, x[[i]], labels=labels[[i]], steps=60, learning_rate=0.05) for i in range(len(x))]
    assert torch.allclose(together, torch.cat([delta for delta, _, _ in alone]), atol=1e-3)
    # images leave a search one by one, or it would not matter who else is in the batch
    assert len({taken for _, _, taken in alone}) > 1
    assert max(taken for _, _, taken in alone) <= steps


def test_images_leave_a_search_of_cw_by_themselves_and_lose_little_by_it():
    model = linear(torch.tensor([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]]))
    x = 0.2 + 0.6 * torch.rand(20, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    labels, asked = model(x).argmax(1), []
    model.register_forward_hook(lambda _, inputs, __: asked.append(len(inputs[0])))
    late, early = (
        cw_l2(model, x, labels=labels, steps=200, abort_early=abort_early)[0].flatten(1).norm(dim=1)
        for abort_early in (False, True)
    )
    assert asked[: 9 * 200] == [20] * (9 * 200)
    assert sum(asked[9 * 200 :]) < 0.7 * sum(asked[: 9 * 200])
    assert len(set(asked[9 * 200 :])) > 3
    assert float((early / late).max()) < 1.01


def test_confidence_keeps_cw_away_from_the_boundary_also_as_8_bit_images(lineage):
    victim, _, _ = lineage
    images, labels = digits()
    images, labels = images[1200:1250], labels[1200:1250]
    shares = []
    for confidence in (0.0, 1.0):
        cw = Cw(steps=60, learning_rate=0.05, confidence=confidence)
        made = cw(victim, to_pixels(images), labels, seed=0)
        shares.append(fooled(victim, images, made.delta))
        logits = victim.logits(to_pixels(images) + made.delta)
        own = victim.logits(to_pixels(images)).argmax(1, keepdim=True)
        lead = logits.scatter(1, own, -torch.inf).amax(1) - logits.gather(1, own).squeeze(1)
        assert float(made.converged.float().mean()) > 0.95
        assert confidence - 1e-4 < float(lead[made.converged].min()) < confidence + 0.1
    assert shares[0] < 0.5
    assert shares[1] > 0.95


# --- boundary


@pytest.mark.parametrize("toward", ["least-likely", "random", "second"])
def test_boundary_queries_are_answered_by_a_margin_with_the_new_label_before_the_old_one(toward, lineage):
    victim, _, _ = lineage
    images, labels = digits()
    images, labels = images[1200:1300], labels[1200:1300]
    natural = victim.logits(to_pixels(images))
    made = Boundary(toward=toward, margin=0.25)(victim, to_pixels(images), labels, seed=0)
    logits = victim.logits(to_pixels(add_perturbation(images, made.delta)))
    values, classes = logits.topk(2, dim=1)
    gap = values[:, 0] - values[:, 1]
    arrived = (classes[:, 1] == natural.argmax(1)) & (gap > 0.25 - 1e-4)
    assert torch.equal(made.converged, arrived)
    assert float(made.converged.float().mean()) > 0.9
    # one step more than the margin, a fraction of what it was
    usual = natural.topk(2).values
    assert float(gap[arrived].max()) < 0.35 < 0.2 * float((usual[:, 0] - usual[:, 1]).median())
    rank = {"least-likely": 9, "second": 1}.get(toward)
    if rank is None:
        assert len(set(classes[arrived, 0].tolist())) > 4
    else:
        assert torch.equal(classes[arrived, 0], natural.argsort(1, descending=True)[arrived, rank])


def test_boundary_deltas_are_asked_just_as_they_are(victim):
    images, labels = digits()
    delta = Boundary()(victim, to_pixels(images[:50]), labels[:50], seed=0).delta
    asked = to_pixels(add_perturbation(images[:50], delta))
    assert torch.allclose(asked, to_pixels(images[:50]) + delta, atol=1e-6)
    assert bool(delta.flatten(1).any(1).all())


def test_a_larger_margin_of_boundary_outlasts_larger_changes_of_a_copy(lineage):
    victim, _, _ = lineage
    images, labels = digits()
    images, labels = images[1200:1260], labels[1200:1260]
    copied = copy.deepcopy(victim)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in copied.parameters():
            weight.add_(0.1 * weight.std() * torch.randn(weight.shape, generator=noise))
    shares = []
    for margin in (0.0, 0.5, 1.5):
        delta = Boundary(margin=margin, learning_rate=0.002)(victim, to_pixels(images), labels, seed=0).delta
        asked = to_pixels(add_perturbation(images, delta))
        shares.append(float((copied.logits(asked).argmax(1) == victim.logits(asked).argmax(1)).float().mean()))
    assert shares[0] + 0.1 < shares[1] < shares[2]


def test_boundary_says_which_images_did_not_get_there(victim):
    made = make(Boundary(margin=0.1, steps=300), victim)
    assert made.steps == 300
    assert 0 < int(made.converged.sum()) < 200


def test_boundary_goes_between_two_classes_where_there_are_no_others():
    model = linear(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]]))
    x = torch.tensor([204, 51, 102, 102.0]).reshape(1, 1, 2, 2) / 255
    made = Boundary(margin=0.1)(model, x, torch.zeros(1, dtype=torch.long), seed=0)
    assert bool(made.converged)
    logits = model(x + made.delta).squeeze()
    assert 0.1 - 1e-4 < float(logits[1] - logits[0]) < 0.12


# --- conferrable


class Counted(list):
    """Models that count how often each is taken."""

    def __init__(self, models):
        super().__init__(models)
        self.taken = []

    def __getitem__(self, index):
        self.taken.append(index)
        return super().__getitem__(index)

    def __iter__(self):
        raise AssertionError("a sequence that loads its models is taken apart by index")


def test_labels_of_conferrable_images_are_shared_by_unseen_derived_models_and_not_by_independent_ones(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    images, labels = images[1200:1350], labels[1200:1350]
    before = victim.logits(to_pixels(images)).argmax(1)

    def shared(perturbation: fpframe.Perturbation) -> tuple[float, float]:
        asked = to_pixels(add_perturbation(images, perturbation.delta))
        given = victim.logits(asked).argmax(1)
        moved = given != before
        assert int(moved.sum()) > 30
        rates = [
            [float((model.logits(asked).argmax(1) == given)[moved].float().mean()) for model in models]
            for models in (derived[3:], independent[3:])
        ]
        return sum(rates[0]) / 3, sum(rates[1]) / 3

    references = fpframe.References(derived[:3], independent[:3])
    conferrable = Conferrable(epsilon=0.25)(victim, to_pixels(images), labels, references=references, seed=0)
    ours, control = shared(conferrable), shared(Pgd(epsilon=0.25)(victim, to_pixels(images), labels, seed=0))
    assert ours[0] > 0.85
    assert ours[1] < 0.4
    assert ours[0] - ours[1] > control[0] - control[1] + 0.3


@pytest.mark.parametrize("least", [0.3, 1.0])
def test_conferrable_has_converged_where_the_8_bit_image_is_as_conferrable_as_asked_for(least, lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    images, labels = images[1200:1300], labels[1200:1300]
    generator = Conferrable(epsilon=0.25, steps=30, conferrability=least)
    references = fpframe.References(derived[:3], independent[:3])
    made = generator(victim, to_pixels(images), labels, references=references, seed=0)
    asked = to_pixels(add_perturbation(images, made.delta))
    given = victim.logits(asked).argmax(1)
    by_hand = []
    for row in range(100):
        same = [
            sum(int(model.logits(asked[[row]]).argmax() == given[row]) for model in models) / 3
            for models in (derived[:3], independent[:3])
        ]
        changed = int(victim.logits(to_pixels(images[[row]])).argmax()) != int(given[row])
        by_hand.append(changed and same[0] * (1 - same[1]) >= least - 1e-6)
    assert made.converged.tolist() == by_hand
    assert 0 < sum(by_hand) < 100


def test_no_element_of_a_conferrable_delta_exceeds_epsilon_and_the_pixels_stay_in_range(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    x = to_pixels(images[1200:1250])
    references = fpframe.References(derived[:1], independent[:1])
    # before anything is projected by the caller
    made = Conferrable(epsilon=0.1).generate(victim.eval(), x, labels[:50], references=references, seed=0)
    largest = made.delta.abs().amax((1, 2, 3))
    assert float(largest.max()) <= 0.1 + 1e-6
    assert float(largest.min()) > 0.09
    assert float((x + made.delta).min()) >= 0
    assert float((x + made.delta).max()) <= 1


def test_conferrable_takes_models_from_all_over_the_references_each_once(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    taken = set()
    for seed in range(6):
        many = Counted([derived[number % 6] for number in range(12)])
        few = Counted(independent[:2])
        generator = Conferrable(models=4, steps=1)
        for again in range(2):
            made = generator(
                victim, to_pixels(images[:70]), labels[:70], references=fpframe.References(many, few), seed=seed
            )
            assert made.steps == 1
            assert many.taken == many.taken[:4] * (again + 1)
        assert few.taken == [0, 1] * 2
        # one of each third, since zoos are sorted by kind
        assert [index // 3 for index in many.taken[:4]] == [0, 1, 2, 3]
        taken |= set(many.taken)
    assert len(taken) > 4


def test_another_seed_leaves_other_models_out_of_conferrables_steps(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    x, references = to_pixels(images[:20]), fpframe.References(derived[:3], independent[:3])
    for dropout, other in ((0.3, True), (0.0, False)):
        generator = Conferrable(steps=3, dropout=dropout)
        deltas = [generator(victim, x, labels[:20], references=references, seed=seed).delta for seed in (3, 4)]
        assert (not torch.equal(*deltas)) is other


def test_conferrable_leaves_its_references_as_found(lineage):
    victim, derived, independent = lineage
    models = [derived[0], independent[0]]
    for model in models:
        model.train()
    before = [state_digest(model) for model in models]
    weights = [weight for model in models for weight in model.parameters()]
    gradients = [weight.grad for weight in weights]
    images, labels = digits()
    references = fpframe.References(models[:1], models[1:])
    Conferrable(steps=2)(victim, to_pixels(images[:20]), labels[:20], references=references, seed=0)
    assert [state_digest(model) for model in models] == before
    assert all(model.training and weight.requires_grad for model in models for weight in weights)
    assert all(weight.grad is grad for weight, grad in zip(weights, gradients, strict=True))


@pytest.mark.parametrize(("missing", "given"), [("derived", "independent"), ("independent", "derived")])
def test_conferrable_without_models_of_either_kind_is_refused_with_the_remedy(missing, given, victim):
    images, labels = digits()
    references = attrs.evolve(fpframe.References(), **{given: [victim]})
    with pytest.raises(fpframe.DataError, match=f"there is no {missing} model in the fit split; give the zoo"):
        Conferrable()(victim, to_pixels(images[:5]), labels[:5], references=references, seed=0)
    with pytest.raises(fpframe.DataError, match="there is no derived model"):
        Conferrable()(victim, to_pixels(images[:5]), labels[:5], seed=0)


# --- the schemes made of them


@pytest.mark.parametrize("scheme", ["ipguard", "conferrable"])
def test_a_scheme_of_perturbed_points_asks_one_view_of_labels_and_tells_a_copy(scheme, tiny_store):
    enrolment = fpframe.enroll(recipe="tiny", scheme=scheme, run=fpframe.Run(store=tiny_store))
    assert enrolment.queries.views == 1
    assert enrolment.queries.queries == fpframe.Recipe.load("tiny").queries.points
    clean = to_pixels(digits()[0])
    moved = to_pixels(enrolment.queries.images[0])
    assert not any((clean == image).flatten(1).all(1).any() for image in moved), "no natural image is asked"
    assert enrolment.view_scores(enrolment.victim_answers, "probs").tolist() == pytest.approx([1.0])

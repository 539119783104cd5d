"""What all perturbations keep to, universal and local ones, on small models of digits and on synthetic ones."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.models.queryset import to_pixels
from fpframe_plugins.perturbations.boundary import Boundary
from fpframe_plugins.perturbations.conferrable import Conferrable
from fpframe_plugins.perturbations.cw import Cw
from fpframe_plugins.perturbations.ddn import Ddn
from fpframe_plugins.perturbations.deepfool import Deepfool
from fpframe_plugins.perturbations.none import NoPerturbation
from fpframe_plugins.perturbations.pgd import Pgd
from fpframe_plugins.perturbations.pgd_l2 import PgdL2
from fpframe_plugins.perturbations.random_sign import RandomSign
from fpframe_plugins.perturbations.stretched import Stretched
from fpframe_plugins.perturbations.uap import Uap
from fpframe_plugins.perturbations.uap_deepfool import UapDeepfool
from plugins.perturbations.small_models import Constant, call, digits, make, network

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
    Stretched(factors=6),
]
LOCAL = [*ESCAPING, *AIMED]


def label(value: object) -> str | None:
    return value.name if isinstance(value, fpframe.Component) else None


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


@pytest.mark.parametrize("generator", GRADIENT, ids=label)
def test_a_target_that_is_not_reached_is_reported(generator, victim):
    kind, params = type(generator), generator.params()
    assert make(kind(**{**params, "target": 1.0}), victim).converged.tolist() == [False]
    assert make(kind(**{**params, "target": 0.01, "epsilon": 0.4}), victim).converged.tolist() == [True]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("generator", ALL, ids=label)
def test_one_delta_of_the_shape_of_an_image_is_made(generator, channels):
    x = torch.rand(20, channels, 12, 12, generator=torch.Generator().manual_seed(0))
    made = generator(network(channels, 12), x, torch.zeros(20, dtype=torch.long), seed=0)
    assert made.delta.shape == (1, channels, 12, 12)
    assert made.delta.dtype == torch.float32


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


@pytest.mark.parametrize("looks", [True, False], ids=["in-the-graph", "not-in-the-graph"])
@pytest.mark.parametrize("generator", LOCAL, ids=label)
def test_a_constant_model_ends_without_convergence_of_any_image_and_with_finite_deltas(generator, looks):
    made = make(generator, fpframe.Classifier(Constant(looks), num_classes=10, image_shape=(1, 8, 8)))
    assert made.converged.tolist() == [False] * 200
    assert bool(made.delta.isfinite().all())


def test_steps_are_those_that_were_taken(victim):
    assert make(Deepfool(steps=50), victim).steps < 50
    assert make(Deepfool(steps=2), victim).steps == 2
    assert make(Ddn(steps=7), victim).steps == 7
    assert make(PgdL2(steps=7), victim).steps == 7


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


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["ipguard", "conferrable"])
def test_a_scheme_of_perturbed_points_asks_one_view_of_labels_and_tells_a_copy(scheme, tiny_store):
    enrolment = fpframe.enroll(recipe="tiny", scheme=scheme, run=fpframe.Run(store=tiny_store))
    assert enrolment.queries.views == 1
    assert enrolment.queries.queries == fpframe.Recipe.load("tiny").queries.points
    clean = to_pixels(digits()[0])
    moved = to_pixels(enrolment.queries.images[0])
    assert not any((clean == image).flatten(1).all(1).any() for image in moved), "no natural image is asked"
    assert enrolment.view_scores(enrolment.victim_answers, "probs").tolist() == pytest.approx([1.0])

"""`matrix-residual`: what nearly all models share is taken off, by covariances computed here in the plainest way."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

import fpframe
from fpframe.interfaces.encoder import Encoder
from fpframe.models.channel import through_channel
from fpframe_plugins.encoders import matrix_residual

QUERIES, CLASSES, TRAITS = 150, 6, 150


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoder(registry) -> Encoder:
    return registry.create("encoder", "matrix-residual")


class Heads:
    """Models that differ in a last layer alone, on features of which some vary much and most little.

    Competitors on the victim's images agree with it in the features that vary much, for the images decide those. In the
    others each keeps what it began with. A copy that learned further keeps that too, and a student comes near it.
    """

    def __init__(self) -> None:
        self.features = noise(QUERIES, TRAITS, seed=0) * torch.logspace(0.5, -2, TRAITS)
        self.strong = (torch.arange(TRAITS) < 8).float().unsqueeze(1)
        self.images, self.others = noise(TRAITS, CLASSES, seed=1), noise(TRAITS, CLASSES, seed=2)
        self.began = noise(TRAITS, CLASSES, seed=3)

    def weights(self, count: int, *, images: Tensor, own: float, seed: int) -> Tensor:
        """Return last layers ``(count, TRAITS, CLASSES)`` with a share of what the victim began with."""
        learned = images + 0.1 * noise(count, TRAITS, CLASSES, seed=seed)
        began = own * self.began + (1 - own**2) ** 0.5 * noise(count, TRAITS, CLASSES, seed=seed + 1)
        return self.strong * learned + (1 - self.strong) * began

    def answers(self, weights: Tensor, temperature: float = 1.0) -> Tensor:
        return (3 * self.features @ weights / temperature).softmax(-1)

    def fit(self, encoder: Encoder) -> tuple[torch.nn.Module, Tensor]:
        """Return an encoder fitted on 24 thieves and 60 innocents, and the victim's answers ``(1, Q, K)``."""
        victim = self.answers(self.weights(1, images=self.images, own=1.0, seed=10))
        parts = [victim, self.thieves(24, seed=20), self.innocents(60, seed=30)]
        relation = ["victim"] + ["derived"] * 24 + ["independent"] * 60
        return encoder.fit(torch.cat(parts).unsqueeze(1), relation, torch.arange(85), seed=0), victim

    def thieves(self, count: int, seed: int, temperature: float = 1.0) -> Tensor:
        mixed = (self.images + self.others) / 2
        return self.answers(self.weights(count, images=mixed, own=0.6, seed=seed), temperature)

    def innocents(self, count: int, seed: int) -> Tensor:
        """Return answers of those who learned from the owner's images, from others, and from both."""
        kinds = (self.images, self.others, (self.images + self.others) / 2)
        third = count // 3
        learned = (self.weights(third, images=kind, own=0.0, seed=seed + 7 * k) for k, kind in enumerate(kinds))
        return self.answers(torch.cat(list(learned)))


def scores(encoder: Encoder, channel: str = "probs", temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the cosines with the victim of 20 thieves and of 60 innocents that are new."""
    heads = Heads()
    module, victim = heads.fit(encoder)
    ours = module(victim)[0]
    new = heads.thieves(20, seed=100, temperature=temperature), heads.innocents(60, seed=200)
    thieves, innocents = (module(through_channel(answers, channel)) @ ours for answers in new)
    return thieves, innocents


def test_copies_are_told_from_competitors_on_the_owners_images_where_they_differ_least(encoder):
    thieves, innocents = scores(encoder)
    assert thieves.min() > innocents.max()
    assert abs(float(innocents.mean())) < 0.05


@pytest.mark.parametrize("temperature", [0.7, 4.0])
def test_a_temperature_hides_no_thief(encoder, temperature):
    thieves, innocents = scores(encoder, temperature=temperature)
    assert (thieves > innocents.max()).float().mean() >= 0.9


def test_answers_of_four_decimals_are_enough(encoder):
    thieves, innocents = scores(encoder, channel="rounded:4")
    assert (thieves > innocents.max()).float().mean() >= 0.9


@pytest.mark.parametrize(("ridge", "loading", "floor"), [(0.01, 0.1, 1e-5), (0.5, 1.0, 1e-2)])
def test_the_cosine_is_that_of_features_whitened_by_two_explicit_covariances(registry, ridge, loading, floor):
    answers = (2 * noise(20, 6, 4, seed=0)).softmax(-1)
    relation = ["victim"] + ["derived"] * 7 + ["independent"] * 8
    encoder = registry.create("encoder", "matrix-residual", ridge=ridge, loading=loading, floor=floor)
    found = encoder.fit(answers[:16].unsqueeze(1), relation, torch.arange(16), seed=0)(answers).double()

    logs = np.log(np.maximum(answers.double().numpy(), np.float32(floor)))
    logs = logs - logs.mean(2, keepdims=True)
    usual = logs[8:16].mean(0)
    spread = np.array([(one * usual).sum() / (usual**2).sum() for one in logs])
    logs = logs / np.maximum(spread, 0.05)[:, None, None]
    residuals = logs - logs[8:16].mean(0)
    within = np.concatenate([residuals[8:16], residuals[1:8] - residuals[1:8].mean(0)])
    queries = sum(one @ one.T for one in within) / (15 * 4)
    queries = queries + loading * np.mean(np.diag(queries)) * np.eye(6)
    root = np.linalg.inv(scipy.linalg.sqrtm(queries))
    own, within = (np.stack([root @ one for one in each]).reshape(len(each), -1) for each in (residuals, within))
    covariance = within.T @ within
    whitening = np.linalg.inv(np.eye(24) + covariance / (ridge * np.trace(covariance) / 15))
    inner = own @ whitening @ own.T
    norms = np.sqrt(np.diag(inner))
    assert torch.allclose(found @ found.T, torch.from_numpy(inner / norms / norms[:, None]), atol=2e-4)


def test_classes_are_fitted_in_blocks_to_the_same_network(encoder, monkeypatch):
    whole, victim = Heads().fit(encoder)
    monkeypatch.setattr(matrix_residual, "_NUMBERS", QUERIES * 84 * 4)  # blocks of four classes, and a rest
    blocks, _ = Heads().fit(encoder)
    for name in ("usual", "centre", "whitening", "shrinking"):
        torch.testing.assert_close(getattr(blocks, name), getattr(whole, name))
    probed = Heads().thieves(9, seed=5)
    torch.testing.assert_close(blocks(probed) @ blocks(victim)[0], whole(probed) @ whole(victim)[0])


def test_the_victim_takes_no_part_in_the_fit(encoder):
    heads = Heads()
    answers = torch.cat([heads.thieves(6, seed=1), heads.innocents(9, seed=2)]).unsqueeze(1)
    relation = ["victim"] + ["derived"] * 5 + ["independent"] * 9
    other = torch.cat([heads.thieves(1, seed=9).unsqueeze(1), answers[1:]])
    first, second = (encoder.fit(each, relation, torch.arange(15), seed=0).state_dict() for each in (answers, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("counts", [(0, 3), (1, 3), (4, 300)])
def test_any_number_of_models_can_be_fitted_on_and_loaded(encoder, counts):
    derived, independent = counts
    heads = Heads()
    answers = torch.cat([heads.thieves(1 + derived, seed=1), heads.innocents(independent, seed=2)]).unsqueeze(1)
    relation = ["victim"] + ["derived"] * derived + ["independent"] * independent
    fitted = encoder.fit(answers, relation, torch.arange(len(relation)), seed=0)
    empty = encoder.module(QUERIES, CLASSES).eval()
    empty.load_state_dict(fitted.state_dict(), strict=True)
    assert torch.equal(empty(answers[:, 0]), fitted(answers[:, 0]))


def test_a_single_model_that_says_nothing_can_be_fitted_on(encoder):
    flat = torch.full((2, 1, QUERIES, CLASSES), 1 / CLASSES)
    module = encoder.fit(flat, ["victim", "independent"], torch.arange(2), seed=0)
    victim, other = module(flat[:, 0])
    assert float(victim @ other) == pytest.approx(1), "answers that say nothing resemble one another"


def test_several_views_are_so_many_samples_of_a_model(encoder):
    answers = Heads().innocents(12, seed=5)
    relation = ["derived"] * 2 + ["independent"] * 4
    views = encoder.fit(answers.reshape(6, 2, QUERIES, CLASSES), relation, torch.arange(6), seed=0).state_dict()
    single = [kind for kind in relation for _ in range(2)]
    alone = encoder.fit(answers.unsqueeze(1), single, torch.arange(12), seed=0).state_dict()
    assert all(torch.allclose(views[name], alone[name], atol=1e-5) for name in views)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_an_answer_that_is_not_finite_stays_visible_in_the_embedding(encoder, bad):
    module, victim = Heads().fit(encoder)
    answers = victim.repeat(3, 1, 1)
    answers[1, 4, 2] = bad
    assert module(answers).isfinite().all(1).tolist() == [True, False, True]


def test_without_independent_models_it_says_what_is_missing(encoder):
    answers = Heads().thieves(3, seed=5).unsqueeze(1)
    with pytest.raises(fpframe.DataError, match=r"needs independent models .* under \[\[independent\]\]"):
        encoder.fit(answers, ["victim", "derived", "derived"], torch.arange(3), seed=0)


@pytest.mark.parametrize(
    ("name", "value"), [("directions", 0), ("ridge", 0.0), ("loading", 0.0), ("floor", 0.0), ("floor", 0.6)]
)
def test_a_bad_parameter_is_named(registry, name, value):
    with pytest.raises(ValueError, match=f"'{name}' of 'matrix-residual' must be"):
        registry.create("encoder", "matrix-residual", **{name: value})

"""Encoders: unit norm, one answer for one model, exact after loading, and they separate what can be separated."""

from __future__ import annotations

import pytest
import torch

from fpframe.interfaces import Encoder
from fpframe_plugins.contrastive import supervised_contrastive_loss

VIEWS, QUERIES, CLASSES = 4, 6, 5


@pytest.fixture(scope="module")
def fingerprints():
    """Answers (M, V, Q, K): a victim, six models near it, six models near something else."""
    source = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, VIEWS, QUERIES, CLASSES, generator=source)
    centres = torch.stack([ours] * 7 + [theirs] * 6)
    noise = 0.5 * torch.randn(centres.shape, generator=source)
    relation = ["victim"] + ["derived"] * 6 + ["independent"] * 6
    return (centres + noise).softmax(-1), relation, torch.arange(13)


@pytest.fixture(params=["contrastive", "autoencoder"])
def encoder(request, registry) -> Encoder:
    return registry.create("encoder", request.param)


def test_embeddings_have_unit_norm_and_do_not_depend_on_the_batch(encoder, fingerprints):
    answers, relation, groups = fingerprints
    module = encoder.fit(answers, relation, groups, seed=0)
    whole = module(answers.flatten(0, 1))
    parts = torch.cat([module(part) for part in answers.flatten(0, 1).split(5)])
    assert torch.allclose(whole.norm(dim=1), torch.ones(len(whole)), atol=1e-5)
    assert torch.allclose(whole, parts, atol=1e-6)


def test_a_loaded_encoder_gives_the_same_embeddings(encoder, fingerprints):
    answers, relation, groups = fingerprints
    fitted = encoder.fit(answers, relation, groups, seed=0)
    empty = encoder.module(QUERIES, CLASSES).eval()
    assert not torch.equal(empty(answers[0]), fitted(answers[0]))
    empty.load_state_dict(fitted.state_dict())
    assert torch.equal(empty(answers[0]), fitted(answers[0]))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(encoder, fingerprints):
    answers, relation, groups = fingerprints
    weights = [encoder.fit(answers, relation, groups, seed=seed).state_dict() for seed in (3, 3, 4)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_fitting_leaves_answers_and_random_state_as_found(encoder, fingerprints):
    answers, relation, groups = fingerprints
    before, state = answers.clone(), torch.random.get_rng_state()
    encoder.fit(answers, relation, groups, seed=0)
    assert torch.equal(answers, before)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_zero_probabilities_and_labels_are_finite(encoder, fingerprints):
    answers, relation, groups = fingerprints
    one_hot = torch.nn.functional.one_hot(answers.argmax(-1), CLASSES).float()
    module = encoder.fit(one_hot, relation, groups, seed=0)
    assert module(one_hot[0]).isfinite().all()


def test_contrastive_separates_unseen_models_and_the_victim_scores_highest(registry, fingerprints):
    answers, relation, groups = fingerprints
    seen = [0, 1, 2, 3, 7, 8, 9]
    module = registry.create("encoder", "contrastive").fit(
        answers[seen], [relation[i] for i in seen], groups[seen], seed=0
    )
    victim = module(answers[0])
    scores = torch.tensor([float((module(answers[i]) * victim).sum(1).mean()) for i in range(13)])
    assert scores[0] == scores.max()
    assert scores[4:7].min() > scores[10:13].max() + 0.5


def test_the_contrastive_loss_of_two_pairs_matches_the_formula_by_hand():
    embeddings = torch.eye(2, dtype=torch.float64)[[0, 0, 1, 1]]
    loss = supervised_contrastive_loss(embeddings, torch.tensor([0, 0, 1, 1]), temperature=0.5)
    # each anchor: one positive at cosine 1, two negatives at cosine 0
    expected = torch.log(torch.exp(torch.tensor(2.0, dtype=torch.float64)) + 2) - 2
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)


def test_an_anchor_without_a_positive_does_not_count():
    embeddings = torch.nn.functional.normalize(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = torch.tensor([0, 0, 1])
    loss = supervised_contrastive_loss(embeddings, labels, temperature=0.2)
    cosines = embeddings @ embeddings.T / 0.2
    by_hand = [-(cosines[i, j] - torch.logsumexp(cosines[i, [j, 2]], 0)) for i, j in ((0, 1), (1, 0))]
    assert float(loss) == pytest.approx(float(sum(by_hand) / 2), rel=1e-5)


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("steps", 0), ("hidden", -1)])
def test_a_bad_parameter_is_named(registry, name, value):
    with pytest.raises(ValueError, match=f"'{name}' of 'contrastive' must be"):
        registry.create("encoder", "contrastive", **{name: value})

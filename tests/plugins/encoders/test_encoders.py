"""What all encoders keep to: unit norm, one answer for one model, exact after loading."""

from __future__ import annotations

import pytest
import torch

from fpframe.interfaces.encoder import Encoder
from fpframe.models.channel import through_channel
from plugins.encoders.answers import CLASSES, QUERIES, cosines, embedding, some_answers


@pytest.fixture(params=["contrastive", "autoencoder", "meta-verifier", "residual", "walk-distances"])
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
    # of all models: an encoder of one number embeds the victim alike before and after
    views = answers.flatten(0, 1)
    assert not torch.equal(empty(views), fitted(views))
    empty.load_state_dict(fitted.state_dict())
    assert torch.equal(empty(views), fitted(views))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others_where_any_are_drawn(encoder, fingerprints):
    answers, relation, groups = fingerprints
    weights = [encoder.fit(answers, relation, groups, seed=seed).state_dict() for seed in (3, 3, 4)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    others = any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
    assert others is (encoder.name != "residual")


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


@pytest.fixture(
    params=["correlation", "decision-distance", "distance-bits", "identity", "jensen-shannon", "labels", "robustness"]
)
def plain(request, registry) -> Encoder:
    return registry.create("encoder", request.param)


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "rounded:1", "rounded:0", "top1"])
def test_plain_embeddings_have_unit_norm_in_every_channel_and_do_not_depend_on_the_batch(plain, channel):
    answers = through_channel(some_answers(views=7), channel)
    whole = embedding(plain, answers)
    parts = torch.cat([embedding(plain, part) for part in answers.split(2)])
    assert torch.allclose(whole.norm(dim=1), torch.ones(7), atol=1e-6)
    assert torch.allclose(whole, parts, atol=1e-6)


@pytest.mark.parametrize(
    "row",
    [[0.2] * 5, [0.0] * 5, [1.0, 0, 0, 0, 0], [0.3, 0.3, 0.2, 0.1, 0.1], [1 / 3, 1 / 3, 1 / 3, 0, 0]],
    ids=["uniform", "zero", "certain", "unsure", "tied"],
)
def test_a_model_that_always_answers_the_same_has_a_finite_embedding_and_resembles_itself(plain, row):
    constant = torch.tensor(row).expand(3, 12, 5)
    found = embedding(plain, constant)
    assert torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-6)
    assert cosines(plain, constant, constant) == pytest.approx([1.0] * 3)
    assert max(cosines(plain, constant, some_answers())) < 0.9


def test_plain_encoders_pass_fit_with_constant_models_and_the_same_module_comes_back(plain, fingerprints):
    answers, relation, groups = fingerprints
    constant = torch.full_like(answers, 1 / CLASSES)
    fitted = plain.fit(constant, relation, groups, seed=0)
    empty = plain.module(QUERIES, CLASSES).eval()
    empty.load_state_dict(fitted.state_dict())
    assert torch.equal(empty(answers[1]), fitted(answers[1]))
    other = plain.fit(answers, relation, groups, seed=1)
    assert torch.equal(other(answers[1]), fitted(answers[1])), "nothing is learnt"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_answer_that_is_not_finite_stays_visible_in_the_embedding(plain, bad):
    answers = some_answers()
    answers[1, 4, 2] = bad
    finite = embedding(plain, answers).isfinite().all(1)
    assert finite.tolist() == [True, False, True]

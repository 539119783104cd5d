"""The training loop: repeatable, isolated, and able to learn."""

import random

import attrs
import numpy as np
import pytest
import torch
from torch import nn

from fpframe import Classifier, DataError, ParameterError, Training, train
from fpframe.models.classifier import state_digest

FAST = Training(epochs=2, batch_size=8)


def classifier():
    """Return the same small network each time, with batch normalisation and dropout."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Flatten(), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2)
        )
    return Classifier(module, num_classes=2, image_shape=(1, 2, 2))


def problem(count=32):
    """Return images whose label is whether the left half is brighter."""
    source = torch.Generator().manual_seed(1)
    pixels = torch.rand(count, 1, 2, 2, generator=source)
    labels = (pixels[..., 0].sum((1, 2)) > pixels[..., 1].sum((1, 2))).long()
    return pixels, labels


def fitted(*, targets=None, count=32, training=FAST, seed=0):
    pixels, labels = problem(count)
    return train(classifier(), pixels, labels if targets is None else targets, training, seed=seed)


def test_one_seed_gives_the_same_weights_and_another_gives_others():
    first = state_digest(fitted())
    torch.rand(10)
    assert state_digest(fitted()) == first
    assert state_digest(fitted(seed=1)) != first


def test_every_hyper_parameter_changes_the_weights():
    changed = [{"epochs": 3}, {"batch_size": 4}, {"learning_rate": 1e-3}, {"weight_decay": 0.5}]
    changed += [{"optimizer": "sgd"}, {"label_smoothing": 0.1}, {"augmentations": ("flip",)}]
    changed += [{"schedule": "cosine"}, {"schedule": "constant"}]
    trainings = [FAST, *(Training(**{"epochs": 2, "batch_size": 8, **change}) for change in changed)]
    assert len({state_digest(fitted(training=training)) for training in trainings}) == 10


def test_augmented_images_are_drawn_by_the_seed():
    training = attrs.evolve(FAST, augmentations=("noise", "mixup"))
    first = state_digest(fitted(training=training))
    torch.rand(3)
    assert state_digest(fitted(training=training)) == first


def test_with_momentum_a_model_learns_too():
    pixels, labels = problem(200)
    training = Training(epochs=20, batch_size=20, learning_rate=0.03, optimizer="sgd")
    assert train(classifier(), pixels, labels, training, seed=0).accuracy(pixels, labels) > 0.9


@pytest.mark.parametrize(
    ("schedule", "rates"), [("cosine", (1, 0.5, 0)), ("constant", (1, 1, 1)), ("one-cycle", (0.04, 1, 0))]
)
def test_a_schedule_says_how_the_learning_rate_changes(schedule, rates, monkeypatch):
    seen = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self, *args: (seen.append(self.param_groups[0]["lr"]), step(self, *args))[1]
    )
    training = Training(epochs=10, batch_size=8, learning_rate=0.01, schedule=schedule)
    fitted(training=training)
    middle = seen[round(0.2 * len(seen))] if schedule == "one-cycle" else seen[len(seen) // 2]
    assert [value / 0.01 for value in (seen[0], middle, seen[-1])] == pytest.approx(rates, abs=0.1)


def test_settings_that_came_later_are_no_part_of_the_identity_until_somebody_chooses_them():
    first = {"epochs", "batch_size", "learning_rate", "weight_decay", "memory_format", "precision"}
    assert set(Training().identity()) == first
    chosen = Training(optimizer="sgd", augmentations=("flip",), label_smoothing=0.1)
    assert set(chosen.identity()) == {*first, "optimizer", "augmentations", "label_smoothing"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adam"}, "'optimizer' of 'Training' must be one of adamw, sgd .*did you mean 'adamw'"),
        ({"augmentations": ("flop",)}, r"'augmentations' of 'Training' must be a list of some of flip, .*\['flop'\]"),
        ({"augmentations": ("flip", "flip")}, "each once at most"),
        ({"augmentations": "flip"}, r"must be a list .*\(got 'flip'\)"),
        ({"schedule": "cosin"}, "'schedule' of 'Training' must be one of one-cycle, .*did you mean 'cosine'"),
        ({"label_smoothing": 1.0}, "'label_smoothing' of 'Training' must be a number at least 0 and at most 0.9"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        Training(**settings)


def test_global_generators_and_the_number_of_threads_are_left_as_found():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate(), torch.get_num_threads()  # noqa: NPY002
    fitted()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert (random.getstate(), torch.get_num_threads()) == before[2:]


def test_the_model_is_fitted_in_place_and_handed_back_in_evaluation_mode():
    model, (pixels, labels) = classifier(), problem()
    digest = state_digest(model)
    assert train(model, pixels, labels, FAST, seed=0) is model
    assert not any(module.training for module in model.modules())
    assert state_digest(model) != digest


def test_a_separable_problem_is_learnt():
    model = fitted(count=256, training=Training(epochs=20, batch_size=32, learning_rate=0.02))
    pixels, labels = problem(1000)
    assert classifier().accuracy(pixels, labels) < 0.8
    assert model.accuracy(pixels[256:], labels[256:]) > 0.93


def test_soft_labels_teach_the_same_as_the_labels_that_they_stand_for():
    one_hot = nn.functional.one_hot(problem()[1], 2).float()
    hard, soft = fitted(), fitted(targets=one_hot)
    for name, weight in hard.state_dict().items():
        torch.testing.assert_close(weight, soft.state_dict()[name], atol=1e-4, rtol=1e-3)


def test_soft_labels_pull_probabilities_towards_themselves():
    pixels, _ = problem(64)
    model = fitted(
        targets=torch.tensor([0.7, 0.3]).expand(64, 2), count=64, training=Training(epochs=30, learning_rate=0.05)
    )
    torch.testing.assert_close(model.logits(pixels).softmax(1).mean(0), torch.tensor([0.7, 0.3]), atol=0.05, rtol=0)


@pytest.mark.parametrize("count", [9, 17, 2, 3])
def test_a_remainder_of_one_image_does_not_break_batch_normalisation(count):
    assert fitted(count=count).logits(problem()[0]).isfinite().all()


@pytest.mark.parametrize("steps", range(1, 12))
def test_any_number_of_steps_can_be_scheduled(steps):
    model = fitted(count=8, training=Training(epochs=steps, batch_size=8))
    assert state_digest(model) != state_digest(classifier())


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_are_refused(count):
    with pytest.raises(DataError, match=f"cannot be trained on {count} images; give it a larger share"):
        fitted(count=count)

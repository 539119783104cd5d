"""Models that are not made by gradient descent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

import fpframe
from fpframe.models.classifier import state_digest
from fpframe_plugins.backbones._forest import Forest
from fpframe_plugins.backbones._kernel_machine import KernelMachine
from fpframe_plugins.backbones._logistic import Logistic
from fpframe_plugins.backbones._neighbours import Neighbours
from fpframe_plugins.backbones._pixel_rows import rows_of, some_of
from fpframe_plugins.backbones.scikit_learn import ScikitLearn
from plugins.backbones.building import build

SHAPE = (1, 8, 8)
KINDS = ["extra-trees", "logistic-regression", "nearest-neighbours", "random-forest", "svm"]
every_kind = pytest.mark.parametrize("name", KINDS)


@pytest.fixture(scope="module")
def trained(digits):
    """Return a function that fits a kind of model to the digits, once each."""
    made: dict[tuple[str, int], fpframe.Classifier] = {}

    def fit(name: str, seed: int = 0) -> fpframe.Classifier:
        if (name, seed) not in made:
            model = build(ScikitLearn(), name)
            training = fpframe.Training()
            made[name, seed] = fpframe.train(model, digits.train.pixels, digits.train.labels, training, seed=seed)
        return made[name, seed]

    return fit


def test_the_kinds_are_named_and_each_has_one_for_every_number():
    assert ScikitLearn().names() == KINDS
    one, other, third = (build(ScikitLearn(), name).module for name in ("svm-1", "svm-2", "svm-1"))
    assert (one.cost, one.narrowness, one.images) == (third.cost, third.narrowness, third.images)
    assert (one.cost, one.narrowness, one.images) != (other.cost, other.narrowness, other.images)


@every_kind
def test_each_kind_learns_the_digits(trained, digits, name):
    assert trained(name).accuracy(digits.test.pixels, digits.test.labels) > 0.85


@every_kind
def test_a_stored_state_opens_again_by_the_same_address(trained, digits, tmp_path, name):
    model = trained(name)
    fpframe.save_weights(model, tmp_path / "weights.safetensors")
    again = fpframe.load_weights(build(ScikitLearn(), name), tmp_path / "weights.safetensors")
    assert again.address == f"sklearn:{name}"
    assert torch.equal(again.logits(digits.test.pixels), model.logits(digits.test.pixels))


@every_kind
def test_the_seed_decides_what_is_learned_and_a_second_time_gives_the_same(trained, digits, name):
    few = digits.train[:300]
    models = [
        fpframe.train(build(ScikitLearn(), name), few.pixels, few.labels, fpframe.Training(), seed=seed)
        for seed in (3, 3, 4)
    ]
    one, again, other = (state_digest(model.module) for model in models)
    assert one == again
    assert one != other


@every_kind
def test_each_kind_can_be_exported_for_any_number_of_images(trained, digits, name):
    model = trained(name)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(model, (torch.zeros(2, *SHAPE),), dynamic_shapes=({0: batch},))
    pixels = digits.test.pixels[:7]
    assert torch.allclose(program.module()(pixels), model.logits(pixels), atol=1e-5)


@every_kind
def test_a_class_that_no_image_has_is_never_the_answer_and_all_answers_are_finite(digits, name):
    known = (digits.train.labels != 3).nonzero().flatten()[:300]
    model = fpframe.train(
        build(ScikitLearn(), name), digits.train.pixels[known], digits.train.labels[known], fpframe.Training(), seed=0
    )
    logits = model.logits(digits.test.pixels)
    assert logits.isfinite().all()
    assert 3 not in logits.argmax(1).tolist()


@every_kind
@pytest.mark.parametrize("label", [[0], [0, 7]], ids=["one class", "two classes"])
def test_one_and_two_classes_can_be_learned(digits, name, label):
    known = torch.isin(digits.train.labels, torch.tensor(label)).nonzero().flatten()
    images = digits.train[known]
    model = fpframe.train(build(ScikitLearn(), name), images.pixels, images.labels, fpframe.Training(), seed=0)
    assert model.accuracy(images.pixels, images.labels) > 0.95


@every_kind
def test_large_images_are_averaged_down(name):
    model = build(ScikitLearn(), name, (3, 64, 40))
    pixels = torch.rand(20, 3, 64, 40)
    assert rows_of(pixels).shape == (20, 3 * 32 * 20)
    fpframe.train(model, pixels, torch.arange(20) % 10, fpframe.Training(), seed=0)
    assert model.logits(pixels).isfinite().all()


@pytest.mark.parametrize("extra", [False, True])
def test_a_forest_says_what_scikit_learns_says(digits, extra):
    module = Forest(10, extra=extra, trees=12, depth=6, leaves=40, images=900)
    module.fit(digits.train.pixels, digits.train.labels, seed=5)
    rows, labels = some_of(digits.train.pixels, digits.train.labels, 900, 5)
    kind = ExtraTreesClassifier if extra else RandomForestClassifier
    theirs = kind(n_estimators=12, max_depth=6, max_leaf_nodes=40, random_state=5).fit(rows.numpy(), labels.numpy())
    expected = theirs.predict_proba(rows_of(digits.test.pixels).numpy()).clip(1e-3)
    np.testing.assert_allclose(module(digits.test.pixels).exp().numpy(), expected, atol=1e-5)


def test_neighbours_say_what_scikit_learns_say(digits):
    module = Neighbours(10, SHAPE, nearest=3, images=800)
    module.fit(digits.train.pixels, digits.train.labels, seed=5)
    theirs = KNeighborsClassifier(3).fit(module.known.numpy() / 255.0, module.labels.numpy())
    expected = theirs.predict_proba(rows_of(digits.test.pixels).numpy()).clip(1e-3)
    # where neighbours are equally far, either is right
    alike = np.isclose(module(digits.test.pixels).exp().numpy(), expected, atol=1e-5).all(1)
    assert alike.mean() > 0.98


def test_a_machine_says_what_scikit_learns_say(digits):
    module = KernelMachine(10, SHAPE, cost=3.0, narrowness=1.0, images=700)
    module.fit(digits.train.pixels, digits.train.labels, seed=5)
    rows, labels = some_of(digits.train.pixels, digits.train.labels, 700, 5)
    asked = rows_of(digits.test.pixels).numpy()
    for label in (0, 7):
        theirs = SVC(C=3.0, gamma=float(module.gamma)).fit(rows.numpy(), labels.numpy() == label)
        margins = module(digits.test.pixels)[:, label].numpy() / 4
        np.testing.assert_allclose(margins, theirs.decision_function(asked), atol=2e-3)


def test_a_regression_says_what_scikit_learns_says(digits):
    module = Logistic(10, SHAPE, cost=0.1, images=600)
    module.fit(digits.train.pixels, digits.train.labels, seed=5)
    rows, labels = some_of(digits.train.pixels, digits.train.labels, 600, 5)
    theirs = LogisticRegression(C=0.1).fit(rows.numpy(), labels.numpy())
    expected = theirs.predict_proba(rows_of(digits.test.pixels).numpy())
    np.testing.assert_allclose(module(digits.test.pixels).softmax(1).numpy(), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("svn", r"no architecture 'svn' \(sklearn:svn\); did you mean 'svm'"),
        ("svm-", "no architecture 'svm-'"),
        ("svm-01", "no architecture 'svm-01'"),
        ("7", "no architecture '7'"),
    ],
)
def test_an_unknown_kind_is_refused(name, message):
    with pytest.raises(fpframe.UsageError, match=message):
        build(ScikitLearn(), name)


def test_there_is_no_trained_model():
    with pytest.raises(fpframe.UsageError, match=r"'sklearn:svm' has no trained model; fit one with fpframe\.train"):
        ScikitLearn().build("svm", num_classes=10, image_shape=SHAPE, pretrained=True, seed=0)

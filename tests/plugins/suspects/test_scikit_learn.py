"""Classifiers of scikit-learn in memory."""

import functools

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from fpframe import ModelError, Registry
from fpframe.opening import open_suspect
from fpframe_plugins.suspects import scikit_learn
from plugins.suspects.one_network import assert_refused

K, SHAPE, SIZE = 3, (1, 4, 4), 16
NAMES = ("ant", "bee", "cat")


def pixels(count=30, shape=SHAPE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))


def rows(images):
    return images.flatten(1).numpy()


def labels(count=30):
    return np.arange(count) % K


class OfImages(ClassifierMixin, BaseEstimator):
    """A classifier that takes images alone, as a network in the dress of scikit-learn does."""

    def fit(self, images, classes):
        self.classes_ = np.unique(classes)
        return self

    def predict_proba(self, images):
        if images.ndim != 4:
            raise ValueError("images have four dimensions")
        scores = images.sum((1, 2)) @ np.ones((images.shape[3], 3)) * [1.0, 0.5, 0.2]
        return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)


@pytest.fixture
def opened():
    return functools.partial(
        open_suspect, registry=Registry([scikit_learn]), num_classes=K, image_shape=SHAPE, classes=NAMES
    )


FITTED = {
    "regression": lambda: LogisticRegression().fit(rows(pixels()), labels()),
    "forest": lambda: RandomForestClassifier(5, random_state=0).fit(rows(pixels()), labels()),
    "neighbours": lambda: KNeighborsClassifier(3).fit(rows(pixels()), labels()),
    "pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(rows(pixels()), labels()),
}


@pytest.mark.parametrize("kind", FITTED)
def test_a_classifier_answers_with_its_probabilities(opened, kind):
    suspect = FITTED[kind]()
    query = opened(suspect)
    assert query.spent == 0
    assert query.outputs == "probs"
    np.testing.assert_allclose(query(pixels(7)), suspect.predict_proba(rows(pixels(7))), atol=1e-6)


def test_a_pipeline_that_flattens_images_itself_gets_images(opened):
    flatten = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    suspect = make_pipeline(flatten, LogisticRegression()).fit(pixels().numpy(), labels())
    np.testing.assert_allclose(opened(suspect)(pixels(5)), suspect.predict_proba(pixels(5).numpy()), atol=1e-6)


def test_a_classifier_of_images_gets_images_and_one_of_rows_gets_rows(opened):
    assert opened(OfImages().fit(pixels().numpy(), labels()))(pixels(2)).shape == (2, K)
    rest = make_pipeline(FunctionTransformer(), KNeighborsClassifier(3)).fit(rows(pixels()), labels())
    np.testing.assert_allclose(opened(rest)(pixels(5)), rest.predict_proba(rows(pixels(5))), atol=1e-6)


def test_a_decision_function_is_read_as_logits(opened):
    suspect = LinearSVC().fit(rows(pixels()), labels())
    query = opened(suspect)
    expected = torch.softmax(torch.tensor(suspect.decision_function(rows(pixels(5)))), 1)
    np.testing.assert_allclose(query(pixels(5)), expected, atol=1e-6)
    assert "decision function" in query.notes[0].text


def test_labels_are_asked_for_where_labels_are_wanted(opened):
    suspect = LogisticRegression().fit(rows(pixels()), labels())
    query = opened(suspect, outputs="labels")
    assert query(pixels(6)).argmax(1).tolist() == suspect.predict(rows(pixels(6))).tolist()


@pytest.mark.parametrize("outputs", ["auto", "labels"])
def test_names_of_classes_are_told_in_the_order_of_the_classifier(opened, outputs):
    named = np.array(["cat", "ant", "bee"])[labels()]
    query = opened(LogisticRegression().fit(rows(pixels()), named), outputs=outputs)
    assert query.class_names == ("ant", "bee", "cat")
    assert query(pixels(4)).shape == (4, K)


def test_a_class_that_was_never_shown_gets_nothing(opened):
    suspect = LogisticRegression().fit(rows(pixels()), labels() // 2 * 2)
    answers = opened(suspect)(pixels(4))
    assert answers[:, 1].tolist() == [0] * 4
    np.testing.assert_allclose(answers[:, [0, 2]], suspect.predict_proba(rows(pixels(4))), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogisticRegression(), "the LogisticRegression has no 'classes_'"),
        (lambda: StandardScaler().fit(rows(pixels())), "the StandardScaler has no 'classes_'"),
        (lambda: LogisticRegression().fit(rows(pixels())[:, :9], labels()), "takes rows of 9 numbers where an image"),
        (
            lambda: KNeighborsClassifier(3).fit(rows(pixels()), np.stack([labels(), labels()], 1)),
            "answers several questions at once",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(opened, make, message):
    assert_refused(ModelError, message, opened, make())


def test_colour_rows_come_channel_by_channel_and_a_note_says_so():
    shape = (3, 4, 4)
    suspect = LogisticRegression().fit(rows(pixels(shape=shape)), labels())
    query = open_suspect(suspect, registry=Registry([scikit_learn]), num_classes=K, image_shape=shape)
    np.testing.assert_allclose(query(pixels(5, shape)), suspect.predict_proba(rows(pixels(5, shape))), atol=1e-6)
    assert "one channel after the other" in query.notes[0].text

"""`scikit-learn`: classifiers and pipelines in memory, and those of libraries that follow its rules."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
from torch import Tensor

import fpframe
from fpframe.opening import function_query, with_own_classes

#: The methods of a classifier that say more than a label, the most telling first, and what they answer with.
_TELLING = (("predict_proba", "probs"), ("decision_function", "logits"))


@attrs.frozen(kw_only=True)
class ScikitLearn(fpframe.SuspectSource):
    """Take fitted classifiers and pipelines, and ask for probabilities where they tell any.

    Otherwise they are asked for the values of their decision function, which are read as logits, or for labels. One
    that was fitted on rows of numbers gets each image as a row, channels first; any other one gets images
    ``(N, C, H, W)``, or rows where it does not take these. Pixels are from 0 to 1.
    """

    name: ClassVar[str] = "scikit-learn"
    objects: ClassVar[tuple[str, ...]] = ("sklearn.BaseEstimator",)

    def adapt(self, suspect: Any, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a classifier.

        Raises:
            ModelError: it is not fitted, is no classifier, or was fitted on rows of another length.
        """
        numbers, named = _classes(suspect, request)
        request, names = with_own_classes(request, named)
        method, outputs = _method(suspect, request)
        ask = _asking(suspect, method, _as_rows(suspect, request))

        def answers(pixels: Tensor) -> Any:
            told = np.asarray(ask(pixels.cpu().numpy()))
            if method == "predict":
                return numbers[np.searchsorted(suspect.classes_, told)]
            if told.ndim != 2 or named or numbers[-1] != request.num_classes - 1:
                return told
            whole = np.zeros((len(told), request.num_classes))  # classes that it was never shown get nothing
            whole[:, numbers] = told
            return whole

        query = function_query(answers, attrs.evolve(request, outputs=outputs))  # type: ignore[arg-type]
        query.class_names = names
        query.notes = _notes(suspect, request, method)
        return query

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return a logistic regression with the weights of a model."""
        from sklearn.linear_model import LogisticRegression

        weight = model.module[-1].weight.detach().double().numpy()  # type: ignore[index]  # what it ends in
        suspect = LogisticRegression()
        suspect.coef_, suspect.intercept_ = weight, np.zeros(len(weight))
        suspect.classes_, suspect.n_features_in_ = np.arange(len(weight)), weight.shape[1]
        request = fpframe.SuspectRequest(
            address="LogisticRegression", num_classes=model.num_classes, image_shape=model.image_shape
        )
        return fpframe.SuspectExample(request=request, suspect=suspect)


def _classes(suspect: Any, request: fpframe.SuspectRequest) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the numbers of a classifier's classes in its order, and their names where it goes by names."""
    classes = getattr(suspect, "classes_", None)
    if classes is None:
        raise fpframe.ModelError(
            f"the {type(suspect).__name__} has no 'classes_' ({request.address}): it is not fitted, or no classifier; "
            "fit it, or give a function from pixels to answers"
        )
    classes = np.asarray(classes)
    if classes.ndim != 1:
        raise fpframe.ModelError(
            f"the {type(suspect).__name__} answers several questions at once ({request.address}); give a function from "
            "pixels to the answers to one"
        )
    order = np.arange(len(classes))
    if classes.dtype.kind in "iuf":
        if bool((classes == classes.round()).all()) and classes.min() >= 0 and classes.max() == request.num_classes - 1:
            return classes.astype(int), ()
        if np.array_equal(classes, order):
            return order, ()
    return order, tuple(str(name) for name in classes)


def _method(suspect: Any, request: fpframe.SuspectRequest) -> tuple[str, str]:
    """Return the method to ask, and as what its answers are read."""
    for method, outputs in _TELLING:
        if request.outputs != "labels" and hasattr(suspect, method):
            return method, outputs if request.outputs == "auto" else request.outputs
    return "predict", "labels"


def _as_rows(suspect: Any, request: fpframe.SuspectRequest) -> bool | None:
    """Tell whether a classifier takes rows of numbers, or images; ``None`` where it does not say.

    What was fitted on images says how long their second axis was.
    """
    length, shape = getattr(suspect, "n_features_in_", None), request.prepared_shape
    if length in (None, math.prod(shape)):
        return None if length is None else True
    if length == (shape[1] if request.preparation.layout == "nhwc" else shape[0]):
        return False
    raise fpframe.ModelError(
        f"the {type(suspect).__name__} takes rows of {length} numbers where an image has {math.prod(shape)} "
        f"({request.address}); both must take the same images"
    )


def _asking(suspect: Any, method: str, rows: bool | None) -> Callable[[np.ndarray], Any]:
    """Return a function from images ``(N, C, H, W)`` to answers, which finds out what a classifier takes."""
    taken = rows

    def call(images: np.ndarray) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that columns have no names
            return getattr(suspect, method)(images)

    def ask(images: np.ndarray) -> Any:
        nonlocal taken
        flat = images.reshape(len(images), -1)
        if taken is not None:
            return call(flat if taken else images)
        try:
            answers, taken = call(images), False
        except Exception as error:
            try:
                answers, taken = call(flat), True
            except Exception:
                raise error from None
        return answers

    return ask


def _notes(suspect: Any, request: fpframe.SuspectRequest, method: str) -> list[str]:
    notes = []
    several, last = request.prepared_shape[0] > 1, request.preparation.layout == "nhwc"
    if several and not last and hasattr(suspect, "n_features_in_"):
        notes.append(
            "The suspect takes rows of numbers, and got each image with one channel after the other; if its rows have "
            "the channels of each pixel side by side, say --input 'layout=nhwc'."
        )
    if method == "decision_function":
        notes.append("The values of the suspect's decision function were read as logits.")
    return notes


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [ScikitLearn]

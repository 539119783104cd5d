"""What needs a library passes the conformance kit with the library; elsewhere the kit skips it."""

from __future__ import annotations

import warnings

from fpframe.testing import parametrize_with_checks
from fpframe_plugins.datasets.hugging_face import HuggingFaceDataset
from fpframe_plugins.suspects.art import ArtClassifier
from fpframe_plugins.suspects.hugging_face import HuggingFaceModel
from fpframe_plugins.suspects.keras import KerasModel
from fpframe_plugins.suspects.mlflow import MlflowRegistry


@parametrize_with_checks([ArtClassifier(), HuggingFaceDataset(), HuggingFaceModel(), KerasModel(), MlflowRegistry()])
def test_it_keeps_its_promises(check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries
        check()

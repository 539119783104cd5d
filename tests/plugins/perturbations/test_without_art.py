"""Perturbations by the code of ART say what to install where ART is missing."""

from __future__ import annotations

import sys

import pytest

import fpframe
from fpframe.testing.bench import Bench


@pytest.mark.parametrize("name", ["art-deepfool", "art-uap"])
def test_a_missing_library_is_named_with_what_installs_it(name, registry, monkeypatch):
    for module in [module for module in sys.modules if module.partition(".")[0] == "art"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "art", None)
    model, few = Bench().untrained(), Bench().images(4)
    message = rf"^the Adversarial Robustness Toolbox is not installed \({name}\); pip install 'fpframe\[art\]'$"
    with pytest.raises(fpframe.UsageError, match=message):
        registry.create("perturbation", name)(model, few.pixels, few.labels, seed=0)

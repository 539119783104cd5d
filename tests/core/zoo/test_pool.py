"""Images of one's own that queries are drawn from."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from PIL import Image

import fpframe
from fpframe import DataError, Dataset, Recipe, Run
from fpframe.zoo import open_workspace
from fpframe.zoo.pool import open_own_pool

CLASSES = ("cat", "dog")


def images(count, seed, side=9):
    source = torch.Generator().manual_seed(seed)
    pictures = torch.randint(0, 256, (count, 1, side, side), dtype=torch.uint8, generator=source)
    return pictures, torch.arange(count) % 2


def data(*, classes=CLASSES, count=40):
    return Dataset.from_arrays(images(60, 0), images(count, 1), classes=classes, address="arrays")


def write(folder, pictures, labels, names=CLASSES):
    """Write pictures as a folder for each class."""
    for number, (picture, label) in enumerate(zip(pictures, labels.tolist(), strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(picture[0])).save(place / f"{number:03d}.png")
    return f"folder:{folder}"


@pytest.fixture
def run(tmp_path):
    return Run(store=tmp_path / "store")


def recipe(pool):
    return Recipe(name="pooled", pool=pool)


def as_set(part):
    return {picture.numpy().tobytes() for picture in part.images}


def test_without_a_pool_of_its_own_everything_stays_as_it_was(run):
    given = data()
    assert open_own_pool(recipe(""), given, run) == (given, None)


def test_the_pool_test_is_half_of_the_test_images_and_accuracy_is_measured_on_the_others(run):
    given = data()
    workspace = open_workspace(recipe("test"), given, run)
    pool, rest = workspace.parts.pool, workspace.dataset.test
    assert (len(pool), len(rest)) == (20, 20)
    assert as_set(pool) | as_set(rest) == as_set(given.test)
    assert not as_set(pool) & as_set(rest)
    assert len(workspace.parts.victim) + len(workspace.parts.thief) == len(given.train)
    again = open_workspace(recipe("test"), given, run)
    assert again.parts.pool.digest == pool.digest
    other = open_workspace(attrs.evolve(recipe("test"), seed=1), given, run)
    assert other.parts.pool.digest != pool.digest


def test_a_named_pool_is_all_that_it_holds_in_the_numbering_of_the_data(run, tmp_path):
    pictures, labels = images(20, 2)
    address = write(tmp_path / "own", pictures, labels)
    given = data(classes=("dog", "cat"))
    workspace = open_workspace(recipe(address), given, run)
    pool = workspace.parts.pool
    wanted = {picture.numpy().tobytes(): 1 - label for picture, label in zip(pictures, labels.tolist(), strict=True)}
    found = {picture.numpy().tobytes(): label for picture, label in zip(pool.images, pool.labels.tolist(), strict=True)}
    assert found == wanted
    assert workspace.dataset.test.digest == given.test.digest
    assert len(workspace.parts.victim) + len(workspace.parts.thief) == len(given.train)


def test_with_victim_indices_all_other_images_are_the_thiefs(run, tmp_path):
    address = write(tmp_path / "own", *images(20, 2))
    workspace = open_workspace(recipe(address), data(), run, victim_indices=np.arange(25))
    assert (len(workspace.parts.victim), len(workspace.parts.thief), len(workspace.parts.pool)) == (25, 35, 20)


def test_images_of_other_classes_or_another_size_are_no_pool(run, tmp_path):
    address = write(tmp_path / "birds", *images(20, 2), names=("cat", "owl"))
    with pytest.raises(DataError, match=r"the pool has cat, owl for classes where the data have cat, dog \(folder:"):
        open_own_pool(recipe(address), data(), run)
    address = write(tmp_path / "large", *images(20, 2, side=12))
    with pytest.raises(DataError, match=r"have shape \(1, 12, 12\) where those of the data have \(1, 9, 9\)"):
        open_own_pool(recipe(address), data(), run)


@pytest.mark.parametrize("part", ["training", "test"])
def test_images_that_models_are_trained_or_measured_on_are_no_pool(run, tmp_path, part):
    given = data()
    known = {"training": given.train, "test": given.test}[part]
    pictures, labels = images(20, 2)
    pictures[:3], labels[:3] = known.images[:3], known.labels[:3]
    address = write(tmp_path / "own", pictures, labels)
    with pytest.raises(DataError, match=f"3 of 20 images of the pool are {part} images of the data .*take them out"):
        open_own_pool(recipe(address), given, run)


def test_a_handful_of_test_images_is_no_pool(run):
    with pytest.raises(DataError, match=r"3 test images are too few .* \(arrays\); name another pool"):
        open_own_pool(recipe("test"), data(count=3), run)


def test_a_recipe_without_a_pool_is_written_as_before_and_one_with_a_pool_says_it():
    plain = Recipe.load("tiny")
    assert "pool =" not in plain.to_toml().partition("[")[0]
    named = attrs.evolve(plain, pool="folder:own")
    assert Recipe.parse(named.to_toml()) == named


def test_an_enrolment_with_a_pool_of_its_own_asks_these_images_and_is_calibrated_again(tmp_path, digits):
    small = attrs.evolve(digits, train=digits.train[:1000])
    full = Recipe.load("tiny")
    groups = tuple(
        attrs.evolve(group, fit=2, calibrate=9, test=0) for group in full.independent if group.stratum == "same-data"
    )
    thieves = tuple(attrs.evolve(group, fit=2, test=0) for group in full.derived if group.attack == "finetune(all)")
    tried = attrs.evolve(full, independent=groups, derived=thieves, channels=("probs",))
    run = Run(store=tmp_path / "store")
    enrolment = fpframe.enroll(None, small, recipe=Recipe.of(tried, pool="test"), scheme="residual", run=run)
    assert enrolment.recipe.pool == "test"
    path = tmp_path / "enrolment"
    enrolment.save(path)
    assert 'pool = "test"' in Path(path / "recipe.toml").read_text()
    pool = open_workspace(attrs.evolve(tried, pool="test"), small, run).parts.pool
    assert enrolment.victim["pool"] == pool.digest
    asked = {picture.numpy().tobytes() for picture in enrolment.queries.images.flatten(0, 1)}
    assert asked <= as_set(pool)
    again = fpframe.calibrate(path, dataset=small, run=run)
    assert again.digest == enrolment.digest

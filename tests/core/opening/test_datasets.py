"""Images of another data set as a thief's queries: whatever they were, they come as the victim's images do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fpframe import DataError, FpframeError, PluginError
from fpframe.opening.datasets import open_dataset, open_pool


@pytest.fixture
def pictures(tmp_path):
    """Write a data set of one picture again and again, and return its address and the folder that it lies in."""

    def write(pixels: np.ndarray) -> str:
        for part in ("train", "test"):
            for name in ("a", "b"):
                folder = tmp_path / "pictures" / part / name
                folder.mkdir(parents=True, exist_ok=True)
                for index in range(3):
                    Image.fromarray(pixels).save(folder / f"{index}.png")
        return "folder:pictures"

    return write


def grey(size: int) -> np.ndarray:
    """Return a picture that is dark on the left and bright on the right."""
    return np.tile(np.linspace(0, 255, size).round().astype(np.uint8), (size, 1))


def opened(registry, address, tmp_path, shape):
    """Return a pool, which must be 8-bit images of the shape, as many as were written."""
    pool = open_pool(registry, address, tmp_path, shape)
    assert pool.images.dtype == torch.uint8
    assert tuple(pool.images.shape) == (6, *shape)
    assert torch.equal(pool.labels.bincount(), torch.tensor([3, 3])), "labels are those of their own classes"
    return pool.images


def test_images_of_the_victims_shape_come_unchanged(registry, pictures, tmp_path):
    picture = grey(8)
    images = opened(registry, pictures(picture), tmp_path, (1, 8, 8))
    assert torch.equal(images, torch.from_numpy(picture).expand(6, 1, 8, 8))


@pytest.mark.parametrize("side", [4, 16, 5])
def test_images_are_resized_and_stay_what_they_show(registry, pictures, tmp_path, side):
    images = opened(registry, pictures(grey(8)), tmp_path, (1, side, side)).float()
    assert (images.diff(dim=3) >= 0).all(), "still brighter from left to right"
    assert images.mean() == pytest.approx(grey(8).mean(), abs=2)
    assert images[..., -1].min() - images[..., 0].max() > 150


def test_a_side_may_be_shortened_alone(registry, pictures, tmp_path):
    images = opened(registry, pictures(grey(8)), tmp_path, (1, 4, 8))
    assert torch.equal(images, torch.from_numpy(grey(8)[:4]).expand(6, 1, 4, 8))


def test_resizing_averages_and_does_not_skip_pixels(registry, pictures, tmp_path):
    board = np.indices((8, 8)).sum(0) % 2 * 255
    images = opened(registry, pictures(board.astype(np.uint8)), tmp_path, (1, 2, 2))
    assert ((images.int() - 128).abs() <= 8).all()


def test_grey_images_are_asked_in_colour_with_three_equal_channels(registry, pictures, tmp_path):
    images = opened(registry, pictures(grey(8)), tmp_path, (3, 8, 8))
    for channel in range(3):
        assert torch.equal(images[:, channel], torch.from_numpy(grey(8)).expand(6, 8, 8))


def test_colour_images_are_asked_in_grey_as_the_mean_of_their_channels(registry, pictures, tmp_path):
    colour = np.zeros((8, 8, 3), dtype=np.uint8)
    colour[..., 0], colour[..., 1] = 90, 30
    images = opened(registry, pictures(colour), tmp_path, (1, 8, 8))
    assert (images == 40).all()


def test_channels_that_are_neither_grey_nor_colour_are_refused(registry, pictures, tmp_path):
    address = pictures(grey(8))
    with pytest.raises(DataError, match=r"1 channels cannot be asked of a model for 4 \(folder:pictures\); choose"):
        open_pool(registry, address, tmp_path, (4, 8, 8))


def test_a_pool_is_the_same_images_each_time(registry, pictures, tmp_path):
    address = pictures(grey(8))
    first, second = (open_pool(registry, address, tmp_path, (3, 6, 6)) for _ in range(2))
    assert first.digest == second.digest


def test_an_address_without_a_path_is_the_name_of_a_source(registry):
    assert len(open_dataset(registry, "digits", None).train) > 1000
    with pytest.raises(PluginError, match="did you mean 'digits'"):
        open_dataset(registry, "digit", None)


@pytest.mark.parametrize("address", ["folder:none", "folder:", "no-source:x"])
def test_a_pool_that_is_not_there_is_named_in_one_line(registry, tmp_path, address):
    with pytest.raises(FpframeError) as caught:
        open_pool(registry, address, tmp_path, (1, 8, 8))
    assert address.rstrip(":").partition(":")[0] in str(caught.value)
    assert "\n" not in str(caught.value)

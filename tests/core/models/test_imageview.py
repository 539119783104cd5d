"""Views of 8-bit images: parts and joins copy nothing, and batches are what the whole holds."""

import pickle

import numpy as np
import pytest
import torch

from fpframe import Dataset, Images, Training, build_backbone, train
from fpframe.models import (
    ImageView,
    Pixels,
    imageview,
    keep_images,
    scratch_images,
    some_pixels,
    state_digest,
    to_pixels,
)
from fpframe.store import Mapped, Store, mapping_into

WHOLE = torch.arange(7 * 12, dtype=torch.uint8).reshape(7, 3, 2, 2)


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """Return the images of `WHOLE` in a mapped file."""
    monkeypatch.setattr(imageview, "SMALL", 0)

    def fill(images):
        images[:] = WHOLE.numpy()
        return []

    with mapping_into(Store(tmp_path)):
        view, _ = keep_images("whole", tuple(WHOLE.shape), fill)
    assert isinstance(view.sources[0], Mapped)
    return view


@pytest.fixture(params=["memory", "file"])
def view(request, mapped):
    return ImageView((WHOLE,)) if request.param == "memory" else mapped


INDICES = [slice(2, 5), slice(None), slice(4, None), torch.tensor([6, 0, 0]), torch.arange(7) % 2 == 0]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_a_part_is_what_the_tensor_would_give(view, index):
    part = view.part(index)
    assert torch.equal(part.tensor(), WHOLE[index])
    assert (len(part), part.shape) == (len(WHOLE[index]), WHOLE[index].shape)
    assert torch.equal(part.part(slice(1, 3)).tensor(), WHOLE[index][1:3])


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_are_those_of_the_tensor(view, size):
    batches = view.part(torch.arange(6, -1, -1)).split(size)
    expected = WHOLE.flip(0).split(size)
    assert len(batches) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(batches, expected, strict=True))
    assert torch.equal(batches[-1], expected[-1])
    with pytest.raises(IndexError, match=str(len(expected))):
        batches[len(expected)]


def test_images_are_joined_in_order_whatever_they_lie_in(view):
    others = ImageView((255 - WHOLE,))
    joined = view.part(slice(0, 2)).joined(others, view.part(slice(5, 7)), others.part(torch.tensor([3])))
    expected = torch.cat([WHOLE[:2], 255 - WHOLE, WHOLE[5:], 255 - WHOLE[3:4]])
    assert torch.equal(joined.tensor(), expected)
    assert len(joined.sources) == 2
    again = others.joined(joined.part(slice(1, 11)))
    assert torch.equal(again.tensor(), torch.cat([255 - WHOLE, expected[1:11]]))
    assert torch.equal(torch.cat(list(joined.split(4))), expected)


def test_pickling_copies_no_mapped_images(mapped):
    part = mapped.part(slice(1, 4))
    assert part.tensor().any()
    content = pickle.dumps(part)
    assert WHOLE[1].numpy().tobytes() not in content
    assert torch.equal(pickle.loads(content).tensor(), WHOLE[1:4])


def test_pixels_have_the_bits_of_the_whole_tensor(view):
    every = torch.arange(256, dtype=torch.uint8).reshape(4, 1, 8, 8)
    assert torch.equal(torch.cat(list(Pixels.of(every).split(3))), to_pixels(every))
    pixels, whole = Pixels(view), to_pixels(WHOLE)
    order = torch.tensor([5, 1, 1, 6])
    assert torch.equal(pixels[order], whole[order])
    assert torch.equal(pixels.part(order)[1:], whole[order][1:])
    assert torch.equal(pixels.joined(pixels.part(order)).tensor(), torch.cat([whole, whole[order]]))
    assert (pixels.shape, pixels.ndim, pixels.dtype, pixels.device) == (whole.shape, 4, whole.dtype, whole.device)
    assert torch.equal(some_pixels(pixels, order).tensor(), some_pixels(whole, order))


def test_what_is_made_for_a_while_is_what_was_written(tmp_path, monkeypatch):
    def fill(images):
        images[:] = WHOLE.numpy()

    small = scratch_images(tuple(WHOLE.shape), fill)
    monkeypatch.setattr(imageview, "SMALL", 0)
    with mapping_into(Store(tmp_path)):
        large = scratch_images(tuple(WHOLE.shape), fill)
    assert isinstance(small.sources[0], torch.Tensor)
    assert isinstance(large.sources[0], Mapped)
    assert np.array_equal(small.tensor(), large.tensor())


def test_a_part_of_images_is_a_view_and_its_digest_is_that_of_a_copy(mapped):
    order = torch.tensor([4, 0, 6])
    labels = torch.arange(7)
    part, copy = Images(mapped, labels)[order], Images(WHOLE[order], labels[order])
    assert part.view.sources == mapped.sources
    assert part.digest == copy.digest
    assert torch.equal(part.images, copy.images)
    assert torch.equal(part.stream.tensor(), part.pixels)
    assert torch.equal(part.joined(copy).images, torch.cat([copy.images, copy.images]))


def test_a_data_set_of_mapped_images_copies_none_of_them(mapped):
    made = Dataset.from_arrays((mapped.part(slice(4)), [0, 1, 0, 1]), (mapped.part(slice(4, None)), [0, 1, 1]))
    assert made.train.view.sources == made.test.view.sources == mapped.sources
    assert len(pickle.dumps(made)) < 3000
    assert torch.equal(pickle.loads(pickle.dumps(made)).test.images, WHOLE[4:])


@pytest.mark.parametrize("augmentations", [(), ("flip", "shift")])
def test_a_model_learns_the_same_weights_from_a_stream(registry, augmentations):
    images = torch.randint(0, 256, (90, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels, training = torch.arange(90) % 3, Training(epochs=2, batch_size=32, augmentations=augmentations)
    digests = set()
    for pixels in (to_pixels(images), Pixels.of(images)):
        network = build_backbone(registry, "paper:arc-e", 3, (1, 8, 8), seed=0)
        digests.add(state_digest(train(network, pixels, labels, training, seed=1)))
        assert torch.equal(network.labels(pixels), network.logits(to_pixels(images)).argmax(1))
    assert len(digests) == 1

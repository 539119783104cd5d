"""Data sets: 8-bit images with labels that fit."""

import pickle

import numpy as np
import pytest
import torch

from fpframe import DataError, Dataset, Images, Note

GREY = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
LABELS = np.array([0, 1, 1, 0])


def dataset(images=GREY, labels=LABELS, test=None, **options):
    return Dataset.from_arrays((images, labels), test or (GREY, LABELS), **options)


def message(*args, **options):
    with pytest.raises(DataError) as caught:
        dataset(*args, address="here", **options)
    said = str(caught.value)
    assert "(here)" in said
    assert "\n" not in said
    return said


# --- what is read


def test_grey_images_get_a_channel_and_their_facts_are_known():
    made = dataset(classes=["cat", "dog"])
    assert made.train.images.shape == (4, 1, 3, 3)
    assert (made.image_shape, made.num_classes, made.classes, len(made.train)) == ((1, 3, 3), 2, ("cat", "dog"), 4)
    assert made.train.labels.dtype == torch.int64


def test_classes_are_counted_over_both_parts_where_none_are_named():
    assert dataset(test=(GREY, [0, 2, 1, 0])).classes == ("0", "1", "2")


def test_floats_are_rounded_to_the_nearest_of_256_levels():
    values = torch.tensor([0.0, 0.49 / 255, 0.51 / 255, 1.0]).reshape(4, 1, 1, 1)
    made = dataset(values, LABELS, test=(values, LABELS))
    assert made.train.images.flatten().tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_8_bit_images_survive_the_way_through_floats(dtype):
    every = torch.arange(256).reshape(2, 1, 8, 16)
    floats = (every / 255).to(dtype)
    made = dataset(floats, [0, 1], test=(floats, [0, 1]))
    assert torch.equal(made.train.images, every.to(torch.uint8))


def test_pixels_are_the_images_over_255_and_are_computed_once():
    images = dataset().train
    assert torch.equal(images.pixels, images.images.float() / 255)
    assert images.pixels is images.pixels


def test_a_part_is_taken_by_slice_or_indices():
    images = dataset().train
    assert images[1:3].labels.tolist() == [1, 1]
    chosen = images[torch.tensor([3, 0])]
    assert torch.equal(chosen.images, images.images[[3, 0]])
    assert chosen.labels.tolist() == [0, 0]


def test_tensors_arrays_and_lists_mean_the_same():
    arrays, tensors, lists = dataset(), dataset(torch.from_numpy(GREY)), dataset(labels=LABELS.tolist())
    assert arrays.digest == tensors.digest == lists.digest


# --- what is refused


@pytest.mark.parametrize(
    ("low", "high", "found"), [(0.0, 1.01, "[0, 1.01]"), (-0.5, 0.5, "[-0.5, 0.5]"), (0.0, np.nan, "[nan, nan]")]
)
def test_floats_outside_zero_to_one_are_refused_with_their_range(low, high, found):
    images = np.full((4, 3, 3), low)
    images[2, 1, 1] = high
    assert f"float images must lie in [0, 1], found {found}" in message(images)


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (GREY[:0], LABELS[:0], "the train part has no images"),
        (GREY.astype(np.int64), LABELS, "train images must be uint8 (N, C, H, W), got int64 (4, 1, 3, 3) from 0 to 35"),
        (GREY[:, 0], LABELS, "train images must be uint8 (N, C, H, W), got uint8 (4, 3) (here); reshape"),
        (GREY, LABELS[:3], "4 train images but labels of shape (3,)"),
        (GREY, LABELS[:, None], "4 train images but labels of shape (4, 1)"),
        (GREY, [0.0, 0.5, 1.0, 1.0], "labels must be whole numbers"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(images, labels, said):
    assert said in message(images, labels)


@pytest.mark.parametrize("labels", [[0, 1, 2, 0], [-1, 0, 1, 1]])
def test_labels_outside_the_classes_are_refused(labels):
    assert "train labels must lie in 0..1" in message(labels=labels, classes=["a", "b"])
    assert "test labels must lie in 0..1" in message(test=(GREY, labels), classes=["a", "b"])


def test_whole_numbers_will_do_as_labels_whatever_their_type():
    assert dataset(labels=LABELS.astype(np.float64)).digest == dataset(labels=LABELS.astype(np.int8)).digest


def test_data_of_one_class_is_refused():
    assert "the data has 1 class" in message(labels=[0] * 4, test=(GREY, [0] * 4))
    assert "all train images have the same label" in message(labels=[1] * 4)


def test_a_test_part_without_images_is_refused():
    assert "the test part has no images" in message(test=(GREY[:0], LABELS[:0]))


def test_parts_of_different_shapes_are_refused():
    assert "train images have shape (1, 3, 3) but test images (1, 3, 2)" in message(test=(GREY[:, :, :2], LABELS))


# --- in the victim's order


def test_classes_in_another_order_keep_their_images():
    made = dataset(classes=["cat", "dog"], notes=[Note("class-order", "As text."), Note("acme", "Warm.")])
    turned = made.in_order(["dog", "cat"])
    assert turned.classes == ("dog", "cat")
    assert turned.train.labels.tolist() == [1, 0, 0, 1]
    assert torch.equal(turned.test.images, made.test.images)
    assert turned.notes == (Note("acme", "Warm."),)
    assert turned.in_order(["cat", "dog"]).digest == made.digest != turned.digest


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (["dog", "cow"], "the data has no class 'cow'"),
        (["dog"], "the order of classes lacks 'cat'"),
        (["cat", "dog", "dog"], "'classes' holds 'dog' twice"),
        ("catdog", "'classes' is a str"),
    ],
)
def test_an_order_of_other_classes_is_refused(order, said):
    with pytest.raises(DataError, match=said):
        dataset(classes=["cat", "dog"]).in_order(order)


# --- identity


def test_pickling_drops_cached_pixels_and_keeps_the_content():
    images = dataset().train
    assert images.pixels is not None
    assert images.digest
    copy = pickle.loads(pickle.dumps(images))
    assert vars(copy).keys() == {"view", "labels"}
    assert (copy.digest, torch.equal(copy.pixels, images.pixels)) == (images.digest, True)


def test_the_digest_changes_with_one_pixel_one_label_and_the_shape():
    images = dataset().train
    pixel, label = images.images.clone(), images.labels.clone()
    pixel[3, 0, 2, 2] += 1
    label[3] = 1
    digests = {
        images.digest,
        Images(pixel, images.labels).digest,
        Images(images.images, label).digest,
        Images(images.images.reshape(4, 1, 9, 1), images.labels).digest,
    }
    assert len(digests) == 4
    assert Images(images.images.clone(), images.labels.clone()).digest == images.digest


def test_the_digest_of_a_data_set_tells_training_from_test_images():
    other = (GREY[::-1].copy(), LABELS)
    one, two = dataset(test=other), Dataset.from_arrays(other, (GREY, LABELS))
    assert one.digest != two.digest
    assert one.digest == dataset(test=other).digest

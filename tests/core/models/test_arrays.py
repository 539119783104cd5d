"""Arrays as people have them: read as what they are, or refused in one line that says what to do."""

import numpy as np
import pytest
import torch
from PIL import Image

from fpframe import DataError, Dataset

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (8, 1, 6, 6)).astype(np.uint8)
LABELS = np.arange(8) % 4


def opened(images=GREY, labels=LABELS, **options):
    return Dataset.from_arrays((images, labels), (images, labels), **{"address": "here", **options})


def ragged():
    return [*GREY[:7], GREY[7][:, :5]]


def palette():
    return [Image.fromarray(image[0]).convert("P", palette=Image.Palette.ADAPTIVE) for image in GREY]


class Broken:
    def __array__(self, *_args, **_options):
        raise RuntimeError("no\nvalues")


#: Kind of images, what they are, and what is said of them.
REFUSED = {
    "channels last, colour": (RNG.integers(0, 256, (8, 6, 6, 3), np.uint8), r"channels last .*transpose\(0, 3, 1, 2\)"),
    "channels last, grey": (GREY.transpose(0, 2, 3, 1), "channels last"),
    "channels last, with alpha": (torch.zeros(8, 6, 6, 4), "channels last"),
    "flat": (GREY.reshape(8, 36), r"got uint8 \(8, 36\) .*reshape"),
    "of five axes": (GREY[None], "reshape"),
    "one number": (3, "reshape"),
    "floats from 0 to 255": (GREY.astype(float), r"found \[0, 25\d\] .*divide by 255"),
    "normalised floats": (GREY / 255 - 0.5, "divide by 255, and leave normalisation"),
    "NaN": (np.full(GREY.shape, np.nan), "replace what is not a finite number"),
    "infinite": (np.full(GREY.shape, np.inf), "replace what is not a finite number"),
    "int64": (GREY.astype(np.int64), r"got int64 .*write images.astype\('uint8'\)"),
    "int64 beyond 255": (GREY.astype(np.int64) * 257, r"from 0 to 6\d+ .*scale them to the range from 0 to 255"),
    "uint16 tensor": (torch.from_numpy(GREY.astype(np.uint16)), "got uint16"),
    "negative": (GREY.astype(np.int16) - 128, "leave normalisation"),
    "bool": (GREY > 127, r"write \(255 \* images\)"),
    "complex": (GREY.astype(complex), "are complex numbers"),
    "texts": (np.full(GREY.shape, "x"), "are texts"),
    "dates": (np.zeros(GREY.shape, "datetime64[s]"), "are dates"),
    "objects": (np.full(GREY.shape, None), "are objects"),
    "ragged": (ragged(), "cannot be read as one array"),
    "ragged objects": (np.array([*ragged(), None], dtype=object)[:8], "cannot be read as one array"),
    "tensors of different sizes": ([torch.zeros(1, 6, 6), torch.zeros(1, 5, 6)], "cannot be read as one array"),
    "masked": (np.ma.masked_equal(GREY, GREY[0, 0, 0, 0]), "some values are masked"),
    "sparse": (torch.from_numpy(GREY).to_sparse(), "cannot be read as one array"),
    "palette": (palette(), r"colours in a palette; write image.convert"),
    "broken": (Broken(), r"cannot be read as one array: no \(here\)"),
    "nothing": (None, "are objects"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_images_of_this_kind_are_refused(kind):
    images, said = REFUSED[kind]
    with pytest.raises(DataError, match=rf"^train .*{said}") as caught:
        opened(images)
    assert "\n" not in str(caught.value)
    assert "(here); " in str(caught.value)


#: Kind of labels, what they are, and what is said of them.
REFUSED_LABELS = {
    "one-hot": (np.eye(4)[LABELS], r"labels have the shape \(8, 4\) .*labels.argmax\(1\)"),
    "one column": (LABELS[:, None], r"labels of shape \(8, 1\) .*labels.reshape\(-1\)"),
    "too few": (LABELS[:7], r"8 train images but labels of shape \(7,\)"),
    "one for all": (1, "labels begin at 1|labels of shape"),
    "names": (np.array(["a", "b", "c", "d"])[LABELS], "labels are texts .*index of each image's class"),
    "a list of names": (["a", "b"] * 4, "labels are texts"),
    "missing": ([None] * 8, "labels are objects"),
    "fractions": (LABELS / 2, "whole numbers"),
    "NaN": (np.where(LABELS == 3, np.nan, LABELS), "whole numbers"),
    "infinite": (np.where(LABELS == 3, np.inf, LABELS), "labels reach inf"),
    "complex": (LABELS.astype(complex), "complex numbers"),
    "from 1": (LABELS + 1, "labels begin at 1 .*subtract 1"),
    "with large gaps": (LABELS * 1000, "labels reach 3000 where there are 16 images"),
    "huge": (LABELS.astype(np.uint64) * 2**62, "labels reach"),
    "negative": (LABELS - 1, r"train labels must lie in 0..2 .*found -1 to 2; the first class has the label 0"),
}


@pytest.mark.parametrize("kind", REFUSED_LABELS)
def test_labels_of_this_kind_are_refused(kind):
    labels, said = REFUSED_LABELS[kind]
    with pytest.raises(DataError, match=said) as caught:
        opened(labels=labels)
    assert "\n" not in str(caught.value)
    assert "(here)" in str(caught.value)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ("abcd", "'classes' is a str"),
        (4, "'classes' is a int"),
        ([0, 1, 2, 3], "'classes' holds 0"),
        (["a", "b", "c", ""], "'classes' holds ''"),
        (["a", "b", "c", "a"], "'classes' holds 'a' twice"),
        (["a", "b"], r"labels must lie in 0..1 \(here\), found 0 to 3"),
    ],
)
def test_class_names_that_are_none_are_refused(classes, said):
    with pytest.raises(DataError, match=said):
        opened(classes=classes)


def test_labels_from_1_are_refused_where_the_classes_are_named_too():
    with pytest.raises(DataError, match=r"found 1 to 4; the first class has the label 0"):
        opened(labels=LABELS + 1, classes=["a", "b", "c", "d"])


@pytest.mark.parametrize("part", [GREY, (GREY,), (GREY, LABELS, LABELS), None], ids=["array", "one", "three", "none"])
def test_a_part_that_is_no_pair_is_refused(part):
    with pytest.raises(DataError, match=r"the train part is a .*give a pair \(images, labels\)"):
        Dataset.from_arrays(part, (GREY, LABELS))


#: Kinds of images and labels that are read.
READ = {
    "tensors": (torch.from_numpy(GREY), torch.from_numpy(LABELS)),
    "tensors with gradients": (torch.tensor(GREY / 255, requires_grad=True), LABELS),
    "bfloat16": (torch.tensor(GREY / 255).round().bfloat16(), LABELS),
    "big-endian floats": ((GREY / 255).astype(">f4"), LABELS.astype(">i4")),
    "not contiguous": (GREY[:, :, ::-1].copy()[:, :, ::-1], LABELS[::-1][::-1]),
    "without channels": (GREY[:, 0], LABELS),
    "lists": (list(GREY), LABELS.tolist()),
    "list of tensors": (list(torch.from_numpy(GREY)), LABELS),
    "grey images of Pillow": ([Image.fromarray(image[0]) for image in GREY], LABELS),
    "objects that are numbers": (GREY, np.array(LABELS.tolist(), dtype=object)),
    "labels as floats": (GREY, LABELS.astype(float)),
    "labels as truth": (GREY, LABELS > 1),
    "small images with four rows": (GREY[:, :, :4, :4].repeat(3, 1), LABELS),
}


@pytest.mark.parametrize("kind", READ)
def test_arrays_of_this_kind_are_read(kind):
    images, labels = READ[kind]
    made = opened(images, labels)
    assert made.train.images.dtype == torch.uint8
    if made.image_shape == (1, 6, 6) and kind != "bfloat16":
        assert torch.equal(made.train.images, torch.from_numpy(GREY))
    assert made.train.labels.tolist() == [int(label) for label in labels]

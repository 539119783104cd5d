"""Preparation as a value: its text, what is refused, what it does to pixels, and what settings of libraries say."""

import attrs
import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image

from fpframe import ModelError, Preparation, UsageError
from fpframe.models import Classifier, Resize

EDGES = st.one_of(st.tuples(st.integers(1, 999)), st.tuples(st.integers(1, 999), st.integers(1, 999)))
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
POSITIVE = st.floats(1e-6, 1e6)
RESIZES = st.one_of(
    st.builds(Resize, EDGES, st.sampled_from(["bilinear", "bicubic"]), st.booleans()),
    st.builds(Resize, EDGES, st.just("nearest")),
)
PREPARATIONS = st.builds(
    Preparation,
    channels=st.sampled_from(["", "rgb", "bgr", "grey"]),
    resize=st.none() | RESIZES,
    crop=st.none() | st.floats(0.01, 1) | st.tuples(st.integers(2, 999), st.integers(2, 999)),
    scale=POSITIVE,
    mean=st.none() | st.lists(NUMBERS, min_size=1, max_size=3),
    std=st.none() | st.lists(POSITIVE, min_size=1, max_size=3),
    layout=st.sampled_from(["", "nchw", "nhwc"]),
)


@given(PREPARATIONS)
def test_what_is_written_is_read_as_the_same(preparation):
    assert Preparation.read(str(preparation)) == preparation


def test_parts_may_stand_in_any_order_and_are_written_in_the_order_of_doing():
    said = "std=0.5 ; layout=nhwc;mean=0.1, 0.2,0.3; scale=255; crop=0.875; resize=224,bicubic,antialias; rgb"
    written = "rgb; resize=224,bicubic,antialias; crop=0.875; scale=255; mean=0.1,0.2,0.3; std=0.5; layout=nhwc"
    assert str(Preparation.read(said)) == written


def test_nothing_said_is_nothing_done():
    pixels = torch.rand(2, 3, 4, 4)
    assert (str(Preparation()), Preparation.read("")) == ("", Preparation())
    assert torch.equal(Preparation()(pixels), pixels)
    assert Preparation()(pixels).data_ptr() != pixels.data_ptr()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rezise=224", "unknown word 'rezise=224'; did you mean 'resize'?"),
        ("RGB", "unknown word 'RGB'; did you mean 'rgb'?"),
        ("rgb;", "unknown word ''"),
        ("rgb=1", "unknown word 'rgb=1'"),
        ("rgb; bgr", "'channels' is said twice"),
        ("mean=1; mean=1", "'mean' is said twice"),
        ("resize", "'resize' takes a size in pixels"),
        ("resize=0", "'resize' must be one edge or HEIGHTxWIDTH"),
        ("resize=99999", "'resize' must be one edge or HEIGHTxWIDTH"),
        ("resize=2.5", "'resize' takes a size in pixels"),
        ("resize=8,bicubix", "unknown word 'bicubix' after 'resize'; did you mean 'bicubic'?"),
        ("resize=8,bilinear,bicubic", "'resize' takes one interpolation"),
        ("resize=8,antialias,antialias", "'resize' takes one interpolation"),
        ("resize=8,nearest,antialias", "nearest pixels cannot be antialiased"),
        ("crop=0", r"'crop' must be one edge or HEIGHTxWIDTH|'crop' must be a share"),
        ("crop=1.5", "'crop' must be a share of the image in"),
        ("crop=half", "'crop' takes a number"),
        ("scale=0", "'scale' of 'Preparation' must be positive"),
        ("scale=inf", "'scale' takes a number"),
        ("mean=", "'mean' takes a number"),
        ("mean=0.5,", "'mean' takes a number"),
        ("mean=nan", "'mean' takes a number"),
        ("mean=1e999", "'mean' of 'Preparation' must be finite"),
        ("std=0.5,0", "'std' of 'Preparation' must be positive"),
        ("layout=chwn", "'layout' is nchw or nhwc"),
    ],
)
def test_what_is_not_of_the_grammar_is_refused_with_it(text, told):
    with pytest.raises(UsageError, match=told) as refused:
        Preparation.read(text)
    assert f"(preparation '{text}'); write rgb|bgr|grey; resize=" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("said", [{"channels": "red"}, {"layout": "hwc"}, {"resize": (1, 2, 3)}, {"crop": -0.5}])
def test_an_impossible_value_is_refused(said):
    with pytest.raises(UsageError, match=next(iter(said))):
        Preparation(**said)


@pytest.mark.parametrize(
    ("said", "mean", "whole"),
    [
        (None, 0.5, "mean=0.5"),
        ("rgb", (0.1, 0.2, 0.3), "rgb; mean=0.1,0.2,0.3"),
        ("mean=0.5", 0.5, "mean=0.5"),
        (Preparation(std=2), 0.5, "mean=0.5; std=2"),
    ],
)
def test_mean_and_std_that_are_said_apart_are_taken_in(said, mean, whole):
    assert str(Preparation.of(said, mean=mean)) == whole


@pytest.mark.parametrize("name", ["mean", "std"])
def test_what_is_said_twice_and_differs_is_refused(name):
    with pytest.raises(UsageError, match=f"'{name}' is said twice: 0.5, and 0.25"):
        Preparation.of(f"{name}=0.25", **{name: 0.5})


@pytest.mark.parametrize(
    ("text", "shape", "becomes"),
    [
        ("", (3, 32, 48), (3, 32, 48)),
        ("rgb", (1, 8, 8), (3, 8, 8)),
        ("grey", (3, 8, 8), (1, 8, 8)),
        ("resize=16", (1, 8, 12), (1, 16, 24)),
        ("resize=16", (1, 12, 8), (1, 24, 16)),
        ("resize=5", (1, 8, 11), (1, 5, 6)),
        ("resize=16x20", (1, 8, 12), (1, 16, 20)),
        ("crop=6", (1, 8, 12), (1, 6, 6)),
        ("crop=6x7", (1, 8, 12), (1, 6, 7)),
        ("crop=0.5", (1, 8, 13), (1, 4, 6)),
        ("resize=224; crop=0.875", (3, 32, 32), (3, 224, 224)),
        ("resize=224; crop=0.875", (3, 32, 64), (3, 224, 224)),
        ("resize=20x30; crop=0.5", (3, 32, 32), (3, 20, 30)),
        ("resize=256; crop=224", (3, 32, 32), (3, 224, 224)),
        ("resize=9; layout=nhwc", (3, 32, 32), (3, 9, 9)),
    ],
)
def test_the_shape_is_known_before(text, shape, becomes):
    preparation = Preparation.read(text)
    assert preparation.shape(shape) == becomes
    made = preparation(torch.rand(2, *shape))
    assert made.shape == (2, *becomes) if "nhwc" not in text else (2, *becomes[1:], becomes[0])


@pytest.mark.parametrize(
    ("text", "shape", "told"),
    [
        ("crop=9", (1, 8, 8), "9 x 9 pixels cannot be cut out of 8 x 8"),
        ("resize=6; crop=7", (1, 8, 8), "7 x 7 pixels cannot be cut out of 6 x 6"),
        ("rgb", (4, 8, 8), "images with 4 channels cannot become rgb"),
        ("grey", (2, 8, 8), "images with 2 channels cannot become grey"),
    ],
)
def test_images_that_cannot_be_prepared_so_are_refused(text, shape, told):
    with pytest.raises(UsageError, match=told):
        Preparation.read(text)(torch.rand(1, *shape))


def images(*, side=(24, 30)):
    """Return images with edges and without noise, such as cameras take them."""
    drawn = torch.randint(0, 256, (4, 6, 7, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sized = [Image.fromarray(image.numpy()).resize(side[::-1], Image.Resampling.BILINEAR) for image in drawn]
    return torch.stack([torch.from_numpy(np.array(image)) for image in sized]).permute(0, 3, 1, 2)


def steps_apart(first, second):
    """Return by how many steps of 1/255 images differ at most, in 8 bits, which is what PIL gives."""
    return int(((first * 255).round() - (second * 255).round()).abs().max())


def with_pil(image, size, way):
    array = image.permute(1, 2, 0).numpy()
    resized = Image.fromarray(array).resize((size[1], size[0]), way)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1) / 255


@pytest.mark.parametrize("size", [(12, 15), (17, 7), (48, 60)])
@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("bilinear,antialias", Image.Resampling.BILINEAR),
        ("bicubic,antialias", Image.Resampling.BICUBIC),
        ("nearest", Image.Resampling.NEAREST),
    ],
)
def test_images_are_resized_as_pil_does_it(words, way, size):
    prepare = Preparation.read(f"resize={size[0]}x{size[1]},{words}")
    for image in images():
        assert steps_apart(prepare(image[None] / 255)[0], with_pil(image, size, way)) <= 1


def test_the_luma_is_that_of_pil():
    for image in images():
        grey = np.array(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L"))
        assert (
            Preparation(channels="grey")(image[None] / 255)[0, 0] - torch.from_numpy(grey) / 255
        ).abs().max() < 1 / 255


def test_colours_are_repeated_turned_and_kept():
    grey, colour = torch.rand(1, 1, 2, 2), torch.rand(1, 3, 2, 2)
    for channels in ("rgb", "bgr"):
        assert torch.equal(Preparation(channels=channels)(grey), grey.expand(1, 3, 2, 2))
    assert torch.equal(Preparation(channels="rgb")(colour), colour)
    assert torch.equal(Preparation(channels="bgr")(colour), colour.flip(1))
    assert torch.equal(Preparation(channels="grey")(grey), grey)


def test_the_order_is_channels_resize_crop_scale_normalise_layout():
    pixels = torch.rand(2, 3, 8, 8)
    prepare = Preparation.read(
        "bgr; resize=4x4,bilinear,antialias; crop=2; scale=255; mean=1,2,3; std=4,5,6; layout=nhwc"
    )
    step = Preparation(resize=Resize((4, 4), "bilinear", True))(pixels.flip(1))[:, :, 1:3, 1:3] * 255
    step = (step - torch.tensor([1.0, 2, 3])[:, None, None]) / torch.tensor([4.0, 5, 6])[:, None, None]
    torch.testing.assert_close(prepare(pixels), step.permute(0, 2, 3, 1))


def test_bicubic_values_stay_in_range_and_gradients_flow():
    pixels = torch.tensor([0.0, 0.0, 1.0, 1.0]).repeat(1, 1, 4, 1).requires_grad_()
    made = Preparation.read("resize=9,bicubic,antialias")(pixels)
    assert (made.min().item(), made.max().item()) == (0.0, 1.0)
    made.mean().backward()
    assert bool((pixels.grad != 0).any())


def test_a_classifier_prepares_what_it_is_given():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16, 2))
    model = Classifier(net, num_classes=2, image_shape=(1, 8, 8), preparation="rgb; resize=4; mean=0.5; std=0.25")
    pixels = torch.rand(3, 1, 8, 8)
    assert (model.mean, model.std) == ((0.5,), (0.25,))
    torch.testing.assert_close(model(pixels), net(Preparation.read("rgb; resize=4; mean=0.5; std=0.25")(pixels)))
    bare = model.behind(attrs.evolve(model.preparation, mean=None, std=None), (1, 8, 8))
    torch.testing.assert_close(bare(pixels), net(Preparation.read("rgb; resize=4")(pixels)))


VIT = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "ViTImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 224, "width": 224},
}
HALVES = "mean=0.5,0.5,0.5; std=0.5,0.5,0.5"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, f"resize=224x224,bilinear,antialias; {HALVES}"),
        ({"size": 224}, f"resize=224x224,bilinear,antialias; {HALVES}"),
        ({"size": [20, 30]}, f"resize=20x30,bilinear,antialias; {HALVES}"),
        ({"size": {"shortest_edge": 256}, "resample": 3}, f"resize=256,bicubic,antialias; {HALVES}"),
        (
            {"size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": {"height": 224, "width": 224}},
            f"resize=256,bilinear,antialias; crop=224x224; {HALVES}",
        ),
        (
            {"size": 256, "do_center_crop": True, "crop_size": 224},
            f"resize=256,bilinear,antialias; crop=224x224; {HALVES}",
        ),
        ({"resample": 0}, f"resize=224x224,nearest; {HALVES}"),
        ({"do_resize": False}, HALVES),
        ({"do_normalize": False}, "resize=224x224,bilinear,antialias"),
        ({"do_resize": False, "do_rescale": False}, f"scale=255; {HALVES}"),
        ({"do_resize": False, "rescale_factor": 1 / 127.5}, f"scale=2; {HALVES}"),
        ({"do_resize": False, "do_convert_rgb": True}, f"rgb; {HALVES}"),
        ({"do_resize": False, "do_flip_channel_order": True}, f"bgr; {HALVES}"),
        ({"do_resize": False, "do_reduce_labels": False, "do_pad": None}, HALVES),
        ({"do_resize": False, "data_format": "channels_last"}, f"{HALVES}; layout=nhwc"),
        (
            {"do_resize": False, "rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False},
            "scale=2; mean=1",
        ),
        ({"do_resize": False, "include_top": True}, "mean=0.5,0.5,0.5; std=0.25,0.25,0.25"),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.875},
            f"resize=224,bilinear,antialias; crop=0.875; {HALVES}",
        ),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}, "crop_pct": 0.875},
            f"resize=384x384,bilinear,antialias; {HALVES}",
        ),
    ],
)
def test_settings_of_image_processors_are_read(changes, text):
    assert str(Preparation.from_preprocessor_config({**VIT, **changes})) == text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"resample": 1}, "'resample' 1 is a filter"),
        ({"size": {"longest_edge": 224}}, "'size' is"),
        ({"size": {"shortest_edge": 224, "longest_edge": 300}}, "'size' is"),
        ({"size": None}, "'size' is None"),
        ({"do_pad": True}, "'do_pad' is a step"),
        ({"do_thumbnail": True}, "'do_thumbnail' is a step"),
        ({"image_mean": None}, "'image_mean' is missing"),
        ({"image_std": "half"}, "'image_std' is missing"),
        ({"rescale_factor": 0}, "'rescale_factor' is 0"),
        ({"crop_pct": 0.9}, "'crop_pct' means something else"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(changes, told):
    with pytest.raises(ModelError, match=f"{told}.*; say it with --input"):
        Preparation.from_preprocessor_config({**VIT, **changes})


def test_other_settings_than_those_of_images_are_refused():
    with pytest.raises(ModelError, match="nothing in it is about images"):
        Preparation.from_preprocessor_config({"feature_size": 80, "sampling_rate": 16000})


TIMM = {"input_size": (3, 224, 224), "interpolation": "bicubic", "crop_pct": 0.9, "mean": (0.5,) * 3, "std": (0.5,) * 3}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, f"rgb; resize=224,bicubic,antialias; crop=0.9; {HALVES}"),
        ({"crop_mode": "center"}, f"rgb; resize=224,bicubic,antialias; crop=0.9; {HALVES}"),
        ({"crop_pct": 1, "crop_mode": "squash"}, f"rgb; resize=224x224,bicubic,antialias; crop=1; {HALVES}"),
        (
            {"input_size": [1, 28, 28], "mean": [0.5], "std": [0.5]},
            "grey; resize=28,bicubic,antialias; crop=0.9; mean=0.5; std=0.5",
        ),
        ({"interpolation": ""}, f"rgb; resize=224,bilinear,antialias; crop=0.9; {HALVES}"),
    ],
)
def test_settings_of_timm_are_read(changes, text):
    assert str(Preparation.from_pretrained_cfg({**TIMM, **changes})) == text
    assert str(Preparation.from_preprocessor_config({"pretrained_cfg": {**TIMM, **changes}})) == text


@pytest.mark.parametrize(
    "changes",
    [
        {"input_size": None},
        {"input_size": (224, 224)},
        {"input_size": (3, 224, 192)},
        {"crop_mode": "border"},
        {"crop_pct": 1.2},
        {"interpolation": "lanczos"},
        {"mean": None, "std": "x"},
    ],
)
def test_settings_of_timm_that_cannot_be_followed_are_refused(changes):
    with pytest.raises(ModelError, match="; say it with --input"):
        Preparation.from_pretrained_cfg({**TIMM, **changes})


@pytest.mark.slow
def test_images_come_out_as_from_the_transforms_of_timm():
    timm_data = pytest.importorskip("timm.data")
    for changes in ({}, {"crop_mode": "squash"}, {"interpolation": "bilinear"}):
        config = {**TIMM, "input_size": (3, 20, 20), **changes}
        theirs = timm_data.create_transform(**config)
        prepare = Preparation.from_pretrained_cfg(config)
        for image in images(side=(24, 30)):
            expected = theirs(Image.fromarray(image.permute(1, 2, 0).numpy()))
            assert steps_apart((prepare(image[None] / 255)[0] + 1) / 2, (expected + 1) / 2) <= 1

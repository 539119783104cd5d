"""How images become the input of an exported network: by its file, and by what was said."""

import pytest
import torch

from fpframe import ModelError, Preparation, SuspectRequest, UsageError
from fpframe.opening import BatchLimits, NetworkOutput, as_rows, choose_output, chosen_note, take_input

GREY, COLOUR = (1, 8, 8), (3, 8, 8)


def request(shape=GREY, text="", **changes):
    return SuspectRequest(
        address="a.onnx", num_classes=5, image_shape=shape, preparation=Preparation.read(text), **changes
    )


@pytest.mark.parametrize(
    ("taken", "shape", "text", "whole"),
    [
        ((None, 1, 8, 8), GREY, "", ""),
        ((None, 8, 8, 1), GREY, "", "layout=nhwc"),
        ((None, None, None, 1), GREY, "", "layout=nhwc"),
        ((None, 1, None, None), GREY, "", ""),
        ((None, None, None, None), COLOUR, "", ""),
        ((None, 3, 8, 8), GREY, "", "rgb"),
        ((None, 8, 8, 3), GREY, "", "rgb; layout=nhwc"),
        ((None, 1, 8, 8), COLOUR, "", "grey"),
        ((None, 3, 8, 8), COLOUR, "bgr", "bgr"),
        ((None, 1, 224, 224), GREY, "resize=224", "resize=224,bilinear"),
        ((None, 224, 224, 3), GREY, "resize=224", "rgb; resize=224,bilinear; layout=nhwc"),
        ((None, 3, 3, 3), (3, 3, 3), "layout=nhwc", "layout=nhwc"),
        ((None, 3, 3, 3), (3, 3, 3), "layout=nchw", "layout=nchw"),
        ((None, 64), GREY, "", ""),
        ((None, 8, 8), GREY, "", ""),
        ((None, 192), COLOUR, "layout=nhwc", "layout=nhwc"),
        ((None, 64), COLOUR, "grey", "grey"),
    ],
)
def test_what_nobody_said_is_taken_from_the_shape_and_noted(taken, shape, text, whole):
    made = take_input(taken, torch.float32, request(shape, text))
    assert str(made.request.preparation) == whole
    pixels = torch.rand(2, *shape)
    images = made(pixels)
    assert all(size in (None, found) for size, found in zip(taken, images.shape, strict=True))
    wanted = Preparation.read(whole)(pixels)
    assert torch.equal(images, wanted.reshape(images.shape))
    flat = len(taken) < 4
    assert bool(made.notes) == (flat or whole not in (text, text.replace("=224", "=224,bilinear")))
    assert {note.code for note in made.notes} <= {"preparation-from-file"}


def test_the_names_of_axes_tell_where_channels_are():
    made = take_input((None,) * 4, torch.float32, request(COLOUR), names=["n", "height", "width", "channels"])
    assert made.request.preparation.layout == "nhwc"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_whole_numbers_are_pixels_from_0_to_255(dtype):
    made = take_input((None, *GREY), dtype, request())
    pixels = torch.arange(64).reshape(1, *GREY) / 255
    assert torch.equal(made(pixels), torch.arange(64).reshape(1, *GREY).to(dtype))
    assert [note.code for note in made.notes] == ["preparation-from-file"]


def test_whole_numbers_that_were_said_are_kept_to():
    made = take_input((None, *GREY), torch.int8, request(text="scale=255; mean=128"))
    pixels = torch.tensor([0.0, 1.0]).repeat(32).reshape(1, *GREY)
    assert set(made(pixels).flatten().tolist()) == {-128, 127}
    assert not made.notes
    over = take_input((None, *GREY), torch.int8, request(text="scale=255"))
    with pytest.raises(ModelError, match="prepared pixels from 0 to 255 are not numbers from -128 to 127"):
        over(pixels)


@pytest.mark.parametrize(
    ("taken", "shape", "text", "dtype", "error", "told"),
    [
        ((None, 3, 3, 3), (3, 3, 3), "", torch.float32, UsageError, "say --input layout=nchw or --input layout=nhwc"),
        ((None, 192), COLOUR, "", torch.float32, UsageError, "say --input layout=nchw or --input layout=nhwc"),
        ((None, 64, 8, 8), GREY, "", torch.float32, ModelError, "where the queries have 1 channels"),
        ((None, 4, 8, 8), COLOUR, "", torch.float32, ModelError, "where the queries have 3 channels"),
        ((None, 1, 8, 8), GREY, "rgb", torch.float32, ModelError, "takes grey images where it would get RGB ones"),
        ((None, 1, 224, 224), GREY, "", torch.float32, ModelError, "--input resize=224,bilinear,antialias"),
        ((None, 1, 20, 30), GREY, "", torch.float32, ModelError, "--input resize=20x30,bilinear,antialias"),
        ((None, 1, 224, None), GREY, "", torch.float32, ModelError, "--input resize=224x8,bilinear,antialias"),
        ((None, 1, 224, 224), GREY, "resize=192", torch.float32, ModelError, "would get 192 x 192"),
        ((None, 784), GREY, "", torch.float32, ModelError, r"input of shape \(784\) after the count"),
        ((None, 8, 8), COLOUR, "", torch.float32, ModelError, r"input of shape \(8, 8\) after the count"),
        ((8,), GREY, "", torch.float32, ModelError, "input with 1 dimensions"),
        ((1, 1, 1, 8, 8), GREY, "", torch.float32, ModelError, "input with 5 dimensions"),
        ((None, 1, 8, 8), GREY, "", None, ModelError, "floats or whole numbers"),
        ((None, 1, 8, 8), GREY, "", torch.bool, ModelError, "floats or whole numbers"),
        ((None, 1, 8, 8), GREY, "", torch.int8, UsageError, "numbers from -128 to 127"),
        ((None, 1, 8, 8), GREY, "mean=0.5", torch.uint8, UsageError, "'mean' and 'std' do not apply"),
    ],
)
def test_what_cannot_be_told_or_does_not_fit_is_refused(taken, shape, text, dtype, error, told):
    with pytest.raises(error, match=told) as refused:
        take_input(taken, dtype, request(shape, text))
    assert "\n" not in str(refused.value)
    assert "a.onnx" in str(refused.value)


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        (BatchLimits(), [7]),
        (BatchLimits(least=4, most=4, step=4), [4, 4]),
        (BatchLimits(most=3), [3, 3, 1]),
        (BatchLimits(least=2), [7]),
        (BatchLimits(least=2, most=3), [3, 3, 2]),
        (BatchLimits(least=8, step=8), [8]),
        (BatchLimits(least=2, most=5, step=2), [4, 4]),
        (BatchLimits(least=10), [10]),
    ],
)
def test_a_network_gets_as_many_images_at_once_as_it_takes(limits, asked):
    seen = []

    def ask(images):
        seen.append(len(images))
        return images * 2

    images = torch.arange(7.0)[:, None]
    assert torch.equal(limits(ask)(images), images * 2)
    assert seen == asked


@pytest.mark.parametrize(
    ("outputs", "options", "chosen"),
    [
        ([("x", (None, 64), False), ("y", (None, 5), False)], {}, 1),
        ([("x", (None, 5), True), ("y", (None, 5), False)], {}, 1),
        ([("x", (None, 5, 1, 1), False)], {}, 0),
        ([("x", (None, 5, 7), False), ("y", (None, 5), False)], {}, 1),
        ([("a", (None, 5), False), ("class_logits", (None, 5), False)], {}, 1),
        ([("label", (None,), True), ("probabilities", (None, 5), False)], {}, 1),
        ([("probabilities", (None, 5), False), ("label", (None,), True)], {"outputs": "labels"}, 1),
        ([("label", (None,), True)], {}, 0),
        ([("x", (None, 1), False)], {}, 0),
        ([("scores", (None, 5), False), ("logits", (None, 5), False)], {}, 1),
        ([("cls_logits", (None, 5), False), ("logits", (None, 5), False)], {}, 1),
        ([("aux_logits", (None, 5), False), ("probabilities", (None, 5), False)], {}, 1),
        ([("label", (None,), True), ("probabilities", (None, None), False)], {}, 1),
        ([("features", (None, None), False), ("logits", (None, None), False)], {}, 1),
        ([("loss", (), False), ("y", (None, None), False)], {}, 1),
        ([("x", (None, 5), False), ("y", (None, 5), False)], {"read_output": "y"}, 1),
        ([("", (None, 5), False), ("", (None, 5), False)], {"read_output": "2"}, 1),
        ([("2", (None, 5), False), ("y", (None, 5), False)], {"read_output": "2"}, 0),
        ([("x", (None, 5), False), ("y", (None, 7), False)], {"read_output": "y"}, 1),
    ],
)
def test_the_answers_are_found_among_outputs(outputs, options, chosen):
    assert choose_output([NetworkOutput(*output) for output in outputs], request(**options)) == chosen


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ([], "no tensor of numbers"),
        ([("x", (None, 6), False)], "tells 6 classes where the victim tells 5"),
        ([("x", (None, 5), False), ("y", (None, 5), False)], r"\(x, y\), .* say --read-output x, or another"),
        ([("p", (None, 5), False), ("", (None, 5), False)], r"\(p, number 2\)"),
        ([("", (None, 5), False), ("p", (None, 5), False)], "say --read-output 1, or another"),
        ([("a_logits", (None, 5), False), ("b_logits", (None, 5), False)], r"\(a_logits, b_logits\)"),
        ([("f", (None, None), False), ("y", (None, None), False)], r"\(f, y\), .* say --read-output f"),
    ],
)
def test_outputs_without_answers_are_refused(outputs, told):
    with pytest.raises(ModelError, match=told):
        choose_output([NetworkOutput(*output) for output in outputs], request())


def test_an_output_that_is_not_there_is_refused_with_those_that_are():
    outputs = [NetworkOutput("x", (None, 5), whole=False), NetworkOutput("", (None, 5), whole=False)]
    with pytest.raises(UsageError, match=r"no output 'logits' .*it has x, number 2"):
        choose_output(outputs, request(read_output="logits"))


@pytest.mark.parametrize(
    ("options", "told"), [({}, "logits was read, by its name; not y"), ({"read_output": "y"}, "y was read, by --read")]
)
def test_a_choice_among_outputs_is_noted(options, told):
    outputs = [NetworkOutput("logits", (None, 5), whole=False), NetworkOutput("y", (None, 5), whole=False)]
    (note,) = chosen_note(outputs, choose_output(outputs, request(**options)), request(**options))
    assert note.code == "output-chosen"
    assert told in note.text


def test_an_output_that_is_alone_in_having_k_columns_is_not_noted():
    outputs = [NetworkOutput("x", (None, 64), whole=False), NetworkOutput("y", (None, 5), whole=False)]
    assert chosen_note(outputs, 1, request()) == ()


def test_answers_of_convolutions_are_rows():
    assert as_rows(torch.rand(4, 5, 1, 1)).shape == (4, 5)
    assert as_rows(torch.rand(4, 5, 2, 1)).shape == (4, 5, 2, 1)
    assert as_rows(torch.rand(4)).shape == (4,)

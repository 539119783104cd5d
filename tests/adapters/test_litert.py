"""TFLite files, as LiteRT runs them: the same answers as those of the module, within what quantisation leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import fpframe
from fpframe import ModelError, Preparation, Registry, UsageError
from fpframe.opening import open_suspect
from fpframe.testing import check_component
from fpframe.testing.checks.suspect import linear
from fpframe_plugins.suspects import tflite
from fpframe_plugins.suspects._tflite_writing import Stored, write_linear

PATH = Path("net.tflite")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(model: fpframe.Classifier, **options: object) -> Path:
    write_linear(PATH, model.module[-1].weight, model.image_shape, **options)
    return PATH


def opened(model: fpframe.Classifier, path: Path = PATH, **options: object) -> fpframe.Query:
    shape = {"num_classes": model.num_classes, "image_shape": model.image_shape, "outputs": "logits"}
    return open_suspect(path, registry=Registry([tflite]), **{**shape, **options})


def images(model: fpframe.Classifier, count: int = 9) -> torch.Tensor:
    drawn = torch.rand(count, *model.image_shape, generator=torch.Generator().manual_seed(2))
    return (drawn * 255).round() / 255


def expected(model: fpframe.Classifier, pixels: torch.Tensor) -> torch.Tensor:
    return model.logits(pixels).softmax(1)


def test_it_passes_the_conformance_kit():
    check_component(tflite.TfliteFile())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("batch", [1, 4, -1])
def test_answers_equal_those_of_the_module(channels, batch):
    model = linear(channels=channels)
    query = opened(model, written(model, batch=batch))
    for count in (9, 1):
        torch.testing.assert_close(
            query(images(model, count)), expected(model, images(model, count)), atol=1e-5, rtol=0
        )
    assert query.preparation == "layout=nhwc"
    assert query.spent == 10
    assert {note.code for note in query.notes} == {"preparation-from-file"}


@pytest.mark.parametrize(
    ("image", "text", "whole"),
    [
        (Stored("uint8", 1 / 255, 0), "", ""),
        (Stored("int8", 1 / 255, -128), "", ""),
        (Stored("int8", 2 / 255, 0), "", "mean=0.5; std=0.5"),
        (Stored("uint8", 1.0, 0), "", "scale=255"),
        (Stored("uint8", 4.7 / 255, 114), "mean=0.485; std=0.229", "mean=0.485; std=0.229"),
    ],
)
def test_quantised_images_stand_for_numbers_in_the_range_of_the_file(image, text, whole):
    model = linear()
    query = opened(model, written(model, image=image), preparation=text)
    assert query.preparation == "; ".join(filter(None, [whole, "layout=nhwc"]))
    pixels = images(model)
    prepared = Preparation.read(whole)(pixels)
    # what quantisation leaves: half a step of each pixel, times weights
    slack = float(model.module[-1].weight.detach().abs().sum(1).max()) * image.scale * 0.51 + 1e-4
    difference = (query(pixels).log() - expected(model, prepared).clamp_min(1e-38).log()).abs()
    assert bool((difference[expected(model, prepared) > 1e-30] <= 2 * slack).all())


def test_quantised_answers_are_brought_back_by_scale_and_zero_point():
    model = linear()
    query = opened(model, written(model, answer=Stored("int8", 0.05, 10)))
    assert float((query(images(model)) - expected(model, images(model))).abs().max()) < 0.05


def test_a_range_that_pixels_do_not_have_is_refused_with_the_option():
    model = linear()
    with pytest.raises(UsageError, match=r"numbers from -2\.1 to 2\.6 .*--input 'mean="):
        opened(model, written(model, image=Stored("uint8", 4.7 / 255, 114)))


def test_other_colours_and_sizes_are_prepared():
    model = linear(channels=3)
    written(model)
    pixels = torch.rand(5, 1, 20, 20)
    text = f"rgb; resize={model.image_shape[1]},bilinear,antialias"
    query = opened(model, image_shape=(1, 20, 20), preparation=text)
    torch.testing.assert_close(query(pixels), expected(model, Preparation.read(text)(pixels)), atol=1e-5, rtol=0)
    with pytest.raises(ModelError, match="--input resize="):
        opened(model, image_shape=(1, 20, 20))


@pytest.mark.parametrize("content", [b"", b"TFL3" * 20, b"\x00" * 100])
def test_a_damaged_file_is_refused_in_one_line(content):
    PATH.write_bytes(content)
    with pytest.raises(ModelError, match="is damaged, or not a TFLite network") as refused:
        opened(linear())
    assert "\n" not in str(refused.value)


def test_only_the_cpu_computes():
    model = linear()
    with pytest.raises(UsageError, match="LiteRT cannot use device 'cuda'"):
        opened(model, written(model), device="cuda")

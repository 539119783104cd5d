"""Folders and data sets as libraries write them: what is read of them, and what is refused."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import fpframe
from adapters.networks import SHAPE, K, Logits, resnet_of_transformers
from fpframe.opening import open_suspect


@pytest.fixture
def hf(tmp_path):
    """A folder of transformers, with an image processor that normalises."""
    folder = tmp_path / "hf"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resnet_of_transformers().save_pretrained(folder)
    settings = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": 16, "width": 16},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.4],
        "image_std": [0.5],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def opened(suspect, **options):
    registry = fpframe.load_registry()
    return open_suspect(suspect, registry=registry, num_classes=K, image_shape=SHAPE, **options)


def pixels(count=5):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(3))


def expected(images):
    with torch.no_grad():
        return F.softmax(Logits(resnet_of_transformers())(images), 1)


def test_images_are_prepared_as_the_processor_of_a_folder_says_and_a_note_tells_it(hf):
    query = opened(str(hf))
    large = F.interpolate(pixels(), (16, 16), mode="bilinear", antialias=True)
    assert float((query(pixels()) - expected((large - 0.4) / 0.5)).abs().max()) < 1e-5
    assert query.preparation == "resize=16x16,bilinear,antialias; mean=0.4; std=0.5"
    assert any("image processor" in note.text for note in query.notes)


def test_what_somebody_says_goes_before_the_processor(hf):
    query = opened(str(hf), preparation="mean=0.5")
    assert float((query(pixels()) - expected(pixels() - 0.5)).abs().max()) < 1e-5


def test_a_model_with_its_processor_is_prepared_alike(hf):
    from transformers import AutoImageProcessor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        processor = AutoImageProcessor.from_pretrained(hf)
    assert torch.allclose(opened((resnet_of_transformers(), processor))(pixels()), opened(str(hf))(pixels()), atol=1e-6)


def test_weights_that_are_missing_are_not_made_up(hf):
    from safetensors.torch import load_file, save_file

    weights = load_file(hf / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "classifier" not in name},
        hf / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(fpframe.errors.ModelError, match="are missing, or of another shape"):
        opened(str(hf))


def test_code_of_a_folder_does_not_run(hf):
    config = json.loads((hf / "config.json").read_text())
    config["auto_map"] = {"AutoModelForImageClassification": "evil.Evil"}
    config["model_type"] = "evil"
    (hf / "config.json").write_text(json.dumps(config))
    (hf / "evil.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    with pytest.raises(fpframe.errors.ModelError, match="no image classifier that transformers can read"):
        opened(str(hf))
    assert not Path("ran").exists()


def test_names_of_classes_are_those_of_the_config(hf):
    config = json.loads((hf / "config.json").read_text())
    config["id2label"] = {str(number): f"digit {number}" for number in range(K)}
    config["label2id"] = {name: int(number) for number, name in config["id2label"].items()}
    (hf / "config.json").write_text(json.dumps(config))
    assert opened(str(hf)).class_names == tuple(f"digit {number}" for number in range(K))


def test_a_victim_in_a_folder_has_weights_and_gradients(hf):
    from fpframe.enrolment.victim_sight import gradient_share

    registry = fpframe.load_registry()
    digits = registry.create("dataset", "digits").open("", root=None)
    victim, _ = fpframe.Victim(str(hf)).open(digits, registry)
    assert gradient_share(victim, digits.test.pixels[:8]) == 1
    shown = digits.test.pixels[:20]
    assert torch.allclose(victim.logits(shown).softmax(1), opened(str(hf))(shown), atol=1e-5)


def _onnx_of_former_operations() -> str:
    """Write a linear network of operations that onnx2torch knows: of opset 13, as exporters wrote some years ago."""
    from onnx import TensorProto, helper, numpy_helper, save

    weight = np.random.default_rng(0).normal(size=(64, K)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["images"], ["rows"]), helper.make_node("MatMul", ["rows", "weight"], ["logits"])],
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["count", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["count", K])],
        [numpy_helper.from_array(weight, "weight")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), "net.onnx")
    return "net.onnx"


def test_an_onnx_victim_gets_gradients_from_onnx2torch_where_the_answers_agree(tmp_path, monkeypatch):
    import onnx2torch
    from torch import nn

    from fpframe.enrolment.victim_sight import gradient_share
    from fpframe.opening import AskedModel

    monkeypatch.chdir(tmp_path)
    registry = fpframe.load_registry()
    digits = registry.create("dataset", "digits").open("", root=None)
    path = _onnx_of_former_operations()
    victim, _ = fpframe.Victim(path).open(digits, registry)
    assert gradient_share(victim, digits.test.pixels[:8]) == 1
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, K))
    monkeypatch.setattr(onnx2torch, "convert", lambda path: other)
    asked, _ = fpframe.Victim(path).open(digits, registry)
    assert isinstance(asked.module, AskedModel)


def test_a_data_set_that_was_saved_to_disk_is_read(tmp_path):
    import datasets

    shades = {"train": range(0, 240, 20), "validation": (10, 30, 50)}
    features = datasets.Features(picture=datasets.Image(), label=datasets.ClassLabel(names=["a", "b", "c"]))
    parts = {
        part: datasets.Dataset.from_dict(
            {
                "picture": [Image.new("RGB", (5, 4), (shade, 0, 0)) for shade in found],
                "label": [number % 3 for number in range(len(found))],
            },
            features=features,
        )
        for part, found in shades.items()
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "pets"))
    found = fpframe.load_registry().create("dataset", "datasets").open("pets", root=tmp_path)
    assert (found.image_shape, found.classes, len(found.train), len(found.test)) == ((3, 4, 5), ("a", "b", "c"), 12, 3)
    assert found.test.images[:, 0, 0, 0].tolist() == [10, 30, 50]
    assert found.test.labels.tolist() == [0, 1, 2]


def test_a_data_set_without_a_test_part_is_refused(tmp_path):
    import datasets

    datasets.Dataset.from_dict({"label": [0, 1]}).save_to_disk(str(tmp_path / "pets"))
    with pytest.raises(fpframe.errors.DataError, match="'train' and 'test' are needed"):
        fpframe.load_registry().create("dataset", "datasets").open("pets", root=tmp_path)


def pickled(folder, weights):
    """Replace the safetensors of a folder by a pickle."""
    (folder / "model.safetensors").unlink(missing_ok=True)
    torch.save(weights, folder / "pytorch_model.bin")


def test_of_a_pickle_in_a_folder_tensors_are_read_and_no_code_runs(hf):
    class Harmful:
        def __reduce__(self):
            return (os.system, ("touch ran",))

    from safetensors.torch import load_file

    weights = {f"module.{name}": value for name, value in load_file(hf / "model.safetensors").items()}
    pickled(hf, {"state_dict": weights, "extra": Harmful()})
    query = opened(str(hf), preparation="mean=0")
    assert float((query(pixels()) - expected(pixels())).abs().max()) < 1e-5
    assert {"weights-located", "objects-not-loaded"} <= {note.code for note in query.notes if hasattr(note, "code")}
    assert not any("{whose}" in getattr(note, "text", note) for note in query.notes)
    assert not Path("ran").exists()


def test_a_head_that_is_missing_in_a_pickle_is_not_made_up(hf):
    from safetensors.torch import load_file

    weights = load_file(hf / "model.safetensors")
    pickled(hf, {name: value for name, value in weights.items() if not name.startswith("classifier")})
    with pytest.raises(fpframe.errors.ModelError, match=r"classifier\.1\.(weight|bias)"):
        opened(str(hf))


def test_safetensors_go_before_a_pickle_beside_them(hf):
    torch.save({"classifier.1.bias": torch.zeros(K)}, hf / "pytorch_model.bin")
    assert opened(str(hf))(pixels()).shape == (5, K)


def test_a_folder_without_weights_is_told_which_it_needs(hf):
    (hf / "model.safetensors").unlink()
    with pytest.raises(fpframe.errors.ModelError, match=r"no weights in the folder, such as model\.safetensors"):
        opened(str(hf))

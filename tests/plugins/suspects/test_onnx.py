"""ONNX files, also from other tools."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

import fpframe
from fpframe import ModelError, UsageError
from fpframe.opening.suspects import open_suspect
from plugins.suspects.one_network import MEAN, assert_refused, expected, export_onnx, make, pixels


def with_weights_elsewhere(graph, path, location=None):
    """Write a graph with its weights in another file, or each of them in one of its own."""
    options = {"save_as_external_data": True, "size_threshold": 64, "all_tensors_to_one_file": location is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save_model(onnx.load(graph), path, location=location, **options)
    return path


def test_shapes_that_an_exporter_put_elsewhere_too_are_found(opened_small):
    nodes = [helper.make_node("Reshape", ["image", "sizes"], ["logits"])]
    sizes = numpy_helper.from_array(np.array([-1, 4], np.int64), "sizes")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ("n", 1, 2, 2))
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ("n", 4))
    graph = helper.make_graph(nodes, "g", [image], [output], [sizes])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), "whole.onnx")
    onnx.save_model(
        onnx.load("whole.onnx"), "a.onnx", save_as_external_data=True, size_threshold=0, location="a.onnx_data"
    )
    assert Path("a.onnx_data").is_file()
    images = pixels(5, (1, 2, 2))
    torch.testing.assert_close(opened_small("a.onnx", outputs="logits")(images), flattening(images))


@pytest.mark.slow
@pytest.mark.parametrize("location", ["net.onnx.data", "net.onnx_data", "weights.bin", "weights", None])
def test_the_digest_of_an_onnx_file_covers_weights_in_files_of_any_name(files, opened, registry, tmp_path, location):
    path = with_weights_elsewhere(files / "free.onnx", tmp_path / "folder" / "net.onnx", location)
    others = sorted(file for file in path.parent.iterdir() if file != path)
    assert others
    assert sorted(registry.create("suspect", "onnx").companions(str(path))) == [str(file) for file in others]
    before, images = opened(path), pixels()
    torch.testing.assert_close(before(images), opened(files / "free.onnx")(images))
    for file in others:
        content = bytearray(file.read_bytes())
        content[3] ^= 1
        file.write_bytes(content)
        assert opened(path).digest != before.digest
        content[3] ^= 1
        file.write_bytes(content)
    assert opened(path).digest == before.digest


def naming(path, graph, location):
    """Write a graph that says that its weights lie somewhere."""
    model = onnx.load(graph)
    for tensor in model.graph.initializer:
        onnx.external_data_helper.set_external_data(tensor, location)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/etc/passwd", "outside its folder"),
        ("../secret.bin", "outside its folder"),
        ("below/../../secret.bin", "outside its folder"),
        ("..\\secret.bin", "outside its folder"),
        ("C:\\secret.bin", "outside its folder"),
        ("link.bin", "is a link to a file outside its folder"),
        ("gone.bin", "is missing"),
        (".", "is missing"),
    ],
)
def test_weights_of_an_onnx_file_must_lie_in_its_own_folder(opened, files, tmp_path, location, message):
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    path = naming(folder / "net.onnx", files / "free.onnx", location)
    assert_refused(ModelError, message, opened, path)


def test_an_onnx_file_that_breaks_the_format_is_refused_by_its_checker(opened, files, tmp_path):
    model = onnx.load(files / "free.onnx")
    model.graph.node[-1].input[0] = "nothing"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert_refused(ModelError, "does not keep to the ONNX format", opened, tmp_path / "net.onnx")


def onnx_file(path, *, outputs, kind=TensorProto.FLOAT, shape=("count", 1, 2, 2), extra_inputs=()):
    """Write a graph that flattens its images: (N, 1, 2, 2) pixels become 4 logits."""
    image = helper.make_tensor_value_info("image", kind, shape)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["float"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["labels"], axis=1, keepdims=0),
        helper.make_node("Identity", ["float"], ["features"]),
    ]
    known = {
        "logits": helper.make_tensor_value_info("logits", TensorProto.FLOAT, (shape[0], 4)),
        "labels": helper.make_tensor_value_info("labels", TensorProto.INT64, (shape[0],)),
        "features": helper.make_tensor_value_info("features", TensorProto.FLOAT, shape),
    }
    inputs = [image, *(helper.make_tensor_value_info(name, TensorProto.FLOAT, (1,)) for name in extra_inputs)]
    graph = helper.make_graph(nodes, "g", inputs, [known[name] for name in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.fixture
def opened_small(registry):
    return functools.partial(open_suspect, registry=registry, num_classes=4, image_shape=(1, 2, 2))


@pytest.mark.parametrize(
    ("kind", "scale"),
    [
        (TensorProto.FLOAT, 1),
        (TensorProto.FLOAT16, 1),
        (TensorProto.DOUBLE, 1),
        (TensorProto.UINT8, 255),
        (TensorProto.INT16, 255),
        (TensorProto.INT32, 255),
        (TensorProto.INT64, 255),
    ],
)
def test_an_onnx_input_may_be_of_floats_or_of_whole_numbers(opened_small, kind, scale):
    images = torch.tensor([0, 1, 3, 2, 254, 255, 253, 252], dtype=torch.float32).reshape(2, 1, 2, 2) / 255
    query = opened_small(onnx_file("a.onnx", outputs=["logits"], kind=kind), outputs="logits")
    torch.testing.assert_close(query(images), (images.flatten(1) * scale).softmax(1), atol=1e-3, rtol=0)
    assert ("preparation-from-file" in {note.code for note in query.notes}) == (scale == 255)
    assert query.preparation == ("scale=255" if scale == 255 else "")


def flattening(images):
    return images.flatten(1).softmax(1)


@pytest.mark.parametrize(
    ("shape", "text", "answers"),
    [
        (("n", 2, 2, 1), "", flattening),
        (("n", "h", "w", 1), "", flattening),
        (("n", 1, "h", "w"), "", flattening),
        (("n", "channels", "h", "w"), "", flattening),
        (("n", 4), "", flattening),
        (("n", 2, 2), "", flattening),
        (("n", 1, 4, 1), "resize=4x1; layout=nchw", None),
        ((1, 1, 2, 2), "", flattening),
    ],
)
def test_an_onnx_file_gets_images_in_its_own_layout(opened_small, shape, text, answers):
    images = pixels(5, (1, 2, 2))
    query = opened_small(onnx_file("a.onnx", outputs=["logits"], shape=shape), outputs="logits", preparation=text)
    wanted = (answers or (lambda each: flattening(fpframe.Preparation.read(text)(each))))(images)
    torch.testing.assert_close(query(images), wanted)


@pytest.mark.parametrize(
    ("shape", "image_shape", "text"), [((1, 3, 8, 8), (1, 8, 8), "rgb"), ((1, 1, 8, 8), (3, 8, 8), "grey")]
)
def test_other_colours_are_made_and_noted(opened, tmp_path, shape, image_shape, text):
    net = make(shape[1])
    export_onnx(net, tmp_path / "net.onnx")
    images = pixels(5, image_shape)
    query = opened(tmp_path / "net.onnx", image_shape=image_shape)
    torch.testing.assert_close(query(images), expected(fpframe.Preparation.read(text)(images), net))
    assert query.preparation == text
    assert {note.code for note in query.notes} >= {"preparation-from-file"}


@pytest.mark.parametrize("order", [["features", "labels", "logits"], ["labels", "logits"], ["logits"]])
def test_of_several_onnx_outputs_the_one_with_k_columns_is_read(opened_small, order):
    images = pixels(5, (1, 2, 2))
    answers = opened_small(onnx_file("a.onnx", outputs=order), outputs="logits")(images)
    torch.testing.assert_close(answers, images.flatten(1).softmax(1))


def test_with_outputs_labels_the_onnx_output_of_integers_is_read(opened_small):
    images = pixels(5, (1, 2, 2))
    answers = opened_small(onnx_file("a.onnx", outputs=["logits", "labels"]), outputs="labels")(images)
    assert torch.equal(answers, F.one_hot(images.flatten(1).argmax(1), 4).float())


def test_a_fixed_batch_size_is_filled_up_and_the_filling_is_dropped(opened_small):
    images = pixels(7, (1, 2, 2))
    query = opened_small(onnx_file("a.onnx", outputs=["labels"], shape=(3, 1, 2, 2)))
    assert torch.equal(query(images).argmax(1), images.flatten(1).argmax(1))
    assert query.spent == 7


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shape": ("n", 5, 2, 2)}, ModelError, r"input of shape \(5, 2, 2\) after the count .* have 1 channels"),
        ({"shape": ("n", 1, 4, 2)}, ModelError, "4 x 2 pixels where it would get 2 x 2 .*--input resize=4x2,bilinear"),
        ({"shape": ("n", 5)}, ModelError, r"input of shape \(5\) after the count"),
        ({"shape": (4,)}, ModelError, "input with 1 dimensions"),
        ({"kind": TensorProto.INT8}, UsageError, "numbers from -128 to 127 .*say --input 'scale=255; mean=128'"),
        ({"kind": TensorProto.BOOL}, ModelError, "does not take images of floats or whole numbers"),
        ({"extra_inputs": ["mask"]}, ModelError, r"takes 2 inputs \(image, mask\)"),
    ],
)
def test_an_onnx_input_that_does_not_fit_is_said_in_plain_words(opened_small, options, error, message):
    path = onnx_file("a.onnx", outputs=["labels"], **options)
    assert_refused(error, message, opened_small, path)


def test_mean_and_std_do_not_apply_to_bytes(opened_small):
    path = onnx_file("a.onnx", outputs=["logits"], kind=TensorProto.UINT8)
    assert_refused(UsageError, "'mean' and 'std' do not apply", opened_small, path, mean=MEAN)


def test_onnxruntime_gets_the_threads_of_torch(opened_small, monkeypatch):
    import onnxruntime

    given = []
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda path, options, **rest: given.append(options) or session(path, options, **rest),
    )
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        opened_small(onnx_file("a.onnx", outputs=["logits"]))
    finally:
        torch.set_num_threads(before)
    assert (given[0].intra_op_num_threads, given[0].inter_op_num_threads) == (before + 1, 1)


def test_onnxruntime_is_imported_such_that_it_tells_nobody_what_it_runs(files):
    script = (
        "import os, sys, types, fpframe_plugins.suspects.onnx as onnx, fpframe\n"
        "from pathlib import Path\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            print('seen', os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Finder())\n"
        "onnx._session(Path(sys.argv[1]), fpframe.SuspectRequest(address='a', num_classes=2, image_shape=(1, 2, 2)))\n"
        "print('after', os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    said = subprocess.run(
        [sys.executable, "-c", script, str(files / "free.onnx")], capture_output=True, text=True, env=environment
    )
    assert said.stdout.split() == ["seen", "1", "after", "None"], said.stderr


def test_without_onnxruntime_the_error_says_what_to_install(files, opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert_refused(UsageError, r"pip install 'fpframe\[onnx\]'", opened, str(files / "free.onnx"))


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (("a", "logits"), "logits"),
        (("probabilities", "b"), "probabilities"),
        (("aux_logits", "logits"), "logits"),
        (("a", "b"), None),
    ],
)
def test_of_several_onnx_outputs_with_k_columns_the_one_that_is_called_answers_is_read(opened_small, names, read):
    nodes = [helper.make_node("Flatten", ["image"], ["flat"]), helper.make_node("Neg", ["flat"], [names[0]])]
    nodes.append(helper.make_node("Identity", ["flat"], [names[1]]))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 4)) for name in names]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ("n", 1, 2, 2))
    graph = helper.make_graph(nodes, "g", [image], outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), "a.onnx")
    if read is None:
        assert_refused(ModelError, r"may be its answers \(a, b\), .*say --read-output a", opened_small, "a.onnx")
    images, said = pixels(5, (1, 2, 2)), None if read else "b"
    query = opened_small("a.onnx", outputs="logits", read_output=said)
    assert [note.code for note in query.notes] == ["output-chosen"]
    answers = query(images)
    torch.testing.assert_close(answers, (images.flatten(1) * (-1 if read == names[0] else 1)).softmax(1))


def test_answers_of_convolutions_are_rows(opened_small):
    nodes = [helper.make_node("Flatten", ["image"], ["flat"]), helper.make_node("Unsqueeze", ["flat", "axes"], ["out"])]
    axes = helper.make_tensor("axes", TensorProto.INT64, (2,), [2, 3])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ("n", 1, 2, 2))
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ("n", 4, 1, 1))
    graph = helper.make_graph(nodes, "g", [image], [output], [axes])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), "a.onnx")
    images = pixels(5, (1, 2, 2))
    torch.testing.assert_close(opened_small("a.onnx", outputs="logits")(images), flattening(images))

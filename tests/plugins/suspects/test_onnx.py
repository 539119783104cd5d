"""ONNX files, also from other tools."""

import functools
import sys

import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper

from fpframe import ModelError, UsageError
from fpframe.opening.suspects import open_suspect
from plugins.suspects.one_network import MEAN, assert_refused, pixels


@pytest.mark.parametrize("name", ["net.onnx.data", "net.onnx_data"])
def test_the_digest_of_an_onnx_file_covers_weights_that_lie_beside_it(files, opened, registry, tmp_path, name):
    path = tmp_path / "net.onnx"
    path.write_bytes((files / "free.onnx").read_bytes())
    assert not registry.create("suspect", "onnx").companions(str(path))
    digests = {opened(path).digest}
    for content in (b"weights", b"others"):
        path.with_name(name).write_bytes(content)
        digests.add(opened(path).digest)
    assert len(digests) == 3
    assert registry.create("suspect", "onnx").companions(str(path)) == [str(tmp_path / name)]


def test_the_digest_of_an_onnx_file_covers_weights_that_lie_in_a_file_of_any_name(opened, files, tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(
        onnx.load(files / "free.onnx"), path, save_as_external_data=True, location="elsewhere.bin", size_threshold=64
    )
    before = opened(path).digest
    content = bytearray((tmp_path / "elsewhere.bin").read_bytes())
    content[3] ^= 1
    (tmp_path / "elsewhere.bin").write_bytes(content)
    assert opened(path).digest != before


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
    [(TensorProto.FLOAT, 1), (TensorProto.FLOAT16, 1), (TensorProto.DOUBLE, 1), (TensorProto.UINT8, 255)],
)
def test_an_onnx_input_may_be_of_floats_or_of_bytes(opened_small, kind, scale):
    images = torch.tensor([0, 1, 3, 2, 254, 255, 253, 252], dtype=torch.float32).reshape(2, 1, 2, 2) / 255
    answers = opened_small(onnx_file("a.onnx", outputs=["logits"], kind=kind), outputs="logits")(images)
    torch.testing.assert_close(answers, (images.flatten(1) * scale).softmax(1), atol=1e-3, rtol=0)


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
        ({"shape": ("n", 3, 2, 2)}, ModelError, "takes RGB images .* where the queries are grey"),
        ({"shape": ("n", 2, 2, 1)}, ModelError, "takes 2-channel images .*channels first"),
        ({"shape": ("n", 1, 4, 2)}, ModelError, "takes images of 4 x 2 pixels where the queries have 2 x 2"),
        ({"shape": ("n", 4)}, ModelError, "input with 2 dimensions"),
        ({"kind": TensorProto.INT64}, ModelError, "does not take images of floats or bytes"),
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


def test_without_onnxruntime_the_error_says_what_to_install(files, opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert_refused(UsageError, r"pip install 'fpframe\[onnx\]'", opened, str(files / "free.onnx"))

"""Every kind of suspect gives the same answers, and every bad one ends in one clear error."""

import copy
import functools
import hashlib
import importlib
import random
import sys
import types
from pathlib import Path

import attrs
import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import nn

import fpframe
from fpframe import Classifier, FpframeError, ModelError, Query, Registry, UsageError
from fpframe.opening.backbones import build_backbone
from fpframe.opening.suspects import open_suspect
from fpframe.opening.weights import save_weights
from fpframe.registry.registry import Plugin
from fpframe.rng import isolated
from fpframe_plugins.suspects import onnx as onnx_plugin, pt2, python, state_dict

K = 5
SHAPE = (1, 8, 8)
MEAN, STD = (0.3,), (0.2,)

ARCHITECTURE = """
from collections import OrderedDict
from torch import nn

def make(channels=1, classes=5):
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(channels, 4, 3), norm=nn.BatchNorm2d(4), relu=nn.ReLU(), drop=nn.Dropout(0.5),
        pool=nn.AdaptiveAvgPool2d(2), flat=nn.Flatten(), head=nn.Linear(16, classes),
    ))
"""


def make(channels=1, classes=K):
    """Return the same small network every time, with statistics that evaluation mode must use."""
    scope = {}
    exec(ARCHITECTURE, scope)
    with isolated(3):
        net = scope["make"](channels, classes)
        nn.init.normal_(net.head.weight)
        net.norm.running_mean.normal_()
        net.norm.running_var.uniform_(0.5, 2)
    return net.eval()


def pixels(count=7, shape=SHAPE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))


def expected(images, net=None):
    with torch.no_grad():
        return F.softmax((net or make(images.shape[1]))(images), dim=1)


def export_onnx(net, path, *, fixed=False):
    images = pixels(2, (net.conv.in_channels, 8, 8))
    free = None if fixed else ({0: torch.export.Dim("count")},)
    options = {"dynamo": True, "verbose": False, "external_data": False}
    torch.onnx.export(net, (images,), path, dynamic_shapes=free, **options)


def export_pt2(net, path, *, fixed=False):
    images = pixels(2, (net.conv.in_channels, 8, 8))
    free = None if fixed else ({0: torch.export.Dim("count")},)
    torch.export.save(torch.export.export(net, (images,), dynamic_shapes=free), path)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Write the same network in every format."""
    folder = tmp_path_factory.mktemp("suspects")
    export_onnx(make(), folder / "free.onnx")
    export_onnx(make(), folder / "fixed.onnx", fixed=True)
    export_onnx(make(3), folder / "colour.onnx")
    export_pt2(make(), folder / "free.pt2")
    export_pt2(make(), folder / "fixed.pt2", fixed=True)
    export_pt2(make(3), folder / "colour.pt2")
    save_file(make().state_dict(), folder / "net.safetensors")
    torch.save({"state_dict": make().state_dict(), "epoch": 1}, folder / "net.pt")
    return folder


@pytest.fixture
def registry():
    return Registry([onnx_plugin, pt2, python, state_dict])


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def user_module(tmp_path):
    """Return a function that writes a module into the current folder and returns its name."""
    written = []

    def write(source):
        name = f"user_{tmp_path.name}_{len(written)}".replace("[", "_").replace("]", "_").replace("-", "_")
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def architecture(user_module):
    return f"python:{user_module(ARCHITECTURE)}:make"


@pytest.fixture
def opened(registry):
    return functools.partial(open_suspect, registry=registry, num_classes=K, image_shape=SHAPE)


def assert_refused(error, message, call, *args, **options):
    """Check that a call ends in this error, with one line that a user can read."""
    with pytest.raises(FpframeError, match=message) as caught:
        call(*args, **options)
    assert isinstance(caught.value, error)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


# what can be asked


@pytest.mark.parametrize("file", ["free.onnx", "fixed.onnx", "free.pt2", "fixed.pt2", "net.safetensors", "net.pt"])
def test_every_kind_of_file_answers_as_the_network_itself(files, opened, architecture, file):
    backbone = architecture if file.startswith("net.") else None
    query = opened(str(files / file), backbone=backbone, batch_size=3)
    torch.testing.assert_close(query(pixels()), expected(pixels()), atol=1e-5, rtol=0)
    assert query.address == str(files / file)
    assert query.spent == 7


def test_a_path_object_opens_the_same_as_its_string(files, opened):
    path = files / "free.onnx"
    assert torch.equal(opened(path)(pixels()), opened(str(path))(pixels()))


def test_a_network_in_memory_answers_with_its_probabilities_before_which_its_channel_is_known(opened):
    query = opened(make(), batch_size=3)
    assert query.channel == "probs"
    torch.testing.assert_close(query(pixels()), expected(pixels()), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda answer: answer,
        lambda answer: answer.numpy(),
        lambda answer: answer.double().numpy(),
        lambda answer: answer.tolist(),
        list,
        lambda answer: list(answer.numpy()),
        lambda answer: np.broadcast_to(answer.numpy(), answer.shape),
    ],
    ids=["tensor", "array", "double", "lists", "list-of-tensors", "list-of-arrays", "read-only"],
)
def test_a_function_may_return_tensors_arrays_or_lists(opened, wrap):
    query = opened(lambda images: wrap(expected(images)))
    torch.testing.assert_close(query(pixels()), expected(pixels()), atol=1e-6, rtol=0)


def test_python_addresses_name_a_function_that_is_asked(opened, user_module):
    source = "def predict(pixels, temperature=1):\n    return pixels.flatten(1)[:, :5].softmax(1)\n"
    name = user_module(source)
    answers = opened(f"python:{name}:predict")(pixels())
    torch.testing.assert_close(answers, pixels().flatten(1)[:, :5].softmax(1))


@pytest.mark.parametrize(
    "source",
    [
        "def suspect():\n    return Net()",
        "def suspect(pretrained=False, **options):\n    return Net()",
        "suspect = Net",
        "suspect = Net()",
        "def suspect():\n    net = Net()\n    return lambda pixels: net(pixels).softmax(1)",
    ],
    ids=["function", "optional-arguments", "class", "instance", "makes-a-function"],
)
def test_python_addresses_name_what_makes_a_network(opened, user_module, source):
    name = user_module(
        "from torch import nn\n\nclass Net(nn.Module):\n    def forward(self, pixels):\n"
        f"        return pixels.flatten(1)[:, :5] * 3\n\n{source}\n"
    )
    answers = opened(f"python:{name}:suspect")(pixels())
    torch.testing.assert_close(answers, (pixels().flatten(1)[:, :5] * 3).softmax(1))


def test_an_open_query_is_returned_as_it_is(opened):
    query = Query(expected, num_classes=K)
    assert opened(query) is query


def test_a_query_for_other_classes_and_options_that_come_too_late_are_refused(opened):
    other = Query(expected, num_classes=7)
    assert_refused(ModelError, "tells 7 classes where the victim tells 5", opened, other)
    query = Query(expected, num_classes=K)
    assert_refused(UsageError, "'mean', 'max_queries' cannot change", opened, query, mean=MEAN, max_queries=3)


# outputs, preprocessing, budget


@pytest.mark.parametrize("outputs", ["auto", "logits"])
def test_a_function_that_returns_logits_is_understood(opened, outputs):
    answers = opened(lambda images: make()(images) * 2, outputs=outputs)(pixels())
    torch.testing.assert_close(answers, expected(pixels(), lambda images: make()(images) * 2))


@pytest.mark.parametrize("outputs", ["auto", "labels"])
def test_labels_become_one_hot_and_reveal_the_top1_channel(opened, outputs):
    query = opened(lambda images: expected(images).argmax(1), outputs=outputs)
    assert torch.equal(query(pixels()), F.one_hot(expected(pixels()).argmax(1), K).float())
    assert query.channel == "top1"


def test_a_network_that_ends_in_a_softmax_is_asked_with_outputs_probs(opened):
    net = nn.Sequential(make(), nn.Softmax(dim=1))
    torch.testing.assert_close(opened(net, outputs="probs")(pixels()), expected(pixels()))
    message = "probabilities where logits are expected .*--outputs probs"
    assert_refused(ModelError, message, opened(net), pixels())


@pytest.mark.parametrize("file", [None, "function", "free.onnx", "free.pt2", "net.safetensors"])
def test_mean_and_std_are_applied_on_our_side(files, opened, architecture, file):
    options = {"backbone": architecture} if file == "net.safetensors" else {}
    suspect = {None: make(), "function": expected}.get(file, None if file is None else str(files / file))
    answers = opened(suspect, mean=MEAN, std=STD, **options)(pixels())
    torch.testing.assert_close(answers, expected((pixels() - MEAN[0]) / STD[0]), atol=1e-5, rtol=0)
    assert (answers - expected(pixels())).abs().max() > 1e-2


def test_a_classifier_keeps_its_own_normalisation_unless_another_is_given(opened):
    model = Classifier(make(), num_classes=K, image_shape=SHAPE, mean=MEAN, std=STD)
    torch.testing.assert_close(opened(model)(pixels()), expected((pixels() - MEAN[0]) / STD[0]))
    torch.testing.assert_close(opened(model, mean=(0.5,))(pixels()), expected(pixels() - 0.5))


@pytest.mark.parametrize("suspect", ["network", "function"])
def test_max_queries_is_enforced_before_anything_is_asked(opened, suspect):
    asked = []
    net = make()
    net.register_forward_hook(lambda *_: asked.append(1))

    def ask(images):
        asked.append(1)
        return expected(images)

    query = opened(net if suspect == "network" else ask, max_queries=6)
    assert_refused(fpframe.ResourceError, "7 more queries are needed but only 6 are left", query, pixels(7))
    assert asked == []
    query(pixels(6))
    assert asked != []


def test_nan_answers_pass_through(opened):
    net = make()
    with torch.no_grad():
        net.head.weight.fill_(torch.nan)
    assert opened(net)(pixels()).isnan().all()
    assert opened(lambda images: expected(images) * torch.nan)(pixels()).isnan().all()


# how it is asked


def test_a_network_is_asked_in_evaluation_mode_without_gradients_and_left_as_found(opened):
    net = make().train()
    net.norm.eval()
    net.conv.weight.requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    answers = opened(net)(pixels())
    torch.testing.assert_close(answers, expected(pixels()))
    assert not answers.requires_grad
    assert (net.training, net.norm.training, net.drop.training) == (True, False, True)
    assert (net.conv.weight.requires_grad, net.head.weight.requires_grad) == (False, True)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_in_another_precision_gets_its_pixels_in_it(opened, dtype):
    answers = opened(make().to(dtype))(pixels())
    assert answers.dtype == torch.float32
    torch.testing.assert_close(answers, expected(pixels()), atol=0.05, rtol=0)


def test_a_factory_leaves_global_random_state_as_found(opened, user_module):
    name = user_module(
        "import random, numpy, torch\n\ndef make():\n    random.random(), numpy.random.rand()\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 5))\n"
    )
    before = (random.getstate(), torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())  # noqa: NPY002
    first, second = opened(f"python:{name}:make"), opened(f"python:{name}:make")
    after = (random.getstate(), torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert before == after
    assert torch.equal(first(pixels()), second(pixels()))


def test_the_digest_is_that_of_the_file_or_of_the_weights(files, opened, architecture):
    for file in ("free.onnx", "free.pt2"):
        content = hashlib.sha256((files / file).read_bytes()).hexdigest()
        assert opened(str(files / file)).digest == content
    same = {
        opened(make()).digest,
        opened(Classifier(make(), num_classes=K, image_shape=SHAPE)).digest,
        opened(str(files / "net.safetensors"), backbone=architecture).digest,
    }
    other = make()
    other.head.bias.data[0] += 1
    assert len(same) == 1
    assert opened(other).digest not in same


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


@pytest.mark.parametrize("device", ["nonsense", "meta", "cuda:99"])
@pytest.mark.parametrize("file", [None, "free.onnx", "free.pt2"])
def test_an_unusable_device_is_a_usage_error(files, opened, device, file):
    suspect = make() if file is None else str(files / file)
    assert_refused(UsageError, f"device '{device}'.*use cpu", opened, suspect, device=device)


# ONNX files from other tools


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
    answers = opened_small(onnx_file("a.onnx", outputs=["logits"], kind=kind))(images)
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


# what is refused


@pytest.mark.parametrize("file", ["gone.onnx", "gone.pt2", "gone.safetensors", "gone.pt", "a.pth", "A.ONNX"])
def test_a_missing_file_is_said_to_be_missing(opened, file):
    assert_refused(ModelError, f"no such file: '{file}'", opened, file)
    assert_refused(ModelError, f"no such file: '{file}'", opened, Path(file))


@pytest.mark.parametrize("address", ["net.h5", "net", "tf:net", "https://host/net.onnx", "C:/net.h5"])
def test_an_address_that_nothing_opens_lists_what_would_be_opened(opened, address):
    forms = r"FILE\.onnx, FILE\.pt2, python:MODULE:FUNCTION, FILE\.safetensors, FILE\.pt, FILE\.pth"
    assert_refused(UsageError, rf"no suspect source .*\({address}\); known forms: {forms}", opened, address)


def test_a_broken_plugin_is_named_where_it_may_have_opened_the_suspect():
    broken = Plugin(name="caffe", distribution="fpframe-caffe", error="it fails at import")
    registry = Registry([broken, python])
    call = functools.partial(open_suspect, registry=registry, num_classes=K, image_shape=SHAPE)
    assert_refused(UsageError, "plugin .*caffe.* failed: it fails at import", call, "net.caffemodel")


def test_what_is_neither_network_nor_function_nor_address_is_refused(opened):
    assert_refused(UsageError, "a suspect cannot be a int", opened, 3)


def test_weights_without_a_backbone_ask_for_it(files, opened):
    assert_refused(UsageError, "holds weights only; .*--backbone", opened, str(files / "net.safetensors"))


@pytest.mark.parametrize("suspect", ["network", "function", "free.onnx", "free.pt2", "python"])
def test_a_backbone_where_it_does_not_apply_is_refused(files, opened, architecture, suspect):
    given = {"network": make(), "function": expected, "python": architecture}.get(suspect, files / suspect)
    assert_refused(UsageError, "a backbone does not apply", opened, given, backbone=architecture)


@pytest.mark.parametrize("kind", ["missing", "unexpected", "misshaped"])
def test_weights_of_another_network_are_refused(opened, architecture, kind):
    state = make(classes=7 if kind == "misshaped" else K).state_dict()
    if kind == "missing":
        del state["head.bias"]
    if kind == "unexpected":
        state["tail.bias"] = torch.zeros(2)
    save_file(state, "a.safetensors")
    message = {
        "missing": r"missing head\.bias",
        "unexpected": r"unexpected tail\.bias",
        "misshaped": r"\(7, 16\)",
    }
    assert_refused(
        ModelError,
        f"backbone '{architecture}' .*{message[kind]}",
        opened,
        "a.safetensors",
        backbone=architecture,
    )


@pytest.mark.parametrize("file", ["free.onnx", "free.pt2", "net.safetensors"])
@pytest.mark.parametrize("damage", ["empty", "half", "text"])
def test_a_damaged_file_of_each_kind_is_one_clear_error(files, opened, architecture, file, damage, capfd):
    whole = (files / file).read_bytes()
    path = Path(f"damaged{Path(file).suffix}")
    path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "text": b"hello world\n"}[damage])
    backbone = architecture if path.suffix == ".safetensors" else None
    assert_refused(ModelError, f"'{path}' is (damaged|not a whole)", opened, path, backbone=backbone)
    assert capfd.readouterr() == ("", "")


def test_a_pt2_file_with_a_flipped_byte_is_damaged(files, opened):
    content = bytearray((files / "free.pt2").read_bytes())
    content[len(content) // 2] ^= 1
    Path("a.pt2").write_bytes(content)
    assert_refused(ModelError, r"'a\.pt2' (is damaged|holds no exported program)", opened, "a.pt2")


def network_for(channels, classes):
    return Classifier(make(channels, classes), num_classes=classes, image_shape=(channels, 8, 8))


@pytest.mark.parametrize("suspect", ["network", "function", "classifier", "free.onnx", "free.pt2"])
def test_a_suspect_with_other_classes_is_refused(files, registry, suspect):
    in_memory = {"network": make(), "function": expected, "classifier": network_for(1, K)}
    given = in_memory.get(suspect, files / suspect)

    def ask():
        return open_suspect(given, registry=registry, num_classes=7, image_shape=SHAPE)(pixels())

    message = r"5\) where \(7, 7\) is expected|tells 5 classes where the victim tells 7"
    assert_refused(ModelError, message, ask)


@pytest.mark.parametrize("suspect", ["network", "classifier", "colour.onnx", "colour.pt2"])
def test_a_suspect_for_colour_refuses_grey_images(files, opened, suspect):
    given = {"network": make(3), "classifier": network_for(3, K)}.get(suspect, files / suspect)
    message = {
        "network": "to have 3 channels, but got 1 channels",
        "classifier": r"shape \(3, 8, 8\) .* queries have \(1, 8, 8\)",
    }.get(suspect, "takes RGB images .* where the queries are grey")
    assert_refused(ModelError, message, lambda: opened(given)(pixels()))


@pytest.mark.parametrize("suspect", ["classifier", "free.onnx", "free.pt2"])
def test_a_suspect_for_another_size_refuses_the_images(files, registry, suspect):
    given = {"classifier": network_for(1, K)}.get(suspect, files / suspect)
    call = functools.partial(open_suspect, given, registry=registry, num_classes=K, image_shape=(1, 10, 10))
    assert_refused(ModelError, r"8 x 8 pixels where .* 10 x 10|\(1, 8, 8\).* have \(1, 10, 10\)", call)


@pytest.mark.parametrize(
    ("source", "function", "error", "message"),
    [
        ("def predict(x): ...", "predcit", UsageError, "no function 'predcit'; did you mean 'predict'"),
        ("import gone_module_xyz", "predict", UsageError, "No module named 'gone_module_xyz'"),
        ("def f(x, y): ...", "f", UsageError, "the function needs x, y"),
        ("def f(*, x): ...", "f", UsageError, "the function needs x"),
        ("def f(): return 3", "f", ModelError, "returned a int"),
        ("def f(): raise OSError('no weights\\nhere')", "f", ModelError, "failed: no weights "),
    ],
)
def test_unusable_user_code_is_one_clear_error(opened, user_module, source, function, error, message):
    assert_refused(error, message, opened, f"python:{user_module(source)}:{function}")


def test_an_unknown_module_and_a_malformed_python_address_are_usage_errors(opened):
    assert_refused(UsageError, "cannot import module 'gone_module_xyz'", opened, "python:gone_module_xyz:f")
    assert_refused(UsageError, "write python:MODULE:FUNCTION", opened, "python:gone_module_xyz")


def test_a_network_that_answers_with_something_else_than_a_tensor_is_refused(opened):
    class Pair(nn.Module):
        def forward(self, images):
            return images, images

    assert_refused(ModelError, "answers with a tuple", opened(Pair()), pixels())


# backbones


def plugin(*components):
    """Return a plugin with these components."""
    hook = fpframe.hookimpl(lambda: list(components), specname="fpframe_components")
    return types.SimpleNamespace(__name__="tiny", fpframe_components=hook)


def test_a_backbone_comes_from_the_source_that_its_prefix_names_and_depends_on_the_seed():
    @attrs.frozen(kw_only=True)
    class Source(fpframe.BackboneSource):
        name = "tiny"

        def names(self, pattern="*"):
            return ["net"]

        def build(self, name, *, num_classes, image_shape, pretrained=False, seed):
            with isolated(seed):
                net = nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))
            return Classifier(net, num_classes=num_classes, image_shape=image_shape, address=f"tiny:{name}")

    registry = Registry([plugin(Source)])
    first, again, other = (build_backbone(registry, "tiny:net", K, SHAPE, seed) for seed in (1, 1, 2))
    assert first.address == "tiny:net"
    assert torch.equal(first.module[1].weight, again.module[1].weight)
    assert not torch.equal(first.module[1].weight, other.module[1].weight)
    assert_refused(UsageError, "did you mean 'tiny'", build_backbone, registry, "tinny:net", K, SHAPE)
    message = "write SOURCE:NAME with SOURCE one of tiny, python"
    assert_refused(UsageError, message, build_backbone, registry, "net", K, SHAPE)


def test_a_python_backbone_is_fresh_by_seed_and_leaves_random_state_as_found(registry, architecture):
    before = torch.get_rng_state()
    first, again, other = (build_backbone(registry, architecture, K, SHAPE, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert first.address == architecture
    assert torch.equal(first.module.conv.weight, again.module.conv.weight)
    assert not torch.equal(first.module.conv.weight, other.module.conv.weight)


def test_weights_saved_from_a_python_backbone_open_as_a_suspect(opened, registry, architecture):
    model = build_backbone(registry, architecture, K, SHAPE, seed=4)
    save_weights(model, "a.safetensors")
    answers = opened("a.safetensors", backbone=architecture)(pixels())
    torch.testing.assert_close(answers, expected(pixels(), model.eval()))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("def make(): return 3", ModelError, "backbone function returned a int"),
        ("def make(x): ...", ModelError, "cannot be built: .*missing 1 required"),
        ("from torch.nn import Flatten as make", ModelError, r"\(2, 64\) where \(2, 5\)"),
        ("from torch.nn import *\nmake = lambda: Conv2d(3, 5, 3)", ModelError, "does not take images"),
    ],
)
def test_a_python_backbone_that_does_not_fit_is_refused(registry, user_module, source, error, message):
    address = f"python:{user_module(source)}:make"
    assert_refused(error, message, build_backbone, registry, address, K, SHAPE)

"""Every kind of suspect gives the same answers, and every bad one ends in one clear error."""

import copy
import functools
import hashlib
import types
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import fpframe
from fpframe import Classifier, ModelError, Query, Registry, UsageError
from fpframe.opening.backbones import build_backbone
from fpframe.opening.suspects import open_suspect
from fpframe.registry.registry import Plugin
from fpframe.rng import isolated
from fpframe_plugins.suspects import python
from plugins.suspects.one_network import MEAN, SHAPE, STD, K, assert_refused, expected, make, pixels


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


def test_a_network_in_memory_answers_with_its_probabilities_and_its_channel_is_known_from_then_on(opened):
    query = opened(make(), batch_size=3)
    assert query.channel is None
    torch.testing.assert_close(query(pixels()), expected(pixels()), atol=1e-5, rtol=0)
    assert (query.channel, query.outputs) == ("probs", "logits")


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


def test_an_open_query_is_returned_as_it_is(opened):
    query = Query(expected, num_classes=K)
    assert opened(query) is query


def test_a_query_for_other_classes_and_options_that_come_too_late_are_refused(opened):
    other = Query(expected, num_classes=7)
    assert_refused(ModelError, "tells 7 classes where the victim tells 5", opened, other)
    query = Query(expected, num_classes=K)
    assert_refused(UsageError, "'mean', 'max_queries' cannot change", opened, query, mean=MEAN, max_queries=3)


@pytest.mark.parametrize("outputs", ["auto", "logits"])
def test_a_function_that_returns_logits_is_understood(opened, outputs):
    answers = opened(lambda images: make()(images) * 2, outputs=outputs)(pixels())
    torch.testing.assert_close(answers, expected(pixels(), lambda images: make()(images) * 2))


@pytest.mark.parametrize("outputs", ["auto", "labels"])
def test_labels_become_one_hot_and_reveal_the_top1_channel(opened, outputs):
    query = opened(lambda images: expected(images).argmax(1), outputs=outputs)
    assert torch.equal(query(pixels()), F.one_hot(expected(pixels()).argmax(1), K).float())
    assert query.channel == "top1"


@pytest.mark.parametrize("outputs", ["auto", "probs"])
def test_a_network_that_ends_in_a_softmax_is_not_put_through_another_one(opened, outputs):
    query = opened(nn.Sequential(make(), nn.Softmax(dim=1)), outputs=outputs)
    torch.testing.assert_close(query(pixels()), expected(pixels()))
    assert (query.outputs, query.notes) == ("probs", ())


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


@pytest.mark.parametrize("device", ["nonsense", "meta", "cuda:99"])
@pytest.mark.parametrize("file", [None, "free.onnx", "free.pt2"])
def test_an_unusable_device_is_a_usage_error(files, opened, device, file):
    suspect = make() if file is None else str(files / file)
    assert_refused(UsageError, f"device '{device}'.*use cpu", opened, suspect, device=device)


@pytest.mark.parametrize("file", ["gone.onnx", "gone.pt2", "gone.safetensors", "gone.pt", "a.pth", "A.ONNX"])
def test_a_missing_file_is_said_to_be_missing(opened, file):
    assert_refused(ModelError, f"no such file: '{file}'", opened, file)
    assert_refused(ModelError, f"no such file: '{file}'", opened, Path(file))


@pytest.mark.parametrize("address", ["net.h5", "net", "tf:net", "https://host/net.onnx", "C:/net.h5"])
def test_an_address_that_nothing_opens_lists_what_would_be_opened(opened, address):
    forms = r"FILE\.onnx, FILE\.pt2, python:MODULE:FUNCTION, FILE\.safetensors, FILE\.pt, FILE\.pth"
    what = "no suspect source knows the prefix" if ":" in address[2:] else "there is no such file or folder"
    assert_refused(UsageError, rf"{what}.*\({address}\); known forms: {forms}", opened, address)


def test_a_broken_plugin_is_named_where_it_may_have_opened_the_suspect():
    broken = Plugin(name="caffe", distribution="fpframe-caffe", error="it fails at import")
    registry = Registry([broken, python])
    call = functools.partial(open_suspect, registry=registry, num_classes=K, image_shape=SHAPE)
    assert_refused(UsageError, "plugin .*caffe.* failed: it fails at import", call, "net.caffemodel")


def test_what_is_neither_network_nor_function_nor_address_is_refused(opened):
    assert_refused(UsageError, "a suspect cannot be a int", opened, 3)


@pytest.mark.parametrize("suspect", ["network", "function", "free.onnx", "free.pt2", "python"])
def test_a_backbone_where_it_does_not_apply_is_refused(files, opened, architecture, suspect):
    given = {"network": make(), "function": expected, "python": architecture}.get(suspect, files / suspect)
    assert_refused(UsageError, "a backbone does not apply", opened, given, backbone=architecture)


@pytest.mark.parametrize("file", ["free.onnx", "free.pt2", "net.safetensors"])
@pytest.mark.parametrize("damage", ["empty", "half", "text"])
def test_a_damaged_file_of_each_kind_is_one_clear_error(files, opened, architecture, file, damage, capfd):
    whole = (files / file).read_bytes()
    path = Path(f"damaged{Path(file).suffix}")
    path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "text": b"hello world\n"}[damage])
    backbone = architecture if path.suffix == ".safetensors" else None
    assert_refused(ModelError, f"'{path}' is (damaged|not a whole)", opened, path, backbone=backbone)
    assert capfd.readouterr() == ("", "")


def network_for(channels, classes):
    return Classifier(make(channels, classes), num_classes=classes, image_shape=(channels, 8, 8))


@pytest.mark.parametrize("suspect", ["network", "function", "classifier", "free.onnx", "free.pt2"])
def test_a_suspect_with_other_classes_is_refused(files, registry, suspect):
    in_memory = {"network": make(), "function": expected, "classifier": network_for(1, K)}
    given = in_memory.get(suspect, files / suspect)

    def ask():
        return open_suspect(given, registry=registry, num_classes=7, image_shape=SHAPE, trust_code=True)(pixels())

    message = r"5\) where \(7, 7\) is expected|tells 5 classes where the victim tells 7"
    assert_refused(ModelError, message, ask)


@pytest.mark.parametrize("suspect", ["network", "classifier"])
def test_a_suspect_for_colour_refuses_grey_images(opened, suspect):
    given = {"network": make(3), "classifier": network_for(3, K)}[suspect]
    message = {
        "network": "to have 3 channels, but got 1 channels",
        "classifier": r"shape \(3, 8, 8\) .* queries have \(1, 8, 8\)",
    }[suspect]
    assert_refused(ModelError, message, lambda: opened(given)(pixels()))


@pytest.mark.parametrize("suspect", ["network", "classifier", "colour.onnx", "colour.pt2"])
def test_a_suspect_for_colour_gets_grey_images_in_colour_where_that_is_said_or_its_file_says_so(files, opened, suspect):
    given = {"network": make(3), "classifier": network_for(3, K)}.get(suspect, files / suspect)
    query = opened(given, preparation="" if suspect.startswith("colour") else "rgb")
    net = given if suspect == "classifier" else make(3)
    torch.testing.assert_close(query(pixels()), expected(pixels().expand(-1, 3, -1, -1), net), atol=1e-5, rtol=0)
    assert query.preparation == "rgb"


@pytest.mark.parametrize("suspect", ["classifier", "free.onnx", "free.pt2"])
def test_a_suspect_for_another_size_refuses_the_images(files, registry, suspect):
    given = {"classifier": network_for(1, K)}.get(suspect, files / suspect)
    said = {"num_classes": K, "image_shape": (1, 10, 10), "trust_code": True}
    call = functools.partial(open_suspect, given, registry=registry, **said)
    assert_refused(ModelError, r"8 x 8 pixels where .* 10 x 10|\(1, 8, 8\).* have \(1, 10, 10\)", call)


def test_a_network_that_answers_with_something_else_than_a_tensor_is_refused(opened):
    class Pair(nn.Module):
        def forward(self, images):
            return images, images

    assert_refused(ModelError, "answers with a tuple of which no member fits", opened(Pair()), pixels())


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

"""What a suspect calls its classes reaches whoever asks, and so does how many they are."""

from __future__ import annotations

import json

import pytest
import torch

import fpframe
from fpframe.errors import ModelError
from fpframe.isolation.border import Facts, HowRead
from fpframe.isolation.inprocess import InProcess
from fpframe.isolation.messages import read_facts, written_facts
from fpframe.isolation.ownprocess import OwnProcess
from fpframe.isolation.request import OpeningRequest

SUSPECTS = """
import types

import torch


def three(pixels):
    return pixels.flatten(1)[:, :3].softmax(1)


three.class_names = ["cat", "dog", "eel"]


def network():
    made = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    made.config = types.SimpleNamespace(id2label={"1": "dog", "0": "cat"})
    return made


def silent(pixels):
    return pixels.flatten(1)[:, :4].softmax(1)


def stale(pixels):
    return silent(pixels)


stale.class_names = ["tench", "goldfish", "shark"]


def renamed(pixels):
    return silent(pixels)


renamed.class_names = ["a", "b", "c", "d"]
"""
REQUEST = OpeningRequest(num_classes=4, image_shape=(1, 8, 8), classes=("eel", "dog", "cat", "fox"))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suspects")
    (folder / "naming_suspects.py").write_text(SUSPECTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module", params=[InProcess, OwnProcess])
def way(request, here, registry):
    with request.param(registry) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("three", ("cat", "dog", "eel")),
        ("network", ("cat", "dog")),
        ("silent", ()),
        ("stale", ()),
        ("renamed", tuple("abcd")),
    ],
)
def test_names_of_classes_cross_the_border_and_so_does_their_number(way, name, classes):
    query = way.open(f"python:naming_suspects:{name}", REQUEST)
    assert query.class_names == classes
    assert query.num_classes == (len(classes) or REQUEST.num_classes)
    assert query(torch.zeros(5, 1, 8, 8)).shape == (5, query.num_classes)


def test_a_filter_leaves_the_names_as_they_are(way, registry):
    query = way.open("python:naming_suspects:three", REQUEST)
    assert registry.create("filter", "top1").wrap(query, seed=0).class_names == query.class_names


def facts(**changes):
    read = HowRead("auto", None)
    return Facts(address="here", digest="", architecture="", preparation="", notes=(), reading=read, **changes)


@pytest.mark.parametrize("names", [(), ("cat", "dog"), ("a" * 1999, "\u00e9")])
def test_names_are_read_back_as_they_were_written(names):
    assert read_facts(json.loads(json.dumps(written_facts(facts(class_names=names)))), "here").class_names == names


@pytest.mark.parametrize("names", ["cat", [1, 2], None, {"0": "cat"}, ["x"] * 100_001])
def test_names_that_are_none_are_refused_at_the_border(names):
    with pytest.raises(ValueError, match=r"that are none|a text"):
        read_facts({**written_facts(facts()), "class_names": names}, "here")


def test_what_a_terminal_would_obey_does_not_cross():
    [name] = read_facts({**written_facts(facts()), "class_names": ["\x1b[31mcat"]}, "here").class_names
    assert name.isprintable()


@pytest.mark.parametrize("names", [("cat",), ("cat", "dog", "eel"), (1, 2)])
def test_a_query_refuses_names_that_are_not_those_of_its_classes(names):
    query = fpframe.Query(lambda pixels: pixels, num_classes=2)
    with pytest.raises(ModelError, match="classes"):
        query.class_names = names

"""Exported models answer as those of the zoo do, and the list that comes with them says what each is."""

from __future__ import annotations

import json
import sys
import zipfile

import attrs
import pytest
import torch

import fpframe
from fpframe import Lineage, ModelError, ResourceError, UsageError
from fpframe.models.training import Training
from fpframe.recipe.recipe import Partition
from fpframe.store.store import Store
from fpframe.zoo import partition
from fpframe.zoo.build import build_models
from fpframe.zoo.export import export_zoo
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import VictimHandle, Workspace
from fpframe.zoo.zoo import Zoo

#: One of each architecture, two of one kind, and two behind filters, which are no files.
LINEAGES = {
    "train[paper:arc-a]": "same-data",
    "train[paper:arc-b]": "same-data",
    "train[paper:arc-c]->prune(0.4)": "attacked",
    "victim->extract(soft)[paper:arc-d]": "extract(soft)",
    "victim->quantize(int8)": "quantize(int8)",
    "victim->jpeg(50)": "jpeg(50)",
    "victim->quantize(int8)->round(1)": "quantize(int8)->round(1)",
}
FILES = [
    "test-independent-same-data-001",
    "test-independent-same-data-002",
    "test-independent-attacked-001",
    "test-derived-extract-soft-001",
    "test-derived-quantize-int8-001",
]
FIELDS = {"file", "lineage", "exact", "relation", "stratum", "family", "split", "backbone", "digest"}


@pytest.fixture(scope="module")
def zoo(registry, tmp_path_factory) -> Zoo:
    full = registry.create("dataset", "digits").open("", root=None)
    data = attrs.evolve(full, train=full.train[:180], test=full.test[:50])
    parts = partition(data, Partition(), seed=0)
    store = Store(tmp_path_factory.mktemp("store"))
    workspace = Workspace(dataset=data, parts=parts, registry=registry, store=store)
    workspace.victim = VictimHandle.of(workspace.build("paper:arc-e", seed=1), parts, backbone="paper:arc-e")
    models = [
        ZooModel(
            lineage=Lineage.parse(text, registry),
            training=Training(epochs=1),
            split="test",
            relation="derived" if text.startswith("victim") else "independent",
            stratum=stratum,
            family=text,
        )
        for text, stratum in LINEAGES.items()
    ]
    return build_models(models, workspace)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["safetensors", "pt2", "onnx"])
def test_every_exported_model_answers_as_the_one_in_the_zoo(zoo, tmp_path, format):
    steps = []
    index = export_zoo(zoo, tmp_path / "out", format=format, on_event=steps.append)
    assert index == tmp_path / "out" / "models.json"
    listed = json.loads(index.read_text())
    assert {path.name for path in index.parent.iterdir()} == {"models.json", *(item["file"] for item in listed)}
    assert [(event.done, event.total) for event in steps[:-1]] == [(n, 5) for n in range(1, 6)]
    assert (steps[-1].kind, steps[-1].text) == (
        "note",
        "2 of 7 models are left out, such as victim->jpeg(50): an answer filter is not a file",
    )
    for item, model in zip(listed, zoo.models[:5], strict=True):
        suspect = fpframe.open_suspect(
            str(index.parent / item["file"]),
            registry=zoo.workspace.registry,
            num_classes=10,
            image_shape=(1, 8, 8),
            backbone=item["backbone"] if format == "safetensors" else None,
            outputs="auto" if format == "safetensors" else "logits",
            trust_code=format == "pt2",
        )
        for count in (1, 3, 50):
            pixels = zoo.workspace.dataset.test.pixels[:count]
            torch.testing.assert_close(suspect(pixels), zoo.query(model)(pixels), atol=1e-5, rtol=0)


def test_the_list_says_all_that_is_known_of_each_file(zoo, tmp_path):
    listed = json.loads(export_zoo(zoo, tmp_path / "out", format="safetensors").read_text())
    assert [item["file"] for item in listed] == [f"{name}.safetensors" for name in FILES]
    for item, model in zip(listed, zoo.models[:5], strict=True):
        assert set(item) == FIELDS
        assert Lineage.parse(item["exact"], zoo.workspace.registry) == model.lineage
        assert item["lineage"] == str(model.lineage)
        assert item["digest"] == zoo.load(model).as_query().digest
        for key in ("relation", "stratum", "family", "split"):
            assert item[key] == getattr(model, key)
    assert [item["backbone"] for item in listed] == [f"paper:arc-{letter}" for letter in "abcde"]


def test_the_list_and_the_file_say_in_which_form_a_network_was_trained(zoo, registry, tmp_path):
    model = attrs.evolve(zoo.models[0], lineage=Lineage.parse("train[timm:test_resnet]", registry))
    one = build_models([model], zoo.workspace)
    index = export_zoo(one, tmp_path / "out", format="safetensors")
    (item,) = json.loads(index.read_text())
    assert item["backbone"] == "timm:test_resnet(stem=small)"
    pixels = zoo.workspace.dataset.test.pixels
    for backbone in (item["backbone"], "timm:test_resnet"):
        suspect = fpframe.open_suspect(
            index.parent / item["file"], registry=registry, num_classes=10, image_shape=(1, 8, 8), backbone=backbone
        )
        torch.testing.assert_close(suspect(pixels), one.query(model)(pixels), atol=1e-5, rtol=0)


def test_a_form_that_a_recipe_names_is_trained_and_written_in_lineages(zoo, registry):
    lineage = Lineage.parse('train["timm:test_resnet(unchanged)"]', registry)
    assert Lineage.parse(str(lineage), registry) == lineage
    made = build_models([attrs.evolve(zoo.models[0], lineage=lineage)], zoo.workspace)
    assert made.load(made.models[0]).form == "unchanged"


def test_the_same_zoo_is_exported_to_the_same_bytes(zoo, tmp_path):
    folders = [export_zoo(zoo, tmp_path / name, format="safetensors").parent for name in ("one", "two")]
    one, two = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert one == two


def test_nobodys_images_are_in_an_exported_program(zoo, tmp_path):
    """A file of this kind holds the images that it was exported with."""
    one = attrs.evolve(zoo, models=zoo.models[:1])
    folder = export_zoo(one, tmp_path / "out", format="pt2").parent
    program = torch.export.load(folder / f"{FILES[0]}.pt2")
    assert not program.example_inputs[0][0].any()
    assert zipfile.is_zipfile(folder / f"{FILES[0]}.pt2")


def test_an_earlier_export_is_overwritten_by_force_alone_and_another_folder_never(zoo, tmp_path):
    one = attrs.evolve(zoo, models=zoo.models[:1])
    out = tmp_path / "out"
    file = out / f"{FILES[0]}.safetensors"
    export_zoo(one, out, format="safetensors")
    file.write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"output exists already .*out\); choose another --out, or .* --force"):
        export_zoo(one, out, format="safetensors")
    assert file.read_bytes() == b"mine"
    export_zoo(one, out, format="safetensors", force=True)
    assert file.read_bytes() != b"mine"

    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "thesis.tex").touch()
    for target in (thesis, thesis / "thesis.tex"):
        with pytest.raises(UsageError, match="output exists already"):
            export_zoo(one, target, format="safetensors", force=True)
    assert [path.name for path in thesis.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_may_be_filled(zoo, tmp_path):
    (tmp_path / "out").mkdir()
    assert export_zoo(attrs.evolve(zoo, models=zoo.models[:1]), tmp_path / "out", format="safetensors").exists()


@pytest.mark.parametrize(
    ("format", "said"), [("onxx", "did you mean 'onnx'"), ("pickle", "known: onnx, pt2, safetensors")]
)
def test_an_unknown_format_is_refused_before_anything_is_written(zoo, tmp_path, format, said):
    with pytest.raises(UsageError, match=f"unknown format '{format}'.*{said}"):
        export_zoo(zoo, tmp_path / "out", format=format)
    assert not (tmp_path / "out").exists()


def test_a_zoo_that_is_not_built_is_refused_before_anything_is_written(zoo, tmp_path):
    empty = attrs.evolve(zoo, workspace=attrs.evolve(zoo.workspace, store=Store(tmp_path / "empty")))
    with pytest.raises(
        UsageError, match=r"5 of 5 models are not built, such as train\[paper:arc-a\]; run 'fpframe zoo"
    ):
        export_zoo(empty, tmp_path / "out", format="safetensors")
    assert not (tmp_path / "out").exists()


def test_onnx_without_its_packages_says_what_to_install(zoo, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match=r'onnxscript; pip install "fpframe\[onnx\]"'):
        export_zoo(zoo, tmp_path / "out", format="onnx")


@pytest.mark.parametrize("format", ["pt2", "onnx"])
def test_a_network_that_torch_cannot_write_is_named_on_one_line(zoo, tmp_path, format, monkeypatch):
    class Branching(torch.nn.Module):
        def forward(self, pixels):
            return pixels.flatten(1)[:, :10] * int(pixels.sum().item() > 3)

    model = zoo.models[-3]
    odd = fpframe.Classifier(Branching(), num_classes=10, image_shape=(1, 8, 8))
    monkeypatch.setattr(Zoo, "load", lambda *_: odd)
    with pytest.raises(ModelError, match=rf"^torch cannot write the network as {format}: .*\(victim->q.*\); leave it"):
        export_zoo(attrs.evolve(zoo, models=(model,)), tmp_path / "out", format=format)


@pytest.mark.parametrize("format", ["safetensors", "pt2", "onnx"])
def test_a_folder_that_cannot_be_written_is_named(zoo, tmp_path, format):
    (tmp_path / "file").touch()
    with pytest.raises((ResourceError, UsageError), match="file"):
        export_zoo(attrs.evolve(zoo, models=zoo.models[:1]), tmp_path / "file" / "out", format=format)

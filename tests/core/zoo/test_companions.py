"""Two models that a thief put together are stored, opened and made into others as every model of the zoo is."""

from __future__ import annotations

import json

import attrs
import pytest
import torch

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.zoo.build import build_models, missing_models
from fpframe.zoo.export import export_zoo
from fpframe.zoo.keys import model_key
from fpframe.zoo.make import load_model, query_model
from fpframe.zoo.workspace import VictimHandle
from smallzoo import STUDENT

LINEAGES = [
    "victim->mix(0.5)",
    "victim->gate(0.2)",
    "victim->mix(0.5)->extract(soft)[paper:arc-b]",
    "victim->gate(0.5)->finetune(last)",
    "victim->extract(soft)[paper:arc-b]->mix(0.3)",
    "victim->mix(0.5)->gate(0.2)",
    "victim->mix(0.5)->temperature(4.0)",
    "train[paper:arc-b]->gate(0.2)",
    "victim->quantize-static",
    "victim->quantize-static->extract(soft)[paper:arc-b]",
    "victim->quantize-static->round(2)",
]


@pytest.mark.parametrize("text", LINEAGES)
def test_a_pair_answers_as_it_did_when_it_is_opened_from_the_store(workspace, model, text):
    planned = model(text)
    before = state_digest(workspace.victim.classifier.module)
    zoo = build_models([planned], workspace)
    assert missing_models([planned], workspace) == []
    pixels = workspace.dataset.test.pixels
    assert torch.equal(query_model(planned, workspace)(pixels), zoo.query(planned)(pixels))
    labels = query_model(planned, workspace)(pixels).argmax(1)
    assert float((labels == workspace.dataset.test.labels).float().mean()) == pytest.approx(zoo.accuracy(planned))
    assert state_digest(workspace.victim.classifier.module) == before


def test_the_stolen_half_is_the_victim_and_a_student_of_the_pair_asked_both(workspace, model):
    pair, student = model("victim->mix(0.5)"), model("victim->mix(0.5)->extract(soft)[paper:arc-b]")
    zoo = build_models([pair, student], workspace)
    assert state_digest(load_model(pair, workspace).module.stolen.module) == state_digest(
        workspace.victim.classifier.module
    )
    assert zoo.facts(student).queries == len(workspace.parts.thief)
    assert not hasattr(load_model(student, workspace).module, "stolen")


def test_the_architecture_of_the_thiefs_own_model_is_a_part_of_the_key(workspace, model):
    victim = workspace.victim
    for text, differs in (("victim->mix(0.5)", True), ("victim->prune(0.4)", False)):
        workspace.victim = victim
        before = model_key(model(text), workspace)
        workspace.victim = VictimHandle(classifier=victim.classifier, key=victim.key, backbone="paper:arc-a")
        assert (model_key(model(text), workspace) != before) == differs
    assert victim.backbone == STUDENT


def test_a_pair_is_exported_as_a_program_and_left_out_where_only_weights_are_written(workspace, model, tmp_path):
    models = [model(text) for text in ("victim->mix(0.5)", "victim->gate(0.2)", "victim->prune(0.4)")]
    zoo = build_models(models, workspace)
    programs = json.loads(export_zoo(zoo, tmp_path / "programs", format="pt2").read_text())
    weights = json.loads(export_zoo(zoo, tmp_path / "weights", format="safetensors").read_text())
    assert [item["lineage"] for item in programs] == [str(each.lineage) for each in models]
    assert [item["lineage"] for item in weights] == ["victim->prune(0.4)"]
    pixels = workspace.dataset.test.pixels[:20]
    for item, each in zip(programs, models, strict=True):
        suspect = fpframe.open_suspect(
            str(tmp_path / "programs" / item["file"]),
            registry=workspace.registry,
            num_classes=10,
            image_shape=(1, 8, 8),
            outputs="logits",
            trust_code=True,
        )
        torch.testing.assert_close(suspect(pixels), zoo.query(each)(pixels), atol=1e-5, rtol=0)


def exported(zoo, out, format):
    notes = []
    index = export_zoo(
        zoo, out, format=format, on_event=lambda event: notes.extend([event.text] * (event.kind == "note"))
    )
    return json.loads(index.read_text()), notes


def test_a_network_of_another_library_is_exported_as_the_file_that_it_is_and_left_out_elsewhere(
    workspace, model, tmp_path
):
    texts = ("victim->quantize-static", "victim->quantize-static->mix(0.5)", "victim->prune(0.4)")
    zoo = build_models([model(text) for text in texts], workspace)
    foreign = "another library computes them, and {} cannot hold that"
    for format, why in (("pt2", foreign.format("pt2")), ("safetensors", "no address names what they are")):
        listed, notes = exported(zoo, tmp_path / format, format)
        assert [item["lineage"] for item in listed] == ["victim->prune(0.4)"]
        assert notes == [f"2 of 3 models are left out, such as victim->quantize-static(128): {why}"]
        assert {path.name for path in (tmp_path / format).iterdir()} == {"models.json", listed[0]["file"]}

    [item], notes = exported(attrs.evolve(zoo, models=zoo.models[:2]), tmp_path / "onnx", "onnx")
    assert item["lineage"] == "victim->quantize-static(128)"
    assert notes == [
        "1 of 2 models are left out, such as victim->quantize-static(128)->mix(0.5): " + foreign.format("onnx")
    ]
    assert {path.name for path in (tmp_path / "onnx").iterdir()} == {"models.json", item["file"]}
    pixels, file = workspace.dataset.test.pixels, str(tmp_path / "onnx" / item["file"])
    suspect = fpframe.open_suspect(
        file, registry=workspace.registry, num_classes=10, image_shape=(1, 8, 8), outputs="logits"
    )
    assert torch.equal(suspect(pixels), zoo.query(zoo.models[0])(pixels))


# --- thieves of other images, and of another length


def test_a_thief_may_own_every_image_and_go_on_for_long(workspace, model):
    texts = {
        "victim->finetune(all)": 240,
        "victim->finetune(all, epochs=3, learning_rate=0.002)": 360,
        "victim->finetune(all)[data=pool]": 240,
        "victim->finetune(all)[data=everything]": 720,
        "victim->finetune(all)[data=everything:0.5]": 360,
    }
    models = {text: model(text) for text in texts}
    assert [str(each.lineage) for each in models.values()] == list(texts)
    assert len({model_key(each, workspace) for each in models.values()}) == len(texts)
    for text, passes in texts.items():
        step = models[text].lineage.last
        attack = fpframe.load_registry().create("attack", "finetune", **dict(step.params))
        assert attack.image_passes(len(workspace.parts.part(step.data)), 99) == passes


def test_a_student_may_ask_images_of_the_pool(workspace, model):
    asked = model("victim->extract(soft)[paper:arc-b, data=everything]")
    zoo = build_models([attrs.evolve(asked, training=attrs.evolve(asked.training, epochs=1))], workspace)
    assert zoo.facts(zoo.models[0]).queries == 360

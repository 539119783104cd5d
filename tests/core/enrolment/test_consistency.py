"""Nothing derived is believed: an enrolment that contradicts itself is refused, however well its digests fit."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from safetensors.torch import load as load_tensors

import fpframe
from forging import forge, forge_json
from fpframe.enrolment import rescoring
from fpframe.enrolment.calibration import Calibration, CalibrationModel
from fpframe.enrolment.consistency import check_kind
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import IntegrityError, UsageError
from fpframe.store import dump
from frozen import examined_enrolment, modern_enrolment
from tiny import softened


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An enrolment of the newest format that no test may change."""
    path = tmp_path_factory.mktemp("sound") / "sound.enrolment"
    examined_enrolment().save(path)
    return path


@pytest.fixture
def copy(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy.enrolment"))


def refused(folder: Path, message: str) -> None:
    with pytest.raises(IntegrityError, match=f"the enrolment does not fit together: .*{message}") as raised:
        Enrolment.open(folder)
    assert "\n" not in str(raised.value)


def told(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return about


def test_a_sound_one_opens_and_is_what_was_saved(sound):
    opened = Enrolment.open(sound)
    assert opened.digest == examined_enrolment().digest
    assert told(sound)["format"] == 3


def lower(by: float) -> Callable[[Any], None]:
    def change(scored: Any) -> None:
        for filters in scored["view_scores"].values():
            for name, rows in filters.items():
                filters[name] = [[score - by for score in row] for row in rows]

    return change


def one_score(scored: Any) -> None:
    scored["view_scores"]["probs"]["flip(0.5)"][7][1] -= 0.001


SCORES: dict[str, tuple[Callable[[Any], None], str]] = {
    "every score is lower": (lower(2.0), "scores of '.*' in 'probs' do not follow from its answers"),
    "every score is a little lower": (lower(0.001), "do not follow from its answers"),
    "one score of one model through a filter": (one_score, r"in 'probs' through 'flip\(0\.5\)' do not follow"),
    "scores of a channel are missing": (lambda s: s["view_scores"].pop("top1"), "channels with scores are 'probs'"),
    "a channel more has scores": (
        lambda s: s["view_scores"].update({"rounded:1": s["view_scores"]["probs"]}),
        "channels with scores",
    ),
    "scores of a filter are missing": (lambda s: s["view_scores"]["probs"].pop("flip(0.5)"), "filters with scores"),
    "scores of a model are missing": (
        lambda s: s["view_scores"]["probs"][""].pop(),
        r"shape \(17, 3\) where \(18, 3\)",
    ),
    "scores of a view are missing": (
        lambda s: s["view_scores"]["probs"].update({"": [row[:2] for row in s["view_scores"]["probs"][""]]}),
        r"shape \(18, 2\) where \(18, 3\)",
    ),
    "scores are texts": (
        lambda s: s["view_scores"]["probs"].update(
            {"": [[str(x) for x in row] for row in s["view_scores"]["probs"][""]]}
        ),
        "scores are not numbers",
    ),
    "a model is missing": (lambda s: s["models"].pop(), "do not fit their number|have shape"),
    "there are no models": (lambda s: s.update(models=[]), "'models' must be a list of at least one"),
    "a model without a family": (lambda s: s["models"][3].pop("family"), r"key 'models\.3\.family' is missing"),
    "a model with an unknown entry": (lambda s: s["models"][3].update(weight=0), r"unknown key 'models\.3\.weight'"),
    "a model whose family is a number": (lambda s: s["models"][3].update(family=3), r"'models\.3\.family' is wrong"),
    "a model whose family is empty": (lambda s: s["models"][3].update(family=""), "no name, stratum or family"),
    "all of one stratum": (
        lambda s: [model.update(stratum="same-data") for model in s["models"]],
        "is not of stratum 'same-data'",
    ),
    "families of their own": (
        lambda s: s["models"][0].update(family="calibrate/thief-recipe/extract/0"),
        "is not of stratum",
    ),
    "a filter twice": (
        lambda s: s["filters"].append("flip(0.5)"),
        "there are answers through 2 filters where 3 are listed",
    ),
    "standards of one channel": (lambda s: s["standards"].pop("probs"), "channels with standards are 'top1'"),
    "no standards": (lambda s: s.update(standards={}), "channels with standards are none"),
    "a standard of one view": (
        lambda s: s["standards"]["probs"].update(means=[0.0], deviations=[1.0]),
        "the standard of 'probs' is not one for 3 views",
    ),
    "a standard without spread": (
        lambda s: s["standards"]["probs"].update(deviations=[0.0, 0.0, 0.0]),
        "the standard of 'probs'",
    ),
    "a source that is none": (lambda s: s.update(source=""), "'source' must be a text"),
    "an unknown entry": (lambda s: s.update(verdict="DERIVED"), "unknown key 'verdict'"),
}


@pytest.mark.parametrize("case", SCORES)
def test_a_table_of_scores_that_does_not_follow_is_refused(copy, case):
    change, message = SCORES[case]
    forge_json(copy, "calibration.json", change)
    refused(copy, message)


def test_a_difference_that_another_machine_may_find_is_none(copy):
    forge_json(copy, "calibration.json", lower(5e-5))
    assert Enrolment.open(copy).calibration.models


def test_of_a_large_enrolment_some_views_of_every_model_are_looked_at(copy, monkeypatch):
    monkeypatch.setattr(rescoring.refuse_other_scores, "__kwdefaults__", {"most": 1})

    def last_model(scored: Any) -> None:
        scored["view_scores"]["probs"][""][-1] = [0.0, 0.0, 0.0]

    forge_json(copy, "calibration.json", last_model)
    refused(copy, "do not follow from its answers")


def cut(file: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    def forged(folder: Path) -> None:
        tensors = load_tensors((folder / file).read_bytes())
        forge(folder, members={file: dump({name: change(tensor) for name, tensor in tensors.items()}, {})})

    return forged


def one(file: str, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    def forged(folder: Path) -> None:
        tensors = load_tensors((folder / file).read_bytes())
        forge(folder, members={file: dump({**tensors, name: change(tensors[name])}, {})})

    return forged


def swapped(folder: Path) -> None:
    first, second = "encoder-probs.safetensors", "encoder-top1.safetensors"
    forge(folder, members={first: (folder / second).read_bytes(), second: (folder / first).read_bytes()})


MEMBERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "fewer calibration answers": (
        cut("calibration-answers.safetensors", lambda t: t[:5]),
        r"have shape \(5, 3, 16, 10\)",
    ),
    "answers of one filter cut": (
        one("calibration-answers.safetensors", "answers.1", lambda t: t[:5]),
        r"through 'flip\(0\.5\)' do not fit",
    ),
    "answers that are not numbers": (
        cut("calibration-answers.safetensors", lambda t: t * torch.nan),
        "are not probabilities",
    ),
    "answers that are no probabilities": (
        one("calibration-answers.safetensors", "answers.0", lambda t: t * 5),
        "are not probabilities",
    ),
    "the victim's answers of another size": (
        cut("victim-answers.safetensors", lambda t: t[:, :-1]),
        "size mismatch|the victim's answers have shape",
    ),
    "the victim's answers of any size, and none of them": (
        lambda folder: forge(
            folder, members={"victim-answers.safetensors": dump({"probs": torch.zeros(0, 10**6, 10**4)}, {})}
        ),
        "the victim's answers have shape",
    ),
    "the victim's answers do not sum to one": (
        cut("victim-answers.safetensors", lambda t: t / 2),
        "the victim's answers do not sum to one",
    ),
    "other answers of the victim": (
        cut("victim-answers.safetensors", lambda t: t.flip(-1)),
        "do not follow from its answers",
    ),
    "one view of the queries": (cut("queries.safetensors", lambda t: t[:1]), "the victim's answers have shape"),
    "no queries": (cut("queries.safetensors", lambda t: t[:0]), "there are no query images"),
    "queries of another type": (cut("queries.safetensors", lambda t: t.float()), "must be uint8"),
    "encoders swapped": (swapped, "do not follow from its answers"),
    "a perturbation of another size": (cut("perturbations.safetensors", lambda t: t[..., :4]), "not one for the query"),
    "a perturbation twice as large": (cut("perturbations.safetensors", lambda t: t * 2), "is said to reach 0.3"),
    "labels on ability of no class": (one("ability.safetensors", "victim", lambda t: t + 90), "none of 10 classes"),
    "ability of fewer models": (one("ability.safetensors", "models", lambda t: t[:3]), "told of 3 calibration models"),
    "ability on other images": (
        one("ability.safetensors", "images", lambda t: t[..., :4]),
        "which are not like the queries",
    ),
    "labels on ability as fractions": (one("ability.safetensors", "truth", lambda t: t.float()), "none of 10 classes"),
    "a recipe that is none": (lambda folder: forge(folder, members={"recipe.toml": b"name = 3"}), "'name' is wrong"),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_members_that_do_not_fit_one_another_are_refused(copy, case):
    change, message = MEMBERS[case]
    change(copy)
    with pytest.raises(IntegrityError, match=message) as raised:
        Enrolment.open(copy)
    assert "\n" not in str(raised.value)


def victim(**said: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda about: {"victim": {**about["victim"], **said}}


MANIFEST: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "nothing of the victim": (lambda about: {"victim": {}}, r"key 'victim\.\w+' is missing"),
    "more of the victim": (victim(owner="me"), r"unknown key 'victim\.owner'"),
    "an accuracy in words": (victim(accuracy="high"), r"'victim\.accuracy' is wrong: expected float, got 'high'"),
    "an accuracy above one": (victim(accuracy=1.5), r"'victim\.accuracy' must be a number at least 0 and at most 1"),
    "a key that is no digest": (victim(key="0" * 63), r"'victim\.key' must be a SHA-256"),
    "an address that is none": (victim(backbone=""), r"'victim\.backbone' must be a text of 1 to 2000 letters"),
    "an address without an end": (victim(address="x" * 3000), r"'victim\.address' must be a text"),
    "a larger perturbation": (victim(max_abs_delta=[9.0]), r"is said to reach 9, and reaches 0\.3"),
    "a perturbation below nothing": (victim(max_abs_delta=[-0.3]), r"'victim\.max_abs_delta' must be a number"),
    "two fooling rates for one": (victim(fooling_rate=[0.5, 0.5]), "there are 1 perturbations where"),
    "no parts": (lambda about: {"parts": []}, "'parts' must be a list of at least one"),
    "a part of many points": (
        lambda about: {"parts": [{"pair": True, "points": 10**9, "start": 0}]},
        "a view has 16 queries where its parts have 2000000000",
    ),
    "a part that starts before": (
        lambda about: {"parts": [{"pair": True, "points": 8, "start": -5}]},
        "'parts' must be a list of parts that follow one another",
    ),
    "a part of text": (
        lambda about: {"parts": [{"pair": "no", "points": 8, "start": 0}]},
        r"'parts\.0\.pair' is wrong",
    ),
    "classes of numbers": (lambda about: {"classes": list(range(10))}, r"'classes\.0' is wrong"),
    "a class twice": (
        lambda about: {"classes": [*about["classes"][:9], "0"]},
        "'classes' must be a list without repeats",
    ),
    "an encoder larger than what is stored": (
        lambda about: {"encoder": {**about["encoder"], "params": {"embedding": 10**9}}},
        r"encoder '\w+' would have \d+ numbers where \d+ are stored",
    ),
    "fewer classes": (lambda about: {"classes": about["classes"][:9]}, "have shape"),
    "classes as a text": (lambda about: {"classes": "0123456789"}, "'classes' is wrong: expected a list"),
    "a revision in words": (lambda about: {"encoder_revision": "1"}, "'encoder_revision' is wrong"),
    "an encoder without a name": (lambda about: {"encoder": {"params": {}}}, r"key 'encoder\.name' is missing"),
    "a profile of text": (lambda about: {"profile": "x"}, "'profile' is wrong"),
    "a profile that says more": (
        lambda about: {"profile": {**about["profile"], "verdict": "DERIVED"}},
        r"unknown key 'profile\.verdict'",
    ),
    "a profile without threads": (
        lambda about: {"profile": {**about["profile"], "threads": 0}},
        r"'profile\.threads' must be a whole number",
    ),
    "assumptions as a text": (lambda about: {"assumptions": "none"}, "assumptions in the manifest are not a list"),
    "an assumption without an end": (
        lambda about: {"assumptions": ["x" * 30_000]},
        "an assumption in the manifest has more than",
    ),
    "an assumption of another form": (lambda about: {"assumptions": [{"code": "x"}]}, "a note is a sentence"),
    "a scheme that is a list": (lambda about: {"scheme": ["uap"]}, "'scheme' is wrong"),
}


@pytest.mark.parametrize("case", MANIFEST)
def test_a_manifest_that_says_something_else_is_refused(copy, case):
    change, message = MANIFEST[case]
    forge(copy, **change(told(copy)))
    refused(copy, message)


@pytest.mark.parametrize("channels", [[], ["probs"], ["probs", "probs"], ["probs", "smell"], "probs", [1]])
def test_channels_are_those_that_have_encoders(copy, channels):
    forge(copy, channels=channels)
    with pytest.raises(IntegrityError, match=r"channels|is not one of an enrolment's|fit together|is missing"):
        Enrolment.open(copy)


def test_every_byte_of_a_manifest_is_under_a_digest(sound, copy):
    content = (sound / "manifest.json").read_bytes()
    for place in range(0, len(content), 7):  # each seventh byte, one of three bits
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 3)
        (copy / "manifest.json").write_bytes(changed)
        with pytest.raises(IntegrityError, match="the manifest"):
            Enrolment.open(copy)


@pytest.mark.parametrize("ending", [b" ", b"\n", b"{}", b"\x00"])
def test_nothing_stands_behind_a_manifest(copy, ending):
    with (copy / "manifest.json").open("ab") as file:
        file.write(ending)
    with pytest.raises(IntegrityError, match="the manifest is damaged"):
        Enrolment.open(copy)


@pytest.mark.parametrize(
    ("name", "stratum", "family", "fits"),
    [
        ("train[paper:arc-a]", "same-data", "calibrate/same-data/paper:arc-a/0", True),
        ("train[paper:arc-a]", "disjoint-data", "calibrate/same-data/paper:arc-a/0", False),
        ("train[paper:arc-a, data=thief]", "disjoint-data", "calibrate/disjoint-data/paper:arc-a/0", True),
        ("train[paper:arc-a, data=thief]", "same-data", "calibrate/same-data/paper:arc-a/0", False),
        ("train[paper:arc-a, data=overlap:0.5]", "overlap(0.5)", "calibrate/overlap(0.5)/paper:arc-a/0", True),
        ("train[paper:arc-a, data=overlap:0.5]", "overlap(0.1)", "calibrate/overlap(0.1)/paper:arc-a/0", False),
        ("train[paper:arc-a]->prune(0.4)", "attacked", "calibrate/same-data/paper:arc-a/0", True),
        ("train[paper:arc-a]->prune(0.4)", "attacked", "calibrate/thief-recipe/paper:arc-a/0", False),
        ("train[paper:arc-a]->prune(0.4)", "same-data", "calibrate/same-data/paper:arc-a/0", False),
        ("train[paper:arc-a]", "attacked", "calibrate/same-data/paper:arc-a/0", False),
        ("labels->extract(soft)[paper:arc-a]", "thief-recipe", "calibrate/thief-recipe/extract/0", True),
        ("labels->extract(soft)[paper:arc-a]", "other-teacher", "calibrate/same-data/extract/0", False),
        ("train[random:7, data=thief:0.5]", "wild", "calibrate/wild/3/random:7", True),
        ("victim->prune(0.4)", "attacked", "calibrate/same-data/paper:arc-a/0", False),
        ("train[paper:arc-a]", "of-a-plugin", "anything", True),
        ("model.onnx", "same-data", "same-data/model.onnx", True),
        ("model.onnx #2", "own-independents", "model.onnx", True),
    ],
)
def test_the_kind_of_a_model_follows_from_its_lineage(name, stratum, family, fits):
    model = CalibrationModel(name=name, stratum=stratum, family=family)
    if fits:
        check_kind(model)
        return
    with pytest.raises(ValueError, match=f"is not of stratum '{re.escape(stratum)}'"):
        check_kind(model)


def recipe(old: str, new: str) -> Callable[[Path], None]:
    def forged(folder: Path) -> None:
        text = (folder / "recipe.toml").read_text()
        assert old in text
        forge(folder, members={"recipe.toml": text.replace(old, new).encode()})

    return forged


def fitness(change: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda folder: forge_json(folder, "fitness.json", change)


def scored(change: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda folder: forge_json(folder, "calibration.json", change)


def told_as_several(stored: Any) -> None:
    made = next(model for model in stored["models"] if "->" in model["name"])
    made["family"] = made["family"].rpartition("/")[0] + "/99"


def fewer_right(count: int) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda labels: torch.cat([(labels[..., :count] + 1) % 10, labels[..., count:]], -1)


#: What one part of an enrolment says of another.
FOLLOWS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a recipe of another scheme": (
        recipe('scheme = "uap-contrastive"', 'scheme = "akh"'),
        "recipe is for scheme 'akh'",
    ),
    "a recipe of other channels": (
        recipe('"probs",', '"probs", "rounded:1",'),
        "recipe is for the channels 'probs', 'rounded:1', 'top1', and it has encoders for 'probs', 'top1'",
    ),
    "a recipe of more points": (recipe("points = 8", "points = 100"), "asks for 100 points a view, and there are 8"),
    "a recipe of more views": (recipe("views = 3", "views = 10"), "asks for 10 views, and there are 3"),
    "a recipe of another encoder": (recipe("hidden = 32", "hidden = 64"), "makes encoders with hidden = 64"),
    "other query images": (
        cut("queries.safetensors", lambda t: torch.cat([t[:, :8].flip(-1), t[:, 8:]], 1)),
        "of part 1 are not pairs of an image and the perturbed one",
    ),
    "a perturbation that moved nothing, it is said": (
        fitness(lambda f: f["queries"][0].update(moved=0.0)),
        "'uap' is said to have moved 0 of its points, not 1",
    ),
    "parts that were not looked at": (fitness(lambda f: f["queries"].clear()), "0 parts of the queries were looked"),
    "two accuracies of the victim": (
        fitness(lambda f: f["victim"].update(accuracy=0.99)),
        "the victim's accuracy is 0.891667, and 0.99 elsewhere",
    ),
    "an abler victim than its labels": (one("ability.safetensors", "victim", fewer_right(16)), "right for 0 of the"),
    "an able model that was not": (
        fitness(lambda f: f["zoo"]["strata"]["same-data"].update(lowest=0.1, median=0.2, highest=0.2)),
        "are right for 0.9375 of the images .* where models of 'same-data' are for 0.1 to 0.2",
    ),
    "an unable model that was not": (
        one("ability.safetensors", "models", lambda t: torch.cat([fewer_right(16)(t[:1]), t[1:]])),
        "are right for 0 of the images",
    ),
    "more models than were looked at": (
        fitness(lambda f: f["zoo"]["strata"]["same-data"].update(models=3)),
        "more models of 'same-data' calibrate than were looked at: 9",
    ),
    "a stratum that was not looked at": (
        fitness(lambda f: f["zoo"]["strata"].pop("same-data")),
        "more models of 'same-data' calibrate",
    ),
    "models that were left out without a word": (
        fitness(lambda f: f["zoo"]["strata"]["same-data"].update(models=12)),
        "21 calibration models were looked at, where 18 calibrate and 0 were left out",
    ),
    "more images than there are": (
        fitness(lambda f: f["victim"].update(images=3)),
        "ability was measured on 16 of 3 test images",
    ),
    "one family told as several": (scored(told_as_several), "/99', of which no trained model calibrates"),
}


@pytest.mark.parametrize("case", FOLLOWS)
def test_what_follows_from_another_part_and_differs_is_refused(copy, case):
    change, message = FOLLOWS[case]
    change(copy)
    refused(copy, message)


def copied(enrolment: Enrolment, noise: float) -> Enrolment:
    """Return an enrolment of which every calibration model occurs twice, under another name and family."""
    calibration, ability = enrolment.calibration, enrolment.ability
    assert ability is not None
    again = [attrs.evolve(m, name=f"{m.name} again", family=f"{m.family} again") for m in calibration.models]
    made = Calibration.of(
        [*calibration.models, *again],
        {
            name: torch.cat([rows, (rows + noise * torch.rand(rows.shape)).clamp(0, 1)])
            for name, rows in calibration.answers.items()
        },
        enrolment.encoders,
        enrolment.standards,
        enrolment.victim_answers,
        source="18 models",
    )
    twice = attrs.evolve(ability, models=ability.models.repeat(2, 1))
    return attrs.evolve(enrolment, calibration=made, ability=twice, fitness=None)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_models_that_are_copied_under_new_families_count_once(tmp_path, noise):
    honest = modern_enrolment()
    copied(honest, noise).save(tmp_path / "copied.enrolment")
    opened = Enrolment.open(tmp_path / "copied.enrolment")
    assert len(opened.calibration.models) == 2 * len(honest.calibration.models)
    for channel in ("probs", "top1"):
        for name, stratum in opened.strata(channel).items():
            once = honest.strata(channel)[name]
            assert (stratum.units, stratum.floor) == (once.units, once.floor)
    [note] = [note for note in opened.caveats if note.code == "calibration-repeats"]
    assert note.text.startswith("Of 18 families of calibration models 9 answer as another one does")
    assert "calibration-repeats" not in {note.code for note in honest.caveats}


def test_copies_of_the_victim_are_one_model_and_too_few_to_accuse_anybody_or_to_clear_them():
    honest = modern_enrolment()
    shape = honest.calibration.answers[""].shape
    noise = 1e-4 * torch.rand(shape, generator=torch.Generator().manual_seed(0))
    calibration = attrs.evolve(honest.calibration, answers={"": honest.victim_answers + noise})
    copies = attrs.evolve(honest, calibration=calibration)
    assert len(set(copies.families)) == 1
    with pytest.raises(UsageError, match="9 independent calibration models of 1 families"):
        copies.require_families()


def test_models_that_agree_in_labels_only_are_not_one():
    honest = modern_enrolment()
    assert len(set(copied(honest, 0.0).families)) == 9
    softer = {name: softened(rows, 2) for name, rows in honest.calibration.answers.items()}
    models = honest.calibration.models
    calibration = attrs.evolve(
        honest.calibration,
        models=[*models, *(attrs.evolve(model, family=f"{model.family} softer") for model in models)],
        answers={name: torch.cat([rows, softer[name]]) for name, rows in honest.calibration.answers.items()},
    )
    assert len(set(attrs.evolve(honest, calibration=calibration).families)) == 18


def test_scores_that_agree_only_for_an_earlier_release_open_where_they_accuse_nobody(tmp_path):
    attrs.evolve(modern_enrolment(), ability=None).save(tmp_path / "old.enrolment")
    forge_json(tmp_path / "old.enrolment", "calibration.json", lower(0.01))
    assert Enrolment.open(tmp_path / "old.enrolment").ability is None


@pytest.mark.slow
def test_nobody_enrolls_where_too_many_calibration_models_answer_alike(tiny_store, monkeypatch):
    def refuse(enrolment):
        raise UsageError("alpha cannot be reached")

    monkeypatch.setattr(Enrolment, "require_families", refuse)
    with pytest.raises(UsageError, match="alpha cannot be reached"):
        fpframe.enroll(recipe="tiny", scheme="akh", run=fpframe.Run(store=tiny_store))

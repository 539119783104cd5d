"""The page of a verdict: that its words and numbers are the verdict's, and that nothing in it runs or is fetched."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import re
import shlex
from html.parser import HTMLParser
from importlib import metadata
from typing import Any
from xml.etree import ElementTree

import attrs
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import fpframe
from fpframe.base import Note
from fpframe.decision import decide
from fpframe.decision.pvalues import StratumScores
from fpframe.decision.sequential import decide_sequentially, standard_of
from fpframe.decision.welch import decide_by_welch
from fpframe.enrolment.calibration import PLAIN, Calibration, CalibrationModel
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.fitness import Crafted, Fitness, StratumLook, VictimLook, ZooLook
from fpframe.interfaces.scheme import ComponentSpec
from fpframe.models.queryset import QueryPart, QuerySet
from fpframe.recipe.recipe import Recipe
from fpframe.report.verdict.page import verdict_html
from fpframe.report.verdict.pictures import Strips, strips_svg
from fpframe.report.verdict.thumbnails import THUMBNAIL, png_uri, stretched
from fpframe.verification.looks import looks_of
from fpframe.verification.verdict import Verdict
from fpframe.verification.yardstick import Yardstick
from tiny import NEAREST

VIEWS, POINTS = 4, 14
HIGH, MIDDLE, LOW = (0.97, 0.95, 0.96, 0.96), (0.7, 0.4, 0.75, 0.9), (0.3, 0.35, 0.32, 0.31)
EVIL = "<script>alert('x')</script>&\"'"
VOID = {"meta", "img", "br", "link"}


class Tree(HTMLParser):
    """HTML as a tree; a tag that is not closed where it should be is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._builder, self._open = ElementTree.TreeBuilder(), []
        self.feed(text)
        self.close()
        assert not self._open
        self.root = self._builder.close()

    def handle_starttag(self, tag, attributes):
        self._builder.start(tag, {key: value or "" for key, value in attributes})
        if tag in VOID:
            self._builder.end(tag)
        else:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self._builder.start(tag, {key: value or "" for key, value in attributes})
        self._builder.end(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        self._builder.end(tag)

    def handle_data(self, data):
        if self._open:
            self._builder.data(data)


def tree(text: str) -> ElementTree.Element:
    return Tree(text).root


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def make_enrolment(**changes) -> Enrolment:
    """An enrolment of nine models, and of twelve in nine families, that score between 0.1 and 0.8."""
    source = np.random.default_rng(0)
    names = {"same-data": list(range(9)), "other-teacher": [*range(9), 0, 1, 2]}
    models = tuple(
        CalibrationModel(name=f"{stratum} {number}", stratum=stratum, family=f"{stratum} {family}")
        for stratum, families in names.items()
        for number, family in enumerate(families)
    )
    views = np.linspace(0.1, 0.8, len(models))[:, None] + source.normal(0, 0.01, (len(models), VIEWS))
    answers = torch.rand((len(models), VIEWS, 2 * POINTS, 3), generator=torch.Generator().manual_seed(0)).softmax(-1)
    images = torch.tensor(source.integers(0, 256, (VIEWS, 2 * POINTS, 1, 8, 8)), dtype=torch.uint8)
    whole = Enrolment(
        recipe=Recipe(name="made-up", alpha=0.1, channels=("probs",)),
        scheme="uap-contrastive",
        encoder=ComponentSpec("contrastive", {"width": 64}),
        encoder_revision=1,
        queries=QuerySet(images=images, parts=(QueryPart(start=0, points=POINTS, pair=True),)),
        deltas=(torch.linspace(-0.1, 0.1, 64).reshape(1, 1, 8, 8),),
        encoders={"probs": nn.Flatten()},
        victim_answers=answers[0],
        calibration=Calibration(
            models=models, answers={PLAIN: answers}, views={"probs": {PLAIN: views}}, source="recipe made-up, seed 0"
        ),
        standards={"probs": standard_of(views[::2])},
        victim={
            "address": "timm:resnet18",
            "backbone": "timm:resnet18",
            "digest": "ab" * 32,
            "accuracy": 0.9,
            "fooling_rate": [0.5],
            "max_abs_delta": [0.1],
            "absent": ["attacked"],
        },
        classes=("cat", "dog", "cow"),
        assumptions=(Note("victim-images-not-named", "Nothing was said of the victim's images."),),
        profile={"machine": "x86_64"},
    )
    return attrs.evolve(whole, **changes)


@pytest.fixture(scope="module")
def enrolment() -> Enrolment:
    return make_enrolment()


@pytest.fixture(autouse=True)
def drawn_scores(monkeypatch) -> None:
    """Take the scores that were drawn for models, which no answers of theirs would give."""
    real = Enrolment.paths_of

    def paths_of(enrolment, answers, channel):
        for name, given in enrolment.calibration.answers.items():
            stored = enrolment.calibration.views.get(channel, {})
            if given is answers and name in stored:
                return enrolment.calibration.by_stratum(stored[name], enrolment.families)
        return real(enrolment, answers, channel)

    monkeypatch.setattr(Enrolment, "paths_of", paths_of)


def judged(enrolment: Enrolment, scores=HIGH, *, test="conformal", alpha=0.1, behaviour=None, certify=False, **changes):
    """A verdict of the enrolment on a suspect with these view scores."""
    if test == "sequential":
        decision = decide_sequentially(
            scores, enrolment.paths("probs"), enrolment.standard("probs"), alpha=alpha, certify=certify
        )
    elif test == "welch":
        decision = decide_by_welch(scores, enrolment.paths("probs"), alpha=alpha)
    else:
        decision = decide(scores, enrolment.strata("probs"), alpha=alpha, behaviour=behaviour, certify=certify)
    whole: dict[str, Any] = {
        "decision": decision,
        "channel": "probs",
        "through": "",
        "view_scores": () if behaviour else scores[: decision.views],
        "looks": looks_of(decision, scores, Yardstick.of(enrolment, "probs", registry=fpframe.load_registry())),
        "queries": 160,
        "saved": 0,
        "suspect": {"address": "copy.onnx", "digest": "cd" * 32},
        "scheme": "uap-contrastive",
        "enrolment": enrolment.digest,
        "settings": {"outputs": "logits", "device": "cpu", "mean": None, "channel": "auto", "through": "auto"},
        "caveats": enrolment.caveats,
    }
    return Verdict(**{**whole, **changes})


def page(enrolment: Enrolment, *verdicts: Verdict, registry) -> ElementTree.Element:
    return tree(verdict_html(verdicts, enrolment, registry=registry))


CONSTANT = Note("answers-constant", "The suspect gave the same answer to all 160 queries.")
ASTRAY = Note("labels-disagree", "The model agrees with the victim's labels by 0.01.")
OTHERS = Note("acme-code", "A code that this page does not know.")


@pytest.mark.parametrize(
    ("options", "said", "not_said"),
    [
        (
            {},
            ["Derived", "It is evidence, and not a proof of theft", "the chance of this verdict is at most 0.1"],
            ["not a proof of innocence"],
        ),
        ({"scores": LOW}, ["Not shown to be derived", "This is not a proof of innocence"], ["proof of theft"]),
        (
            {"scores": MIDDLE},
            ["Inconclusive", "The choice of queries prevented a verdict"],
            ["suspect's answers prevented"],
        ),
        (
            {"behaviour": CONSTANT},
            ["The suspect's answers prevented a verdict", CONSTANT.text],
            ["choice of queries"],
        ),
        ({"behaviour": ASTRAY}, ["its answers do not say why", ASTRAY.text], ["suspect's answers prevented"]),
        ({"behaviour": OTHERS}, ["its answers do not say why", OTHERS.text], ["suspect's answers prevented"]),
        ({"test": "sequential"}, ["Derived", "Look by look", "stands out: stop"], ["go on"]),
        (
            {"test": "welch"},
            ["Derived", "For comparison only", "Do not accuse anybody because of it"],
            ["the chance of this verdict"],
        ),
        (
            {"certify": True, "alpha": 0.4},
            ["Derived", "95 % confidence in the calibration models"],
            ["not a proof of innocence"],
        ),
        ({"suspect": {"address": "a", "digest": "ab" * 32}}, ["has the same digest as the victim"], ["Architecture"]),
        (
            {"suspect": {"address": "a", "digest": "", "architecture": "timm:resnet18(stem=small)"}},
            ["Architecture", "timm:resnet18(stem=small)"],
            [],
        ),
    ],
)
def test_a_page_says_what_was_shown_and_what_was_not(enrolment, registry, options, said, not_said):
    verdict = judged(enrolment, **options)
    root = page(enrolment, verdict, registry=registry)
    [article] = root.iter("article")
    text = words(article).replace("\N{NO-BREAK SPACE}", " ")
    assert verdict.sentence in text
    assert [phrase for phrase in said if phrase not in text] == []
    assert [phrase for phrase in not_said if phrase in text] == []


def test_a_calibration_that_cannot_be_compared_is_not_the_suspects_doing(enrolment, registry):
    broken = StratumScores(scores=(0.1, math.nan), families=("a", "b"))
    verdict = judged(enrolment, decision=decide(HIGH, {"same-data": broken}, alpha=0.5))
    text = words(page(enrolment, verdict, registry=registry))
    assert "The calibration prevented a verdict" in text
    assert "suspect's answers prevented" not in text


def test_a_page_names_everything_that_a_verdict_came_from(enrolment, registry):
    verdict = judged(enrolment, caveats=(*enrolment.caveats, Note("acme-caveat", "A caveat of its own.")))
    text = words(page(enrolment, verdict, registry=registry)).replace("\N{NO-BREAK SPACE}", " ")
    for expected in (
        *(note.text for note in verdict.caveats),
        enrolment.digest,
        "timm:resnet18",
        "ab" * 32,
        "cd" * 32,
        "contrastive, revision 1: width = 64",
        "made-up",
        "recipe made-up, seed 0",
        "machine = x86_64",
        "4 views of 28 images, 112 in all",
        "smallest possible p 0.1",
        "by at most 25 of 255 steps",
        f"fpframe {metadata.version('fpframe')}",
    ):
        assert expected in text


def test_a_page_says_how_fit_the_enrolment_is_and_what_was_accepted(registry):
    note = Note("zoo-disagrees", "The calibration models agree with nobody.")
    fitness = Fitness(
        victim=VictimLook(
            images=360,
            accuracy=0.431,
            guessing=0.104,
            class_means=0.287,
            pool_images=479,
            pool_accuracy=0.442,
            gradients=1.0,
        ),
        zoo=ZooLook(
            derived=13,
            independent=27,
            failed=1,
            agreement=0.615,
            strata={"same-data": StratumLook(models=9, lowest=0.253, median=0.354, highest=0.455)},
        ),
        queries=(Crafted(perturbation="uap", moved=1.0, converged=0.0),),
        accepted=(note,),
    )
    enrolment = make_enrolment(fitness=fitness)
    root = page(enrolment, judged(enrolment), registry=registry)
    facts = {words(div[0]): words(div[1]) for div in root.iter("div") if [each.tag for each in div] == ["dt", "dd"]}
    assert (
        facts.items()
        >= {
            "Victim on 360 test images": "accuracy 0.431; guessing gets 0.104, the mean images of the classes 0.287",
            "Victim on 479 images of the pool": "accuracy 0.442",
            "Encoder fitted on": "13 derived and 27 independent models; failed thefts left out: 1",
            "Accuracy of same-data": "0.253 to 0.455, median 0.354, of 9 models",
            "Agreement of these with the victim": "median kappa 0.615 on the test images",
            "Perturbation uap": "100 % of its queries moved, aim reached on 0 %",
            "Accepted although unfit": "zoo-disagrees",
        }.items()
    )
    assert f"was accepted all the same (zoo-disagrees): {note.text}" in words(root)
    assert json.loads(json.dumps(enrolment.to_dict()))["fitness"] == fitness.to_dict()


def test_the_table_holds_the_numbers_of_the_decision(enrolment, registry):
    verdict = judged(enrolment, (0.5, 0.5, 0.5, 0.5))
    root = page(enrolment, verdict, registry=registry)
    [table] = of_class(root, "strata")
    rows = {words(row.find("th")): row for row in table.findall("tbody/tr") if row.find("th") is not None}
    assert list(rows) == list(verdict.decision.strata)
    for name, result in verdict.decision.strata.items():
        cells = [words(cell) for cell in rows[name].findall("td")]
        assert cells == [
            f"{result.n}",
            f"{result.at_least}",
            f"{result.p_models:.3g}",
            f"{result.families}",
            f"{result.families_at_least}",
            f"{result.p_families:.3g}",
            f"{result.p:.3g}",
            f"{result.bound:.3g}",
            "yes" if result.p <= 0.1 + 1e-9 else "no",
            f"{result.margin:.1f}",
        ]
    assert {words(row.findall("td")[8]) for row in rows.values()} == {"yes", "no"}


@pytest.mark.parametrize("test", ["conformal", "sequential"])
@pytest.mark.parametrize("scores", [HIGH, (0.68, 0.68, 0.68, 0.68), LOW, "those of a calibration model"])
def test_the_picture_shows_as_many_models_at_least_as_high_as_were_counted(enrolment, registry, test, scores):
    if isinstance(scores, str):  # an exact tie, which counts against the claimant
        scores = tuple(enrolment.calibration.views["probs"][PLAIN][15].tolist())
    verdict = judged(enrolment, scores, test=test)
    root = page(enrolment, verdict, registry=registry)
    [picture] = of_class(root, "strips")
    # the rows lie one under the other, each below the one before it
    discs = sorted((float(disc.get("cy")), "high" in disc.get("class")) for disc in picture.iter("circle"))
    start = 0
    for result in verdict.decision.strata.values():
        row = discs[start : start + result.n]
        assert sum(high for _, high in row) == result.at_least
        start += result.n
    assert start == len(discs)


@pytest.mark.parametrize(("alpha", "certify", "above"), [(0.1, False, 0), (0.3, False, 2), (0.45, True, 1)])
def test_as_many_models_lie_above_what_has_to_be_exceeded_as_the_level_allows(
    enrolment, registry, alpha, certify, above
):
    root = page(enrolment, judged(enrolment, alpha=alpha, certify=certify), registry=registry)
    [picture] = of_class(root, "strips")
    row = 1 + list(enrolment.strata("probs")).index("same-data")
    bars = [float(bar.get("x1").rstrip("%")) for bar in of_class(picture, "bar")]
    discs = [disc for disc in picture.iter("circle") if row * 62 < float(disc.get("cy")) < (row + 1) * 62]
    assert len(discs) == 9
    assert sum(float(disc.get("cx").rstrip("%")) > bars[row - 1] for disc in discs) == above


def test_the_picture_of_known_scores_is_known_to_the_byte():
    strips = Strips(
        strata={"same-data": StratumScores(scores=(0.0, 0.5), families=("a", "b"))},
        score=0.25,
        interval=(0.2, 0.3),
        marks=(0.25,),
        bars={"same-data": 0.5},
        label="score",
    )
    picture = str(strips_svg(strips))
    assert '<circle cx="5.56%" cy="100.5" r="3.5" class="dot" />' in picture
    assert '<circle cx="94.44%" cy="100.5" r="3.5" class="dot high" />' in picture
    assert '<line x1="50.00%" x2="50.00%" y1="19" y2="124" class="score" />' in picture
    assert '<rect x="41.11%" y="19" width="17.78%" height="105" class="band" />' in picture
    assert "the highest 0.500" in picture


def test_a_filter_is_named_and_its_calibration_drawn(registry):
    calibration = make_enrolment().calibration
    plain, name = calibration.views["probs"][PLAIN], "answer-noise(0.05)"
    calibration = attrs.evolve(
        calibration,
        answers={PLAIN: calibration.answers[PLAIN], name: calibration.answers[PLAIN].clone()},
        views={"probs": {PLAIN: plain, name: plain / 10}},
    )
    enrolment = make_enrolment(calibration=calibration)
    scores = (0.2, 0.2, 0.2, 0.2)
    verdict = judged(enrolment, scores)
    strata = Yardstick.of(enrolment, "probs", name, registry=registry).strata
    filtered = attrs.evolve(verdict, through=name, decision=decide(scores, strata, alpha=0.1))
    assert len(strata) == 2 * len(verdict.strata), "the same models, behind the filter and as they are"
    counts = []
    for each in (verdict, filtered):
        root = page(enrolment, each, registry=registry)
        counts.append(len(of_class(of_class(root, "strips")[0], "high")))
        assert (name in words(root)) == (each is filtered)
    # behind the filter none is as high; as they are, as many as ever
    assert counts == [sum(result.at_least for result in verdict.strata.values())] * 2
    assert not any(result.at_least for kind, result in filtered.strata.items() if kind in verdict.strata)


def test_looks_are_those_of_the_decision(enrolment, registry):
    verdict = judged(enrolment, (0.7, 0.71, 0.72, 0.78), test="sequential")
    root = page(enrolment, verdict, registry=registry)
    [table] = of_class(root, "looks")
    rows = [[words(cell) for cell in row] for row in table.find("tbody")]
    assert [row[0] for row in rows] == [str(look) for look in range(1, verdict.decision.views + 1)]
    assert rows[-1][1] == f"{verdict.score:.3f}"
    assert rows[-1][4] == f"{verdict.p_value:.3g}"


def test_headings_tables_and_pictures_can_be_read_aloud(enrolment, registry):
    root = page(enrolment, judged(enrolment), judged(enrolment, LOW, test="sequential"), registry=registry)
    levels = [int(element.tag[1]) for element in root.iter() if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for table in root.iter("table"):
        assert words(table.find("caption"))
        assert all(head.get("scope") for head in table.iter("th"))
    assert all(image.get("alt") for image in root.iter("img"))
    assert all(picture.get("aria-label") or picture.get("aria-hidden") for picture in root.iter("svg"))
    assert root.get("lang") == "en"


def test_a_page_fetches_and_runs_nothing(enrolment, registry):
    text = verdict_html([judged(enrolment)], enrolment, registry=registry)
    root = tree(text)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"data:image/png;base64,[\w+/=]+", "", text))
    assert not [element for element in root.iter() if element.tag in ("script", "link", "iframe", "object")]
    assert all(image.get("src").startswith("data:image/png;base64,") for image in root.iter("img"))
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]
    assert "default-src 'none'" in root.find(".//meta[@http-equiv]").get("content")


def test_what_others_wrote_is_text(registry):
    calibration = make_enrolment().calibration
    models = tuple(attrs.evolve(model, stratum=f"{EVIL} {model.stratum}") for model in calibration.models)
    enrolment = make_enrolment(
        calibration=attrs.evolve(calibration, models=models, source=EVIL),
        assumptions=(Note("assumption", EVIL),),
        classes=(EVIL, "dog", "cow"),
        victim={**make_enrolment().victim, "address": EVIL},
    )
    verdict = judged(enrolment, suspect={"address": EVIL, "digest": ""}, settings={"device": EVIL, "channel": "auto"})
    text = verdict_html([verdict], enrolment, registry=registry)
    assert "<script" not in text
    root = tree(text)
    assert words(root.find(".//article")).count(EVIL) >= 3
    assert EVIL in words(of_class(root, "strips")[0])
    assert EVIL in root.find(".//title").text


def test_the_same_verdicts_give_the_same_bytes(registry):
    pages = []
    for _ in range(2):
        enrolment = make_enrolment()
        pages.append(verdict_html([judged(enrolment), judged(enrolment, LOW)], enrolment, registry=registry))
    assert pages[0] == pages[1]


def test_images_on_the_page_are_the_query_images(enrolment, registry):
    root = page(enrolment, judged(enrolment), registry=registry)
    shown = [_pixels(image.get("src")) for image in root.iter("img")]
    asked = enrolment.queries.images[0, :, 0].numpy()
    expected = [asked[i + shift] for i in range(12) for shift in (0, POINTS)]
    assert len(shown) == len(expected) + 1
    for one, other in zip(shown, expected, strict=False):
        np.testing.assert_array_equal(one, other)


def test_pictures_of_images_keep_their_pixels_or_are_shrunk():
    source = torch.Generator().manual_seed(0)
    for shape in ((3, 64, 48), (1, 5, 7), (2, 8, 8)):
        image = torch.randint(0, 256, shape, dtype=torch.uint8, generator=source)
        expected = image[0] if shape[0] < 3 else image.permute(1, 2, 0)
        np.testing.assert_array_equal(_pixels(png_uri(image)), expected.numpy())
    large = torch.randint(0, 256, (3, 300, 200), dtype=torch.uint8, generator=source)
    assert max(_pixels(png_uri(large)).shape) == THUMBNAIL
    assert stretched(torch.tensor([-0.2, 0.0, 0.1]).reshape(1, 1, 1, 3)).flatten().tolist() == [1, 128, 192]
    assert stretched(torch.zeros(1, 1, 2, 2)).unique().tolist() == [128]


def _pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_several_suspects_share_a_level_and_the_page_says_how(enrolment, registry):
    several = [judged(enrolment, alpha=0.05), judged(enrolment, LOW, alpha=0.1)]
    text = words(page(enrolment, *several, registry=registry))
    assert "share one level of 0.1 by Holm's procedure: the smallest p-value is held to 0.1/2" in text
    assert text.count("Nothing was said of the victim's images.") == 1  # a caveat of both
    asked_one_by_one = [judged(enrolment, alpha=0.1), judged(enrolment, LOW, alpha=0.15)]
    text = words(page(enrolment, *asked_one_by_one, registry=registry))
    assert "not those of Holm's procedure" in text
    assert "only by the sum of their levels, 0.25" in text


def test_a_verdict_of_another_enrolment_is_refused(enrolment, registry):
    with pytest.raises(ValueError, match="another enrolment"):
        verdict_html([attrs.evolve(judged(enrolment), enrolment="00" * 32)], enrolment, registry=registry)
    with pytest.raises(ValueError, match="at least one verdict"):
        verdict_html([], enrolment, registry=registry)


def test_the_commands_of_a_page_are_commands(enrolment, registry):
    verdict = judged(enrolment, test="sequential", alpha=0.2, certify=True)
    verdict = attrs.evolve(verdict, settings={**verdict.settings, "channel": "rounded:2", "through": "flip(0.5)"})
    root = page(enrolment, verdict, registry=registry)
    exporting, judging = (words(block) for block in root.iter("pre"))
    assert judging == (
        "fpframe verify ENROLMENT --answers answers.npz --sequential --certify --alpha 0.2 --channel rounded:2 "
        "--through 'flip(0.5)'"
    )
    from fpframe.cli import make_app

    for command in (exporting, judging):
        function, bound, _ = make_app().parse_args(shlex.split(command)[1:], print_error=False, exit_on_error=False)
        assert str(bound.arguments["enrolment"]) == "ENROLMENT"
        assert function.__name__ in ("export", "verify")


def test_a_page_of_a_real_enrolment(tiny_enrolment, registry):
    enrolment = Enrolment.open(tiny_enrolment, registry=registry)
    module: dict[str, Any] = {}
    exec(NEAREST, module)
    suspect = module["predict"]
    for test in ("conformal", "sequential"):
        verdict = fpframe.verify(enrolment, suspect, test=test, registry=registry)
        root = page(enrolment, verdict, registry=registry)
        assert verdict.sentence in words(root)
        assert math.isfinite(verdict.score)
        assert len(list(of_class(root, "strips")[0].iter("circle"))) == sum(enrolment.calibration.counts.values())


def _said(value: Any) -> set[str]:
    """Every number of JSON-able data as a report may write it, and those that stand in its texts."""
    if isinstance(value, dict):
        return set().union(*(_said(item) for item in value.items()))
    if isinstance(value, list | tuple):
        return set().union(*(_said(item) for item in value))
    if isinstance(value, str):
        return set(NUMBER.findall(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return set()
    return {format(abs(value), way) for way in ("", ".1f", ".2f", ".3f", ".3g", ".6g")}


NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])")


@pytest.mark.parametrize("options", [{}, {"scores": LOW}, {"test": "sequential"}, {"test": "welch"}, {"certify": True}])
def test_every_number_of_a_page_is_in_the_json(enrolment, registry, options):
    verdict = judged(enrolment, alpha=0.4, **options)
    root = page(enrolment, verdict, registry=registry)
    known = _said([0.4, enrolment.to_dict(), verdict.to_dict()]) | {"255"}
    places = [
        *root.iter("td"),
        *(dd for name in ("figures", "facts") for dl in of_class(root, name) for dd in dl.iter("dd")),
    ]
    assert len(places) > 40
    shown = {token for place in places for token in NUMBER.findall(words(place))}
    assert shown - known - {metadata.version("fpframe")} == set()
    assert len(shown) > 12

"""Sources are what they are called, and what queries give away is measured where it is known."""

from __future__ import annotations

import attrs
import pytest
import torch
from torch import nn

import fpframe
from fpframe.decision.paired import AreaTest
from fpframe.models.dataset import Images
from fpframe.paper.auxiliary.experiment import _outcome, run
from fpframe.paper.auxiliary.membership import loss_attack, share_of, shown_images, with_labels
from fpframe.paper.auxiliary.sources import GRATINGS, NOISE, SAME, TRAINING, gratings, open_sources
from fpframe.paper.auxiliary.trial import RANDOM, Trial
from fpframe.paper.experiment import Finding
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.statistics import Separation


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    return run(laboratory)


def pictures(count: int, *, seed: int) -> Images:
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 4, 4), generator=draw).byte()
    return Images(images, torch.randint(0, 2, (count,), generator=draw))


def test_sources_are_large_enough_and_labelled(laboratory: Laboratory) -> None:
    parts, queries = laboratory.setting.workspace.parts, laboratory.recipe.queries
    sources = {source.name: source for source in open_sources(laboratory)}
    assert list(sources) == [TRAINING, SAME, GRATINGS, NOISE]  # the problem is digits: these cannot be other images
    assert sources[SAME].images is parts.pool
    assert torch.equal(sources[TRAINING].images.images, parts.victim.images)
    for source in sources.values():
        assert len(source.images) >= queries.points * queries.views
        assert source.images.images.shape[1:] == parts.pool.images.shape[1:]
    for name in (GRATINGS, NOISE):
        seen = laboratory.victim.logits(sources[name].images.pixels).argmax(1)
        assert torch.equal(sources[name].images.labels, seen)
    again = {source.name: source.images.digest for source in open_sources(laboratory)}
    assert again == {name: source.images.digest for name, source in sources.items()}


def test_gratings_are_waves_of_one_direction() -> None:
    images = gratings(50, (3, 16, 20), seed=1)
    assert images.shape == (50, 3, 16, 20)
    assert images.dtype == torch.uint8
    assert len(images.flatten(1).unique(dim=0)) == 50
    # a wave has one wave vector: all but a little of its spectrum lies near two opposite frequencies
    spectrum = torch.fft.fft2(images[:, 0].double() - images[:, 0].double().mean((1, 2), keepdim=True)).abs() ** 2
    strongest = spectrum.flatten(1).topk(16, dim=1).values.sum(1) / spectrum.flatten(1).sum(1)
    assert float(strongest.median()) > 0.8
    assert not torch.equal(images, gratings(50, (3, 16, 20), seed=2))


def test_shown_are_the_clean_images_once(laboratory: Laboratory) -> None:
    queries = laboratory.ask(UAP, "fit").questions.queries
    shown, pool = shown_images(queries), laboratory.setting.workspace.parts.pool
    assert torch.equal(shown[: queries.parts[0].points], queries.images[0, : queries.parts[0].points])
    assert len(shown.flatten(1).unique(dim=0)) == len(shown)
    assert share_of(shown, pool) == 1.0
    labelled = with_labels(shown, pool)
    row = (pool.images == shown[3]).flatten(1).all(1).nonzero()[0, 0]
    assert labelled.labels[3] == pool.labels[row]


def test_share_counts_equal_bytes() -> None:
    training, others = pictures(30, seed=0), pictures(30, seed=1)
    assert share_of(torch.cat([training.images[:3], others.images[:9]]), training) == 0.25
    nearly = training.images[:4].clone()
    nearly[:, 0, 0, 0] ^= 1
    assert share_of(nearly, training) == 0.0


def test_the_loss_tells_members_of_a_model_that_knows_its_own_by_heart() -> None:
    training, others = pictures(40, seed=0), pictures(40, seed=1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 2))
    with fpframe.rng.isolated(0):
        for layer in (network[1], network[3]):
            nn.init.normal_(layer.weight, std=0.7)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(150):
            loss = nn.functional.cross_entropy(network(training.pixels), training.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    victim = fpframe.Classifier(network, num_classes=2, image_shape=(1, 4, 4))
    leak = loss_attack(victim, training[:30], others, training)
    assert leak.auc > 0.65
    assert leak.interval[0] > 0.5
    assert (leak.members, leak.others) == (30, 40)
    # what the model never saw tells nothing, and training images among the others do not count
    apart = loss_attack(victim, pictures(200, seed=2), pictures(200, seed=3), training)
    assert apart.interval[0] <= 0.5 <= apart.interval[1]
    mixed = Images(torch.cat([others.images, training.images[30:]]), torch.cat([others.labels, training.labels[30:]]))
    assert loss_attack(victim, training[:30], mixed, training) == leak


@pytest.mark.slow
def test_findings(finding: Finding) -> None:
    trials = {(each["scheme"], each["source"]): each for each in finding.data["trials"]}
    names = [TRAINING, SAME, GRATINGS, NOISE]
    assert set(trials) == {
        *((scheme, name) for scheme in (UAP, CONTROL) for name in names),
        *((BASELINE, name) for name in (TRAINING, SAME)),
    }
    assert finding.data["share_of_training_images"] == {TRAINING: 1.0, SAME: 0.0, GRATINGS: 0.0, NOISE: 0.0}
    assert set(finding.data["loss_attack"]) == {UAP, BASELINE, RANDOM}
    for scheme in (UAP, CONTROL, BASELINE):
        assert trials[scheme, TRAINING]["less_the_first"]["difference"] == 0
    # images of the problem serve
    areas = {name: trials[UAP, name]["areas"]["all thefts"]["auc"] for name in names}
    assert min(areas[TRAINING], areas[SAME]) > 0.95
    gap = areas[NOISE] - areas[TRAINING]
    assert trials[UAP, NOISE]["less_the_first"]["difference"] == pytest.approx(gap)
    assert trials[UAP, TRAINING]["fooling_rate"] > 0.5
    assert trials[BASELINE, SAME]["fooling_rate"] is None
    assert finding.claims[-1].outcome == "agrees"
    assert finding.pictures["sources"].count("uap-contrastive (n = ") == 1


@pytest.mark.parametrize(
    ("difference", "interval", "p_value", "outcome"),
    [
        (-0.01, (-0.03, 0.02), 0.5, "agrees"),
        (-0.1, (-0.2, -0.03), 0.01, "differs"),
        (-0.1, (-0.3, 0.1), 0.3, "undecided"),
        (0.0, (0.0, 0.0), 1.0, "undecided"),  # all alike, of models too few to be sure of either area
    ],
)
def test_a_source_is_as_good_only_where_a_loss_is_ruled_out(
    laboratory: Laboratory, difference: float, interval: tuple[float, float], p_value: float, outcome: str
) -> None:
    area = Separation(auc=1.0, interval=(0.76, 1.0), derived=10, independent=17)
    trial = Trial(
        source=open_sources(laboratory)[1],
        scheme=UAP,
        scores=None,  # type: ignore[arg-type]
        areas={"all thefts": area},
        against=AreaTest(difference=difference, interval=interval, p_value=p_value),
        shown=torch.zeros(0),
        fooling=None,
    )
    assert _outcome(trial) == outcome
    surer = attrs.evolve(trial, areas={"all thefts": attrs.evolve(area, interval=(0.97, 1.0))})
    assert _outcome(surer) == ("agrees" if difference == 0 else outcome)

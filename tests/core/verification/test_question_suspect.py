"""How suspects answer: channels, filters, noise, swapped rows, and stopping early."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import cohen_kappa_score

import fpframe
from fpframe.enrolment.agreement import Agreement, label_agreement
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.strangers import stranger_notes
from fpframe.errors import ModelError, UsageError
from fpframe.verification import judge_suspects
from fpframe.verification.yardstick import Yardstick
from tiny import larger


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture(scope="module")
def models(tiny_store, enrolment):
    """Models of the test split, by stratum or attack."""
    plan = fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store), splits=("test",))
    zoo = plan.build()
    return {model.stratum: zoo.load(model) for model in reversed(zoo.models)}


@pytest.fixture(scope="module")
def thief(models):
    return models["finetune(all)"]


def answers(model):
    return lambda pixels: model.logits(pixels).softmax(1)


def noisy(model, deviation, registry, seed=0):
    return registry.create("filter", "answer-noise", deviation=deviation).wrap(model.as_query(), seed=seed)


def flipping(model, probability, registry, seed=0):
    return registry.create("filter", "flip", probability=probability).wrap(model.as_query(), seed=seed)


def codes(verdict):
    return {note.code for note in verdict.caveats}


#: How many images ability is measured on, the views hold, and are asked again; and all of them.
ABLE, VIEWS, AGAIN = 300, 200, 48
ALL = ABLE + VIEWS + AGAIN

# --- channels


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "rounded:1", "top1"])
def test_the_channel_is_detected_and_judged_by_the_calibration_that_matches_it(enrolment, thief, channel):
    def suspect(pixels):
        return fpframe.through_channel(thief.logits(pixels).softmax(1), channel)

    verdict = fpframe.verify(enrolment, suspect)
    assert verdict.channel == channel
    assert verdict.view_scores == tuple(
        enrolment.view_scores(fpframe.ask(thief.as_query(), enrolment.queries), channel).tolist()
    )
    assert "channel-without-encoder" not in codes(verdict)
    declared = fpframe.verify(enrolment, answers(thief), channel=channel)
    assert (declared.channel, declared.score) == (channel, verdict.score)


def test_a_channel_without_an_encoder_is_scored_by_the_nearest_one_and_calibrated_in_its_own(
    enrolment, thief, registry
):
    def suspect(pixels):
        return thief.logits(pixels).softmax(1).round(decimals=3)

    verdict = fpframe.verify(enrolment, suspect)
    assert verdict.channel == "rounded:3"
    assert any(
        "No encoder was fitted for channel rounded:3; that of rounded:2" in note.text for note in verdict.caveats
    )
    yardstick = Yardstick.of(enrolment, "rounded:3", registry=registry)
    rounded = enrolment.calibration.answers[""].round(decimals=3)
    same = [i for i, model in enumerate(enrolment.calibration.models) if model.stratum == "same-data"]
    assert [row.tolist() for row in yardstick.paths["same-data"].views] == [
        enrolment.view_scores(rounded[i], "rounded:3").tolist() for i in same
    ]


def test_an_unknown_channel_is_refused_before_anything_is_asked(enrolment, thief):
    suspect = thief.as_query()
    with pytest.raises(UsageError, match="unknown channel 'round'"):
        fpframe.verify(enrolment, suspect, channel="round")
    assert suspect.spent == 0


# --- what a suspect does


@pytest.mark.parametrize("swap", ["roll", "reverse", "shuffle", "large batches only"])
def test_rows_that_are_swapped_within_a_batch_give_inconclusive_and_say_so(enrolment, thief, swap):
    source = torch.Generator().manual_seed(0)

    def suspect(pixels):
        rows = thief.logits(pixels).softmax(1)
        if swap == "roll":
            return rows.roll(1, 0)
        if swap == "large batches only" and len(rows) < 30:
            return rows
        return rows.flip(0) if swap == "reverse" else rows[torch.randperm(len(rows), generator=source)]

    verdict = fpframe.verify(enrolment, suspect)
    assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "batch-reordered")
    assert "Ask one image at a time with --batch-size 1." in verdict.sentence
    assert fpframe.verify(enrolment, suspect, batch_size=1).verdict == "DERIVED", "one by one nothing can be swapped"


def test_swapped_labels_give_inconclusive_too(enrolment, thief):
    verdict = fpframe.verify(enrolment, lambda pixels: thief.logits(pixels).argmax(1).flip(0), outputs="labels")
    assert verdict.verdict == "INCONCLUSIVE"


def test_a_suspect_that_answers_properly_has_no_caveat_of_its_own(enrolment, thief):
    verdict = fpframe.verify(enrolment, answers(thief))
    assert verdict.caveats == (*enrolment.caveats, *stranger_notes(enrolment.strangers("probs")))
    assert (verdict.through, verdict.saved) == ("", 0)


def test_answers_that_change_between_repeats_are_a_caveat_and_no_more(enrolment, thief):
    source = torch.Generator().manual_seed(0)

    def suspect(pixels):  # now and then another temperature, which no filter explains
        heat = 1 + (torch.rand(len(pixels), 1, generator=source) < 0.5) * 0.3
        return (thief.logits(pixels) / heat).softmax(1)

    verdict = fpframe.verify(enrolment, suspect)
    assert "answers-vary" in codes(verdict)
    assert verdict.verdict in ("DERIVED", "NOT_SHOWN")
    assert verdict.through == ""


def test_noise_is_detected_and_the_calibration_models_answer_with_as_much(enrolment, thief, registry):
    verdict = fpframe.verify(enrolment, noisy(thief, 0.1, registry))
    name, value = verdict.through.rstrip(")").split("(")
    assert name == "answer-noise"
    assert float(value) == pytest.approx(0.1, rel=0.25)
    assert any("answers change between repeats as answer-noise" in note.text for note in verdict.caveats)
    quiet = fpframe.verify(enrolment, noisy(thief, 0.1, registry), through="none")
    assert (quiet.through, quiet.score) == ("", verdict.score)
    assert "answers-vary" in codes(quiet)


def test_a_declared_filter_is_applied_to_the_recorded_answers_of_the_calibration_models(enrolment, thief, registry):
    plain = Yardstick.of(enrolment, "probs", registry=registry)
    behind = Yardstick.of(enrolment, "probs", "answer-noise(0.3)", registry=registry)
    again = Yardstick.of(enrolment, "probs", "answer-noise(0.3)", registry=registry)
    assert behind.strata == again.strata, "the noise is seeded"
    assert behind.strata != plain.strata
    verdict = fpframe.verify(enrolment, noisy(thief, 0.3, registry), through="answer-noise(0.3)")
    assert verdict.through == "answer-noise(0.3)"


def test_a_filter_that_changes_images_needs_a_calibration_of_its_own_and_says_how(enrolment, thief, registry):
    with pytest.raises(UsageError, match=r"fpframe calibrate ENROLMENT --through \"flip\(0.5\)\""):
        fpframe.verify(enrolment, flipping(thief, 0.5, registry), through="flip(0.5)")
    undeclared = fpframe.verify(enrolment, flipping(thief, 0.5, registry))
    assert undeclared.verdict == "INCONCLUSIVE"
    assert undeclared.decision.reason.code == "filter-not-calibrated"
    assert "change between repeats as flip(0.5) changes them" in undeclared.sentence
    assert undeclared.queries == ALL + 16, "with the mirror images of the probes"
    plain = fpframe.verify(enrolment, flipping(thief, 0.5, registry), through="none")
    # mirrored images cost a thief more of its ability than any calibration model lacks
    assert plain.reason_code in ("", "views-disagree", "suspect-less-able")
    assert "answers-vary" in codes(plain)


def test_a_declared_filter_that_the_suspect_does_not_have_is_a_caveat(enrolment, thief):
    verdict = fpframe.verify(enrolment, thief, through="answer-noise(0.3)")
    assert {"filter-named", "filter-not-seen"} <= codes(verdict)
    fixed = fpframe.verify(enrolment, thief, through="round(2)")
    assert "filter-not-seen" not in codes(fixed)
    assert "filter-named" in codes(fixed)


def test_looking_for_a_filter_never_costs_the_queries_of_the_views(enrolment, thief, registry):
    mirroring = flipping(thief, 0.5, registry)
    verdict = fpframe.verify(enrolment, lambda pixels: mirroring(pixels), max_queries=ALL)
    assert verdict.queries == ALL
    assert "answers-vary" in codes(verdict)


def test_an_attack_is_no_filter(enrolment, thief):
    suspect = thief.as_query()
    with pytest.raises(UsageError, match="'finetune' is not an answer filter"):
        fpframe.verify(enrolment, suspect, through="finetune(all)")
    assert suspect.spent == 0


# --- stopping early


def test_a_clear_thief_is_stopped_early_with_at_most_60_percent_of_the_queries(enrolment, thief):
    whole, early = fpframe.verify(enrolment, thief), fpframe.verify(enrolment, thief, test="sequential")
    assert (whole.verdict, early.verdict) == ("DERIVED", "DERIVED")
    assert early.decision.stopped == "derived"
    assert early.queries - ABLE <= 0.6 * (whole.queries - ABLE)
    assert early.saved == whole.queries - early.queries
    assert early.view_scores == whole.view_scores[: len(early.view_scores)]


def test_an_innocent_is_let_go_early(enrolment, models):
    verdict = fpframe.verify(enrolment, models["same-data"], test="sequential")
    assert (verdict.verdict, verdict.decision.stopped) == ("NOT_SHOWN", "futile")
    assert verdict.queries < ALL


def test_a_suspect_that_breaks_down_is_not_asked_any_further(enrolment, thief):
    suspect = lambda pixels: torch.full((len(pixels), 10), float("nan"))  # noqa: E731
    verdict = fpframe.verify(enrolment, suspect, test="sequential")
    assert verdict.verdict == "INCONCLUSIVE"
    assert verdict.queries == ABLE


def test_several_suspects_that_stop_early_share_alpha(enrolment, thief, models):
    verdicts = fpframe.verify_many(larger(enrolment, 3), [thief, models["same-data"]], test="sequential")
    assert [verdict.verdict for verdict in verdicts] == ["DERIVED", "NOT_SHOWN"]
    assert verdicts[0].decision.alpha == pytest.approx(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_suspect_is_stopped_early_above_its_share_of_alpha(enrolment, thief, count, monkeypatch):
    levels, real = [], judge_suspects.question

    def spying(*arguments, alpha, **options):
        levels.append(alpha)
        return real(*arguments, alpha=alpha, **options)

    monkeypatch.setattr(judge_suspects, "question", spying)
    fpframe.verify_many(larger(enrolment, 4), [thief] * count, test="sequential")
    assert levels == pytest.approx([0.1 / count] * count)


def test_the_t_test_of_the_literature_is_marked_as_no_verdict(enrolment, thief):
    verdict = fpframe.verify(enrolment, thief, test="welch", alpha=1e-4)
    assert verdict.decision.test == "welch"
    assert verdict.sentence.startswith(
        "No verdict, but a comparison: by the t-test of the literature the suspect would be"
    )


def test_a_certified_verdict_needs_more_models_and_says_how_many(enrolment, thief):
    with pytest.raises(UsageError, match="29 are needed"):
        fpframe.verify(enrolment, thief, certify=True)
    assert fpframe.verify(larger(enrolment, 4), thief, certify=True).verdict == "DERIVED"


# --- suspects that behave otherwise when it counts


def staged(thief, stages):
    """Return a suspect whose answers change after a number of images; `stages` maps that number to a change."""
    asked = [0]

    def suspect(pixels):
        change = [change for start, change in sorted(stages.items()) if asked[0] >= start][-1]
        asked[0] += len(pixels)
        return change(thief.logits(pixels).softmax(1))

    return suspect


def top1(rows):
    return fpframe.through_channel(rows, "top1")


def test_a_suspect_that_reveals_less_once_the_views_begin_gets_no_verdict(enrolment, thief):
    verdict = fpframe.verify(enrolment, staged(thief, {0: lambda rows: rows, ABLE: top1}))
    assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "reveals-less")


@pytest.mark.parametrize("turned", ["the views", "the probes"])
def test_a_suspect_that_answers_the_views_otherwise_than_the_probes_gets_no_verdict(enrolment, thief, turned):
    same, other = (lambda rows: rows), (lambda rows: rows.roll(1, 1))
    views, probes = (other, same) if turned == "the views" else (same, other)
    verdict = fpframe.verify(enrolment, staged(thief, {0: same, ABLE: views, ABLE + VIEWS: probes}))
    assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "answers-changed")


def test_noise_that_ends_with_the_views_gets_no_verdict(enrolment, models):
    source = torch.Generator().manual_seed(0)

    def noise(rows):
        disturbed = (rows + 0.2 * torch.randn(rows.shape, generator=source)).clamp(min=0)
        return disturbed / disturbed.sum(1, keepdim=True)

    stages = {0: noise, ABLE + VIEWS: lambda rows: rows}
    verdict = fpframe.verify(enrolment, staged(models["same-data"], stages))
    assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "answers-changed")


def test_answers_that_drift_a_little_are_a_caveat(enrolment, thief):
    def drift(rows):
        moved = rows.clone()
        moved[:1] = rows[:1].roll(1, 1) if len(rows) > 1 else rows[:1]
        return moved

    verdict = fpframe.verify(
        enrolment, staged(thief, {0: lambda rows: rows, ABLE: drift, ABLE + 40: lambda rows: rows})
    )
    assert "answers-vary" in codes(verdict)


@pytest.mark.parametrize(
    "stages", [{0: "nan", ABLE: "fine"}, {0: "fine", ABLE + 60: "nan"}, {0: "fine", ABLE + VIEWS + 20: "nan"}]
)
def test_one_answer_that_is_not_finite_prevents_a_verdict_wherever_it_stands(enrolment, thief, stages):
    changes = {"nan": lambda rows: rows * float("nan"), "fine": lambda rows: rows}
    suspect = staged(thief, {start: changes[name] for start, name in stages.items()})
    verdict = fpframe.verify(enrolment, suspect, outputs="probs")
    assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "answers-not-finite")


@pytest.mark.parametrize("after", [ABLE, ABLE + 1, ABLE + 80, ABLE + VIEWS, ABLE + VIEWS + 17, ALL - 1])
def test_a_suspect_that_stops_answering_midway_gets_no_verdict_and_keeps_its_transcript(enrolment, thief, after):
    def refuse(rows):
        raise RuntimeError("429 too many requests")

    verdict = fpframe.verify(enrolment, staged(thief, {0: lambda rows: rows, after: refuse}))
    assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "stopped-answering")
    assert "429 too many requests" in verdict.sentence
    assert verdict.transcript is not None
    with pytest.raises(ModelError, match="429"):
        fpframe.verify(enrolment, staged(thief, {0: refuse}))


def test_one_view_that_stops_is_behaviour_too(enrolment, thief):
    """A scheme with a single view: the suspect has answered other images before."""

    def refuse(rows):
        raise RuntimeError("quota")

    verdict = fpframe.verify(enrolment, staged(thief, {0: lambda rows: rows, ABLE: refuse}))
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "stopped-answering")


class Remembering:
    """A thief that serves the stolen model until an image comes back, and another one from then on."""

    def __init__(self, stolen, other):
        self.stolen, self.other, self.seen, self.warned = stolen, other, {}, False

    def __call__(self, pixels):
        rows = []
        for pixel in pixels:
            key = pixel.numpy().tobytes()
            self.warned = self.warned or key in self.seen
            if key not in self.seen:
                model = self.other if self.warned else self.stolen
                self.seen[key] = model.logits(pixel[None]).softmax(1)[0]
            rows.append(self.seen[key])
        return torch.stack(rows)


@pytest.mark.parametrize("test", ["conformal", "sequential"])
def test_a_thief_that_waits_for_an_image_to_come_back_is_found(enrolment, thief, models, test):
    plain = fpframe.verify(enrolment, thief, test=test)
    suspect = Remembering(thief, models["same-data"])
    verdict = fpframe.verify(enrolment, suspect, test=test)
    assert suspect.warned, "it was, by the probes"
    assert (verdict.verdict, verdict.p_value) == (plain.verdict, plain.p_value) == ("DERIVED", plain.p_value)


def test_labels_that_flip_by_chance_are_not_called_swapped(enrolment, thief):
    source = torch.Generator().manual_seed(0)
    for _ in range(5):

        def suspect(pixels):
            labels = thief.logits(pixels).argmax(1)
            return torch.where(torch.rand(len(labels), generator=source) < 0.15, 1 - (labels > 4).long(), labels)

        verdict = fpframe.verify(enrolment, suspect, outputs="labels")
        assert verdict.decision.reason is None or verdict.decision.reason.code != "batch-reordered"


@pytest.mark.parametrize("roll", [1, 2, -3])
def test_a_model_whose_classes_stand_in_another_order_is_not_accused(enrolment, models, thief, roll):
    """What an encoder makes of answers that no model of its fit gave can be anything, a high score too."""
    for model in (models["same-data"], thief):
        verdict = fpframe.verify(enrolment, lambda x, model=model: model.logits(x).softmax(1).roll(roll, 1))
        assert (verdict.verdict, verdict.decision.reason.code) == ("INCONCLUSIVE", "classes-in-another-order")
        early = fpframe.verify(
            enrolment, lambda x, model=model: model.logits(x).softmax(1).roll(roll, 1), test="sequential"
        )
        assert early.verdict == "INCONCLUSIVE"


def test_an_untrained_network_is_not_accused(enrolment, registry):
    backbone = registry.create("backbone", "paper")
    for seed in range(5):
        junk = backbone.build("arc-e", num_classes=10, image_shape=(1, 8, 8), seed=seed)
        assert fpframe.verify(enrolment, junk).verdict == "INCONCLUSIVE"


def test_where_no_independent_model_agrees_nobody_is_called_astray():
    """Queries next to the victim's decision boundary: independent models give other labels, innocent ones too."""
    source = torch.Generator().manual_seed(0)
    victim = torch.eye(10)[torch.arange(100) % 10][None]
    others = torch.eye(10)[(torch.arange(100) + torch.randint(1, 9, (20, 1, 100), generator=source)) % 10]
    assert float(label_agreement(others, victim).max()) < 0.05
    for answers in others:
        assert Agreement(victim, others).astray(answers) is None
    assert Agreement(victim, others).astray(victim.roll(1, 2)) is None
    alike = torch.stack([victim] * 5)  # and where all agree, one that never does is called so
    assert Agreement(victim, alike).astray(victim.roll(1, 2)).code == "labels-disagree"


def test_every_calibration_model_does_the_same_task(enrolment):
    recorded = enrolment.calibration.answers[""]
    for answers in recorded:
        assert Agreement(enrolment.victim_answers, recorded).astray(answers) is None
    agreement = label_agreement(recorded, enrolment.victim_answers)
    assert agreement.shape == (54,)
    for number in (0, 3, 50):
        theirs, ours = recorded[number].argmax(-1).flatten(), enrolment.victim_answers.argmax(-1).flatten()
        assert float(agreement[number]) == pytest.approx(cohen_kappa_score(theirs, ours))


def test_a_channel_that_says_more_than_the_answers_do_is_a_caveat(enrolment, thief):
    verdict = fpframe.verify(enrolment, lambda x: top1(thief.logits(x).softmax(1)), channel="probs")
    assert any("The suspect reveals top1, which is less than probs" in note.text for note in verdict.caveats)


def test_a_misspelt_test_is_refused_and_a_t_test_certifies_nothing(enrolment, thief):
    with pytest.raises(UsageError, match="did you mean 'sequential'"):
        fpframe.verify(enrolment, thief, test="sequentail")
    with pytest.raises(UsageError, match="certifies nothing"):
        fpframe.verify(enrolment, thief, test="welch-by-stratum", certify=True)


def test_holms_second_level_does_not_rewrite_what_an_early_stop_saw(enrolment, thief, models):
    pair = [thief, models["same-data"]]
    many = larger(enrolment, 3)
    alone = [fpframe.verify(many, suspect, alpha=0.05, test="sequential") for suspect in pair]
    together = fpframe.verify_many(many, pair, test="sequential")
    for one, other in zip(alone, together, strict=True):
        assert one.view_scores == other.view_scores
    assert together[0].decision.views == len(together[0].view_scores)
    assert together[0].p_value == alone[0].p_value

"""Lineages: one way to write each, read back as the same, and refused in words where they mean nothing."""

import json

import attrs
import pytest

from fpframe import FpframeError, Lineage, ParameterError, PluginError, RecipeError
from fpframe.interfaces.attack import AttackSimulator
from fpframe.registry.hookspecs import hookimpl
from fpframe.registry.registry import Registry
from fpframe.zoo.grammar import read_steps, write_value
from fpframe.zoo.lineage import Step, component_of, holds_weights, is_filter


@attrs.frozen(kw_only=True)
class Everything(AttackSimulator):
    """Has a parameter of every type."""

    name = "everything"
    access = "probs"

    word: str = "usual"
    number: float = -0.5
    whole: int = -3
    switch: bool = True
    maybe: int | None = None

    def simulate(self, student, teacher, data, *, context, seed):
        return student


@pytest.fixture(scope="module")
def every() -> Registry:
    plugin = type("plugin", (), {"fpframe_components": staticmethod(hookimpl(lambda: [Everything]))})
    return Registry([plugin])


# --- one way of writing


@pytest.mark.parametrize(
    ("text", "short", "exact"),
    [
        ("prune", "victim->prune(0.4)", "victim->prune(0.4)[data=thief, seed=0]"),
        ("victim", "victim", "victim"),
        ("labels->extract", "labels->extract(soft)", "labels->extract(soft)[data=thief, seed=0]"),
        ("train[paper:arc-a]", "train[paper:arc-a]", "train[paper:arc-a, data=victim, seed=0]"),
        (
            "train[paper:arc-a, seed=7, data=overlap:0.5]",
            "train[paper:arc-a, data=overlap:0.5]",
            "train[paper:arc-a, data=overlap:0.5, seed=7]",
        ),
        (
            " prune ( 0.30 ) -> finetune( layers = last )[ seed=3 ] ",
            "victim->prune(0.3)->finetune(last)",
            "victim->prune(0.3)[data=thief, seed=0]->finetune(last)[data=thief, seed=3]",
        ),
        (
            "finetune(all)[data=victim]->extract(soft, budget=100)[paper:arc-b, seed=9]",
            "victim->finetune(all)[data=victim]->extract(soft, budget=100)[paper:arc-b]",
            "victim->finetune(all)[data=victim, seed=0]->extract(soft, budget=100)[paper:arc-b, data=thief, seed=9]",
        ),
        ("extract(soft)->round(1)", "victim->extract(soft)->round(1)", None),
        ("victim->round(2)->extract(soft)", "victim->round(2)->extract(soft)", None),
        ("round(2)->jpeg(75)", "victim->round(2)->jpeg(75)", "victim->round(2)[seed=0]->jpeg(75)[seed=0]"),
        (
            "finetune(all, keep_zeros=false, learning_rate=1e-5)",
            "victim->finetune(all, learning_rate=1e-05, keep_zeros=false)",
            None,
        ),
        ('train["C:\\\\my nets\\\\a, b->c"]', 'train["C:\\\\my nets\\\\a, b->c"]', None),
        ('knockoff(soft, pool="folder:a=b")', 'victim->knockoff(soft, pool="folder:a=b")', None),
        (
            'knockoff(soft, policy=adaptive, pool="folder:my \\"best\\", [images] (new)->x")',
            'victim->knockoff(soft, policy=adaptive, pool="folder:my \\"best\\", [images] (new)->x")',
            None,
        ),
    ],
)
def test_a_lineage_is_written_in_one_way_and_read_back_as_the_same(registry, text, short, exact):
    lineage = Lineage.parse(text, registry)
    assert str(lineage) == short
    assert exact is None or lineage.exact == exact
    assert Lineage.parse(lineage.exact, registry) == lineage
    assert str(Lineage.parse(short, registry)) == short


@pytest.mark.parametrize(
    ("params", "written"),
    [
        ({}, "usual"),
        ({"number": 2.5}, "usual, number=2.5"),
        ({"number": -1e-7}, "usual, number=-1e-07"),
        ({"whole": 12}, "usual, whole=12"),
        ({"whole": -12}, "usual, whole=-12"),
        ({"switch": False}, "usual, switch=false"),
        ({"maybe": 4}, "usual, maybe=4"),
        ({"word": "with space"}, '"with space"'),
        ({"word": ""}, '""'),
        ({"word": "3"}, '"3"'),
        ({"word": "-0.5"}, '"-0.5"'),
        ({"word": "true"}, '"true"'),
        ({"word": "null"}, '"null"'),
        ({"word": "NaN"}, '"NaN"'),
        ({"word": "torchvision:CIFAR10"}, "torchvision:CIFAR10"),
        ({"word": "a->b"}, '"a->b"'),
        ({"word": 'quote " and \\'}, json.dumps('quote " and \\')),
        ({"word": "two\nlines"}, '"two\\nlines"'),
        ({"word": "Übung"}, '"Übung"'),
        ({"word": "(["}, '"(["'),
        ({"number": 0.1 + 0.2}, "usual, number=0.30000000000000004"),
    ],
)
def test_every_value_survives_the_way_through_text_with_its_type(every, params, written):
    usual = {"word": "usual"} | params
    step = Step(name="everything", params=tuple((key, usual[key]) for key in usual), data="thief")
    text = step.text(exact=False)
    assert text == f"everything({written})"
    again = Lineage.parse(text, every).last
    assert again == step
    made = component_of(again, every)
    assert {key: (type(value), value) for key, value in made.params().items()} == {
        key: (type(value), value) for key, value in (Everything().params() | params).items()
    }


@pytest.mark.parametrize(
    "texts",
    [
        (
            "everything(other, 2.5, 4)",
            "everything(whole=4, number=2.5, word=other)",
            'everything("other", 2.5, whole=4)',
        ),
        ("everything(number=1)", "everything(number=1.0)", "everything(usual, 1)"),
        ("everything", "everything()", "everything(usual)", "everything(switch=true, maybe=null, number=-0.5)"),
        ("everything(number=0.1)", "everything(number=1e-1)", "everything(number=0.10)"),
    ],
)
def test_what_means_the_same_is_the_same_lineage(every, texts):
    lineages = [Lineage.parse(text, every) for text in texts]
    assert all(lineage == lineages[0] and hash(lineage) == hash(lineages[0]) for lineage in lineages)
    assert len({lineage.exact for lineage in lineages}) == 1


def test_a_lineage_may_be_written_with_or_without_its_victim(registry):
    assert Lineage.parse("prune(0.4)", registry) == Lineage.parse("victim->prune(0.4)", registry)


def test_every_attack_and_filter_reads_back_what_it_is_by_default(registry):
    for name in [*registry.names("attack"), *registry.names("filter")]:
        lineage = Lineage.parse(name, registry)
        assert Lineage.parse(str(lineage), registry) == lineage
        assert component_of(lineage.last, registry).spec().startswith(f"{name}(")


def test_a_value_with_brackets_or_arrows_does_not_end_its_step():
    [first, second] = read_steps('a("x->y)", z=")]")[note, k="[("]->b')
    assert (first.given, first.named) == (("x->y)",), {"z": ")]"})
    assert (first.notes, first.settings) == (("note",), {"k": "[("})
    assert second.name == "b"
    assert write_value("x->y)") == '"x->y)"'


# --- what it tells


def test_parents_lead_back_to_the_origin_and_the_last_own_architecture_counts(registry):
    lineage = Lineage.parse("train[paper:arc-a]->extract(soft)[paper:arc-b]->prune(0.4)->round(2)", registry)
    assert lineage.architecture == "paper:arc-b"
    found = []
    while lineage is not None:
        found.append(lineage.last.name)
        lineage = lineage.parent
    assert found == ["round", "prune", "extract", "train"]
    assert Lineage.parse("prune->round", registry).architecture == "victim"
    assert Lineage.parse("extract(soft)[victim]", registry).architecture == "victim"


def test_steps_are_told_apart_by_what_they_hold(registry):
    steps = Lineage.parse("train[paper:arc-a]->prune(0.4)->extract(soft)[victim]->jpeg", registry).steps
    assert [is_filter(step, registry) for step in steps] == [False, False, False, True]
    assert [holds_weights(step, registry) for step in steps] == [False, True, False, False]


def test_the_usual_data_is_not_written_and_any_other_is(registry):
    data = {
        text: Lineage.parse(text, registry).last.data for text in ("train[a:b]", "prune", "extract", "round", "victim")
    }
    assert data == {"train[a:b]": "victim", "prune": "thief", "extract": "thief", "round": "", "victim": ""}
    assert str(Lineage.parse("extract(soft)[data=thief]", registry)) == "victim->extract(soft)"
    assert str(Lineage.parse("extract(soft)[data=pool]", registry)) == "victim->extract(soft)[data=pool]"


# --- what is refused


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        # not a lineage
        ("", RecipeError, "cannot read the step '' (lineage ''); write it like prune(0.4)->finetune(all)"),
        ("->prune", RecipeError, "cannot read the step ''"),
        ("prune->", RecipeError, "cannot read the step ''"),
        ("prune->->finetune", RecipeError, "cannot read the step ''"),
        ("3prune", RecipeError, "cannot read the step '3prune'"),
        ("prune(0.4", RecipeError, "')' is missing after '(0.4'"),
        ("prune(0.4]", RecipeError, "')' is missing"),
        ("prune[seed=1", RecipeError, "']' is missing after '[seed=1'"),
        ("prune(0.4))", RecipeError, "')' is left over after 'prune'"),
        ("prune(0.4)finetune", RecipeError, "'finetune' is left over after 'prune'"),
        ("train[paper:arc-a](3)", RecipeError, "'(3)' is left over after 'train'"),
        ("fine tune", RecipeError, "'tune' is left over after 'fine'"),
        ('extract("soft)', RecipeError, "a closing quote is missing"),
        # not a value
        ("prune(,)", RecipeError, "a value is missing"),
        ("prune(0.4,)", RecipeError, "a value is missing"),
        ("prune(ratio=)", RecipeError, "a value is missing"),
        ("prune(.4)", RecipeError, "cannot read '.4'"),
        ("prune(+0.4)", RecipeError, "cannot read '+0.4'"),
        ("prune(NaN)", RecipeError, "cannot read 'NaN'"),
        ("prune(-Infinity)", RecipeError, "cannot read '-Infinity'"),
        ("knockoff(pool=my images)", RecipeError, "cannot read 'my images'"),
        ("knockoff(pool=my images)", RecipeError, "put text in double quotes"),
        # not a component or its parameters
        ("prunne(0.4)", PluginError, "unknown attack or filter 'prunne'; did you mean 'prune'?"),
        ("prune(0.4, 0.5)", ParameterError, "'prune' takes at most 1 parameters (got 2)"),
        ("prune(0.4, ratio=0.5)", ParameterError, "'ratio' of 'prune' is given twice"),
        ("prune(ratio=0.4, ratio=0.5)", RecipeError, "'ratio' is given twice"),
        ("extract(labels=soft, 2.0)", RecipeError, "'2.0' stands after a parameter with a name"),
        ("prune(raito=0.4)", ParameterError, "'prune' has no parameter 'raito'; did you mean 'ratio'?"),
        ("prune(1.5)", ParameterError, "'ratio' of 'prune' must be"),
        ('prune("0.4")', ParameterError, "'ratio' of 'prune' must be"),
        ("prune([0.4])", ParameterError, "'ratio' of 'prune' must be"),
        ("prune(null)", ParameterError, "'ratio' of 'prune' must be"),
        ("prune(1e999)", ParameterError, "'ratio' of 'prune' must be"),
        ("prune(true)", ParameterError, "'ratio' of 'prune' must be"),
        ("extract(hard)", ParameterError, "must be one of soft, top1 (got 'hard')"),
        ("extract-noise(soft, rounds=2.0)", ParameterError, "'rounds' of 'extract-noise' must be a whole number"),
        ("victim(3)", RecipeError, "'victim' has no parameters"),
        ("labels(soft)->extract", RecipeError, "'labels' has no parameters"),
        # not in square brackets
        ("train[paper:arc-a, paper:arc-b]", RecipeError, "'paper:arc-b' has no meaning in the brackets of 'train'"),
        ("train[paper:arc-a, sed=3]", RecipeError, "'sed' has no meaning in the brackets of 'train'"),
        ("train[paper:arc-a, seed=1, seed=2]", RecipeError, "'seed' is given twice"),
        ("train[paper:arc-a, seed=-1]", RecipeError, "'seed' must be a whole number of at least 0 (got -1"),
        ("train[paper:arc-a, seed=1.0]", RecipeError, "'seed' must be a whole number of at least 0 (got 1.0"),
        ("train[paper:arc-a, seed=true]", RecipeError, "'seed' must be a whole number of at least 0 (got True"),
        ("train[paper:arc-a, data=nobody]", RecipeError, "'data' must be victim, thief, pool, everything, a fraction"),
        ("extract(soft)[data=overlap:1.5]", RecipeError, "'data' must be victim, thief, pool, everything, a fraction"),
        ("extract(soft)[data=overlap:half]", RecipeError, "(got 'overlap:half'"),
        ("extract(soft)[data=3]", RecipeError, "(got 3"),
        ("train[3]", RecipeError, "an architecture is an address such as paper:arc-a (got 3"),
        ('train[""]', RecipeError, "an architecture is an address such as paper:arc-a (got ''"),
        ("victim[paper:arc-a]->prune", RecipeError, "'paper:arc-a' has no meaning in the brackets of 'victim'"),
        ("labels[seed=3]->extract", RecipeError, "'seed' has no meaning in the brackets of 'labels'"),
        ("prune(0.4)[paper:arc-b]", RecipeError, "'paper:arc-b' has no meaning in the brackets of 'prune'"),
        ("round(2)[data=thief]", RecipeError, "'data' has no meaning in the brackets of 'round'"),
        # not in this order
        ("train", RecipeError, "'train' needs an architecture, such as train[paper:arc-a]"),
        ("victim->victim", RecipeError, "'victim' can only stand at the beginning"),
        ("prune->train[paper:arc-a]", RecipeError, "'train' can only stand at the beginning"),
        ("extract->labels->extract", RecipeError, "'labels' can only stand at the beginning"),
        ("labels->round(2)", RecipeError, "'round' needs a model that answers, but 'labels' is not one"),
    ],
)
def test_what_is_no_lineage_is_refused_in_one_readable_line(registry, text, error, said):
    with pytest.raises(FpframeError) as caught:
        Lineage.parse(text, registry)
    assert type(caught.value) is error
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    if error is RecipeError:
        assert f"lineage '{text}'" in str(caught.value)


def test_an_attack_on_weights_is_refused_where_there_are_none(registry):
    attacks = [name for name in registry.names("attack") if registry.get("attack", name).access == "weights"]
    assert {"prune", "finetune", "quantize"} <= set(attacks)
    for name in attacks:
        for before in ("labels", "victim->round(2)", "train[paper:arc-a]->jpeg", "extract(soft)->top1"):
            with pytest.raises(RecipeError, match=f"'{name}' needs the weights of a model, but '.*' has none"):
                Lineage.parse(f"{before}->{name}", registry)


def test_a_filter_may_stand_anywhere_after_a_model_and_a_thief_may_ask_through_it(registry):
    for name in registry.names("filter"):
        for text in (f"{name}", f"extract(soft)->{name}", f"train[paper:arc-a]->prune->{name}->{name}->extract(soft)"):
            assert Lineage.parse(text, registry).steps[-1].name in (name, "extract")

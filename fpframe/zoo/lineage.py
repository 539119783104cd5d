"""`Lineage`: how a model came to be, as an expression that is parsed, printed and hashed.

``victim->prune(0.4)->finetune(all)`` was pruned and then fine-tuned; ``train[paper:arc-b]->extract(soft)[paper:arc-c]``
was extracted from a model of another owner. The store's key of a model is made from its lineage step by step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import attrs

from fpframe.errors import ParameterError, PluginError, RecipeError, nearest
from fpframe.interfaces import AnswerFilter, AttackSimulator
from fpframe.registry import Registry
from fpframe.zoo.grammar import Words, read_steps, write_value
from fpframe.zoo.parts import PART_WORDS, is_part

#: What a lineage may begin with: the owner's model, training on labels, or true labels in place of a teacher.
VICTIM, TRAIN, LABELS = "victim", "train", "labels"
ORIGINS = (VICTIM, TRAIN, LABELS)


@attrs.frozen(kw_only=True)
class Step:
    """One thing that was done to make a model.

    Attributes:
        name: an origin, an attack or an answer filter.
        params: the parameters in the order of the component's fields: the first one always, others where they differ
            from the defaults.
        backbone: address of the architecture; ``None`` keeps that of the model before.
        data: which part of the training images it is made from; empty where none is used.
        seed: decides every random choice of the step.
    """

    name: str
    params: tuple[tuple[str, Any], ...] = ()
    backbone: str | None = None
    data: str = ""
    seed: int = 0

    def text(self, *, exact: bool) -> str:
        """Return the step as it is written; `exact` adds data and seed."""
        values = [f"{key}={write_value(value)}" for key, value in self.params]
        if self.params:  # the first parameter is what tells one variety of an attack from another
            values[0] = write_value(self.params[0][1])
        call = f"({', '.join(values)})" if values else ""
        notes = [write_value(self.backbone)] if self.backbone else []
        if self.data and (exact or self.data != _usual_data(self.name)):
            notes.append(f"data={write_value(self.data)}")
        if exact and self.name not in (VICTIM, LABELS):
            notes.append(f"seed={self.seed}")
        return self.name + call + (f"[{', '.join(notes)}]" if notes else "")


@attrs.frozen
class Lineage:
    """How a model came to be.

    Attributes:
        steps: an origin, and what was done after it.
    """

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "->".join(step.text(exact=False) for step in self.steps)

    @property
    def exact(self) -> str:
        """The lineage with data and seeds: what it takes to make the model again."""
        return "->".join(step.text(exact=True) for step in self.steps)

    @property
    def last(self) -> Step:
        """The step that made the model."""
        return self.steps[-1]

    @property
    def parent(self) -> Lineage | None:
        """The lineage of the model that the last step was done to or asked; ``None`` for an origin."""
        return Lineage(self.steps[:-1]) if len(self.steps) > 1 else None

    @property
    def architecture(self) -> str:
        """Address of the model's architecture; ``victim`` stands for the victim's own."""
        return next((step.backbone for step in reversed(self.steps) if step.backbone is not None), VICTIM)

    def then(self, *steps: Step) -> Lineage:
        """Return the lineage with more steps."""
        return Lineage((*self.steps, *steps))

    @classmethod
    def parse(cls, text: str, registry: Registry) -> Lineage:
        """Read a lineage; one that begins with an attack begins with the victim.

        Raises:
            RecipeError: the text is not a lineage.
            PluginError: an attack or filter is unknown.
            ParameterError: a parameter is unknown or out of range.
        """
        steps = [_step(words, registry, text) for words in read_steps(text)]
        if steps[0].name not in ORIGINS:
            steps.insert(0, Step(name=VICTIM))
        if steps[0].name == TRAIN and steps[0].backbone is None:
            raise RecipeError(f"'train' needs an architecture, such as train[paper:arc-a] (lineage '{text}')")
        for before, step in pairwise(steps):
            if step.name in ORIGINS:
                raise RecipeError(f"'{step.name}' can only stand at the beginning (lineage '{text}')")
            if before.name == LABELS and is_filter(step, registry):
                raise RecipeError(
                    f"'{step.name}' needs a model that answers, but '{LABELS}' is not one (lineage '{text}')"
                )
            if holds_weights(step, registry) and (before.name == LABELS or is_filter(before, registry)):
                raise RecipeError(
                    f"'{step.name}' needs the weights of a model, but '{before.name}' has none (lineage '{text}')"
                )
        return cls(tuple(steps))


def make_step(registry: Registry, name: str, given: tuple[Any, ...] = (), **named: Any) -> Step:
    """Return a step with the parameters of an attack or filter, in their one way of being written.

    Raises:
        PluginError: there is no such attack or filter.
        ParameterError: a parameter is unknown or out of range.
    """
    kind = _kind(name, registry)
    known = [field.name for field in attrs.fields(registry.get(kind, name))]
    if len(given) > len(known):
        raise ParameterError(f"'{name}' takes at most {len(known)} parameters (got {len(given)})")
    params = dict(zip(known, given, strict=False))
    for key, value in named.items():
        if key in params:
            raise ParameterError(f"'{key}' of '{name}' is given twice")
        params[key] = value
    usual = registry.create(kind, name)
    # 1 and 1.0 are one value, and must not be two models
    params = {
        key: float(value) if isinstance(getattr(usual, key, None), float) and type(value) is int else value
        for key, value in params.items()
    }
    component = registry.create(kind, name, **params)
    pairs = tuple(
        (key, getattr(component, key))
        for index, key in enumerate(known)
        if index == 0 or getattr(component, key) != getattr(usual, key)
    )
    return Step(name=name, params=pairs, data=_usual_data(name) if kind == AttackSimulator.kind else "")


def component_of(step: Step, registry: Registry) -> AttackSimulator | AnswerFilter:
    """Return the attack or filter of a step."""
    component: AttackSimulator | AnswerFilter
    component = registry.create(_kind(step.name, registry), step.name, **dict(step.params))
    return component


def is_filter(step: Step, registry: Registry) -> bool:
    """Tell whether a step trains nothing, but changes answers."""
    return step.name not in ORIGINS and _kind(step.name, registry) == AnswerFilter.kind


def answers_vary(lineage: Lineage, registry: Registry) -> bool:
    """Tell whether a model may give another answer each time: one of its own answer filters draws by chance."""
    for step in reversed(lineage.steps):
        if not is_filter(step, registry):
            return False
        if not component_of(step, registry).deterministic:
            return True
    return False


def holds_weights(step: Step, registry: Registry) -> bool:
    """Tell whether a step is an attack on weights, which keeps the architecture."""
    if step.name in ORIGINS or is_filter(step, registry):
        return False
    attack = component_of(step, registry)
    return isinstance(attack, AttackSimulator) and attack.access == "weights"


def has_companion(step: Step, registry: Registry) -> bool:
    """Tell whether a step puts a model of the thief's own beside the model before."""
    if step.name in ORIGINS:
        return False
    attack = component_of(step, registry)
    return isinstance(attack, AttackSimulator) and attack.companion


def _kind(name: str, registry: Registry) -> Literal["attack", "filter"]:
    attacks, filters = registry.names(AttackSimulator.kind), registry.names(AnswerFilter.kind)
    if name in attacks:
        return "attack"
    if name in filters:
        return "filter"
    raise PluginError(f"unknown attack or filter '{name}'{nearest(name, [*attacks, *filters])}; see fpframe plugins")


def _usual_data(name: str) -> str:
    return "victim" if name == TRAIN else "thief"


def _step(words: Words, registry: Registry, whole: str) -> Step:
    if words.name in ORIGINS:
        if words.given or words.named:
            raise RecipeError(f"'{words.name}' has no parameters (lineage '{whole}')")
        step = Step(name=words.name, data=_usual_data(words.name) if words.name == TRAIN else "")
    else:
        step = make_step(registry, words.name, words.given, **words.named)
    known = _settings(step, registry)
    backbone, *others = (words.notes or (None,)) if "backbone" in known else (None, *words.notes)
    unknown = [*sorted(words.settings.keys() - known), *others]
    if unknown:
        raise RecipeError(f"'{unknown[0]}' has no meaning in the brackets of '{words.name}' (lineage '{whole}')")
    seed, data = words.settings.get("seed", 0), words.settings.get("data", step.data)
    if type(seed) is not int or seed < 0:
        raise RecipeError(f"'seed' must be a whole number of at least 0 (got {seed!r}, lineage '{whole}')")
    if data != step.data and not is_part(data):
        raise RecipeError(f"'data' must be {PART_WORDS} (got {data!r}, lineage '{whole}')")
    if backbone is not None and not (isinstance(backbone, str) and backbone):
        raise RecipeError(f"an architecture is an address such as paper:arc-a (got {backbone!r}, lineage '{whole}')")
    return attrs.evolve(step, backbone=backbone, data=data, seed=seed)


def _settings(step: Step, registry: Registry) -> set[str]:
    """Return what may stand in the brackets of a step."""
    if step.name in (VICTIM, LABELS):
        return set()
    if is_filter(step, registry):
        return {"seed"}
    return {"data", "seed"} if holds_weights(step, registry) else {"backbone", "data", "seed"}

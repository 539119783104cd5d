"""`Thief`: an attack of the recipe, read and checked."""

from __future__ import annotations

import attrs

from fpframe.errors import ParameterError, RecipeError
from fpframe.interfaces import AttackSimulator
from fpframe.recipe import DerivedGroup
from fpframe.registry import Registry
from fpframe.zoo.beginnings import AT_BASE
from fpframe.zoo.lineage import VICTIM, Lineage, Step, component_of, holds_weights, is_filter


@attrs.frozen(kw_only=True, eq=False)
class Thief:
    """An attack of the recipe.

    Attributes:
        group: its table in the recipe.
        steps: what is done to the victim.
        extracts: whether a student is fitted to answers, so that it may have any architecture.
        imitable: the steps that can be followed with true labels; empty where there are none.
        deterministic: whether nothing in it is drawn by chance.
    """

    group: DerivedGroup
    steps: tuple[Step, ...]
    extracts: bool
    imitable: tuple[Step, ...]
    deterministic: bool

    @classmethod
    def of(cls, group: DerivedGroup, registry: Registry) -> Thief:
        """Read the attack of a group.

        Raises:
            RecipeError: it is not a lineage that begins with the victim, or says what belongs elsewhere in the recipe.
            ParameterError: a parameter of it is unknown or out of range.
        """
        try:
            lineage = Lineage.parse(group.attack, registry)
        except ParameterError as error:
            raise ParameterError(f"{error} (attack '{group.attack}')") from error
        if lineage.steps[0].name != VICTIM or len(lineage.steps) < 2:
            raise RecipeError(f"a derived model is made from the victim (attack '{group.attack}')")
        steps = lineage.steps[1:]
        if any(step.backbone for step in steps):
            raise RecipeError(f"architectures belong in 'backbones', not in the attack (attack '{group.attack}')")
        if any(step.seed for step in steps):
            raise RecipeError(f"seeds are chosen by the recipe; leave them out (attack '{group.attack}')")
        asking = [not holds_weights(step, registry) and not is_filter(step, registry) for step in steps]
        if not any(asking) and (group.backbones not in ((VICTIM,), (AT_BASE,)) or group.test_backbones):
            raise RecipeError(
                f"an attack on weights keeps the victim's architecture; leave 'backbones' out (attack '{group.attack}')"
            )
        own = steps[asking.index(True) :] if any(asking) else ()
        labelled = all(
            component.takes_true_labels
            for component in (component_of(step, registry) for step in own)
            if isinstance(component, AttackSimulator)
        )
        # architectures are filled in when a student is planned; until then a mark says where
        marked = tuple(attrs.evolve(s, backbone=VICTIM) if asks else s for s, asks in zip(steps, asking, strict=True))
        return cls(
            group=group,
            steps=marked,
            extracts=any(asking),
            imitable=marked[asking.index(True) :] if any(asking) and labelled else (),
            deterministic=all(component_of(step, registry).deterministic for step in steps),
        )

    @property
    def label(self) -> str:
        """The attack as it is written, without architectures."""
        return str(Lineage(tuple(attrs.evolve(step, backbone=None) for step in self.steps)))

"""Gradients of the victim: who needs them, and whether it has any."""

from __future__ import annotations

from fpframe.base import Note
from fpframe.enrolment.settling import Unfit
from fpframe.enrolment.victim_sight import Sight
from fpframe.errors import PluginError, UsageError
from fpframe.interfaces import AttackSimulator, Augmenter, PerturbationGenerator
from fpframe.opening import AskedModel
from fpframe.registry import Registry
from fpframe.zoo import VICTIM, ZooModel, component_of, is_filter

#: A victim that has gradients at no more than this share of the images is taken to have none.
FEW = 0.5
#: Thefts that a message lists; more would hide its end.
_LISTED = 6


def no_gradients(sight: Sight) -> Unfit | None:
    """Look for components that follow gradients of a victim that has none."""
    wanting = [component.name for component in _following(sight)]
    if not wanting or sight.gradients > FEW:
        return None
    scheme = sight.method.scheme.name
    asking = [name for name in _asking_schemes(sight.setting.workspace.registry) if name != scheme]
    only_asked = isinstance(sight.victim.module, AskedModel)
    seen = (
        f"The victim can only be asked, and '{wanting[0]}' of scheme '{scheme}' follows its gradients."
        if only_asked
        else f"The victim has a gradient at {sight.gradients:.0%} of the images that were tried, and '{wanting[0]}' of "
        f"scheme '{scheme}' needs it."
    )
    fitting = "take a scheme that only asks" + (f": {', '.join(asking)}" if asking else "")
    module = "give the victim as a PyTorch module that torch.autograd can follow"
    if only_asked and sight.victim.address.lower().endswith(".onnx"):
        module = "install onnx2torch, which makes networks with gradients of many ONNX files"
    return Unfit(Note("no-gradients", seen), f"{fitting}; or {module}" if only_asked else f"{module}, or {fitting}")


def _following(sight: Sight) -> list[Augmenter | PerturbationGenerator]:
    """Return the components of the scheme that follow the victim's gradients."""
    components = [each for part in sight.method.parts for each in (part.augmenter, part.perturbation)]
    return [component for component in components if component.needs_gradients]


def _asking_schemes(registry: Registry) -> list[str]:
    """Return the schemes no component of which needs gradients."""
    asking = []
    for name in registry.names("scheme"):
        try:
            parts = registry.get("scheme", name).parts
            kinds = [
                registry.get(kind.kind, spec.name)
                for part in parts
                for kind, spec in ((Augmenter, part.augmenter), (PerturbationGenerator, part.perturbation))
            ]
        except PluginError:
            continue
        if not any(kind.needs_gradients for kind in kinds):
            asking.append(name)
    return sorted(asking)


def require_tunable(sight: Sight) -> None:
    """Refuse a recipe that trains a victim further which has no gradients.

    Raises:
        UsageError: names the thefts.
    """
    registry = sight.setting.workspace.registry
    tuned = sorted({str(model.lineage) for model in sight.plan if _is_tuned(model, registry)})
    if tuned and sight.gradients <= FEW:
        raise UsageError(
            f"the victim gives no gradients, so that no thief can train it further, and recipe "
            f"'{sight.setting.recipe.name}' has such thefts ({', '.join(tuned[:_LISTED])}) (no-gradients); give the "
            "victim as a PyTorch module that torch.autograd can follow, or take a recipe whose thieves only ask, such "
            "as quick"
        )


def _is_tuned(model: ZooModel, registry: Registry) -> bool:
    """Tell whether a model was made by training the victim's own weights."""
    if model.lineage.steps[0].name != VICTIM:
        return False
    for step in model.lineage.steps[1:]:
        if is_filter(step, registry):
            return False
        attack = component_of(step, registry)
        if not isinstance(attack, AttackSimulator) or attack.access != "weights":
            return False
        if attack.image_passes(1, 1) > 0:
            return True
    return False

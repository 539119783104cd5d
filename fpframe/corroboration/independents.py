"""`find_models`: the independent models that a suspect's weights are compared beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from fpframe.corroboration.plan import Plan
from fpframe.corroboration.weightsfile import FileLayers, Weights, read_layers
from fpframe.enrolment import find_independents
from fpframe.errors import DataError, ModelError
from fpframe.models import Classifier
from fpframe.opening import is_from_source
from fpframe.registry import Registry, load_registry


@attrs.frozen(eq=False, kw_only=True)
class Models:
    """Independent models.

    Attributes:
        opened: their layers.
        names: what they are called.
        families: models of one family share an origin.
        left_out: how many of another architecture were left out.
    """

    opened: Sequence[FileLayers]
    names: tuple[str, ...]
    families: tuple[str, ...]
    left_out: int = 0


def find_models(
    independents: Path | str | Sequence[Weights], victim: Classifier, plan: Plan, registry: Registry | None
) -> Models:
    """Open independent models.

    Args:
        independents: a folder of files of weights, or a file or network each.
        victim: the network that they are compared with.
        plan: its layers.
        registry: where suspect sources come from.

    Raises:
        DataError: there is no such folder, or no independent model.
        ModelError: one is not a file of weights, or cannot be read.
    """
    if not isinstance(independents, str | Path):
        opened = [read_layers(each, victim, plan) for each in independents]
        if not opened:
            raise DataError("there are no independent models; give some of the victim's architecture")
        names = tuple(f"{each.address} #{number}" for number, each in enumerate(opened, start=1))
        return Models(opened=opened, names=names, families=names)
    files = find_independents(Path(independents), registry or load_registry())
    # the list of an exported zoo names architectures, and only the victim's can be compared
    alike = [file for file in files if not _is_another(file.backbone, victim)]
    if not alike:
        raise DataError(f"no independent model has the victim's architecture, {victim.architecture} ({independents})")
    for file in alike:
        if not file.needs_backbone:
            raise ModelError(f"an independent model has to be a file of weights here ({file.path}); leave it out")
    return Models(
        opened=[read_layers(file.path, victim, plan) for file in alike],
        names=tuple(file.model.name for file in alike),
        families=tuple(file.model.family for file in alike),
        left_out=len(files) - len(alike),
    )


def _is_another(backbone: str | None, victim: Classifier) -> bool:
    if backbone is None or not is_from_source(victim.address):
        return False
    return backbone not in (victim.address, victim.architecture)


def require_whole(model: FileLayers, plan: Plan, norms: bool, what: str) -> None:
    """Require that a model has all layers that are compared.

    Args:
        model: the model.
        plan: the layers.
        norms: whether batch normalisation is folded.
        what: what the model is, for the message.

    Raises:
        ModelError: it lacks one.
    """
    lacking = [layer.name for layer in plan.layers if layer.name not in model.found]
    if lacking or (norms and not model.norms):
        part = f"the layer '{lacking[0]}'" if lacking else "the batch normalisation"
        raise ModelError(
            f"the {what} lacks {part} of the victim ({model.address}); take one of the victim's architecture"
        )


def refuse_copies(models: Sequence[FileLayers], others: Mapping[str, str]) -> None:
    """Refuse models with the very weights of each other, or of another one.

    Args:
        models: the models.
        others: by digest, what others are called.

    Raises:
        ModelError: names the file.
    """
    seen = dict(others)
    for model in models:
        if model.digest in seen:
            raise ModelError(
                f"an independent model has the weights of {seen[model.digest]} ({model.address}); leave it out"
            )
        seen[model.digest] = model.address

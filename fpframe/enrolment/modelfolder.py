"""Which files of a folder are independent models. Every file is one, belongs to one, or is named in an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import parse_json, read_file
from fpframe.enrolment.calibration import CalibrationModel
from fpframe.enrolment.modellist import LIST, ListedModel, read_list
from fpframe.errors import DataError
from fpframe.interfaces import SuspectSource
from fpframe.opening import find_source, known_forms
from fpframe.registry import Registry
from fpframe.zoo import INDEX

#: Bytes of the list of an exported zoo at most.
_MOST = 512 * 2**20

#: The stratum of files that lie in no folder of their own.
OWN = "own-independents"
#: What files are called, before their suffix and in any case of letters, that tell people about a folder.
_FOR_PEOPLE = frozenset({"readme", "license", "licence", "notice"})


@attrs.frozen(kw_only=True)
class IndependentFile:
    """One independent model as a file.

    Attributes:
        path: the file, or the folder where a model is one.
        model: its stratum and family.
        needs_backbone: whether it holds weights only.
        backbone: address of its architecture, where a list says so.
        listed: what `independents.toml` says of it, where there is one.
    """

    path: Path
    model: CalibrationModel
    needs_backbone: bool
    backbone: str | None = None
    listed: ListedModel | None = None


def find_independents(folder: Path, registry: Registry) -> list[IndependentFile]:
    """Return the models of a folder: whatever a suspect source opens.

    Files right in it are one stratum; ``STRATUM/FILE`` says another, and ``STRATUM/FAMILY/FILE`` that models share an
    origin. In a folder that 'fpframe zoo export' wrote, its list says all that, and the independent models of the
    calibrate split are taken. Where there is an ``independents.toml``, that says which files are models, see
    `ListedModel`. Hidden files, files that belong to a model as its source says, the list, and files called
    README, LICENSE or NOTICE are not models.

    Raises:
        DataError: there is no such folder, it holds no models, a file lies too deep, is not in the list of the folder,
            or is none that can be opened.
        RecipeError: its list cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"no such folder of independent models ({folder})")
    folder = folder.absolute()  # a relative path may read as an address, 'python:MODULE:FUNCTION' among them
    if (folder / LIST).is_file():
        return list(_named(folder, registry))
    sources, others = _divide(folder, folder, registry)
    if others:
        names = [path.relative_to(folder).as_posix() for path in others]
        told = f"'{names[0]}' is not a model" if len(names) == 1 else f"{_few(names)} are not models"
        raise DataError(
            f"{told} that can be opened ({folder}); remove it, or install the plugin that opens it; "
            f"{known_forms(registry, files=True)}"
        )
    found = list(_listed(folder, sources) if (folder / INDEX).is_file() else _lying(folder, sources))
    if not found:
        raise DataError(f"no independent models in the folder ({folder}); {known_forms(registry, files=True)}")
    return found


def _divide(root: Path, folder: Path, registry: Registry) -> tuple[dict[Path, SuspectSource], list[Path]]:
    """Return the models under a folder with what opens them, and the files that are none and belong to none."""
    sources: dict[Path, SuspectSource] = {}
    others: list[Path] = []
    for path in sorted(folder.iterdir()):
        source = None if path.name.startswith(".") else find_source(registry, str(path))
        if source is not None:
            sources[path] = source
        elif path.is_dir() and not path.name.startswith("."):
            if len(path.relative_to(root).parts) > 2:
                raise DataError(f"'{path}' lies too deep; models are sorted as STRATUM/FAMILY/FILE at most")
            deeper, more = _divide(root, path, registry)
            sources |= deeper
            others += more
        elif not path.name.startswith(".") and path.name.partition(".")[0].lower() not in _FOR_PEOPLE:
            others.append(path)
    belonging = {Path(each) for path, source in sources.items() for each in source.companions(str(path))}
    return (
        {path: source for path, source in sources.items() if path not in belonging},
        [path for path in others if path not in belonging and path != root / INDEX],
    )


def _lying(folder: Path, sources: Mapping[Path, SuspectSource]) -> Iterator[IndependentFile]:
    for path, source in sources.items():
        *places, name = path.relative_to(folder).parts
        family = "/".join(places) if len(places) == 2 else "/".join([*places, name])
        model = CalibrationModel(name=name, stratum=places[0] if places else OWN, family=family)
        yield IndependentFile(path=path, model=model, needs_backbone=source.needs_backbone)


def _named(folder: Path, registry: Registry) -> Iterator[IndependentFile]:
    for model in read_list(folder):
        path = folder / model.file
        source = find_source(registry, str(path))
        if source is None:
            raise DataError(f"'{model.file}' is not a model that can be opened ({folder / LIST})")
        if source.needs_backbone and not model.backbone:
            raise DataError(f"'{model.file}' holds weights alone; name its 'backbone' ({folder / LIST})")
        family = f"{model.stratum}/{model.family or model.file}"
        told = CalibrationModel(name=model.file, stratum=model.stratum, family=family)
        bare = source.needs_backbone
        yield IndependentFile(
            path=path, model=told, needs_backbone=bare, backbone=model.backbone if bare else None, listed=model
        )


def _listed(folder: Path, sources: Mapping[Path, SuspectSource]) -> Iterator[IndependentFile]:
    try:
        entries: list[dict[str, Any]] = parse_json(read_file(folder / INDEX, most=_MOST))
        by_file = {str(entry["file"]): entry for entry in entries}
        chosen = [e for e in by_file.values() if e["relation"] == "independent" and e["split"] == "calibrate"]
        models = {
            e["file"]: CalibrationModel(name=str(e["lineage"]), stratum=str(e["stratum"]), family=str(e["family"]))
            for e in chosen
        }
        backbones = {e["file"]: str(e["backbone"]) for e in chosen}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the list of models is damaged ({folder / INDEX}); export the zoo again") from error
    names = (path.relative_to(folder).as_posix() for path in sources)
    unlisted = [name for name in names if name not in by_file]
    if unlisted:
        raise DataError(
            f"'{unlisted[0]}' is not in the list of models ({folder / INDEX}); move it to a folder without such a list"
        )
    for file, model in models.items():
        if folder / file not in sources:
            raise DataError(f"'{file}' of the list of models is not in the folder ({folder}); export the zoo again")
        bare = sources[folder / file].needs_backbone
        backbone = backbones[file] if bare else None
        yield IndependentFile(path=folder / file, model=model, needs_backbone=bare, backbone=backbone)


def _few(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + more

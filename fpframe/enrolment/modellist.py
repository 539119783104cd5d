"""`independents.toml`: which files of a folder are independent models, and how each is opened."""

from __future__ import annotations

from pathlib import Path

import attrs

from fpframe.base import make_converter, parse_text, read_text
from fpframe.errors import DataError, ParameterError
from fpframe.models import Outputs, Preparation
from fpframe.opening import file_digest
from fpframe.parameters import some

#: What the list is called.
LIST = "independents.toml"
#: The stratum of public models of which nobody says more.
PUBLIC = "public"


def _inside(owner: object, field: attrs.Attribute[str], value: str) -> None:
    if not value or Path(value).is_absolute() or ".." in Path(value).parts:
        raise ParameterError(f"'file' of 'model' must be a path inside the folder (got {value!r})")


@attrs.frozen(kw_only=True)
class ListedModel:
    """One model of the list.

    Attributes:
        file: path of the file, or of the folder where a model is one, inside the folder of the list.
        stratum: what kind of independent model it is.
        family: what models share that have one origin; empty for one of its own.
        backbone: address of the architecture, for files of weights.
        input: what happens to pixels before it takes them, as `Preparation.read` reads it.
        outputs: how its answers are read.
        classes: the classes that it tells, in its order; empty for the victim's, or those that its own file names.
        licence: under which terms it was published, for the record.
        source: where it was published, for the record.
        digest: SHA-256 of the file; empty where it is not checked.
    """

    file: str = attrs.field(validator=_inside)
    stratum: str = PUBLIC
    family: str = ""
    backbone: str = ""
    input: str = ""
    outputs: Outputs = "auto"
    classes: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    digest: str = ""

    @property
    def preparation(self) -> Preparation:
        """What happens to pixels before it takes them."""
        return Preparation.of(self.input or None)


@attrs.frozen(kw_only=True)
class ModelList:
    """What a list holds.

    Attributes:
        model: its models.
    """

    model: tuple[ListedModel, ...] = attrs.field(validator=some)


def read_list(folder: Path) -> tuple[ListedModel, ...]:
    """Return the models that the list of a folder names.

    Raises:
        RecipeError: it cannot be read.
        DataError: a file is missing, is listed twice, or is another one than was listed.
    """
    text = read_text(folder / LIST, "list of independent models")
    models = parse_text(text, ModelList, _CONVERTER, what="list of independent models", origin=str(folder / LIST)).model
    for number, model in enumerate(models):
        path = folder / model.file
        if not path.exists():
            raise DataError(f"'{model.file}' of the list of models is not in the folder ({folder / LIST})")
        if any(earlier.file == model.file for earlier in models[:number]):
            raise DataError(f"'{model.file}' is listed twice ({folder / LIST}); leave one out")
        if model.digest and (path.is_dir() or file_digest(path) != model.digest.lower()):
            raise DataError(
                f"'{model.file}' is not the file that was listed: its SHA-256 is another one ({folder / LIST}); get it "
                "again, or list the new digest"
            )
    return models


_CONVERTER = make_converter((ListedModel, ModelList))

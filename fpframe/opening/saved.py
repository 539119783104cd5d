"""What fpframe's own files of weights say of the network that they belong to. Other files say nothing that counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from safetensors import SafetensorError, safe_open

from fpframe.base import Address, Note, parse_json, split_form
from fpframe.errors import ModelError
from fpframe.models import Classifier


@attrs.frozen(kw_only=True)
class Saved:
    """What a file of weights that fpframe wrote says.

    Attributes:
        backbone: address that built the network for images of `image_shape`, in a form that it may name; empty in a
            file of the store, which says how a model came to be instead.
        image_shape: channels, height and width of its images.
        num_classes: number of classes that it tells; zero where the file does not say.
    """

    backbone: str = ""
    image_shape: tuple[int, ...] = ()
    num_classes: int = 0

    @classmethod
    def of(cls, path: Path | str) -> Saved | None:
        """Return what a file says; ``None`` where fpframe did not write it, or nobody can read it."""
        path = Path(path)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                facts: Any = parse_json((file.metadata() or {})["fpframe"])
            return cls(
                backbone=str(facts.get("backbone", "")),
                image_shape=tuple(map(int, facts.get("image_shape", ()))),
                num_classes=int(facts.get("num_classes", 0)),
            )
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # that a file is damaged is said by whoever reads its tensors


def refuse_another_form(classifier: Classifier, path: Path | str) -> None:
    """Refuse weights for a network in another form than theirs, or in one that nobody named.

    Raises:
        ModelError: names the addresses that settle it.
    """
    saved = Saved.of(path)
    if saved is None or not is_from_source(saved.backbone):
        if classifier.adapted and not split_form(classifier.address)[1]:
            raise ambiguous(classifier.address, f"'{path}' does not say", classifier.architecture)
        return
    if not is_from_source(classifier.address):
        return  # the caller's own function says what the network is
    if saved.backbone not in (classifier.address, classifier.architecture):
        raise ModelError(
            f"'{path}' holds the weights of {saved.backbone}, and not of {classifier.architecture}; "
            f"name {saved.backbone}"
        )
    refuse_another_size(saved, classifier.image_shape, path)


def refuse_another_size(saved: Saved, image_shape: tuple[int, int, int], path: Path | str) -> None:
    """Refuse weights of a network that was built for images of another size.

    Raises:
        ModelError: names both sizes.
    """
    if saved.image_shape and saved.image_shape != image_shape:
        raise ModelError(
            f"'{path}' holds the weights of {saved.backbone} for images of shape {saved.image_shape} (channels, "
            f"height, width), where those here have {image_shape}; both must take the same images"
        )


def ambiguous(address: str, who: str, adapted: str) -> ModelError:
    """Return the error that weights may belong to two forms of an architecture."""
    return ModelError(
        f"{who} in which form of {address} its weights were trained; name {split_form(address)[0]}(unchanged) for the "
        f"network as its library builds it, or {adapted} for the one that fpframe adapts to these images"
    )


def is_from_source(address: str) -> bool:
    """Tell whether an address names an architecture of a backbone source, and not a function of the user's own."""
    return Address.parse(address).prefix not in ("", "python")


def opening_notes(classifier: Classifier, *, whose: str, prepared: bool) -> tuple[Note, ...]:
    """Return what the reader of a verdict should know of the network that was built for somebody's weights.

    Args:
        classifier: the network.
        whose: ``victim`` or ``suspect``.
        prepared: whether somebody said what is subtracted from pixels, or what they are divided by.
    """
    notes = []
    plain, _ = split_form(classifier.address)
    if classifier.adapted:
        notes.append(
            Note(
                "architecture-adapted",
                f"The {whose} was opened as {classifier.architecture}: {plain}, changed for images of shape "
                f"{classifier.image_shape}. Weights that were trained in {plain} as its library builds it give other "
                f"answers there; for such weights name {plain}(unchanged).",
            )
        )
    if classifier.foreign and not prepared and (classifier.mean is not None or classifier.std is not None):
        notes.append(
            Note(
                "preparation-assumed",
                f"Nobody said how images are prepared for the {whose}: {_numbers(classifier.mean)} was subtracted from "
                f"pixels, and they were divided by {_numbers(classifier.std)}, as is usual for {plain}. If that is not "
                "how it was trained, say --input, or --mean and --std.",
            )
        )
    liberties = (attrs.evolve(note, text=note.text.replace("{whose}", whose)) for note in classifier.liberties)
    return (*notes, *liberties)


def _numbers(values: tuple[float, ...] | None) -> str:
    return ", ".join(f"{value:g}" for value in values or ())

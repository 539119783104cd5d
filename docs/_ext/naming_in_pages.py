"""How a component is named on the command line, in recipes and in scheme files, by kind, with its own name."""

from __future__ import annotations

from typing import Any

import attrs


def how_to_name(kind: str, offer: Any) -> str:
    """Return the paragraphs and examples for a page."""
    return _WRITERS[kind](offer)


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _toml_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else repr(value)


def _scheme(offer: Any) -> str:
    return (
        "In a recipe or on the command line:\n\n"
        + _block("toml", f'scheme = "{offer.name}"')
        + "\n\n"
        + _block("sh", f"fpframe enroll --out mine --scheme {offer.name}")
        + "\n\nA TOML file can be given in its place: [how a scheme is written](../interfaces/scheme.md)."
    )


def _of_a_scheme(offer: Any) -> str:
    """Perturbations, augmenters and encoders, which a scheme combines."""
    settable = [field for field in attrs.fields(offer) if getattr(offer(), field.name) is not None]
    text = (
        f'A [scheme](../interfaces/scheme.md) names it: `ComponentSpec("{offer.name}")` in Python, '
        f'`{offer.kind} = "{offer.name}"` or a table with this `name` in a TOML file.'
    )
    if not settable:
        return text
    field = settable[0]
    value = _toml_value(getattr(offer(), field.name))
    return (
        f"{text} A [recipe](../recipes.md#queries) sets the parameters of every {offer.kind} of its scheme:\n\n"
        + _block("toml", f"[queries.{offer.kind}]\n{field.name} = {value}")
    )


def _expression(offer: Any) -> str:
    """Return a step of a lineage with its first parameter, if it has any that is set."""
    values = [getattr(offer(), field.name) for field in attrs.fields(offer)]
    return f"{offer.name}({values[0]})" if values and values[0] not in (None, "") else offer.name


def _attack(offer: Any) -> str:
    step = _expression(offer)
    # where nothing is drawn by chance, several models would be one and the same
    counts = "test = 1" if offer().deterministic else "fit = 5\ntest = 5"
    return (
        f"In a [lineage](../zoo.md#lineage), the first parameter without its name: `victim->{step}`. In a "
        "[recipe](../recipes.md#derived):\n\n" + _block("toml", f'[[derived]]\nattack = "{step}"\n{counts}')
    )


def _filter(offer: Any) -> str:
    step = _expression(offer)
    return (
        f"In a [lineage](../zoo.md#lineage): `victim->finetune(all)->{step}`. In a recipe, and where a suspect is said "
        "to [answer through it](../../explanation/verdicts.md#filters):\n\n"
        + _block("toml", f'filters = ["{step}"]')
        + "\n\n"
        + _block("sh", f'fpframe verify mine suspect.onnx --through "{step}"')
    )


def _backbone(offer: Any) -> str:
    example = f"{offer.name}:{an_architecture(offer())}"
    return (
        f"`{offer.name}:ARCHITECTURE`, wherever an architecture is asked for: `--backbone`, `--victim`, the recipe's "
        f"`backbones`, and square brackets in a [lineage](../zoo.md#lineage).\n\n"
        + _block("sh", f"fpframe verify mine suspect.safetensors --backbone {example}")
    )


def an_architecture(source: Any) -> str:
    """Return a well-known architecture of a family, or a small one where it has no such."""
    return _WELL_KNOWN if _WELL_KNOWN in source.names() else source.examples()[0]


_WELL_KNOWN = "resnet18"


def _dataset(offer: Any) -> str:
    address = _DATASETS.get(offer.name, f"{offer.name}:NAME")
    return "In a recipe or on the command line:\n\n" + "\n\n".join(
        [
            _block("toml", f'dataset = "{address}"'),
            _block("sh", f"fpframe enroll --out mine --dataset {address} --data-root data"),
        ]
    )


#: Examples of addresses; other sources are named with a word in capitals.
_DATASETS = {"digits": "digits", "folder": "folder:images", "torchvision": "torchvision:FashionMNIST"}


def _suspect(offer: Any) -> str:
    forms = ", ".join(f"`{form}`" for form in offer.forms)
    return f"Suspects with these addresses are opened by it: {forms}.\n\n" + _block(
        "sh", "\n".join(f"fpframe verify ENROLMENT {form}" for form in offer.forms)
    )


_WRITERS = {
    "scheme": _scheme,
    "perturbation": _of_a_scheme,
    "augmenter": _of_a_scheme,
    "encoder": _of_a_scheme,
    "attack": _attack,
    "filter": _filter,
    "backbone": _backbone,
    "dataset": _dataset,
    "suspect": _suspect,
}

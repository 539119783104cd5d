"""Write a page for every component and scheme that ships with fpframe, from its docstring and fields."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from generated import Docstring, code, sentence, table, toctree, write_pages
from naming_in_pages import an_architecture, how_to_name
from sphinx.application import Sphinx
from sphinx.util import logging

import fpframe
from fpframe.registry import KINDS

_LOG = logging.getLogger(__name__)
_FOLDER = "reference/builtins"

#: Plurals, in the order of the index.
_HEADINGS = {
    "scheme": "Schemes",
    "perturbation": "Perturbations",
    "augmenter": "Augmenters",
    "encoder": "Encoders",
    "attack": "Attacks",
    "filter": "Answer filters",
    "backbone": "Backbones",
    "dataset": "Data sets",
    "suspect": "Suspects",
}

_IMPORTS = "whether opening an address imports a module that it names"
#: What a class declares beside its parameters, by kind, with what it means.
_CAPABILITIES = {
    "perturbation": {
        "scope": "one delta for all images (`universal`), or one for each (`local`)",
        "norm": "the norm in which deltas are bounded or kept short",
        "needs_references": "whether it is handed the models of the fit split",
        "needs_gradients": "whether it follows the victim's gradients",
        "streams": "whether it reads images batch by batch, so that they need not fit into memory",
    },
    "augmenter": {
        "needs_references": "whether it is handed the models of the fit split",
        "needs_gradients": "whether it follows the victim's gradients",
        "streams": "whether it reads images batch by batch, so that they need not fit into memory",
    },
    "encoder": {"learns": "whether it learns from the models that it is fitted on"},
    "attack": {
        "access": "what of the victim the thief holds",
        "natural": "whether it asks images as they were found, and makes none of its own",
        "learns_labels": "whether only top-1 labels are learned, with the default parameters",
        "companion": "whether the thief hands over something else than a copy, such as two models together",
        "takes_true_labels": "whether the same recipe can be followed with true labels, for independent models",
    },
    "filter": {"needs": "what the suspect below must reveal"},
    "backbone": {
        "seeded": "whether its architectures are drawn by a seed, so that a recipe may write `*` for it",
        "imports_code": _IMPORTS,
    },
    "dataset": {"imports_code": _IMPORTS},
    "suspect": {
        "needs_backbone": "whether its suspects are bare weights, so that their architecture must be named",
        "needs_network": "whether it reaches its suspects over the network, from which others are kept",
        "is_service": "whether its suspects are services, for which limits on time do not hold",
        "imports_code": _IMPORTS,
    },
}
_EVERY_CLASS = {
    "deterministic": "whether the seed decides nothing",
    "revision": "raised whenever results change for the same parameters",
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: Sphinx) -> None:
    offers = shipped(fpframe.load_registry())
    pages = {f"{kind}-{name}": page_of(kind, name, offers) for kind, name in offers}
    write_pages(Path(app.srcdir, _FOLDER), {**pages, "index": _index(offers)})


def shipped(registry: fpframe.Registry) -> dict[tuple[str, str], Any]:
    """Return what the distribution fpframe offers, by kind and name, in order."""
    keys = [key for info in registry.plugins if info.distribution == "fpframe" for key in info.components]
    broken = [info for info in registry.plugins if info.distribution == "fpframe" and info.error]
    for info in broken:
        _LOG.warning("plugin %s: %s", info.label, info.error)
    keys.sort(key=lambda key: (KINDS.index(key[0]), key[1]))
    return {(kind, name): registry.get(kind, name) for kind, name in keys}


def _index(offers: dict[tuple[str, str], Any]) -> str:
    text = [
        "# Built-ins",
        "What ships with fpframe. Each is a plugin like any other, and what it is made of is said on its page: what it "
        "does, where it comes from, its parameters, and how it is named on the command line and in files. `fpframe "
        "plugins` lists these, and those of other distributions that are installed; `fpframe plugins show NAME` shows "
        "one.",
    ]
    for kind, heading in _HEADINGS.items():
        rows = [
            [f"[`{name}`]({kind}-{name}.md)", _summary(kind, offer)]
            for (offered, name), offer in offers.items()
            if offered == kind
        ]
        interface = f"Interface: [`{kind}`](../interfaces/{kind}.md)."
        text += [f"## {heading}", interface, table(["Name", "What it is"], rows)]
    text.append(toctree(f"{kind}-{name}" for kind in _HEADINGS for offered, name in offers if offered == kind))
    return "\n\n".join(text)


def _summary(kind: str, offer: Any) -> str:
    return sentence(offer.summary if kind == "scheme" else Docstring.of(offer).summary)


def _uses(scheme: fpframe.Scheme, kind: str, name: str) -> bool:
    specs = [("encoder", scheme.encoder)]
    specs += [(each, getattr(part, each)) for part in scheme.parts for each in ("augmenter", "perturbation")]
    return (kind, name) in {(each, spec.name) for each, spec in specs}


def page_of(kind: str, name: str, offers: dict[tuple[str, str], Any]) -> str:
    """Return the page of one offer; what is not described, and what the page would not show, is a warning."""
    offer = offers[kind, name]
    text = [f"# `{name}`", f"A built-in [{_A_KIND.get(kind, kind)}](../interfaces/{kind}.md)."]
    text += _scheme(offer) if kind == "scheme" else _component(kind, offer)
    if users := [scheme for (other, scheme), made in offers.items() if other == "scheme" and _uses(made, kind, name)]:
        text += ["## Schemes that use it", ", ".join(f"[`{scheme}`](scheme-{scheme}.md)" for scheme in users) + "."]
    text += ["## How it is named", how_to_name(kind, offer)]
    return "\n\n".join(filter(None, text))


#: Where the name of a kind does not say what it is.
_A_KIND = {"filter": "answer filter", "dataset": "source of data sets", "suspect": "source of suspects"}
_A_KIND["backbone"] = "family of backbones"


def _scheme(scheme: fpframe.Scheme) -> list[str]:
    text = [sentence(scheme.summary), "## Parts"]
    rows = []
    for part in scheme.parts:
        asked = "clean and perturbed" if part.pair else "perturbed only"
        if part.perturbation.name == "none":
            asked = "as it is"
        points, views = (code(n) if n is not None else "the recipe's" for n in (part.points, part.views))
        chosen, moved = _linked("augmenter", part.augmenter), _linked("perturbation", part.perturbation)
        rows.append([chosen, moved, asked, points, views])
    text.append(table(["Points are chosen by", "Perturbed by", "Each is asked", "Points", "Views"], rows))
    text += ["## Encoder", f"Answers are embedded by {_linked('encoder', scheme.encoder)}."]
    return text


def _linked(kind: str, spec: fpframe.ComponentSpec) -> str:
    link = f"[`{spec.name}`]({kind}-{spec.name}.md)"
    given = ", ".join(f"{key}={value!r}" for key, value in spec.params.items())
    return f"{link} with `{given}`" if given else link


def _component(kind: str, component: type[fpframe.Component]) -> list[str]:
    documented = Docstring.of(component)
    label = f"{kind} '{component.name}'"
    if not documented.body:
        _LOG.warning("%s has no docstring (%s.%s)", label, component.__module__, component.__qualname__)
    for name in set(documented.sections) - {"Attributes"}:
        _LOG.warning("%s has a section '%s:', which its page does not show; say it in sentences", label, name)
    # where a method comes from is often told for the whole module
    source = Docstring.of(sys.modules[component.__module__]).rest
    text = [documented.summary, documented.rest, source]
    if component.deprecated:
        text.append(f"**Deprecated**: {component.deprecated}")
    fields = attrs.fields(component)
    text.append("## Parameters")
    if fields:
        meanings = documented.sections.get("Attributes", {})
        for field in fields:
            if not meanings.get(field.name):
                _LOG.warning("parameter '%s' of %s has no meaning; say it under 'Attributes:'", field.name, label)
        rows = [_parameter(component, field, meanings.get(field.name, "")) for field in fields]
        text.append(table(["Name", "Type", "Range", "Default", "Meaning"], rows))
    else:
        text.append("None.")
    text += ["## What it declares", table(["Attribute", "Value", "Meaning"], _declared(kind, component()))]
    if kind == "backbone":
        text += ["## Architectures", _architectures(component())]
    if component.expected_failures:
        text += [
            "## Checks that it fails by its nature",
            table(
                ["Check", "Why"],
                [[code(check), sentence(why)] for check, why in component.expected_failures.items()],
            ),
        ]
    return text


def _parameter(component: type[fpframe.Component], field: attrs.Attribute[Any], meaning: str) -> list[str]:
    kind = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
    default = getattr(component(), field.name)
    return [code(field.name), code(kind), _range(component, field), code(repr(default)), sentence(meaning)]


def _range(component: type[fpframe.Component], field: attrs.Attribute[Any]) -> str:
    """Return what a parameter must be, as its own validator says when it refuses something."""
    try:
        attrs.evolve(component(), **{field.name: object()})
    except fpframe.ParameterError as error:
        told = re.search(r" must be (.*) \(got ", str(error))
        return told[1].removeprefix("a number ").removeprefix("a whole number of ") if told else ""
    except (TypeError, ValueError):
        return ""
    return ""


def _declared(kind: str, component: fpframe.Component) -> Iterator[list[str]]:
    for attribute, meaning in (_CAPABILITIES[kind] | _EVERY_CLASS).items():
        value = getattr(component, attribute)
        yield [code(attribute), code(value if isinstance(value, str) else repr(value)), sentence(meaning)]


def _architectures(source: fpframe.BackboneSource) -> str:
    names = source.names()
    if source.seeded:
        return f"As many as there are seeds, such as {', '.join(map(code, source.examples()))}."
    if len(names) <= 40:
        return ", ".join(map(code, names)) + "."
    return f"Hundreds, such as `{an_architecture(source)}`; `fpframe plugins show {source.name}` lists them."

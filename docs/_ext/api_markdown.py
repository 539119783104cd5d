"""Write what one public name is as Markdown: its signature, its docstring, and the members of a class."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import attrs
from generated import Docstring, code, sentence, table

_WIDTH = 100
#: What a member of a class may be, beside a function.
_PROPERTIES = (property, cached_property)


def describe(full_name: str, offered: Any) -> str:
    """Return the section of a name, under a heading of the second level."""
    name = full_name.rpartition(".")[2]
    parts = [f"## {name}"]
    if inspect.isclass(offered):
        parts += _class(full_name, offered)
    elif inspect.isfunction(offered):
        parts += _function(full_name, offered, skip_first=False)
    else:
        parts += [_block(f"{full_name} = {_value(offered)}"), summary_of(full_name, offered)]
    return "\n\n".join(filter(None, parts))


def summary_of(full_name: str, offered: Any) -> str:
    """Return the first sentences on a name; those on a plain value stand above it in its module, after ``#:``."""
    if inspect.isclass(offered) or inspect.isfunction(offered):
        return _prose(Docstring.of(offered).summary)
    return _prose(comment_above(full_name.rpartition(".")[2], offered))


def comment_above(name: str, offered: Any) -> str:
    """Return the comment that begins with ``#:`` above the definition of a plain value in the package."""
    ours = [module for key, module in sorted(sys.modules.items()) if key.startswith("fpframe.")]
    for module in ours:
        source = inspect.getsource(module) if vars(module).get(name) is offered else ""
        if found := re.search(rf"((?:^#: .*\n)+){name}\b", source, re.M):
            return " ".join(found[1].replace("#: ", "").split())
    return ""


def _class(full_name: str, kind: type) -> Iterator[str]:
    documented = Docstring.of(kind)
    if issubclass(kind, BaseException):
        yield _block(f"class {full_name}({kind.__bases__[0].__name__})")
    else:
        yield _block(_signature(f"class {full_name}", kind, skip_first=False))
    yield _prose(documented.body)
    if isinstance(exit_code := getattr(kind, "exit_code", None), int):
        yield f"Exit code: {exit_code}."
    yield _fields(kind, documented)
    yield _raised(documented)
    for member, value in _members(kind):
        yield f"### {kind.__name__}.{member}"
        if isinstance(value, _PROPERTIES):
            getter = value.fget if isinstance(value, property) else value.func
            yield _block(f"{member}: {_annotation(inspect.signature(getter).return_annotation)}")
            yield _prose(Docstring.of(getter).body)
        else:
            skip = not isinstance(value, staticmethod)
            function = getattr(value, "__func__", value)
            yield from _function(f"{kind.__name__}.{member}", function, skip_first=skip)


def _members(kind: type) -> list[tuple[str, Any]]:
    """Return the public methods and properties that a class itself defines, in the order of its source."""
    found = []
    for name, value in vars(kind).items():
        getter = getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
        if not name.startswith("_") and inspect.isfunction(getter):
            found.append((getter.__code__.co_firstlineno, name, value))
    return [(name, value) for _, name, value in sorted(found, key=lambda each: each[0])]


def _function(label: str, function: Any, *, skip_first: bool) -> Iterator[str]:
    documented = Docstring.of(function)
    yield _block(_signature(label, function, skip_first=skip_first))
    yield _prose(documented.body)
    if arguments := {**documented.sections.get("Args", {}), **documented.sections.get("Options", {})}:
        yield table(["Argument", "Meaning"], [[code(name), sentence(text)] for name, text in arguments.items()])
    for heading in ("Returns", "Yields"):
        if text := documented.texts.get(heading):
            yield f"**{heading}**: {_prose(text)}"
    yield _raised(documented)


def _raised(documented: Docstring) -> str:
    raised = documented.sections.get("Raises", {})
    return table(["Raises", "When"], [[code(name), sentence(text)] for name, text in raised.items()]) if raised else ""


def _fields(kind: type, documented: Docstring) -> str:
    """Return the table of what a class holds: its fields with types and defaults, and other attributes."""
    described = documented.sections.get("Attributes", {})
    types = {field.name: field.type for field in attrs.fields(kind)} if attrs.has(kind) else {}
    rows = [
        [code(name), code(_annotation(types.get(name, _hint(kind, name)))), sentence(text)]
        for name, text in described.items()
    ]
    return table(["Attribute", "Type", "Meaning"], rows) if rows else ""


def _hint(kind: type, name: str) -> Any:
    for base in kind.__mro__:
        if name in (hints := vars(base).get("__annotations__", {})):
            return hints[name]
    return inspect.Signature.empty


def _signature(label: str, called: Any, *, skip_first: bool) -> str:
    """Return a signature on one line, or with a line for each parameter where that is too long."""
    signature = inspect.signature(called)
    parameters = list(signature.parameters.values())[1 if skip_first else 0 :]
    words, keyword_only = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            if not any(each.kind is each.VAR_POSITIONAL for each in parameters):
                words.append("*")
        words.append(_parameter(parameter))
    back = "" if inspect.isclass(called) else f" -> {_annotation(signature.return_annotation)}"
    line = f"{label}({', '.join(words)}){back}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{label}(", *(f"    {word}," for word in words), f"){back}"])


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        equals = " = " if parameter.annotation is not parameter.empty else "="
        text += f"{equals}{_value(parameter.default)}"
    return text


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Signature.empty or annotation is None:
        return "None" if annotation is None else ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    # where a type lives does not matter to its reader, nor that a class says it for all its objects
    text = re.sub(r"ClassVar\[(.*)\]$", r"\1", text)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", text).replace('"', "")


def _value(value: Any) -> str:
    if (
        value is attrs.NOTHING
        or isinstance(value, attrs.Factory)
        or type(value).__name__ == "_HAS_DEFAULT_FACTORY_CLASS"
    ):
        return "..."
    if inspect.isroutine(value) or inspect.isclass(value):
        return str(value.__name__)
    text = repr(value)
    return text if " at 0x" not in text else f"{type(value).__name__}(...)"


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


def _prose(text: str) -> str:
    """Return the text of a docstring as Markdown; only blocks of code are marked otherwise there."""
    return re.sub(r"::$", ":", text, flags=re.M)

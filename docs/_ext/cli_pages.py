"""Write a page for every command, from the command line's own definition."""

from __future__ import annotations

import inspect
import re
import types
import typing
from pathlib import Path
from typing import Any

from cyclopts import App
from generated import Docstring, code, table, toctree, write_pages
from sphinx.application import Sphinx
from sphinx.util import logging

from fpframe.cli import make_app

_LOG = logging.getLogger(__name__)
_FOLDER = "reference/cli"
#: What a sentence quotes, and options; outside of code their quotes and hyphens would be set as those of prose.
_QUOTED = re.compile(r"""'(fpframe [^']+|\w+)'|"([^"]+)"|(?<!\S)(--[a-z][a-z-]*)""")
_WORDS = {"str": "text", "int": "whole number", "float": "number", "Path": "path", "bool": "flag"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: Sphinx) -> None:
    fpframe = make_app()
    pages = {name: page_of(fpframe[name]) for name in commands(fpframe)}
    write_pages(Path(app.srcdir, _FOLDER), {**pages, "index": _index(fpframe)})


def commands(app: App) -> list[str]:
    """Return the names of an application's commands, without the flags that it answers itself."""
    return [name for name in app if not name.startswith("-")]


def _index(app: App) -> str:
    rows = []
    for name in commands(app):
        rows.append([f"[`{name}`]({name}.md)", app[name].help])
        rows += [
            [f"[`{name} {below}`]({name}.md#fpframe-{name}-{below})", _described(app[name][below])[0]]
            for below in commands(app[name])
        ]
    text = [
        "# Command line",
        app.help,
        "```text\nfpframe COMMAND [OPTIONS]\n```",
        "Each command also says this itself: `fpframe COMMAND --help`.",
        "## Commands",
        table(["Command", "What it does"], rows),
        "## What every command takes",
        _options(app.meta),
        "`--help`, or `-h`, shows what a command takes, and `--version` which fpframe it is.",
        "## Exit codes",
        f"{app.help_epilogue.removeprefix('Exit codes: ').capitalize()} More under "
        "[verdicts](../../explanation/verdicts.md#exit-codes).",
        toctree(commands(app)),
    ]
    return "\n\n".join(text)


def page_of(app: App) -> str:
    """Return the page of a command and those below it; what is not described is a warning."""
    text = [f"# `fpframe {app.name[0]}`", *_command(app, f"fpframe {app.name[0]}")]
    for name in commands(app):
        below = f"fpframe {app.name[0]} {name}"
        text += [f"## `{below}`", *_command(app[name], below)]
    text.append("All commands also take [`--plugin` and `--no-plugin`](index.md#what-every-command-takes).")
    return "\n\n".join(filter(None, text))


def _command(app: App, name: str) -> list[str]:
    """Return what one command says, its usage and its options; a group of commands may have no usage of its own."""
    summary, rest = _described(app)
    if not summary:
        _LOG.warning("'%s' does not say what it does", name)
    if app.default_command is None:
        return [summary, rest]
    return [summary, rest, _usage(app, name), _options(app)]


def _described(app: App) -> tuple[str, str]:
    """Return the line that listings show, and what the function says beyond its first line."""
    documented = Docstring.of(app.default_command)
    own = app.help if app.default_command is None or "\n" not in app.help.strip() else ""
    return own or documented.summary, documented.rest


def _usage(app: App, name: str) -> str:
    words = [name]
    for argument in _arguments(app):
        if argument.index is not None:
            word = argument.names[0].lstrip("-").upper().replace("-", "_")
            several = argument.field_info.kind is inspect.Parameter.VAR_POSITIONAL
            words.append((f"[{word}...]" if several else word) if argument.required or several else f"[{word}]")
        elif argument.required:
            words += [argument.names[0], _kind(argument.hint).upper().replace(" ", "_")]
    return "```text\n" + " ".join([*words, "[OPTIONS]"]) + "\n```"


def _arguments(app: App) -> list[Any]:
    return [each for each in app.assemble_argument_collection(parse_docstring=True) if each.show and each.parse]


def _options(app: App) -> str:
    rows = []
    for argument in _arguments(app):
        if "*" in argument.names:
            continue
        told = _quoted_as_code(" ".join((argument.parameter.help or "").split()))
        if not told:
            _LOG.warning("'%s' of '%s' does not say what it is", argument.names[0], " ".join(app.name))
        names = list(argument.names) + list(argument.negatives)
        if argument.index is not None:
            names[0] = names[0].lstrip("-").upper().replace("-", "_")
        kind = ", ".join(map(code, argument.get_choices() or ())) or _kind(argument.hint)
        rows.append([", ".join(map(code, names)), kind, _default(argument), told])
    return table(["Option", "Type", "Default", "Meaning"], rows) if rows else "It takes no options."


def _quoted_as_code(text: str) -> str:
    return _QUOTED.sub(lambda match: code(match[match.lastindex or 0]), text)


def _kind(hint: Any) -> str:
    """Return a type in words."""
    if typing.get_origin(hint) is typing.Annotated:
        return _kind(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_kind(each) for each in typing.get_args(hint) if each is not types.NoneType)
    if typing.get_origin(hint) in (tuple, list):
        return _kind(typing.get_args(hint)[0]) + ", repeatable"
    return _WORDS.get(hint.__name__, hint.__name__)


def _default(argument: Any) -> str:
    if argument.required:
        return "required"
    default = argument.field_info.default
    if default is inspect.Parameter.empty or default is None or default is False or default in ((), ""):
        return ""
    return code(default)

"""What `--help` says of every command."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from cyclopts import App

from fpframe.cli import make_app, run


def _commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name in app:
        if not name.startswith("-"):
            yield from _commands(app[name], (*path, name))


@pytest.mark.parametrize("command", list(_commands(make_app())), ids=" ".join)
def test_help_shows_a_default_only_where_there_is_one_to_type(capfd, command):
    assert run([*command, "--help"]) == 0
    shown = " ".join(re.sub("[│╭╮╰╯─]", " ", capfd.readouterr().out).split())
    defaults = re.findall(r"\[default: ?([^]]*)\]", shown)
    assert [each for each in defaults if each in ("", "()", '""', "False") or each.startswith("(")] == []


def test_help_shows_several_words_as_they_are_typed(capfd):
    assert run(["compare", "--help"]) == 0
    assert "[default: probs top1]" in " ".join(capfd.readouterr().out.split())

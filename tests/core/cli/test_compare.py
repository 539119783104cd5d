"""``fpframe compare``: one command for several schemes, one line for a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fpframe.cli import run

TINY = ["compare", "--recipe", "tiny", "--workers", "1"]


@pytest.mark.slow
def test_schemes_and_a_file_are_compared_and_written(here, capfd):
    Path("mine.toml").write_text(
        'name = "mine"\nsummary = "the least sure images"\nencoder = { name = "labels" }\n'
        '[[parts]]\naugmenter = { name = "low-margin" }\nperturbation = { name = "none" }\npair = false\n'
    )
    arguments = ["--schemes", "akh, mine.toml", "--sizes", "40,80", "--channels", "top1"]
    assert run([*TINY, *arguments, "--contrast", "mine:akh", "--out", "compared"]) == 0
    printed = capfd.readouterr().out
    assert "| akh@40 | mine@40 | akh@80 | mine@80 |" in printed
    assert "AUC of `mine@80` minus that of `akh@80`" in printed
    assert printed.strip() == Path("compared/table.md").read_text().strip()
    result = json.loads(Path("compared/result.json").read_text())
    assert {cost["contender"]: cost["queries"] for cost in result["costs"]}["mine@80"] == 80
    assert result["contrasts"] == [["mine@40", "akh@40"], ["mine@80", "akh@80"]]

    assert run([*TINY, "--schemes", "akh", "--out", "compared"]) == 2
    assert "output folder exists already (compared)" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--schemes", "akh", "--sizes", "ten"], "--sizes takes whole numbers separated by commas"),
        (["--schemes", "akh", "--contrast", "akh"], "'akh' of the contrast takes part alone; name more with --schemes"),
        (["--schemes", "akh", "--contrast", "a:b:c"], "or one that is tested against each of the others (got 'a:b:c')"),
        (["--schemes", "akh,sac", "--contrast", "akh:akh"], "--contrast takes two schemes"),
        (["--schemes", "akj"], "unknown scheme 'akj'; did you mean 'akh'"),
        (["--schemes", "none.toml"], "cannot read the scheme: No such file or directory (none.toml)"),
        ([], "nothing to compare; name schemes"),
        (["--schemes", "akh", "--folds", "1"], "number of folds must be at least 2 (got 1)"),
    ],
)
def test_a_mistake_is_one_line(arguments, words, here, capfd):
    assert run([*TINY, *arguments]) == 2
    captured = capfd.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""

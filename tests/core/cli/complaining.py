"""Commands that must fail."""

from __future__ import annotations

from fpframe.cli import run


def complaint(capfd, arguments: list[str], code: int) -> str:
    """Run a command that must fail, and return its one line."""
    assert run(arguments) == code
    captured = capfd.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("fpframe: error: ")]
    assert len(lines) == 1, captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    return lines[0].removeprefix("fpframe: error: ")

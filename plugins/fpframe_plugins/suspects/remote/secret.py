"""`Secrets`: the values of headers, which go to the service and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import fpframe
from fpframe_plugins.suspects.remote.description import Header

#: Texts shorter than this occur everywhere, and are not looked for.
_SHORTEST = 6
_HIDDEN = "[secret]"


class Secrets:
    """The values of headers, which go to the service and nowhere else.

    Args:
        headers: by name, where their values are found.
        address: of the service, for messages.

    Raises:
        UsageError: a value is not there, or cannot be the value of a header.
    """

    def __init__(self, headers: Mapping[str, Header], address: str) -> None:
        self._values = {name: _value(name, header, address) for name, header in headers.items()}
        self._headers = {name: header.prefix + self._values[name] for name, header in headers.items()}
        self._where = {name: _place(header) for name, header in headers.items()}

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._where)})"

    @property
    def headers(self) -> dict[str, str]:
        """The headers as they are sent."""
        return dict(self._headers)

    @property
    def shown(self) -> dict[str, str]:
        """The headers, with where their values come from in the place of these."""
        return dict(self._where)

    def hide(self, text: str) -> str:
        """Return a text without secrets that somebody may have written into it."""
        for value in self._values.values():
            if len(value) >= _SHORTEST:
                text = text.replace(value, _HIDDEN)
        return text

    def hide_bytes(self, content: bytes) -> bytes:
        """Do the same to bytes."""
        for value in self._values.values():
            if len(value) >= _SHORTEST:
                content = content.replace(value.encode(), _HIDDEN.encode())
        return content


def _place(header: Header) -> str:
    where = f"environment variable {header.env}" if header.env else f"file {header.file}"
    return f"{header.prefix}({where})"


def _value(name: str, header: Header, address: str) -> str:
    if header.env:
        value = os.environ.get(header.env)
        if not value:
            raise fpframe.UsageError(
                f"the environment variable '{header.env}' for header '{name}' is not set ({address}); set it first"
            )
    else:
        try:
            value = Path(header.file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise fpframe.UsageError(
                f"the file '{header.file}' for header '{name}' cannot be read: {reason} ({address}); check the path"
            ) from error
    if not value.isascii() or not value.isprintable() or not value:
        raise fpframe.UsageError(
            f"the value for header '{name}' is empty, or has letters that no header can have ({address}); check "
            f"{'the variable' if header.env else 'the file'}"
        )
    return value

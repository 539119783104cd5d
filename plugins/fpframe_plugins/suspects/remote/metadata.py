"""What a server of the Open Inference Protocol says of the model that it serves."""

from __future__ import annotations

from fpframe.base import parse_json
from fpframe.errors import first_line
from fpframe_plugins.suspects.remote.body import Input
from fpframe_plugins.suspects.remote.reading import UnfitError, excerpt


def read_input(body: bytes) -> Input:
    """Return the input that a server says its model takes; the usual one where it does not say.

    Raises:
        UnfitError: it gave no metadata.
    """
    try:
        said = parse_json(body)
        [first, *_] = said.get("inputs") or [{}]
        usual = Input()
        return Input(str(first.get("name") or usual.name), str(first.get("datatype") or usual.datatype))
    except (ValueError, AttributeError, TypeError) as error:
        raise UnfitError(f"no description of its inputs: {first_line(error)} ({excerpt(body)})") from error

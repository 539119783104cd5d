"""Read a scheme from a TOML file: a fingerprint method of one's own, without a plugin."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cattrs

from fpframe.errors import RecipeError
from fpframe.interfaces import ComponentSpec, Part, Scheme
from fpframe.stricttoml import explain, make_converter

_CONVERTER = make_converter((ComponentSpec, Part, Scheme))


def load_scheme(path: str | Path) -> Scheme:
    """Read a scheme strictly: unknown keys and wrong types are refused.

    Components are looked up when the scheme is used.

    Raises:
        RecipeError: the file cannot be read, or its content is not a scheme; names the key and what is wrong with it.
    """
    try:
        return _CONVERTER.structure(tomllib.loads(Path(path).read_text(encoding="utf-8")), Scheme)
    except OSError as error:
        raise RecipeError(f"cannot read the scheme: {error.strerror} ({path})") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"the scheme is not UTF-8 text ({path}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"the scheme is not TOML: {error} ({path})") from error
    except cattrs.BaseValidationError as error:
        raise RecipeError(f"{explain(error)} ({path})") from error

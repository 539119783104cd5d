"""What an entry point names: a module, or an object in one."""

from __future__ import annotations

import importlib
import inspect
import types
from typing import Any

from fpframe.errors import PluginError, first_line, nearest


def imported(target: str) -> tuple[types.ModuleType, Any]:
    """Import the module of ``module`` or ``module:object``; return it and what is named.

    Raises:
        PluginError: the module has no such object, or the text does not name a module.
        Exception: whatever the module raises when it is imported.
    """
    name, _, path = target.partition(":")
    if not all(part.isidentifier() for part in name.split(".")):
        raise PluginError(f"its entry point is '{target}'; write module or module:object")
    module = importlib.import_module(name)
    found: Any = module
    for part in path.split(".") if path else ():
        try:
            found = getattr(found, part)
        except AttributeError:
            known = [known for known in dir(found) if not known.startswith("_")]
            raise PluginError(
                f"its entry point names '{path}', which {name} does not have{nearest(part, known)}"
            ) from None
        except Exception as error:
            raise PluginError(f"its entry point names '{path}', which fails: {first_line(error)}") from error
    return module, found


def describe_misuse(found: Any) -> str | None:
    """Return what is wrong with an object that is named as a plugin and has no hooks that can be called."""
    if inspect.isclass(found):
        return f"{found.__name__} is a class, whose hooks need an object; name one, such as plugin = {found.__name__}()"
    if inspect.isroutine(found):
        return (
            f"{getattr(found, '__name__', found)} is a function; name the module that it is in, and nothing behind it"
        )
    return None

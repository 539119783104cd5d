"""The source of a plugin with one filter, and the errors of a registry."""

from __future__ import annotations

#: A plugin with one filter, whose import and use can be watched.
SOUND = """
import attrs, fpframe
{first}

@attrs.frozen(kw_only=True)
class Quiet(fpframe.AnswerFilter):
    "Change nothing."
    name = "{name}"
    strength: float = 0.5

    def wrap(self, query, *, seed):
        return query

@fpframe.hookimpl
def fpframe_components():
    return [Quiet]
"""


def errors(registry):
    return {info.name: info.error for info in registry.plugins}

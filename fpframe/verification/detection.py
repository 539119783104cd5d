"""Read from a suspect's first answers how it answers: its channel and its filter."""

from __future__ import annotations

from torch import Tensor

from fpframe.errors import FpframeError, PluginError, ResourceError
from fpframe.interfaces import AnswerFilter, Probe
from fpframe.models import PROBS, Query, QuerySet, observe_channel
from fpframe.registry import Registry
from fpframe.verification.interview import Interview
from fpframe.verification.probes import Probed, probe_for_filters
from fpframe.verification.transcript import NotRecordedError
from fpframe.zoo import make_step

#: The value of options that are to be read from the suspect's answers.
AUTO = "auto"
#: The value of the option for a filter that says that there is none.
NONE = "none"


def read_channel(query: Query, rows: Tensor, wanted: str) -> str:
    """Return the channel of a suspect: the one that was named, that is known, or that its answers ``(N, K)`` show.

    Answers that show more later are cut down to this channel, as those of the calibration models are.
    """
    if wanted != AUTO:
        return wanted
    observed = observe_channel(rows)
    known = query.channel
    return observed if known in (None, PROBS) else str(known)


def look_for_filter(
    probed: Probed, interview: Interview, queries: QuerySet, registry: Registry, unasked: int = 0
) -> str:
    """Return the answer filter that explains changing answers, as a text; empty where none does or none change.

    It may ask the suspect further images, as long as enough are left for the `unasked` queries.
    """
    if not (probed.changing and bool(probed.answers.isfinite().all())):
        return ""
    probe = probe_for_filters(probed, interview, queries, unasked)
    for name in registry.names(AnswerFilter.kind):
        try:
            found = _detect(registry.create(AnswerFilter.kind, name), probe)
        except (NotRecordedError, ResourceError, PluginError):
            # what would tell was not recorded, or is not left of the budget; or two filters share the name
            continue
        if found is not None:
            return make_step(registry, name, **found.params()).text(exact=False)
    return ""


def _detect(component: AnswerFilter, probe: Probe) -> AnswerFilter | None:
    try:
        return component.detect(probe)
    except FpframeError:
        raise
    except Exception as error:  # a stranger's code, after queries were spent
        raise PluginError(f"'{component.name}' failed to look at the answers: {error}") from error

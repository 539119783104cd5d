"""`Exercise`: how a component of one kind is put to work, so that checks for all kinds can look at what comes out."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from fpframe.interfaces import Component, References
from fpframe.testing.bench import Bench
from fpframe.testing.changes import watched


@attrs.frozen
class Setting:
    """The circumstances of one run.

    Attributes:
        channels: of the images, 1 or 3.
        seed: handed to the component.
        repeat: number of this run among equal ones.
        device: where models lie, ``cpu`` or ``cuda``; images always come on the CPU.
    """

    channels: int = 1
    seed: int = 0
    repeat: int = 0
    device: str = "cpu"


@attrs.frozen(kw_only=True, eq=False)
class Task:
    """A component's work, prepared.

    Attributes:
        work: does it, and returns what the component made.
        results: from what was made to the tensors that two runs are compared by.
        models: networks that must stay as they are, by what they are called in messages.
        tensors: inputs that must stay as they are.
    """

    work: Callable[[], Any]
    results: Callable[[Any], Mapping[str, Tensor]]
    models: Mapping[str, nn.Module] = attrs.field(factory=dict)
    tensors: Mapping[str, Tensor] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Recording:
    """One run.

    Attributes:
        made: what the component returned.
        results: tensors that two runs are compared by.
        changed: what changed that must not, by topic; see `watched`.
    """

    made: Any
    results: Mapping[str, Tensor]
    changed: Mapping[str, str]

    def same_as(self, other: Recording) -> bool:
        """Whether two runs came out alike, to the last bit."""
        return self.results.keys() == other.results.keys() and all(
            torch.equal(tensor, other.results[name]) for name, tensor in self.results.items()
        )


def models_by_name(model: nn.Module, references: References | None) -> dict[str, nn.Module]:
    """Return the models that a component is handed, by what they are called in messages."""
    models = {"the model": model}
    if references is not None:
        models |= {f"derived reference {number}": each for number, each in enumerate(references.derived)}
        models |= {f"independent reference {number}": each for number, each in enumerate(references.independent)}
    return models


#: Prepares the work of a component of one kind.
Prepare = Callable[[Any, Bench, Setting], Task]


def recorded(component: Component, bench: Bench, setting: Setting = Setting(), *, prepare: Prepare) -> Recording:
    """Put `component` to work, once for each setting on one bench."""
    return bench.once(
        ("recording", component.spec(), type(component), setting), lambda: _run(component, bench, prepare, setting)
    )


def _run(component: Component, bench: Bench, prepare: Prepare, setting: Setting) -> Recording:
    task = prepare(component, bench, setting)
    params, printed = component.params(), io.StringIO()
    with watched(models=task.models, tensors=task.tensors) as changed, contextlib.redirect_stdout(printed):
        made = task.work()
    if printed.getvalue():
        changed["output"] = repr(printed.getvalue()[:60])
    if kept := [*sorted(vars(component).keys() - params.keys()), *_differing(params, component.params())]:
        changed["the component itself"] = ", ".join(kept)
    return Recording(made=made, results={k: v.detach().clone() for k, v in task.results(made).items()}, changed=changed)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [name for name, value in before.items() if after[name] != value]

"""Events as progress bars and notes on stderr."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from fpframe.base import Event

#: Seconds of which the speed is the mean; models take from a second to minutes each.
SPEED_WINDOW = 600.0


class RateColumn(ProgressColumn):
    """How many units are done in a minute."""

    def render(self, task: Task) -> Text:
        """Return the rate as text; empty before the first unit is done."""
        speed = task.finished_speed or task.speed
        return Text(f"{60 * speed:.0f}/min" if speed else "")


class ProgressBars:
    """Show each task of the events as a bar while the block runs, and notes as lines above the bars.

    Args:
        verbose: show details too, such as one line for each finished model.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            speed_estimate_period=SPEED_WINDOW,
        )

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tasks:  # stopping what never started would print an empty line
            self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event.kind == "note" or (event.kind == "detail" and self._verbose):
            self._progress.console.print(event.text, highlight=False, markup=False, soft_wrap=True)
        if event.kind != "step":
            return
        self._progress.start()  # not before there is something to show; later calls do nothing
        if event.task not in self._tasks:
            self._tasks[event.task] = self._progress.add_task(event.task, total=event.total)
        self._progress.update(self._tasks[event.task], completed=event.done, total=event.total)

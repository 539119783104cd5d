"""Events as progress bars and notes on stderr."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType

import attrs
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
)
from rich.text import Text

from fpframe.base import Event, printable

#: Seconds of which the speed is the mean; models take from a second to minutes each.
SPEED_WINDOW = 600.0


#: Seconds between two lines of progress where there is no terminal to redraw a bar on.
LINE_EVERY = 30.0


class LeftColumn(ProgressColumn):
    """How long a task will still take: as its events say, or by its speed."""

    def render(self, task: Task) -> Text:
        """Return the time as text."""
        left = task.fields.get("left")
        left = task.time_remaining if left is None else left
        return Text("left " + (str(timedelta(seconds=round(left))) if left is not None else "-:--:--"))


class RateColumn(ProgressColumn):
    """How many units are done in a minute."""

    def render(self, task: Task) -> Text:
        """Return the rate as text; empty before the first unit is done."""
        speed = task.finished_speed or task.speed
        return Text(f"{60 * speed:.0f}/min" if speed else "")


@attrs.define
class _Written:
    """When a task began, when a line on it was last written, and where it stood then."""

    began: float
    last: float
    done: int


class ProgressBars:
    """Show each task of the events as a bar while the block runs, and notes as lines above the bars.

    Args:
        verbose: show details too, such as one line for each finished model.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._tasks: dict[str, TaskID] = {}
        self._written: dict[str, _Written] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeElapsedColumn(),
            LeftColumn(),
            TextColumn("{task.fields[text]}"),
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
            self._progress.console.print(printable(event.text), highlight=False, markup=False, soft_wrap=True)
        if event.kind != "step":
            return
        self._progress.start()  # not before there is something to show; later calls do nothing
        if event.task not in self._tasks:
            self._tasks[event.task] = self._progress.add_task(event.task, total=event.total, text="")
        self._progress.update(
            self._tasks[event.task],
            completed=event.done,
            total=event.total,
            left=event.left,
            text=printable(event.text),
        )
        if not self._progress.console.is_terminal:
            self._write_line(event)

    def _write_line(self, event: Event) -> None:
        """Write where a task stands, now and then: a log has no bar."""
        now = time.monotonic()
        written = self._written.get(event.task)
        if written is None or event.done < written.done:  # a task of this name begins, perhaps once more
            self._written[event.task] = _Written(began=now, last=now, done=event.done)
            return
        written.done = event.done
        if now - written.last < LINE_EVERY:
            return
        written.last = now
        rate = f", {60 * event.done / (now - written.began):.1f} a minute" if event.done else ""
        left = f", about {event.left / 60:.0f} minutes left" if event.left is not None else ""
        total = "" if event.total is None else f" of {event.total}"
        said = f", {printable(event.text)}" if event.text else ""
        self._progress.console.print(
            f"{event.task}: {event.done}{total}{rate}{left}{said}", highlight=False, soft_wrap=True
        )

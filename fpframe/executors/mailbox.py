"""`Mailbox`: what a run and one of its workers tell each other through files in a folder that both share."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import attrs

#: Names of the messages of a worker: it is ready for tasks; it could not be set up; it will take no more tasks.
READY, REFUSED, LEFT = "ready", "refused", "left"
#: What a worker is told when it should end.
END = "end"


@attrs.frozen
class Mailbox:
    """A folder with the messages of one worker, which each appear whole, and are never changed.

    Tasks are numbered from 0. A worker begins one by renaming it, so that the run can tell afterwards whether a worker
    that ended had begun its task.

    Attributes:
        folder: the folder; the run makes it before the worker starts.
    """

    folder: Path

    def put(self, name: str, value: Any = None) -> None:
        """Leave a message.

        Raises:
            pickle.PicklingError: the value cannot be sent; other errors of pickle likewise.
            OSError: the folder is gone, or the disk is full.
        """
        self.write(self.folder / name, pickle.dumps(value))

    def has(self, name: str) -> bool:
        """Tell whether there is a message of this name."""
        # a network file system remembers for half a minute what is in a folder, unless something of it is changed
        self.folder.chmod(0o700)
        return (self.folder / name).exists()

    @property
    def closed(self) -> bool:
        """Whether the worker should end: it was told so, or the folder is gone."""
        try:
            return self.has(END)
        except FileNotFoundError:
            return True

    def get(self, name: str) -> Any:
        """Return what a message says."""
        return pickle.loads((self.folder / name).read_bytes())

    def put_task(self, number: int, item: Any) -> None:
        """Hand a task to the worker."""
        self.put(f"{number}.task", item)

    def begin(self, number: int) -> Any:
        """Return the item of a task, which is then begun."""
        begun = self.folder / f"{number}.begun"
        (self.folder / f"{number}.task").rename(begun)
        return pickle.loads(begun.read_bytes())

    def has_task(self, number: int) -> bool:
        """Tell whether a task was handed over that is not begun yet."""
        return self.has(f"{number}.task")

    def has_begun(self, number: int) -> bool:
        """Tell whether the worker began a task."""
        return self.has(f"{number}.begun")

    def put_outcome(self, number: int, field: str, value: Any) -> None:
        """Tell how a task ended: ``result`` or ``error``, and the value."""
        self.put(f"{number}.done", (field, value))

    def outcome(self, number: int) -> tuple[str, Any] | None:
        """Return how a task ended, as it was told; ``None`` while it was not."""
        return self.get(f"{number}.done") if self.has(f"{number}.done") else None

    @staticmethod
    def write(path: Path, content: bytes) -> None:
        """Write a file that others see whole or not at all."""
        unfinished = path.with_name(f".{path.name}")
        unfinished.write_bytes(content)
        unfinished.rename(path)

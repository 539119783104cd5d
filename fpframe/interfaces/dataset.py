"""`DatasetSource`: a family of data sets behind one address prefix."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from fpframe.dataset import Dataset
from fpframe.interfaces.component import Component


class DatasetSource(Component):
    """Open data sets for addresses ``NAME:REST``, or plain ``NAME``, where NAME is the component's name."""

    kind = "dataset"

    @abstractmethod
    def open(self, rest: str, *, root: Path | None) -> Dataset:
        """Open the data set called `rest`; `root` is the folder that users pass as ``--data-root``.

        Raises:
            DataError: it is missing, empty or damaged.
        """

"""`DatasetSource`: a family of data sets behind one address prefix."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from fpframe.errors import UsageError
from fpframe.interfaces.component import Component
from fpframe.models import Dataset


class DatasetSource(Component):
    """Open data sets for addresses ``NAME:REST``, or plain ``NAME``, where NAME is the component's name.

    Attributes:
        imports_code: whether opening an address imports a module that the address names; such an address is followed
            only where the user names it, never because an enrolment or another file of somebody else does.
    """

    kind = "dataset"
    imports_code: ClassVar[bool] = False

    @abstractmethod
    def open(self, rest: str, *, root: Path | None) -> Dataset:
        """Open the data set called `rest`; `root` is the folder that users pass as ``--data-root``.

        Nothing is downloaded.

        Raises:
            DataError: it is missing, empty or damaged.
        """

    def download(self, rest: str, *, root: Path | None) -> None:
        """Fetch the data set called `rest` into `root` from where it was published; what is there is not fetched again.

        Sources whose data are published nowhere, or need nothing, leave this as it is.

        Raises:
            UsageError: data sets of this kind are not downloaded.
            DataError: the network fails, or what came is damaged.
            ResourceError: the folder cannot be made.
        """
        address = f"{self.name}:{rest}" if rest else self.name
        raise UsageError(
            f"data sets of '{self.name}' are not downloaded by fpframe ({address}); put the files in place, if it "
            "needs any, and do not ask for a download"
        )

    def example(self, folder: Path) -> str:
        """Write a small data set into `folder` and return what stands behind the prefix, for `fpframe.testing`.

        The data set is opened with `folder` as its root. It should be as small as the format allows. Sources that need
        no files leave this as it is: the plain name is opened then.
        """
        return ""

"""Checks for sources of data sets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from fpframe.errors import DataError, FpframeError, UsageError
from fpframe.interfaces import DatasetSource
from fpframe.models import Dataset
from fpframe.testing.bench import Bench
from fpframe.testing.check import NotHere, check, require
from fpframe.testing.damage import HARMS, damaged, files_in
from fpframe.testing.exercise import Setting, Task, recorded

#: What no source opens.
_UNKNOWN = "no-such-data"


def prepare(component: DatasetSource, bench: Bench, setting: Setting) -> Task:
    """Let it open its example."""
    rest, root = example(component, bench)
    return Task(
        work=lambda: component.open(rest, root=root),
        results=lambda made: {
            "training images": made.train.images,
            "training labels": made.train.labels,
            "test images": made.test.images,
            "test labels": made.test.labels,
        },
    )


def example(component: DatasetSource, bench: Bench) -> tuple[str, Path]:
    """Return what stands behind the prefix of the example, and the folder that it is written into."""

    def write() -> tuple[str, Path]:
        folder = bench.new_folder()
        try:
            rest = component.example(folder)
        except ModuleNotFoundError as error:
            raise NotHere(f"its example needs '{error.name}', which is not installed") from error
        # libraries that are imported when it is first opened may change the process
        component.open(rest, root=folder)
        return rest, folder

    return bench.once("data", write)


_run = partial(recorded, prepare=prepare)


def _address(component: DatasetSource, rest: str) -> str:
    return f"{component.name}:{rest}" if rest else component.name


def _refuses(component: DatasetSource, rest: str, root: Path, what: str) -> None:
    """Make sure that a data set is refused with one line that names it and says what to do."""
    address = _address(component, rest)
    try:
        component.open(rest, root=root)
    except (DataError, UsageError) as error:
        message = str(error)
        require("\n" not in message, f"its refusal of {what} has several lines; say it in one")
        require(address in message, f"its refusal of {what} does not name '{address}': {message}; name the address")
        require("; " in message, f"its refusal of {what} does not say what to do: {message}; add '; ...'")
    except Exception as error:
        raise AssertionError(
            f"{what} fails with {type(error).__name__}: {' '.join(str(error).split())}; raise a DataError that names "
            f"'{address}' and says what to do"
        ) from error
    else:
        raise AssertionError(f"it opens {what}; raise a DataError")


@check("dataset")
def opens_its_example(component: DatasetSource, bench: Bench) -> None:
    """The data set of `example` is a `Dataset` with whole labels and a name of its own for every class."""
    made = _run(component, bench).made
    require(isinstance(made, Dataset), f"it opens a {type(made).__name__}; return Dataset.from_arrays(...)")
    for part in (made.train, made.test):
        require(part.labels.dtype == torch.int64, f"its labels are {part.labels.dtype}; use Dataset.from_arrays(...)")
    named = all(isinstance(name, str) and name for name in made.classes)
    require(named and len(set(made.classes)) == len(made.classes), "two classes have one name; name each differently")


@check("dataset")
def the_address_is_on_record(component: DatasetSource, bench: Bench) -> None:
    """A data set carries the address by which it was opened."""
    expected = _address(component, example(component, bench)[0])
    address = _run(component, bench).made.address
    require(address == expected, f"its address is '{address}'; make it '{expected}'")


@check("dataset")
def the_test_part_is_another_one(component: DatasetSource, bench: Bench) -> None:
    """Accuracy is measured on images that nobody was trained on."""
    results = _run(component, bench).results
    train, test = ({image.numpy().tobytes() for image in results[f"{part} images"]} for part in ("training", "test"))
    require(not test <= train, "every test image is a training image; open the test part")


@check("dataset")
def something_unknown_is_refused(component: DatasetSource, bench: Bench) -> None:
    """What the source does not know is an error on one line that names the address and says what to do."""
    _refuses(component, _UNKNOWN, example(component, bench)[1], "an unknown data set")


def _reads_files(component: DatasetSource) -> bool:
    return type(component).example is not DatasetSource.example


@check("dataset", when=_reads_files)
def missing_files_are_refused(component: DatasetSource, bench: Bench) -> None:
    """Where there are no files, the error is one line that names the address and says what to do."""
    rest, _ = example(component, bench)
    _refuses(component, rest, bench.new_folder(), "a data set whose files are missing")


@check("dataset", when=_reads_files)
def damaged_files_are_refused_or_not_needed(component: DatasetSource, bench: Bench) -> None:
    """A file that is cut off gives the same data set as before, or an error on one line; so may one that is gone."""
    rest, root = example(component, bench)
    whole = _run(component, bench).made.digest
    for file in files_in(root):
        for harm in HARMS:
            try:
                with damaged(root / file, harm):
                    same = component.open(rest, root=root).digest == whole
            except FpframeError as error:
                require("\n" not in str(error), f"with {file} {harm} its refusal has several lines; say it in one")
            except Exception as error:
                raise AssertionError(
                    f"with {file} {harm} it fails with {type(error).__name__}: {' '.join(str(error).split())}; raise "
                    "a DataError"
                ) from error
            else:
                # a data set may be whatever lies in its folder, so that one file less is another one
                require(same or harm == "missing", f"with {file} {harm} it opens other data; raise a DataError")

"""The checks for sources of data sets: each fails for a component that breaks that promise alone."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import pytest
import torch

from fpframe import DataError, Dataset, DatasetSource, UsageError
from fpframe.interfaces.component import Component
from fpframe.models.dataset import Images
from fpframe.testing.bench import Bench
from fpframe.testing.check import ConformanceError
from fpframe.testing.results import check_component
from kit import require_fault_alone

IMAGES = np.arange(12 * 16, dtype=np.uint8).reshape(12, 4, 4)
LABELS = np.arange(12) % 2


@attrs.frozen(kw_only=True)
class Shades(DatasetSource):
    """Grey squares that need no file."""

    name: ClassVar[str] = "shades"

    def open(self, rest: str, *, root: Path | None) -> Any:
        if rest:
            raise UsageError(f"'shades' has no variants (shades:{rest}); write shades")
        return self.made()

    def made(self) -> Any:
        train, test = (IMAGES[:8], LABELS[:8]), (IMAGES[8:], LABELS[8:])
        return Dataset.from_arrays(train, test, classes=["dark", "bright"], address=self.name)


@attrs.frozen(kw_only=True)
class Arrays(DatasetSource):
    """Images in one file of raw bytes."""

    name: ClassVar[str] = "arrays"

    def open(self, rest: str, *, root: Path | None) -> Any:
        path = (root or Path()) / f"{rest}.raw"
        if not path.is_file():
            raise self.missing(path, rest)
        content = path.read_bytes()
        if len(content) != IMAGES.size:
            return self.damaged(content, rest)
        images = np.frombuffer(content, dtype=np.uint8).reshape(IMAGES.shape)
        return Dataset.from_arrays((images[:8], LABELS[:8]), (images[8:], LABELS[8:]), address=f"arrays:{rest}")

    def missing(self, path: Path, rest: str) -> Exception:
        return DataError(f"there is no file {path} (arrays:{rest}); check --data-root")

    def damaged(self, content: bytes, rest: str) -> Any:
        raise DataError(f"the file is cut off (arrays:{rest}); get it again")

    def example(self, folder: Path) -> str:
        (folder / "few.raw").write_bytes(IMAGES.tobytes())
        return "few"


class Twins(Shades):
    """Give two classes one name."""

    def made(self) -> Any:
        return attrs.evolve(super().made(), classes=("dark", "dark"))


class ShortLabels(Shades):
    """Keep labels in fewer bits."""

    def made(self) -> Any:
        made = super().made()
        return attrs.evolve(made, train=Images(made.train.images, made.train.labels.to(torch.int32)))


class Nameless(Shades):
    """Leave the address out."""

    def made(self) -> Any:
        return attrs.evolve(super().made(), address="arrays")


class TrainedOn(Shades):
    """Test on images that were trained on."""

    def made(self) -> Any:
        made = super().made()
        return attrs.evolve(made, test=made.train[:4])


class Generous(Shades):
    """Open anything."""

    def open(self, rest: str, *, root: Path | None) -> Any:
        return self.made()


class Gruff(Shades):
    """Refuse without a word of help."""

    def open(self, rest: str, *, root: Path | None) -> Any:
        if rest:
            raise UsageError(f"no variants (shades:{rest})")
        return self.made()


class Lost(Arrays):
    """Find no file, and say no more."""

    def missing(self, path: Path, rest: str) -> Exception:
        return FileNotFoundError(path) if rest == "few" else super().missing(path, rest)


class Patient(Arrays):
    """Make do with what is left of a file."""

    def damaged(self, content: bytes, rest: str) -> Any:
        images = np.frombuffer(content, dtype=np.uint8).reshape(-1, 4, 4)
        return Dataset.from_arrays((images[:4], LABELS[:4]), (images[4:], LABELS[4:6]), address=f"arrays:{rest}")


class Careless(Arrays):
    """Fail on what is left of a file in the words of another library."""

    def damaged(self, content: bytes, rest: str) -> Any:
        return np.frombuffer(content, dtype=np.uint8).reshape(IMAGES.shape)


BROKEN: dict[str, Component] = {
    "opens_its_example": Twins(),
    "the_address_is_on_record": Nameless(),
    "the_test_part_is_another_one": TrainedOn(),
    "something_unknown_is_refused": Generous(),
    "missing_files_are_refused": Lost(),
    "damaged_files_are_refused_or_not_needed": Patient(),
}
WORDS = {
    "opens_its_example": "two classes have one name; name each differently",
    "the_address_is_on_record": "its address is 'arrays'; make it 'shades'",
    "the_test_part_is_another_one": "every test image is a training image; open the test part",
    "something_unknown_is_refused": "it opens an unknown data set; raise a DataError",
    "missing_files_are_refused": "a data set whose files are missing fails with FileNotFoundError: ",
    "damaged_files_are_refused_or_not_needed": "with few.raw cut it opens other data; raise a DataError",
}
#: What is said of a missing file is said of one that is taken away too.
FOLLOWING = {"missing_files_are_refused": {"damaged_files_are_refused_or_not_needed"}}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_source_of_data_fails_the_check_of_its_fault_alone(check: str) -> None:
    require_fault_alone(BROKEN[check], check, WORDS[check], FOLLOWING.get(check, ()))


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (ShortLabels(), "its labels are torch.int32; use Dataset.from_arrays(...)"),
        (Gruff(), "its refusal of an unknown data set does not say what to do: no variants (shades:no-such-data)"),
        (Careless(), "with few.raw cut it fails with ValueError: "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_faults_are_told_too(component: Component, words: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_component(component)
    assert words in str(caught.value)


@pytest.mark.parametrize("component", [Shades(), Arrays()], ids=lambda component: component.name)
def test_a_sound_source_of_data_passes(component: Component) -> None:
    check_component(component)


def test_the_folders_of_a_bench_go_with_it() -> None:
    bench = Bench()
    folder = bench.new_folder()
    assert folder.is_dir()
    assert folder != bench.new_folder()
    del bench
    gc.collect()
    assert not folder.parent.exists()

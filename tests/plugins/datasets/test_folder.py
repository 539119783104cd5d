"""`folder`: what it reads, and what it says of images that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

import fpframe
from fpframe.models import imageview
from fpframe.store import Store, mapping_into
from fpframe_plugins.datasets import _decoding
from fpframe_plugins.datasets.folder import Folder


def draw(path: Path, value: int | tuple[int, ...] = 0, *, size: tuple[int, int] = (6, 4), mode: str = "L") -> Path:
    """Write an image of one colour, by default 6 pixels wide and 4 high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


@pytest.fixture
def split_folder(tmp_path: Path) -> Path:
    """Two classes, three training images each and one test image each, whose grey value tells the file."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(3):
            draw(tmp_path / "pets/train" / name / f"{number}.png", 100 * label + number)
        draw(tmp_path / "pets/test" / name / "0.png", 100 * label + 50)
    return tmp_path


def test_a_folder_gives_both_parts_with_classes_by_name(split_folder: Path) -> None:
    pets = Folder().open("pets", root=split_folder)
    assert pets.classes == ("cat", "dog")
    assert pets.image_shape == (1, 4, 6)
    assert pets.train.images[:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert pets.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert pets.test.images[:, 0, 3, 5].tolist() == [50, 150]
    assert pets.test.labels.tolist() == [0, 1]


def test_a_folder_is_relative_to_the_current_one_without_a_root(
    split_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(split_folder)
    assert len(Folder().open("pets", root=None).train) == 6
    assert len(Folder().open(str(split_folder / "pets"), root=Path("elsewhere")).train) == 6


def test_images_may_lie_below_the_class_folder_and_val_may_be_the_test_part(tmp_path: Path) -> None:
    for name in ("n01", "n02"):
        draw(tmp_path / "train" / name / "images/0.JPEG", (1, 2, 3), mode="RGB")
        draw(tmp_path / "train" / name / "images/1.JPEG", (4, 5, 6), mode="RGB")
        (tmp_path / "train" / name / "boxes.txt").write_text("0 0 1 1")
        draw(tmp_path / "val" / name / "0.JPEG", (7, 8, 9), mode="RGB")
    opened = Folder().open(".", root=tmp_path)
    assert opened.image_shape == (3, 4, 6)
    assert (len(opened.train), len(opened.test)) == (4, 2)
    assert opened.train.labels.tolist() == [0, 0, 1, 1]


def test_a_folder_of_classes_is_split_by_class_and_always_alike(tmp_path: Path) -> None:
    for label, (name, count) in enumerate((("a", 10), ("b", 5), ("c", 2))):
        for number in range(count):
            draw(tmp_path / name / f"{number}.png", 20 * label + number)
    first, second = (Folder().open(".", root=tmp_path) for _ in range(2))
    assert first.test.labels.bincount().tolist() == [2, 1, 1]
    assert first.train.labels.bincount().tolist() == [8, 4, 1]
    values = torch.cat([first.train.images, first.test.images])[:, 0, 0, 0].tolist()
    assert sorted(values) == [*range(10), *range(20, 25), 40, 41]
    assert first.digest == second.digest


def test_one_coloured_image_makes_all_of_them_rgb(split_folder: Path) -> None:
    draw(split_folder / "pets/train/cat/0.png", (10, 20, 30), mode="RGB")
    pets = Folder().open("pets", root=split_folder)
    assert pets.image_shape == (3, 4, 6)
    assert pets.train.images[0, :, 0, 0].tolist() == [10, 20, 30]
    assert pets.train.images[1, :, 0, 0].tolist() == [1, 1, 1]


def test_palettes_with_transparency_are_read_without_a_warning(split_folder: Path) -> None:
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.save(split_folder / "pets/train/cat/0.png", transparency=b"\x00\xff")
    assert Folder().open("pets", root=split_folder).train.images[0, :, 0, 0].tolist() == [9, 8, 7]


def test_images_of_two_sizes_are_refused_with_both_sizes(split_folder: Path) -> None:
    odd = draw(split_folder / "pets/test/dog/0.png", size=(7, 4))
    with pytest.raises(fpframe.DataError) as caught:
        Folder().open("pets", root=split_folder)
    assert str(caught.value).startswith(f"{odd} has 7x4 pixels where {split_folder / 'pets/train/cat/0.png'} has 6x4")


def test_an_unreadable_image_is_named(split_folder: Path) -> None:
    broken = split_folder / "pets/train/dog/1.png"
    broken.write_bytes(broken.read_bytes()[:45])
    with pytest.raises(fpframe.DataError) as caught:
        Folder().open("pets", root=split_folder)
    assert str(caught.value).startswith(f"cannot read {broken}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], r"pets has no class folders .* it needs a folder of images for each of two or more"),
        (["cat/0.png"], r"pets has one class, 'cat' \(folder:pets\)"),
        (["train/cat/0.png"], r"pets has 'train' but neither 'test' nor 'val' .*; add one, or open .*train itself"),
        (["train/cat/0.png", "test/cat/0.png"], r"train has one class, 'cat' \(folder:pets\)"),
        (["train/cat/0.png", "train/dog/0.png", "test/0.png"], r"test has no images \(folder:pets\)"),
    ],
    ids=["empty", "one class", "no test part", "one class to train on", "empty test part"],
)
def test_a_folder_that_is_not_a_data_set_is_refused(tmp_path: Path, files: list[str], message: str) -> None:
    (tmp_path / "pets").mkdir()
    for name in files:
        draw(tmp_path / "pets" / name)
    with pytest.raises(fpframe.DataError, match=message):
        Folder().open("pets", root=tmp_path)


def test_a_class_without_images_is_named(split_folder: Path) -> None:
    (split_folder / "pets/train/emu").mkdir()
    (split_folder / "pets/train/emu/notes.txt").write_text("none yet")
    with pytest.raises(fpframe.DataError, match=r"class 'emu' in .*train has no images \(folder:pets\); delete"):
        Folder().open("pets", root=split_folder)


def test_a_test_class_that_was_not_trained_on_is_refused(split_folder: Path) -> None:
    draw(split_folder / "pets/test/emu/0.png")
    with pytest.raises(fpframe.DataError, match=r"test has a class 'emu' that .*train lacks"):
        Folder().open("pets", root=split_folder)


def test_a_class_of_one_image_cannot_be_split(tmp_path: Path) -> None:
    for name in ("a/0.png", "a/1.png", "b/0.png"):
        draw(tmp_path / name)
    with pytest.raises(fpframe.DataError, match="class 'b' has 1 image"):
        Folder().open(".", root=tmp_path)


def test_a_folder_that_is_not_there_is_refused_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(fpframe.DataError, match=r"there is no folder .*lost.*check the path and --data-root"):
        Folder().open("lost", root=tmp_path)
    with pytest.raises(fpframe.UsageError, match="write folder:PATH"):
        Folder().open("", root=tmp_path)


# --- which folders and files count


@pytest.mark.parametrize(
    ("train", "test"),
    [("Train", "Test"), ("TRAIN", "TEST"), ("training", "testing"), ("train", "valid"), ("train", "Validation")],
)
def test_parts_are_known_by_the_names_that_people_give_them(split_folder: Path, train: str, test: str) -> None:
    expected = Folder().open("pets", root=split_folder).digest
    (split_folder / "pets/train").rename(split_folder / "pets/part")
    (split_folder / "pets/part").rename(split_folder / "pets" / train)
    (split_folder / "pets/test").rename(split_folder / "pets" / test)
    pets = Folder().open("pets", root=split_folder)
    assert (pets.digest, pets.classes, pets.notes) == (expected, ("cat", "dog"), ())


@pytest.mark.parametrize(("one", "two"), [("train", "training"), ("val", "valid"), ("test", "Testing")])
def test_two_folders_that_could_be_one_part_are_refused(split_folder: Path, one: str, two: str) -> None:
    for part, name in ((one, "cat"), (two, "dog")):
        draw(split_folder / "pets" / part / name / "0.png")
    with pytest.raises(fpframe.DataError, match=rf"'({one}|{two})' and '({one}|{two})', and both could be its part"):
        Folder().open("pets", root=split_folder)


def test_validation_images_beside_test_images_are_named_as_left_out(split_folder: Path) -> None:
    draw(split_folder / "pets/valid/cat/0.png")
    (note,) = Folder().open("pets", root=split_folder).notes
    assert (note.code, note.text) == (
        "images-left-out",
        "Not read: valid. Only images in the folders of classes are.",
    )


@pytest.mark.parametrize("files", [["test/cat/0", "val/cat/0"], ["Test/a/0", "Valid/a/0"], ["cat/0", "test/cat/0"]])
def test_parts_without_a_training_part_are_no_classes(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        draw(tmp_path / f"{name}.png")
    with pytest.raises(fpframe.DataError, match=r"but no 'train' \(folder:\.\); add it"):
        Folder().open(".", root=tmp_path)


def test_a_class_may_have_the_name_of_a_part(tmp_path: Path) -> None:
    for name in ("valid", "invalid"):
        for number in range(2):
            draw(tmp_path / name / f"{number}.png")
    assert Folder().open(".", root=tmp_path).classes == ("invalid", "valid")


def test_a_class_without_test_images_is_refused(split_folder: Path) -> None:
    draw(split_folder / "pets/train/emu/0.png")
    with pytest.raises(fpframe.DataError, match=r"class 'emu' has no images in .*test \(folder:pets\); put some there"):
        Folder().open("pets", root=split_folder)


@pytest.mark.parametrize(
    "litter",
    [
        "train/.ipynb_checkpoints/0.png",
        "train/cat/.ipynb_checkpoints/0-checkpoint.png",
        "train/cat/.hidden/0.png",
        "train/cat/._0.png",
        "__MACOSX/train/cat/._0.png",
        "train/__MACOSX/0.png",
        "train/cat/Thumbs.db",
        "train/cat/.DS_Store",
        "test/desktop.ini",
        "train/cat/@eaDir/0.png",
    ],
)
def test_what_programs_leave_behind_is_skipped(split_folder: Path, litter: str) -> None:
    before = Folder().open("pets", root=split_folder)
    path = split_folder / "pets" / litter
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"litter")
    after = Folder().open("pets", root=split_folder)
    assert (after.digest, after.classes, after.notes) == (before.digest, before.classes, ())


def test_files_that_are_no_images_of_a_class_are_named(split_folder: Path) -> None:
    draw(split_folder / "pets/train/loose.png")
    for name in ("train/cat/boxes.txt", "test/dog/a.npy", "test/labels.csv"):
        (split_folder / "pets" / name).write_text("text")
    pets = Folder().open("pets", root=split_folder)
    assert [note.text for note in pets.notes] == [
        "Not read: test/dog/a.npy, test/labels.csv, train/cat/boxes.txt and 1 more. Only images in the folders of "
        "classes are."
    ]
    assert len(pets.train) == 6


# --- what is neither a file nor a folder


@pytest.mark.parametrize("place", ["train/cat/9.png", "train/cat/pipe", "train/emu", "extra"])
@pytest.mark.parametrize("kind", ["fifo", "device", "nowhere"])
def test_what_is_no_file_is_refused_and_not_opened(split_folder: Path, place: str, kind: str) -> None:
    path = split_folder / "pets" / place
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else split_folder / "gone.png")
    said = "neither a file nor a folder" if kind == "fifo" else "a link that leads to no file"
    with pytest.raises(fpframe.DataError, match=rf"{path} is {said} \(folder:pets\); delete it"):
        Folder().open("pets", root=split_folder)


@pytest.mark.parametrize("place", ["train/cat/more", "train/dog/deep/er"])
def test_links_to_folders_are_followed_and_named(split_folder: Path, tmp_path: Path, place: str) -> None:
    draw(tmp_path / "elsewhere/0.png", 77)
    link = split_folder / "pets" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    pets = Folder().open("pets", root=split_folder)
    assert (len(pets.train), 77 in pets.train.images) == (7, True)
    assert [(note.code, note.text) for note in pets.notes] == [
        ("images-linked", f"Links to other folders were followed: {place}.")
    ]


def test_a_class_or_part_that_is_a_link_is_named(split_folder: Path, tmp_path: Path) -> None:
    (split_folder / "pets/test").rename(tmp_path / "moved")
    (split_folder / "pets/test").symlink_to(tmp_path / "moved")
    (tmp_path / "moved/dog").rename(tmp_path / "dog")
    (tmp_path / "moved/dog").symlink_to(tmp_path / "dog")
    (note,) = Folder().open("pets", root=split_folder).notes
    assert note.text == "Links to other folders were followed: test, test/dog."


def test_a_link_that_leads_in_a_circle_is_refused(split_folder: Path) -> None:
    (split_folder / "pets/train/cat/all").symlink_to(split_folder / "pets/train")
    with pytest.raises(fpframe.DataError, match=r"cat is a link to a folder that it lies in|lies in itself"):
        Folder().open("pets", root=split_folder)


# --- in which order


@pytest.mark.parametrize(
    ("names", "text", "timm"),
    [
        (("1", "2", "10"), "1, 10, 2", "1, 2, 10"),
        (("Zebra", "ape"), "Zebra, ape", "ape, Zebra"),
        (("c9", "c10", "c11", "c12", "c13"), "c10, c11, c12, c13, ...", "c9, c10, c11, c12, ..."),
    ],
)
def test_an_order_that_differs_from_timms_is_said(tmp_path: Path, names: tuple[str, ...], text: str, timm: str) -> None:
    for name in names:
        for number in range(2):
            draw(tmp_path / name / f"{number}.png")
    opened = Folder().open(".", root=tmp_path)
    assert opened.classes == tuple(sorted(names))
    (note,) = opened.notes
    assert note.code == "class-order"
    assert f"as text ({text})" in note.text
    assert f"another order ({timm})" in note.text
    assert opened.in_order(names).notes == ()


def test_an_order_that_all_share_needs_no_word(split_folder: Path) -> None:
    assert Folder().open("pets", root=split_folder).notes == ()


@pytest.mark.parametrize("format", ["EPS", "PDF", "ICO"])
def test_a_file_of_another_format_is_not_read_whatever_its_name_says(split_folder: Path, format: str) -> None:
    """Pillow starts Ghostscript for EPS; a file from elsewhere must not reach it."""
    other = split_folder / "pets/train/cat/0.png"
    Image.new("RGB", (6, 4)).save(other, format=format)
    with pytest.raises(fpframe.DataError, match=r"cannot read .*0\.png: cannot identify image file"):
        Folder().open("pets", root=split_folder)


def test_many_images_are_decoded_once_until_a_file_changes(split_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imageview, "SMALL", 0)
    decoded: list[Path] = []
    real = _decoding._decode

    def counted(path: Path, address: str) -> _decoding.Decoded:
        decoded.append(path)
        return real(path, address)

    monkeypatch.setattr(_decoding, "_decode", counted)
    with mapping_into(Store(split_folder / "store")):
        first = Folder().open("pets", root=split_folder)
        again = Folder().open("pets", root=split_folder)
        assert len(decoded) == 8
        draw(split_folder / "pets/train/cat/1.png", 7)
        changed = Folder().open("pets", root=split_folder)
    assert len(decoded) == 16
    assert first.train.view.sources[0] is not again.train.view.sources[0]
    assert first.digest == again.digest
    assert changed.train.images[:, 0, 0, 0].tolist() == [0, 7, 2, 100, 101, 102]


def test_notes_are_kept_with_decoded_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imageview, "SMALL", 0)
    for name in ("cat", "dog"):
        for number in range(2):
            draw(tmp_path / "pets" / name / f"{number}.tif", (9, 9, 9, 9), mode="CMYK")
    with mapping_into(Store(tmp_path / "store")):
        first, again = (Folder().open("pets", root=tmp_path) for _ in range(2))
    assert [note.code for note in first.notes] == ["images-converted"]
    assert first.notes == again.notes

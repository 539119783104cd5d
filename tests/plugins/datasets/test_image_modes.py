"""Image files of every mode: read as what they show, converted with a note, or refused by name."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fpframe
from fpframe_plugins.datasets._decoding import read_images
from fpframe_plugins.datasets._modes import MODES

SHAPE = (4, 5)
GREY = np.arange(20, dtype=np.uint8).reshape(SHAPE) * 13


def grey(values: np.ndarray, mode: str | None = None) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(values).convert(mode).save(path) if mode else Image.fromarray(values).save(path)


def layers(mode: str, *values: np.ndarray) -> Callable[[Path], None]:
    return lambda path: Image.frombytes(mode, SHAPE[::-1], np.stack(values, -1).tobytes()).save(path)


def frames(path: Path) -> None:
    first, *others = [Image.fromarray(values) for values in (GREY, 255 - GREY, GREY // 2)]
    first.save(path, save_all=True, append_images=others)


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(path, exif=exif)


def see_through_colour(path: Path) -> None:
    Image.fromarray(GREY).save(path, transparency=26)


def palette(path: Path, **options: object) -> None:
    image = Image.fromarray((GREY > 100).astype(np.uint8), "P")
    image.putpalette([1, 2, 3, 250, 100, 50])
    image.save(path, **options)


OPAQUE, HALF = np.full(SHAPE, 255, np.uint8), np.full(SHAPE, 128, np.uint8)
RGB = np.stack([GREY, GREY // 2, 255 - GREY])
PALETTE = np.where(GREY > 100, *(np.array(colour).reshape(3, 1, 1) for colour in ((250, 100, 50), (1, 2, 3))))

#: Kind, suffix, how the file is written, what is read of it, and what the note says; none where there is none.
READ = {
    "black and white": ("png", grey(GREY > 100), np.where(GREY > 100, 255, 0), None),
    "grey": ("png", grey(GREY), GREY, None),
    "grey with opaque alpha": ("png", layers("LA", GREY, OPAQUE), GREY, None),
    "grey with alpha": ("png", layers("LA", GREY, HALF), GREY, "have transparent pixels"),
    "grey with a transparent level": ("png", see_through_colour, GREY, "have transparent pixels"),
    "colour": ("png", layers("RGB", *RGB), RGB, None),
    "colour with opaque alpha": ("png", layers("RGBA", *RGB, OPAQUE), RGB, None),
    "colour with alpha": ("png", layers("RGBA", *RGB, HALF), RGB, "have transparent pixels"),
    "palette": ("png", palette, PALETTE, None),
    "palette with alpha": ("png", lambda path: palette(path, transparency=0), PALETTE, "have transparent pixels"),
    "CMYK": ("tif", layers("CMYK", *(255 - RGB), 0 * GREY), RGB, "are CMYK, converted to RGB"),
    "LAB": ("tif", layers("LAB", GREY, 0 * GREY, 0 * GREY), None, "are LAB, converted to sRGB"),
    "16-bit PNG": ("png", grey(GREY.astype(np.uint16) * 257), GREY, "values from 0 to 63479; 0 to 65535 became"),
    "16-bit TIFF": ("tif", grey(GREY.astype(np.uint16) * 257), GREY, "0 to 65535 became 0 to 255"),
    "16-bit TIFF, big-endian": ("tif", grey(GREY.astype(">u2") * 257), GREY, "0 to 65535 became 0 to 255"),
    "12 of 16 bits": ("png", grey(np.rint(GREY * (4095 / 255)).astype(np.uint16)), GREY, "0 to 4095 became 0 to 255"),
    "8 of 16 bits": ("png", grey(GREY.astype(np.uint16)), GREY, "0 to 255 became 0 to 255"),
    "32-bit integers": ("tif", grey(GREY.astype(np.int32) * 257), GREY, "0 to 65535 became 0 to 255"),
    "floats to 1": ("tif", grey((GREY / 255).astype(np.float32)), GREY, "0 to 1 became 0 to 255"),
    "floats to 255": ("tif", grey(GREY.astype(np.float32)), GREY, "0 to 255 became 0 to 255"),
    "several pages": ("tif", frames, GREY, "have several frames, of which the first was read"),
    "moving": ("png", frames, GREY, "have several frames, of which the first was read"),
    "turned by EXIF": ("png", turned, GREY, "have an EXIF orientation, which was not applied"),
}

#: Kind, how a TIFF is written, and what is said of it.
REFUSED = {
    "floats beyond 1": (
        grey((GREY / 100).astype(np.float32)),
        r"fractional values from 0 to 2.47 .*floats from 0 to 1",
    ),
    "negative floats": (grey((GREY / 255 - 0.5).astype(np.float32)), "fractional values from -0.5"),
    "NaN": (grey(np.where(GREY > 9, np.nan, 0).astype(np.float32)), "not finite"),
    "negative integers": (grey(GREY.astype(np.int32) - 9), "whole values from -9"),
    "integers beyond 16 bits": (grey(GREY.astype(np.int32) * 65537), r"whole values from 0 to 1.61876e\+07"),
}


def read(path: Path) -> tuple[np.ndarray, str]:
    view, notes = read_images([path], path.parent, "folder:here")
    images = view.tensor().numpy()
    assert images.dtype == np.uint8
    assert {note.code for note in notes} <= {"images-converted"}
    return images[0], " ".join(note.text for note in notes)


@pytest.mark.parametrize("kind", READ)
def test_an_image_of_this_kind_is_read_as_what_it_shows(tmp_path: Path, kind: str) -> None:
    suffix, write, expected, said = READ[kind]
    write(tmp_path / f"0.{suffix}")
    image, note = read(tmp_path / f"0.{suffix}")
    if expected is not None:
        assert np.abs(image.astype(int) - expected).max() == 0
    assert note.startswith("1 of 1 images ") if said else not note
    assert (said or "") in note
    assert not note or note.endswith(f"(such as 0.{suffix}).")


@pytest.mark.parametrize("kind", REFUSED)
def test_an_image_of_this_kind_is_refused(tmp_path: Path, kind: str) -> None:
    write, said = REFUSED[kind]
    write(tmp_path / "0.tif")
    with pytest.raises(fpframe.DataError, match=said) as caught:
        read(tmp_path / "0.tif")
    assert str(tmp_path / "0.tif") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_mode_of_pillow_is_in_the_table() -> None:
    assert set(MODES) == set(Image.MODES)
    assert all(bool(mode.becomes) != bool(mode.remedy) for mode in MODES.values())


@pytest.mark.parametrize("name", sorted(name for name, mode in MODES.items() if mode.becomes))
def test_pillow_converts_a_mode_as_the_table_says(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "0.png").touch()
    monkeypatch.setattr(Image, "open", lambda _path, formats: Image.new(name, SHAPE[::-1]))
    images, _ = read_images([tmp_path / "0.png"], tmp_path, "folder:here")
    assert images.shape == (1, 3 if MODES[name].becomes == "colour" else 1, *SHAPE)


def test_a_mode_that_is_refused_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "0.png").touch()
    monkeypatch.setattr(Image, "open", lambda _path, formats: Image.new("La", SHAPE[::-1]))
    with pytest.raises(fpframe.DataError, match=r"0.png is an image of mode La \(folder:here\); save it as LA"):
        read(tmp_path / "0.png")


def test_exif_data_that_cannot_be_read_spoil_no_pixels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(_image: Image.Image) -> None:
        raise SyntaxError("not a TIFF file")

    Image.fromarray(GREY).save(tmp_path / "0.png")
    monkeypatch.setattr(Image.Image, "getexif", broken)
    image, note = read(tmp_path / "0.png")
    assert np.array_equal(image[0], GREY)
    assert not note


def test_all_images_of_more_than_8_bits_are_scaled_alike(tmp_path: Path) -> None:
    dark, bright = tmp_path / "0.png", tmp_path / "1.png"
    Image.fromarray(np.full(SHAPE, 200, np.uint16)).save(dark)
    Image.fromarray(np.full(SHAPE, 60000, np.uint16)).save(bright)
    images, _ = read_images([dark, bright], tmp_path, "folder:here")
    assert images.tensor()[:, 0, 0, 0].tolist() == [1, 233]


def test_colour_of_16_bits_keeps_its_upper_8_and_says_so(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    # Pillow writes no such file: one pixel, 16 bits in each of three channels
    header, row = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0), bytes([0, 200, 7, 100, 7, 50, 7])
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    image, note = read(tmp_path / "0.png")
    assert image[:, 0, 0].tolist() == [200, 100, 50]
    assert "have 16 bits in each channel, of which the upper 8 were read" in note


def test_the_docs_say_what_becomes_of_every_mode() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/own-model.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*) \| (grey|colour|refused)", page, re.M)
    told = {mode: word for names, word in rows for mode in re.findall(r"`([^`]+)`", names)}
    words = {"grey": "grey", "levels": "grey", "colour": "colour", "": "refused"}
    assert told == {name: words[mode.becomes] for name, mode in MODES.items()}

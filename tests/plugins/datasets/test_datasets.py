"""The sources of data sets: what they read, and what they say of data that cannot be read."""

from __future__ import annotations

import pickle
import struct
from hashlib import md5
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import load_digits
from torchvision import datasets

import fpframe
from fpframe.opening.datasets import download_dataset
from fpframe_plugins.datasets.digits import Digits
from fpframe_plugins.datasets.folder import Folder
from fpframe_plugins.datasets.torchvision import TorchvisionDatasets


def draw(path: Path, value: int | tuple[int, ...] = 0, *, size: tuple[int, int] = (6, 4), mode: str = "L") -> Path:
    """Write an image of one colour, by default 6 pixels wide and 4 high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


def idx(path: Path, array: np.ndarray) -> None:
    """Write an unsigned 8-bit array in the IDX format of MNIST."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def write_mnist(raw: Path) -> None:
    """Write five training images and three test images as torchvision keeps MNIST."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 5), ("t10k", 3)):
        idx(raw / f"{part}-images-idx3-ubyte", generator.integers(0, 256, (count, 28, 28)))
        idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) + 1)


@pytest.fixture
def split_folder(tmp_path: Path) -> Path:
    """Two classes, three training images each and one test image each, whose grey value tells the file."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(3):
            draw(tmp_path / "pets/train" / name / f"{number}.png", 100 * label + number)
        draw(tmp_path / "pets/test" / name / "0.png", 100 * label + 50)
    return tmp_path


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    """Files as torchvision keeps MNIST: five training images and three test images."""
    write_mnist(tmp_path / "MNIST/raw")
    return tmp_path


def test_digits_are_8_bit_images_over_the_full_range() -> None:
    digits = Digits().open("", root=None)
    assert digits.image_shape == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    assert (int(digits.train.images.min()), int(digits.train.images.max())) == (0, 255)
    assert set(digits.train.images.unique().tolist()) == {round(level * 255 / 16) for level in range(17)}


def test_digits_are_split_once_and_for_all_by_class() -> None:
    first, second = (Digits().open("", root=None) for _ in range(2))
    torch.manual_seed(5)
    assert first.digest == second.digest
    assert (len(first.train), len(first.test)) == (1437, 360)
    assert set(first.test.labels.bincount().tolist()) <= {35, 36, 37}
    together = torch.cat([first.train.images, first.test.images]).flatten(1).tolist()
    assert sorted(together) == sorted(np.round(load_digits().data * 255 / 16).astype(int).tolist())


def test_digits_have_no_variants() -> None:
    with pytest.raises(fpframe.UsageError, match=r"'digits' has no variants \(got 'digits:test'\); write digits"):
        Digits().open("test", root=None)


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


def test_torchvision_files_are_read_as_they_are(mnist_root: Path) -> None:
    mnist = TorchvisionDatasets().open("MNIST", root=mnist_root)
    expected = np.random.default_rng(0).integers(0, 256, (5, 28, 28))
    assert np.array_equal(mnist.train.images[:, 0].numpy(), expected)
    assert mnist.train.labels.tolist() == [1, 2, 3, 4, 5]
    assert len(mnist.test) == 3
    assert mnist.classes[7] == "7 - seven"
    assert mnist.address == "torchvision:MNIST"


def test_coloured_torchvision_images_come_channels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8)
    batch = {"data": data, "labels": [0, 1]}
    files = {"batch": pickle.dumps(batch), "meta": pickle.dumps({"label_names": ["plane", "car"]})}
    sums = {name: md5(content, usedforsecurity=False).hexdigest() for name, content in files.items()}
    (tmp_path / "cifar-10-batches-py").mkdir()
    for name, content in files.items():
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(content)
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [["batch", sums["batch"]]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["batch", sums["batch"]]])
    meta = {"filename": "meta", "key": "label_names", "md5": sums["meta"]}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    cifar = TorchvisionDatasets().open("CIFAR10", root=tmp_path)
    assert cifar.classes == ("plane", "car")
    assert np.array_equal(cifar.train.images.numpy(), data.reshape(2, 3, 32, 32))


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "SVHN"])
def test_missing_torchvision_files_are_named_and_not_downloaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket", None)
    with pytest.raises(fpframe.DataError) as caught:
        TorchvisionDatasets().open(name, root=tmp_path)
    message = str(caught.value)
    assert message.startswith("no file ")
    assert f" more in {tmp_path} (torchvision:{name}); get them with: python -c 'import torchvision; " in message
    assert f'torchvision.datasets.{name}("{tmp_path}", download=True' in message
    assert not any(tmp_path.iterdir())


def test_one_missing_torchvision_file_is_told_from_many(mnist_root: Path) -> None:
    (mnist_root / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(fpframe.DataError, match=r"^no file MNIST/raw/t10k-labels-idx1-ubyte in "):
        TorchvisionDatasets().open("MNIST", root=mnist_root)


def test_a_damaged_torchvision_file_is_told_from_a_missing_one(mnist_root: Path) -> None:
    path = mnist_root / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(fpframe.DataError, match=r"files of MNIST in .* are damaged: .*; delete them and get them"):
        TorchvisionDatasets().open("MNIST", root=mnist_root)


def test_torchvision_data_needs_a_root() -> None:
    with pytest.raises(fpframe.UsageError, match="pass the folder that holds it with --data-root DIR"):
        TorchvisionDatasets().open("MNIST", root=None)


def test_an_unknown_torchvision_name_is_refused_with_a_close_one(tmp_path: Path) -> None:
    with pytest.raises(fpframe.UsageError, match=r"no data set 'FasionMNIST'.*did you mean 'FashionMNIST'\?"):
        TorchvisionDatasets().open("FasionMNIST", root=tmp_path)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Serve MNIST to torchvision from files of the test; the list tells what was fetched."""
    served, fetched = tmp_path / "served", []
    write_mnist(served)

    def fetch(url: str, *, download_root: str, filename: str, md5: str) -> None:
        print(f"Downloading {url}")
        fetched.append(filename)
        name = filename.removesuffix(".gz")
        (Path(download_root) / name).write_bytes((served / name).read_bytes())

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", fetch)
    return fetched


def test_torchvision_data_come_when_they_are_asked_for_and_once(
    network: list[str], registry: fpframe.Registry, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "new/data"
    download_dataset(registry, "torchvision:MNIST", str(root))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("Downloading http") == 4
    assert len(network) == 4
    assert TorchvisionDatasets().open("MNIST", root=root).train.labels.tolist() == [1, 2, 3, 4, 5]
    download_dataset(registry, "torchvision:MNIST", root)
    assert len(network) == 4, "what is there is not fetched again"


def test_svhn_comes_in_both_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served, parts = tmp_path / "served", {}
    served.mkdir()
    for part, count in (("train", 4), ("test", 2)):
        images = np.full((32, 32, 3, count), count, dtype=np.uint8)
        savemat(served / f"{part}.mat", {"X": images, "y": np.arange(1, count + 1).reshape(-1, 1)})
        content = (served / f"{part}.mat").read_bytes()
        parts[part] = [f"http://none/{part}.mat", f"{part}.mat", md5(content, usedforsecurity=False).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", parts)
    monkeypatch.setattr(
        "torchvision.datasets.svhn.download_url",
        lambda url, root, name, md5: (Path(root) / name).write_bytes((served / name).read_bytes()),
    )
    root = tmp_path / "data"
    TorchvisionDatasets().download("SVHN", root=root)
    opened = TorchvisionDatasets().open("SVHN", root=root)
    assert (opened.train.labels.tolist(), opened.test.labels.tolist()) == ([1, 2, 3, 4], [1, 2])


def test_a_network_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", fail)
    with pytest.raises(fpframe.DataError) as caught:
        TorchvisionDatasets().download("FashionMNIST", root=tmp_path)
    message = str(caught.value)
    assert message.startswith(f"cannot download FashionMNIST to {tmp_path}: Error downloading train-images-idx3-ubyte")
    assert "no route to host" in message
    assert message.endswith(
        "(torchvision:FashionMNIST); check the network, or copy the files from a machine that has one"
    )
    assert "\n" not in message


def test_damaged_files_that_are_not_fetched_again_are_to_be_deleted(network: list[str], mnist_root: Path) -> None:
    path = mnist_root / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(fpframe.DataError, match=r"cannot download MNIST .*; delete its files and try again$"):
        TorchvisionDatasets().download("MNIST", root=mnist_root)
    assert not network


def test_a_download_needs_a_known_name_and_a_folder(network: list[str], tmp_path: Path) -> None:
    with pytest.raises(fpframe.UsageError, match=r"did you mean 'FashionMNIST'\?"):
        TorchvisionDatasets().download("FasionMNIST", root=tmp_path)
    with pytest.raises(fpframe.UsageError, match="--data-root DIR"):
        TorchvisionDatasets().download("MNIST", root=None)
    (tmp_path / "file").touch()
    with pytest.raises(fpframe.ResourceError, match=r"cannot make the folder: .*; choose another --data-root"):
        TorchvisionDatasets().download("MNIST", root=tmp_path / "file")
    assert not network


@pytest.mark.parametrize("address", ["digits", "folder:pets"])
def test_sources_that_fetch_nothing_say_so(address: str, registry: fpframe.Registry, tmp_path: Path) -> None:
    words = rf"data sets of '{address.partition(':')[0]}' are not downloaded by fpframe \({address}\); put the files"
    with pytest.raises(fpframe.UsageError, match=words):
        download_dataset(registry, address, tmp_path)
    assert not any(tmp_path.iterdir())

"""Data sets of torchvision: what is read, what is fetched, and what is said of files that cannot be."""

from __future__ import annotations

import pickle
import struct
from hashlib import md5
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from scipy.io import savemat
from torchvision import datasets

import fpframe
from fpframe.opening.datasets import download_dataset
from fpframe_plugins.datasets.torchvision import TorchvisionDatasets


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
def mnist_root(tmp_path: Path) -> Path:
    """Files as torchvision keeps MNIST: five training images and three test images."""
    write_mnist(tmp_path / "MNIST/raw")
    return tmp_path


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

"""Addresses, and the functions that they name."""

import sys

import pytest

from fpframe import UsageError
from fpframe.base.address import Address, import_callable


@pytest.mark.parametrize(
    ("text", "prefix", "rest"),
    [
        ("timm:resnet18", "timm", "resnet18"),
        ("python:my.module:build", "python", "my.module:build"),
        ("folder:/data/images", "folder", "/data/images"),
        ("digits", "", "digits"),
        ("digits:", "digits", ""),
        ("models/copy.onnx", "", "models/copy.onnx"),
        ("./a:b.onnx", "", "./a:b.onnx"),
        ("C:\\models\\copy.onnx", "", "C:\\models\\copy.onnx"),
        ("models\\a:b.onnx", "", "models\\a:b.onnx"),
        (":odd", "", ":odd"),
        ("", "", ""),
    ],
)
def test_an_address_is_split_at_its_first_colon_unless_it_is_a_path(text, prefix, rest):
    assert Address.parse(text) == Address(prefix, rest)


@pytest.mark.parametrize("text", ["timm:resnet18", "python:a:b", "digits", "C:\\copy.onnx", "./a:b"])
def test_an_address_reads_as_it_was_written(text):
    assert str(Address.parse(text)) == text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with a module, which is forgotten afterwards."""
    (tmp_path / "mine.py").write_text("import helper_of_mine\nVALUE = 3\ndef build(): return helper_of_mine.NAME\n")
    (tmp_path / "helper_of_mine.py").write_text("NAME = 'found'\n")
    (tmp_path / "failing_of_mine.py").write_text("raise RuntimeError('no luck')\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("mine", "helper_of_mine"):
        sys.modules.pop(name, None)


def test_a_function_is_found_in_the_current_folder_which_is_searched_last(folder):
    assert import_callable("mine:build")() == "found"
    assert sys.path[-1] == str(folder)


def test_a_function_is_found_in_an_installed_package():
    import torch

    assert import_callable("torch.nn:Flatten") is torch.nn.Flatten


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("variable", "import os; os.environ['NOT_SET_HERE']", "there is no 'NOT_SET_HERE'; .* --env NOT_SET_HERE"),
        ("key", "{}['weights of mine']", r"there is no 'weights of mine' \(python:"),
        ("number", "{}[3]", "lacks_a_number': 3"),
    ],
)
def test_what_a_module_looks_for_and_does_not_find_is_told(folder, name, line, told):
    (folder / f"lacks_a_{name}.py").write_text(f"{line}\n")
    with pytest.raises(UsageError, match=told):
        import_callable(f"lacks_a_{name}:build")


@pytest.mark.parametrize("rest", ["mine", "mine:", ":build", ""])
def test_half_an_address_is_refused_with_its_form(rest):
    with pytest.raises(UsageError, match=f"'python:{rest}' is not an address; write python:MODULE:FUNCTION"):
        import_callable(rest)


def test_a_missing_module_is_named_with_where_modules_are_searched(folder):
    with pytest.raises(UsageError, match=r"cannot import module 'mime': .*\(python:mime:build\); modules are searched"):
        import_callable("mime:build")


def test_a_module_that_fails_is_named_with_its_reason(folder):
    with pytest.raises(UsageError, match="cannot import module 'failing_of_mine': no luck"):
        import_callable("failing_of_mine:build")


def test_a_missing_function_is_named_with_the_nearest(folder):
    with pytest.raises(UsageError, match=r"module 'mine' has no function 'built'; did you mean 'build'\?"):
        import_callable("mine:built")


def test_a_value_that_cannot_be_called_is_no_function(folder):
    with pytest.raises(UsageError, match="module 'mine' has no function 'VALUE'; known: build"):
        import_callable("mine:VALUE")

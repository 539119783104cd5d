"""Exported programs of PyTorch."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.export import Dim, export, save

from fpframe import ModelError
from plugins.suspects.one_network import SHAPE, assert_refused, expected, make, pixels


def test_a_pt2_file_with_a_flipped_byte_is_damaged(files, opened):
    content = bytearray((files / "free.pt2").read_bytes())
    content[len(content) // 2] ^= 1
    Path("a.pt2").write_bytes(content)
    assert_refused(ModelError, r"'a\.pt2' (is damaged|holds no exported program)", opened, "a.pt2")


class Around(nn.Module):
    """The network with something around it."""

    def __init__(self, around):
        super().__init__()
        self.net, self.around = make(), around

    def forward(self, images):
        return self.around(self.net, images)


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = make()

    def forward(self, *, pixel_values):
        return {"features": pixel_values.flatten(1), "logits": self.net(pixel_values)}


class Inside(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = make()

    def forward(self, batch):
        return self.net(batch[0]["image"])


def exported(network, *args, count=4, dtype=torch.float32, **options):
    args = args or (torch.rand(count, *SHAPE, dtype=dtype),)
    return export(network.eval(), args, **options)


def limited(**bounds):
    return {"dynamic_shapes": ({0: Dim("count", **bounds)},)}


PROGRAMS = {
    "any": lambda: exported(make(), dynamic_shapes=({0: Dim.AUTO},)),
    "at most 3": lambda: exported(make(), count=2, **limited(max=3)),
    "at least 2": lambda: exported(make(), **limited(min=2)),
    "from 2 to 4": lambda: exported(make(), **limited(min=2, max=4)),
    "multiples of 8": lambda: exported(make(), count=16, dynamic_shapes=({0: 8 * Dim("eight", max=64)},)),
    "4": lambda: exported(make()),
    "1": lambda: exported(make(), count=1),
    "tuple": lambda: exported(Around(lambda net, images: (images.flatten(1), net(images)))),
    "dict": lambda: exported(Around(lambda net, images: {"features": images.flatten(1), "logits": net(images)})),
    "rows of convolutions": lambda: exported(Around(lambda net, images: net(images)[:, :, None, None])),
    "by name": lambda: export(Named().eval(), (), {"pixel_values": torch.rand(4, *SHAPE)}),
    "inside": lambda: exported(Inside(), [{"image": torch.rand(4, *SHAPE)}]),
    "double": lambda: exported(Around(lambda net, images: net(images.float())), dtype=torch.float64),
    "channels last": lambda: export(
        Around(lambda net, images: net(images.permute(0, 3, 1, 2))).eval(), (torch.rand(4, 8, 8, 1),)
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_asked_as_it_was_exported(opened, name):
    save(PROGRAMS[name](), "a.pt2")
    query = opened("a.pt2", outputs="logits")
    for count in (1, 7):
        torch.testing.assert_close(query(pixels(count)), expected(pixels(count)))
    assert query.spent == 8


def test_a_program_whose_batch_is_no_multiple_is_refused(opened):
    free = {0: 2 * Dim("half", max=64) + 1}
    save(exported(make(), count=5, dynamic_shapes=(free,)), "a.pt2")
    assert_refused(ModelError, r"takes .* images at once", opened, "a.pt2")


def test_torchscript_under_the_name_of_a_program_is_recognised(opened, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated
        torch.jit.save(torch.jit.trace(make(), pixels(2)), str(tmp_path / "a.pt2"))
    assert_refused(ModelError, r"'a\.pt2' is TorchScript; .*torch\.onnx\.export", opened, "a.pt2")


def test_outputs_that_may_both_be_answers_are_refused_when_it_is_asked(opened):
    save(exported(Around(lambda net, images: (net(images), net(images) * 2))), "a.pt2")
    assert_refused(ModelError, "may be its answers .* say --read-output 1", opened("a.pt2"), pixels(2))
    found = opened("a.pt2", outputs="logits", read_output="1")(pixels(2))
    torch.testing.assert_close(found, expected(pixels(2)))


def test_an_output_of_a_dict_is_read_by_its_key(opened):
    made = Around(lambda net, images: {"first": net(images) * 2, "inner": {"second": net(images)}})
    save(exported(made), "a.pt2")
    found = opened("a.pt2", outputs="logits", read_output="inner.second")(pixels(2))
    torch.testing.assert_close(found, expected(pixels(2)))

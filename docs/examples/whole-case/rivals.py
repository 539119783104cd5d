"""Train nine models from scratch on the images of everybody, as competitors of the claimant would, into a folder."""

import sys
from pathlib import Path

import torch

import fpframe

torch.set_num_threads(1)  # networks as small as these only wait for a second thread
folder = Path(sys.argv[1])
folder.mkdir()
registry = fpframe.load_registry()
digits = registry.create("dataset", "digits").open("", root=None)
for seed in range(9):
    network = fpframe.build_backbone(registry, "paper:arc-d", 10, digits.image_shape, seed=seed)
    training = fpframe.Training(epochs=10, batch_size=32)
    fpframe.train(network, digits.train.pixels, digits.train.labels, training, seed=seed)
    fpframe.save_weights(network, folder / f"{seed}.safetensors")

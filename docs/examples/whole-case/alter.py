"""Set the smallest fifth of the weights of each layer to zero, as somebody might to hide where a file comes from."""

import sys

import numpy as np
from safetensors.numpy import load_file, save_file

leaked, out = sys.argv[1:]
weights = load_file(leaked)
for name, values in weights.items():
    if values.ndim > 1:
        small = np.abs(values) < np.quantile(np.abs(values), 0.2)
        weights[name] = np.where(small, np.float32(0), values)
save_file(weights, out)

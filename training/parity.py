# SPDX-License-Identifier: MIT
"""Writes tests/data/parity.jr2w: a small random network with every operation that libjr2 runs, an input, and what PyTorch
computes after each layer. tests/test_parity.c runs the same network and prints the largest difference per layer.

    python3 training/parity.py [tests/data/parity.jr2w]
"""
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import jr2w  # noqa: E402

# name, output channels, input channels, kernel (0: linear); a depthwise convolution has 1 input channel.
LAYERS = [("stem", 16, 3, 3), ("a1", 20, 16, 3), ("a2", 16, 20, 3), ("dw1", 16, 1, 3), ("pw1", 32, 16, 1), ("dw2", 32, 1, 3),
          ("down", 40, 32, 3), ("mix", 20, 40, 3), ("up1", 16, 20, 3), ("side", 10, 16, 3), ("join", 10, 26, 1), ("rgb", 3, 10, 3),
          ("fc1", 12, 10 * 12 * 12, 0), ("fc2", 9, 10, 0)]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else str(pathlib.Path(__file__).parent.parent / "tests/data/parity.jr2w")
    rng = np.random.default_rng(5)
    tensors = {}
    for name, out, inputs, k in LAYERS:
        shape = (out, inputs, k, k) if k else (out, inputs)
        tensors[name + ".weight"] = (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float16)
        tensors[name + ".bias"] = (rng.standard_normal(out) * 0.2).astype(np.float16)
    t = {k: torch.from_numpy(v.astype(np.float32)) for k, v in tensors.items()}

    def conv(x, name, stride=1):
        w = t[name + ".weight"]
        return F.conv2d(x, w, t[name + ".bias"], stride, w.shape[-1] // 2, groups=x.shape[1] if w.shape[1] == 1 else 1)

    x = torch.from_numpy((rng.integers(0, 256, (1, 3, 37, 39)) / 127.5 - 1).astype(np.float32))
    out = {}
    out["stem"] = stem = F.leaky_relu(conv(x, "stem", 2), 0.1)
    out["a1"] = a = F.relu(conv(stem, "a1"))
    out["a2"] = a = F.relu(conv(a, "a2") + stem)
    out["dw1"] = d = F.relu(conv(a, "dw1"))
    out["pw1"] = d = F.silu(conv(d, "pw1"))
    out["dw2"] = h = conv(d, "dw2", 2)
    out["down"] = h = F.silu(conv(h, "down", 2))
    out["pool"] = p = F.max_pool2d(h, 2, ceil_mode=True)
    out["mix"] = m = torch.sigmoid(conv(p, "mix"))
    out["up1"] = u = F.relu(conv(F.interpolate(m, scale_factor=2), "up1"))
    u = F.interpolate(u, scale_factor=2)
    out["side"] = s = conv(u, "side")
    out["join"] = j = F.relu(conv(torch.cat([u, s], 1), "join"))
    out["sum"] = total = F.leaky_relu(j + s, 0.1)
    out["rgb"] = torch.sigmoid(conv(total, "rgb"))
    out["fc1"] = F.relu(F.linear(total.flatten(1), t["fc1.weight"], t["fc1.bias"]))
    out["fc2"] = F.linear(total.mean((2, 3)), t["fc2.weight"], t["fc2.bias"])
    # A second network: a map sampled where a second input says, and doubled. Pixels, centres at integers.
    grid = torch.from_numpy(rng.uniform(-2, 22, (1, 2, 19, 20)).astype(np.float32))
    normal = torch.stack([(grid[:, 0] + 0.5) / 20 * 2 - 1, (grid[:, 1] + 0.5) / 19 * 2 - 1], -1)
    out["border"] = F.grid_sample(stem, normal, padding_mode="border", align_corners=False)
    out["zeros"] = F.grid_sample(stem, normal, padding_mode="zeros", align_corners=False)
    out["resize"] = F.interpolate(m, scale_factor=2, mode="bilinear", align_corners=False)
    tensors["grid"] = np.ascontiguousarray(grid.numpy()[0])
    tensors["input"] = np.ascontiguousarray(x.numpy()[0])
    for name, value in out.items():
        tensors["expected." + name] = value.numpy()[0]
    jr2w.write(path, "jr2.parity.1", tensors)
    print(path, pathlib.Path(path).stat().st_size, "bytes,", {k: tuple(v.shape) for k, v in out.items()})


if __name__ == "__main__":
    main()

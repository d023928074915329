# SPDX-License-Identifier: MIT
"""Writes tests/data/reenact.jr2w: the reenactment network with random weights at its smallest, and what PyTorch computes for inputs that
the test makes by the same rule. tests/test_reenact_net.c compares.

  python3 training/reenact/parity.py [tests/data/reenact.jr2w]
"""
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export import TOPOLOGY, export, jr2w, load  # noqa: E402
from network import SIDE, Reenact  # noqa: E402

TINY = {"silhouette": (16, 16, 16, 16),
        "encoder": (16, 16, 16, 16, 16), "features": (16, 16, 16), "cond": (16, 16), "motion": 1, "decode": (16, 2), "up": (16, 16, 16)}
STEP = 16  # every sixteenth row and column is kept


def pattern(planes, side, scale, offset):
    """Waves in steps of 1/64: scale * (triangle of period 128) + offset, another direction for every plane."""
    y, x = np.mgrid[:side, :side]
    out = np.empty((planes, side, side), np.float32)
    for c in range(planes):
        t = (x * (c % 5 + 1) + y * (c % 7 + 1) + 37 * c) % 128
        out[c] = (np.minimum(t, 128 - t) / np.float32(64)).astype(np.float32) * np.float32(scale) + np.float32(offset)
    return torch.from_numpy(out)[None]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/data/reenact.jr2w")
    torch.manual_seed(3)
    net = Reenact(TINY)
    with torch.no_grad():
        for head in (net.frame.flow, net.frame.last, net.silhouette.last):
            head.raw.normal_(0, 0.08)
        net.silhouette.last.bias.zero_()
        for m in net.modules():
            if hasattr(m, "raw"):
                m.bias.add_(torch.randn_like(m.bias) * 0.1)
    export(net, path)
    net = load(path)  # with weights as they are rounded
    picture, maps, valid = pattern(3, SIDE, 1, 0), pattern(12, SIDE, 1, -0.5), pattern(1, SIDE, 1, 0)
    planes, flow = pattern(16, SIDE // 2, 1, -0.25), pattern(2, SIDE, 40, -20)
    with torch.no_grad():
        features, silhouette = net.encode(picture, maps, valid), net.outline(picture, maps, valid)
        output, warped, mask, painted, _ = net.frame(features, planes, flow, picture)
    _, tensors = jr2w.read(path)
    expected = {"features64": features[0], "features32": features[1], "features16": features[2], "silhouette": silhouette, "warped": warped,
                "painted": torch.cat([painted, mask], 1), "output": output}
    for name, value in expected.items():
        step = STEP * value.shape[-1] // SIDE
        tensors["expected." + name] = np.ascontiguousarray(value[0, :4, ::step, ::step].numpy())
        print(name, tuple(value.shape), "%.3f .. %.3f" % (value.min(), value.max()), "std %.3f" % value.std())
    jr2w.write(path, TOPOLOGY, tensors)
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()

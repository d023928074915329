# SPDX-License-Identifier: MIT
"""Write the reenactment network as JR2W, topology "jr2.reenact.2": every convolution folded, weights fp16, biases fp32.

  python3 training/reenact/export.py run/last.pt weights/reenact.jr2w
"""
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jr2w  # noqa: E402
from network import Reenact  # noqa: E402

TOPOLOGY = "jr2.reenact.2"


def stored(net):
    """{name: array} of all convolutions, as the file holds them."""
    return {name: value.numpy().astype(np.float16 if name.endswith(".weight") else np.float32) for name, value in net.folded().items()}


def export(net, path, **note):
    jr2w.write(path, TOPOLOGY, {"meta": net.meta(**note), **stored(net)})


def load(path):
    """A network that computes with the exported (rounded) weights: what the library will compute."""
    topology, tensors = jr2w.read(path)
    if topology != TOPOLOGY:
        raise ValueError(f"{path}: topology {topology}")
    net = Reenact(jr2w.meta(tensors)["config"])
    for name, module in net.named_modules():
        if name + ".weight" in tensors:
            module.plain = True
            module.raw.data = torch.tensor(tensors[name + ".weight"].astype(np.float32))
            module.bias.data = torch.tensor(tensors[name + ".bias"].astype(np.float32))
    return net.eval()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    saved = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
    network = Reenact()
    network.load_state_dict({k: v.float() for k, v in saved["average"].items()})
    export(network, sys.argv[2], step=saved["step"], minutes=round(saved["spent"] / 60, 1))

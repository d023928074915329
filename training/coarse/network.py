# SPDX-License-Identifier: MIT
"""The coarse reconstruction network and the layout of its output (libjr2/nn/net_coarse.c reads the same).

A residual network of dense 3x3 convolutions on a 128 x 128 crop; the last map (4 x 4) is flattened, not averaged, because
landmarks need to know where things are. Whether the stage at 4 x 4 is
needed has not been measured (docs/results.md).
"""
import json
import os
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import jr2w  # noqa: E402

INPUT = 128
# name, length: the output vector, in this order.
LAYOUT = [("identity", 100), ("expression", 53), ("rotation", 6), ("scale", 1), ("centre", 2), ("light", 27),
          ("albedo", 40), ("log_error", 1)]
OUTPUT = sum(n for _, n in LAYOUT)
SCALE = 4.7  # px per cm that output 0 stands for
TRUNK = 2    # the stage whose map (192 x 8 x 8, pooled to 4 x 4) the expression network sees


def split(vector):
    out, at = {}, 0
    for name, n in LAYOUT:
        out[name] = vector[:, at:at + n]
        at += n
    return out


def rotation_matrix(r6):
    """(N,6) offsets from the unit matrix's first two columns -> (N,3,3), Gram-Schmidt (Zhou et al. 2019)."""
    a = r6[:, :3] + r6.new_tensor([1.0, 0.0, 0.0])
    b = r6[:, 3:] + r6.new_tensor([0.0, 1.0, 0.0])
    x = nn.functional.normalize(a, dim=1)
    y = nn.functional.normalize(b - (x * b).sum(1, keepdim=True) * x, dim=1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], 2)


def conv(i, o, stride=1, relu=True, kernel=3):
    layers = [nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = conv(channels, channels)
        self.conv2 = conv(channels, channels, relu=False)
        nn.init.zeros_(self.conv2[1].weight)

    def forward(self, x):
        return torch.relu(x + self.conv2(self.conv1(x)))


class Coarse(nn.Module):
    def __init__(self, stem=32, stages=((32, 2), (96, 2), (192, 2), (256, 2)), neck=128, hidden=384):
        super().__init__()
        self.config = {"stem": stem, "stages": [list(s) for s in stages], "neck": neck, "hidden": hidden}
        self.stem = conv(3, stem, 2)
        channels, self.stages = stem, nn.ModuleList()
        for width, blocks in stages:
            self.stages.append(nn.Sequential(conv(channels, width, 2), *[Block(width) for _ in range(blocks)]))
            channels = width
        self.neck = conv(channels, neck, kernel=1)
        cells = (INPUT >> (1 + len(stages))) ** 2
        self.fc1 = nn.Linear(neck * cells, hidden)
        self.fc2 = nn.Linear(hidden, OUTPUT)
        self.aux = nn.Linear(hidden, 478 * 2)  # training only: the points without the face model
        nn.init.normal_(self.fc2.weight, std=0.003)
        nn.init.zeros_(self.fc2.bias)
        nn.init.normal_(self.aux.weight, std=0.003)

    def see(self, x):
        """(N,3,128,128) in [-1,1] -> the flattened last map, what the expression network sees of the middle (N,3072)."""
        x = self.stem(x)
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i == TRUNK:
                trunk = nn.functional.max_pool2d(x, 2).flatten(1)
        return self.neck(x).flatten(1), trunk

    def answer(self, seen):
        return self.fc2(torch.relu(self.fc1(seen)))

    def forward(self, x):
        """(N,3,128,128) in [-1,1] -> (N,OUTPUT), (N,478,2) in crop pixels."""
        h = torch.relu(self.fc1(self.see(x)[0]))
        return self.fc2(h), (self.aux(h).reshape(-1, 478, 2) + 1) * (INPUT / 2)

    def unfold(self, tensors):
        """Takes over exported weights (the inverse of folded(); batch norms start as the identity, aux as it was)."""
        def take(name, seq):
            seq[0].weight.data.copy_(torch.tensor(tensors[name + ".weight"].astype("float32")))
            bn = seq[1]
            nn.init.ones_(bn.weight)
            bn.bias.data.copy_(torch.tensor(tensors[name + ".bias"]))
            bn.running_mean.zero_()
            bn.running_var.fill_(1 - bn.eps)
        for name, seq in self._convolutions():
            take(name, seq)
        for name in ("fc1", "fc2"):
            layer = getattr(self, name)
            layer.weight.data.copy_(torch.tensor(tensors[name + ".weight"].astype("float32")))
            layer.bias.data.copy_(torch.tensor(tensors[name + ".bias"]))

    @torch.no_grad()
    def wake(self, x):
        """The norms of exported weights measure their input again and still do the same to pictures like x, so that they can learn."""
        def measure(norm, given):
            y = given[0].float()
            norm.running_mean.copy_(y.mean((0, 2, 3)))
            norm.running_var.copy_(y.var((0, 2, 3)))
            k = torch.sqrt(norm.running_var + norm.eps)
            norm.bias.add_(norm.weight * norm.running_mean)
            norm.weight.mul_(k)
        hooks = [seq[1].register_forward_pre_hook(measure) for _, seq in self._convolutions()]
        self.eval()
        self.see(x)
        for hook in hooks:
            hook.remove()

    def _convolutions(self):
        yield "stem", self.stem
        for i, stage in enumerate(self.stages):
            yield f"s{i}.down", stage[0]
            for j, block in enumerate(stage[1:]):
                yield f"s{i}.b{j}.conv1", block.conv1
                yield f"s{i}.b{j}.conv2", block.conv2
        yield "neck", self.neck

    def folded(self):
        """{name: array} with batch norm folded into weights and biases; names as libjr2 wants them."""
        out = {}

        def put(name, seq):
            w, bn = seq[0].weight.detach(), seq[1]
            k = bn.weight.detach() / torch.sqrt(bn.running_var + bn.eps)
            out[name + ".weight"] = w * k[:, None, None, None]
            out[name + ".bias"] = bn.bias.detach() - bn.running_mean * k
        for name, seq in self._convolutions():
            put(name, seq)
        for name in ("fc1", "fc2"):
            layer = getattr(self, name)
            out[name + ".weight"], out[name + ".bias"] = layer.weight.detach(), layer.bias.detach()
        return out


def export(net, path, note):
    meta = {"layout": LAYOUT, "scale": SCALE, "input": INPUT, "config": net.config, **note}
    tensors = {"meta": json.dumps(meta)}
    for name, value in net.folded().items():
        a = value.float().numpy()
        tensors[name] = a.astype(np.float16) if name.endswith("weight") else a
    jr2w.write(path, "jr2.coarse.1", tensors)

# SPDX-License-Identifier: MIT
"""The expression network, topology "jr2.expression.1" (libjr2/nn/net_expression.c wires the same).

It looks again, closer, at what the coarse network left vague: both eyes with their brows, and the lower face. Crops are
squares turned by the face's roll, placed by the coarse network's own landmarks (docs/crop.md says where); the left eye's
is mirrored, so that both eyes share weights. What the branches see is joined with a map from the middle of the coarse
network and with its output.

  eye crop (3,64,64) -> eye.stem 3x3 /2 -> stages of eye.s<i>.down 3x3 /2 and residual blocks -> eye.neck 1x1 -> flatten -> eye.fc
  mouth crop (3,64,64) -> the same under "mouth."
  the coarse network's third stage, 2x2 max pooled, flattened (3072 numbers) -> trunk.fc
  right eye ++ left eye ++ mouth ++ trunk ++ coarse output -> fc1 -> fc2 -> OUTPUT numbers
ReLU after each convolution and linear layer but fc2; residual blocks as in the coarse network.
Output:
  "expression" (53)       the coefficients
  "log_error" (53)        log of each one's expected absolute error, less 3
  "points" (956)          (478,2): landmarks in the axes of the coarse network's face frame, in UNIT of its size, from the
                          centre of the crop they belong to (ANCHOR: 0 right eye, 1 left eye, 2 mouth; nothing is mirrored)
  "points_log_error" (478)  log of each one's expected distance from the truth, in sizes, less 5
  "identity" (100)        the coefficients
The library fits the head model to these landmarks, with its expression as a prior (face/fit.c).
"""
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "coarse"))
from network import OUTPUT as COARSE_OUTPUT  # noqa: E402
from network import Block, conv  # noqa: E402

SIDE = 64
UNIT = 0.1
TRUNK = 3072
LAYOUT = [("expression", 53), ("log_error", 53), ("points", 956), ("points_log_error", 478),
          ("identity", 100)]
OUTPUT = sum(n for _, n in LAYOUT)


def take(seq, tensors, name):
    """A convolution from its folded tensors; the norm starts as the identity."""
    seq[0].weight.data.copy_(torch.tensor(tensors[name + ".weight"].astype("float32")))
    seq[1].bias.data.copy_(torch.tensor(tensors[name + ".bias"]))
    nn.init.ones_(seq[1].weight)
    seq[1].running_mean.zero_()
    seq[1].running_var.fill_(1 - seq[1].eps)


class Branch(nn.Module):
    def __init__(self, stem, stages, neck, out):
        super().__init__()
        self.stem = conv(3, stem, 2)
        channels, self.stages = stem, nn.ModuleList()
        for width, blocks in stages:
            self.stages.append(nn.Sequential(conv(channels, width, 2), *[Block(width) for _ in range(blocks)]))
            channels = width
        self.neck = conv(channels, neck, kernel=1)
        self.fc = nn.Linear(neck * (SIDE >> (1 + len(stages))) ** 2, out)
        self.bfloat16 = False  # for the convolutions, in training

    def convolutions(self):
        yield "stem", self.stem
        for i, stage in enumerate(self.stages):
            yield f"s{i}.down", stage[0]
            for j, block in enumerate(stage[1:]):
                yield f"s{i}.b{j}.conv1", block.conv1
                yield f"s{i}.b{j}.conv2", block.conv2

    def see(self, x):
        """The map behind the stages."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return x

    def forward(self, x):
        """Crops, or maps of see()."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            x = self.neck(self.see(x) if x.shape[1] == 3 else x)
        return torch.relu(self.fc(x.float().flatten(1)))


class Expression(nn.Module):
    def __init__(self, eye=(32, ((32, 3), (96, 3)), 48, 160), mouth=(32, ((32, 3), (96, 3)), 48, 192),
                 trunk=(TRUNK, 160), hidden=448):
        super().__init__()
        self.config = {"eye": eye, "mouth": mouth, "trunk": trunk, "hidden": hidden}
        self.eye, self.mouth = Branch(*eye), Branch(*mouth)
        self.trunk = nn.Linear(*trunk)
        self.fc1 = nn.Linear(2 * eye[3] + mouth[3] + trunk[1] + COARSE_OUTPUT, hidden)
        self.fc2 = nn.Linear(hidden, OUTPUT)
        nn.init.normal_(self.fc2.weight, std=0.003)
        nn.init.zeros_(self.fc2.bias)
        # Training only: what each branch says by itself, its own landmarks and every coefficient.
        self.dropout, self.unfolded, self.alone_apart = 0, False, False
        self.eye_alone, self.mouth_alone = nn.Linear(eye[3], 2 * 478 + 53), nn.Linear(mouth[3], 2 * 478 + 53)
        for layer in (self.eye_alone, self.mouth_alone):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, right, left, mouth, trunk, coarse, alone=False):
        """Crops (N,3,64,64) in [-1,1], left already mirrored; trunk (N,3072); coarse (N,230) -> (N,OUTPUT). Instead of crops: the maps
        that see() made of them."""
        n = len(coarse)
        eyes, lower = self.eye(torch.cat([right, left])), self.mouth(mouth)
        near = torch.cat([eyes[:n], eyes[n:], lower], 1)
        far = torch.relu(self.trunk(trunk))

        def drop(x):
            return nn.functional.dropout(x, self.dropout, self.training)
        out = self.fc2(drop(torch.relu(self.fc1(torch.cat([drop(near), drop(far), coarse], 1)))))
        if not alone:
            return out
        if self.alone_apart:  # the branches do not learn from it
            eyes, lower = eyes.detach(), lower.detach()
        return out, (self.eye_alone(eyes[:n]), self.eye_alone(eyes[n:]), self.mouth_alone(lower))

    def start_from(self, coarse):
        """The branches begin as the first stages of a trained coarse network (its exported tensors); blocks that it lacks change nothing yet."""
        for branch in (self.eye, self.mouth):
            for name, seq in branch.convolutions():
                if name + ".weight" in coarse:
                    take(seq, coarse, name)

    def trunk_eval(self):
        """Norms of what came from the coarse network, or from exported weights, stay as they are."""
        for branch in (self.eye, self.mouth):
            branch.stem.eval()
            branch.stages.eval()
            if self.unfolded:
                branch.neck.eval()

    def convolutions(self):
        for prefix in ("eye", "mouth"):
            branch = getattr(self, prefix)
            for name, seq in branch.convolutions():
                yield f"{prefix}.{name}", seq
            yield prefix + ".neck", branch.neck

    def linears(self):
        return {"eye.fc": self.eye.fc, "mouth.fc": self.mouth.fc, "trunk.fc": self.trunk, "fc1": self.fc1, "fc2": self.fc2}

    def folded(self):
        """{name: tensor} with batch norm folded, names as libjr2 wants them."""
        out = {}
        for name, seq in self.convolutions():
            w, bn = seq[0].weight.detach(), seq[1]
            k = bn.weight.detach() / torch.sqrt(bn.running_var + bn.eps)
            out[name + ".weight"] = w * k[:, None, None, None]
            out[name + ".bias"] = bn.bias.detach() - bn.running_mean * k
        for name, layer in self.linears().items():
            out[name + ".weight"], out[name + ".bias"] = layer.weight.detach(), layer.bias.detach()
        return out

    def unfold(self, tensors):
        """Takes over exported weights (batch norms are the identity), also those of a smaller network: blocks that it lacks change nothing
        at first (coarse/network.py), and nothing listens yet to hidden units that it lacks."""
        self.unfolded = True
        for name, seq in self.convolutions():
            if name + ".weight" in tensors:
                take(seq, tensors, name)
        nn.init.zeros_(self.fc2.weight)
        for name, layer in self.linears().items():
            weight, bias = (torch.tensor(tensors[f"{name}.{part}"].astype("float32")) for part in ("weight", "bias"))
            layer.weight.data[:len(weight), :weight.shape[1]] = weight
            layer.bias.data[:len(bias)] = bias

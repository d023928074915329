# SPDX-License-Identifier: MIT
"""Losses of the reenactment network.

The judge of perception and of parameters is the project's own reconstruction network, frozen, read from the exported
file: its trunk's features on the whole picture at half the size and on the face crop, and its parameters read back from
the output's face. Everything is masked to where the target shows a real picture.
"""
import os
import sys

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import jr2w  # noqa: E402
from data import eyes_and_mouth  # noqa: E402

# Weight of each group of the reconstruction network's outputs, in its units.
READ_BACK = {"identity": 0.3, "expression": 4.0, "rotation": 4.0, "scale": 4.0, "centre": 4.0}


class FrozenCoarse(nn.Module):
    """jr2.coarse.1 with folded weights, differentiable with respect to its input only."""

    def __init__(self, path):
        super().__init__()
        topology, t = jr2w.read(path)
        if topology != "jr2.coarse.1":
            raise ValueError(f"{path}: topology {topology}")
        self.layout = jr2w.meta(t)["layout"]
        self.names = [n[:-7] for n in t if n.endswith(".weight")]
        for name in self.names:
            key = name.replace(".", "_")
            self.register_buffer(key + "_w", torch.tensor(t[name + ".weight"].astype("float32")))
            self.register_buffer(key + "_b", torch.tensor(t[name + ".bias"].astype("float32")))

    def layer(self, x, name, stride=1):
        key = name.replace(".", "_")
        w = getattr(self, key + "_w").to(x.dtype)
        return F.conv2d(x, w, getattr(self, key + "_b").to(x.dtype), stride, w.shape[2] // 2)

    def trunk(self, x):
        """(B,3,h,w) in -1..1 -> features of the stem and of each stage."""
        x = torch.relu(self.layer(x, "stem", 2))
        out, i = [x], 0
        while f"s{i}.down" in self.names:
            x = torch.relu(self.layer(x, f"s{i}.down", 2))
            j = 0
            while f"s{i}.b{j}.conv1" in self.names:
                x = torch.relu(x + self.layer(torch.relu(self.layer(x, f"s{i}.b{j}.conv1")), f"s{i}.b{j}.conv2"))
                j += 1
            out.append(x)
            i += 1
        return out

    def numbers(self, last):
        """The last feature map of a 128 x 128 crop -> {name: (B,n)}."""
        x = torch.relu(self.layer(last, "neck")).flatten(1)
        x = torch.relu(F.linear(x, self.fc1_w.to(x.dtype), self.fc1_b.to(x.dtype)))
        x = F.linear(x, self.fc2_w.to(x.dtype), self.fc2_b.to(x.dtype)).float()
        return dict(zip((n for n, _ in self.layout), x.split([n for _, n in self.layout], 1)))


def feature_distance(a, b):
    return sum((x - y).float().abs().mean() / (y.float().abs().mean() + 1e-3) for x, y in zip(a, b)) / len(a)


def pyramid(x, y, mask, weight):
    """Masked, weighted L1 at full, half and quarter size."""
    loss = 0
    for level in range(3):
        if level:
            x, y, mask, weight = (F.avg_pool2d(v, 2) for v in (x, y, mask, weight))
        m = mask * weight
        loss = loss + ((x - y).abs() * m).sum() / (3 * m.sum() + 1)
    return loss / 3


class Losses(nn.Module):
    def __init__(self, coarse_path):
        super().__init__()
        self.coarse = FrozenCoarse(coarse_path)

    def forward(self, made, t, pixels_only=False):
        """-> total, {name: detached value}. made: what the network gave; t: what data.prepare made. pixels_only: without the frozen network's judgement."""
        output, warped, mask, painted, moved = made
        valid, target = t["valid_target"], t["target"]
        weight = 1 + 4 * eyes_and_mouth(t["planes"])
        part = {"l1": 12 * pyramid(output, target, valid, weight),
                # The warped source alone must be right where it is trusted, so that motion is learnt, not painted.
                "warp": 3 * pyramid(warped, target, valid * (0.25 + 0.75 * mask.detach()), torch.ones_like(valid)),
                # and what is painted must be able to stand alone, else the mask never lets it learn.
                "painted": 3 * pyramid(painted, target, valid, weight)}
        if "true_flow" in t:  # motion is learnt slowly from colours, quickly where it is known
            where = t["true_where"] * valid
            away = (moved - t["true_flow"]).abs().clamp(max=60) / 8
            part["flow"] = 5 * (away * where).sum() / (2 * where.sum() + 1)
        if pixels_only:
            return sum(part.values()), {k: v.detach() for k, v in part.items()}
        shown = output * valid + target * (1 - valid)
        pictures = 2 * torch.cat([shown, target]) - 1
        n = len(target)
        far = self.coarse.trunk(F.avg_pool2d(pictures, 2))
        crops = F.grid_sample(pictures.float(), t["crop_grid"].repeat(2, 1, 1, 1), padding_mode="border", align_corners=False)
        near = self.coarse.trunk(crops)
        part["perceptual"] = sum(w * feature_distance([f[:n] for f in fs], [f[n:].detach() for f in fs])
                                 for w, fs in ((1.0, far), (1.0, near)))
        numbers = self.coarse.numbers(near[-1])
        part["parameters"] = sum(w * (numbers[k][:n] - numbers[k][n:].detach()).abs().mean() for k, w in READ_BACK.items())
        return sum(part.values()), {k: v.detach() for k, v in part.items()}


def hinge_discriminator(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def adversarial(fake, fake_features, real_features):
    """Generator's side: hinge, and L1 of the discriminator's features."""
    match = sum((a - b.detach()).abs().mean() for a, b in zip(fake_features, real_features)) / len(real_features)
    return -fake.mean(), match

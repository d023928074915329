# SPDX-License-Identifier: MIT
"""The face finder's network, its targets and loss, and the decoding of its output (topology jr2.find.1).

Input (3,H,W), H and W multiples of 32, RGB v / 127.5 - 1. Output for each stride 8, 16, 32 one map (6,H/stride,W/stride):
score logit, dx, dy, size, cos, sin. For the cell at column i, row j: centre x = (i + 0.5 + dx) * stride, y alike,
size = 4 * stride * exp(size), roll = atan2(sin, cos), score = 1 / (1 + exp(-logit)).
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

STRIDES = (8, 16, 32)
# px of the network's input: a level answers for faces of these sizes; the neighbours overlap
RANGES = ((0, 46), (34, 125), (92, 1e9))


class Conv(nn.Module):
    """Convolution, batch norm, and a residual and ReLU; fold() gives the weight and bias of the one convolution it is."""

    def __init__(self, i, o, k=3, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, stride, k // 2, bias=False)
        self.norm = nn.BatchNorm2d(o, momentum=0.03)

    def forward(self, x, residual=None, act=True):
        x = self.norm(self.conv(x))
        if residual is not None:
            x = x + residual
        return F.relu(x) if act else x

    def fold(self):
        n = self.norm
        g = n.weight / torch.sqrt(n.running_var + n.eps)
        return self.conv.weight * g[:, None, None, None], n.bias - n.running_mean * g


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = Conv(c, c), Conv(c, c)

    def forward(self, x):
        return self.conv2(self.conv1(x), residual=x)


class Finder(nn.Module):
    def __init__(self, c=(16, 32, 48, 64, 96), blocks=(1, 2, 2)):
        super().__init__()
        self.stem, self.s1 = Conv(3, c[0], 3, 2), Conv(c[0], c[1], 3, 2)
        self.down = nn.ModuleList([Conv(c[i + 1], c[i + 2], 3, 2) for i in range(3)])
        self.blocks = nn.ModuleList([nn.ModuleList([Block(c[i + 2]) for _ in range(blocks[i])]) for i in range(3)])
        self.side = nn.ModuleList([Conv(c[2], c[2], 1), Conv(c[3], c[3], 1)])
        self.top = nn.ModuleList([Conv(c[3], c[2], 1), Conv(c[4], c[3], 1)])
        self.merge = nn.ModuleList([Conv(c[2], c[2]), Conv(c[3], c[3])])
        self.head = nn.ModuleList([nn.Conv2d(n, 6, 1) for n in c[2:]])
        for h in self.head:
            nn.init.normal_(h.weight, std=0.01)
            nn.init.constant_(h.bias, 0)
            h.bias.data[0] = -4.5

    def forward(self, x):
        x = self.s1(self.stem(x))
        f = []
        for down, blocks in zip(self.down, self.blocks):
            x = down(x)
            for b in blocks:
                x = b(x)
            f.append(x)
        for i in (1, 0):
            up = F.interpolate(self.top[i](f[i + 1], act=False), scale_factor=2, mode='nearest')
            f[i] = self.merge[i](self.side[i](f[i], residual=up))
        return [h(v) for h, v in zip(self.head, f)]

    def layers(self):
        """name -> (weight, bias) with the batch norms folded; the names of the JR2W file."""
        out = {}
        for name, m in self.named_modules():
            if isinstance(m, Conv):
                out[name] = m.fold()
            elif isinstance(m, nn.Conv2d) and name.startswith('head'):
                out[name] = (m.weight, m.bias)
        return out


def targets(faces, h, w):
    """faces: list of (n,4) arrays. Per level: score target (B,h,w), weight of negatives, regression (B,5,h,w), mask."""
    out = []
    for stride, (lo, hi) in zip(STRIDES, RANGES):
        gh, gw = h // stride, w // stride
        yy, xx = np.mgrid[:gh, :gw].astype(np.float32)
        xx, yy = (xx + .5) * stride, (yy + .5) * stride
        b = len(faces)
        pos = np.zeros((b, gh, gw), np.float32)
        weight = np.ones((b, gh, gw), np.float32)
        reg = np.zeros((b, 6, gh, gw), np.float32)
        best = np.full((b, gh, gw), 1e9, np.float32)
        for n, fs in enumerate(faces):
            for x, y, s, a in fs:
                d = np.hypot(xx - x, yy - y)
                weight[n] *= (1 - np.exp(-.5 * (d / (.17 * s)) ** 2)) ** 3 if lo / 1.3 <= s <= hi * 1.3 else 1
                if not lo <= s <= hi:
                    continue
                hit = (d <= .13 * s) | (d <= .45 * stride)
                hit.flat[d.argmin()] = True
                hit &= d / s < best[n]
                best[n][hit] = (d / s)[hit]
                pos[n][hit] = 1
                for c, v in enumerate(((x - xx) / stride, (y - yy) / stride, np.log(s / (4 * stride)), np.cos(a), np.sin(a), s / stride)):
                    reg[n, c][hit] = v[hit] if np.ndim(v) else v
        out.append((pos, weight, reg))
    return out


def loss(maps, target):
    total = {'score': 0., 'place': 0., 'size': 0., 'roll': 0.}
    count = sum(t[0].sum() for t in target).clamp(min=1)
    for m, (pos, weight, reg) in zip(maps, target):
        m = m.float()
        p = torch.sigmoid(m[:, 0])
        lp, ln = F.logsigmoid(m[:, 0]), F.logsigmoid(-m[:, 0])
        total['score'] = total['score'] - (pos * (1 - p) ** 2 * lp + .7 * (1 - pos) * weight * p ** 2 * ln).sum() / count
        rel = (m[:, 1:3] - reg[:, :2]) / reg[:, 5:6].clamp(min=1) * 16
        total['place'] = total['place'] + (F.smooth_l1_loss(rel, torch.zeros_like(rel), reduction='none').sum(1) * pos).sum() / count
        total['size'] = total['size'] + 4 * (F.smooth_l1_loss(m[:, 3] * 2, reg[:, 2] * 2, reduction='none') * pos).sum() / count
        total['roll'] = total['roll'] + 2 * (F.smooth_l1_loss(m[:, 4:6] * 2, reg[:, 3:5] * 2, reduction='none').sum(1) * pos).sum() / count
    return total


def decode(maps, threshold=0.3):
    """One picture's maps (numpy, (6,h,w) each) -> (n,5): cx, cy, size, roll, score, before suppression."""
    out = []
    for m, stride in zip(maps, STRIDES):
        limit = np.log(threshold / (1 - threshold))
        j, i = np.nonzero(m[0] >= limit)
        v = m[:, j, i].astype(np.float64)
        out.append(np.stack([(i + .5 + v[1]) * stride, (j + .5 + v[2]) * stride, 4 * stride * np.exp(np.clip(v[3], -4, 4)),
                             np.arctan2(v[5], v[4]), 1 / (1 + np.exp(-v[0]))], 1))
    return np.concatenate(out)


def overlap(a, b):
    """Area of the intersection over the union of two discs of the faces' sizes: the roll plays no part."""
    r, s = a[2] / 2, b[2] / 2
    d = np.hypot(a[0] - b[0], a[1] - b[1])
    if d >= r + s:
        return 0.0
    if d <= abs(r - s):
        return float((min(r, s) / max(r, s)) ** 2)
    u = np.clip((d * d + r * r - s * s) / (2 * d * r), -1, 1)
    v = np.clip((d * d + s * s - r * r) / (2 * d * s), -1, 1)
    k = (-d + r + s) * (d + r - s) * (d - r + s) * (d + r + s)
    area = r * r * np.arccos(u) + s * s * np.arccos(v) - .5 * np.sqrt(max(k, 0))
    return float(area / (np.pi * (r * r + s * s) - area))


def suppress(found, limit=0.35):
    """Greedy suppression. A face much smaller than one that contains its centre close by goes too."""
    found = found[np.argsort(-found[:, 4], kind='stable')]
    keep = []
    for f in found:
        if all(overlap(f, k) <= limit and np.hypot(f[0] - k[0], f[1] - k[1]) > .28 * max(f[2], k[2]) for k in keep):
            keep.append(f)
    return np.array(keep).reshape(-1, 5)


def multiply_adds(net, h=256, w=320):
    total = 0
    hooks = []

    def hook(m, _, out):
        nonlocal total
        total += out.shape[2] * out.shape[3] * m.weight.numel()
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            hooks.append(m.register_forward_hook(hook))
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, h, w))
    for k in hooks:
        k.remove()
    return total

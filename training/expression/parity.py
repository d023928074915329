# SPDX-License-Identifier: MIT
"""Writes tests/data/expression.jr2w: a small expression network with random weights, inputs of it and what PyTorch answers; a picture,
landmarks and the crops that docs/crop.md asks for, made with NumPy alone. tests/test_expression.c compares.

    python3 training/expression/parity.py [tests/data/expression.jr2w]
"""
import os
import pathlib
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import jr2w  # noqa: E402
from expression_network import LAYOUT, SIDE, UNIT, Expression  # noqa: E402
from prepare import anchors, measured  # noqa: E402

# centre: mean of these landmarks, moved up by a part of the face's size; side in sizes
CROPS = {"right": ((33, 133), 0.03, 0.36), "left": ((362, 263), 0.03, 0.36), "mouth": ((61, 291, 0, 17), 0, 0.66)}


TRUNK = 256  # of the tiny coarse network


def tiny_face():
    """The tiny head's landmarks as the face camera sees them, and their anchors."""
    vertices = jr2w.read(os.path.join(HERE, "../../tests/data/tiny/head.jr2w"))[1]["template"][:478].astype(float)
    seen = vertices[:, :2] / (1 - vertices[:, 2:] / 100) * [1, -1]
    return seen, anchors(vertices)


def network(rng):
    torch.manual_seed(3)
    net = Expression(eye=(4, ((6, 1), (8, 2)), 3, 10), mouth=(5, ((7, 1), (9, 1)), 3, 12), trunk=(TRUNK, 16), hidden=20).eval()
    for _, seq in net.convolutions():  # norms that do something
        seq[1].running_mean.uniform_(-0.2, 0.2)
        seq[1].running_var.uniform_(0.5, 2)
        seq[1].weight.data.uniform_(0.5, 1.5)
        seq[1].bias.data.uniform_(-0.2, 0.2)
    net.fc2.weight.data.normal_(std=0.15)
    net.fc2.bias.data[:LAYOUT[0][1]] = torch.linspace(-0.2, 1.2, LAYOUT[0][1])  # some have to be cut to 0..1
    net.fc2.bias.data[53:106] += 2  # the coefficients are in doubt, so that the landmarks count
    seen, anchor = tiny_face()  # the landmarks stay near those of a face, a little longer
    net.trunk.weight.data *= 0.02  # the tiny coarse network has large maps
    net.fc2.weight.data[106:106 + 956] *= 0.03
    net.fc2.bias.data[106:106 + 956] = torch.tensor((measured(seen * [1, 1.06], seen, anchor) / UNIT).ravel())
    tensors = {name: t.numpy().astype(np.float16) for name, t in net.folded().items()}
    net.unfold(tensors)
    inputs = {name: (rng.integers(0, 256, (1, 3, SIDE, SIDE)) / 127.5 - 1).astype(np.float32) for name in CROPS}
    coarse = (rng.standard_normal((1, net.fc1.in_features - 48)) * 0.5).astype(np.float32)
    trunk = np.abs(rng.standard_normal((1, TRUNK))).astype(np.float32)
    with torch.no_grad():
        answer = net(*(torch.from_numpy(a) for a in inputs.values()), torch.from_numpy(trunk), torch.from_numpy(coarse)).numpy()[0]
        plain = net(*(torch.zeros(1, 3, SIDE, SIDE) for _ in inputs), torch.zeros(trunk.shape), torch.zeros(coarse.shape)).numpy()[0]
    assert np.abs(answer - plain).max() > 0.2, "the inputs hardly matter"
    # bytes, so that the file stays small
    tensors.update({"input." + n: np.round((a[0] + 1) * 127.5).astype(np.uint8) for n, a in inputs.items()})
    tensors["input.trunk"], tensors["input.coarse"], tensors["expected.output"] = trunk[0], coarse[0], answer
    tensors["anchor"] = anchor.astype(np.uint8)
    return tensors


def face_frame(p):
    e, m = p[[33, 133, 362, 263]].mean(0), p[[61, 291]].mean(0)
    roll = np.arctan2(e[0] - m[0], m[1] - e[1])
    c, s = np.cos(roll), np.sin(roll)
    upright = p[:468] @ np.array([[c, -s], [s, c]])
    return max(upright.max(0) - upright.min(0)), roll


def crop(picture, points, places, up, side):
    """(3,64,64) by docs/crop.md in double precision, and the affine map (6)."""
    size, roll = face_frame(points)
    c, s = np.cos(roll), np.sin(roll)
    x, y = points[list(places)].mean(0) + up * size * np.array([s, -c])
    k = side * size / SIDE
    assert k <= 2, "one sample a pixel"
    u = np.arange(SIDE) + 0.5 - SIDE / 2
    px = np.clip(x + k * (c * u[None] - s * u[:, None]) - 0.5, 0, picture.shape[1] - 1)
    py = np.clip(y + k * (s * u[None] + c * u[:, None]) - 0.5, 0, picture.shape[0] - 1)
    ix, iy = np.minimum(px.astype(int), picture.shape[1] - 2), np.minimum(py.astype(int), picture.shape[0] - 2)
    fx, fy = (px - ix)[..., None], (py - iy)[..., None]
    value = ((1 - fy) * ((1 - fx) * picture[iy, ix] + fx * picture[iy, ix + 1]) +
             fy * ((1 - fx) * picture[iy + 1, ix] + fx * picture[iy + 1, ix + 1]))
    at = [k * c, -k * s, x - k * (c - s) * SIDE / 2, k * s, k * c, y - k * (s + c) * SIDE / 2]
    return value.transpose(2, 0, 1), np.array(at)


def crops(rng):
    height, width = 90, 110
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / a + 1) * np.cos(y / b) + np.sin((x + y) / c) for a, b, c in ((5, 7, 9), (8, 4, 11), (6, 6, 5))]
    picture = np.clip(np.stack(waves, -1) * 60 + 128 + rng.normal(size=(height, width, 3)) * 3, 0, 255).astype(np.uint8)
    template = jr2w.read(os.path.join(HERE, "../../tests/data/tiny/head.jr2w"))[1]["template"][:, :2]  # 478 points
    angle = 0.35  # tilted, and partly outside
    turned = template @ np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    turned *= 75 / np.ptp(turned, axis=0).max()
    points = (turned - turned.mean(0) + [48, 50]).astype(np.float32)
    out = {"picture": picture, "landmarks": points}
    for name, (places, up, side) in CROPS.items():
        value, at = crop(picture.astype(float), points.astype(float), places, up, side)
        if name == "left":
            value = value[:, :, ::-1]
        out["crop." + name] = np.ascontiguousarray(value / 127.5 - 1).astype(np.float16)
        out["map." + name] = at.astype(np.float32)
    return out


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else str(pathlib.Path(__file__).parent.parent.parent / "tests/data/expression.jr2w")
    rng = np.random.default_rng(11)
    tensors = {**network(rng), **crops(rng)}
    jr2w.write(path, "jr2.expression.1", tensors)
    answer = tensors["expected.output"]
    print(path, pathlib.Path(path).stat().st_size, "bytes; answers", [(n, float(a.min()), float(a.max())) for n, a in
                                                                      zip([n for n, _ in LAYOUT], np.split(answer, [53, 106, 1062]))])


if __name__ == "__main__":
    main()

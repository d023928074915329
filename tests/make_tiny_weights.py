# SPDX-License-Identifier: MIT
"""Make tests/data/tiny/{head,find,coarse}.jr2w and near_find.jr2w beside the folder: small weights with known answers, so that tests need no
trained networks.

  python3 tests/make_tiny_weights.py weights/head.jr2w tests/data/tiny        (NumPy and SciPy)

head: the 478 landmarks of the real head model as vertices (a mask), ten of its identities, all its expressions and joints.
find: fires where a picture is red and not blue, on discs three tenths of the longer side wide; always answers the same size and no roll.
near_find: the same for discs 28 pixels wide, which it takes for faces of 38 pixels at any size of the picture: a part of a picture can be searched.
coarse: always the same face, smiling, jaw a little open, looking straight ahead, plus a little that depends on the picture.
"""
import os
import sys

import numpy as np
from scipy.spatial import Delaunay

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "training"))
import jr2w  # noqa: E402

rng = np.random.default_rng(2)


def head(source):
    _, real = jr2w.read(source)
    corner = real["triangles"][real["landmark478_triangle"]]
    weight = real["landmark478_barycentric"].astype(np.float64)

    def at(values):
        return np.einsum("lk,...lkc->...lc", weight, values[..., corner, :].astype(np.float64))
    vertices = at(real["template"]) + real["landmark478_offset"]
    triangles = Delaunay(vertices[:, :2]).simplices.astype(np.int32)
    a, b, c = (vertices[triangles[:, k], :2] for k in range(3))
    turned = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) < 0
    triangles[turned] = triangles[turned][:, ::-1]
    count = len(vertices)
    of_vertex = np.empty(count, np.int32)
    slot = np.empty(count, np.int32)
    for t, triangle in enumerate(triangles):
        of_vertex[triangle], slot[triangle] = t, range(3)
    points68 = np.einsum("lk,lkc->lc", real["landmark68_barycentric"],
                         real["template"][real["triangles"][real["landmark68_triangle"]]]) + real["landmark68_offset"]
    nearest = ((points68[:, None] - vertices[None]) ** 2).sum(2).argmin(1)
    identity = np.zeros((100, count, 3))
    identity[:10] = at(real["identity"][:10])
    joints = 5
    skin = np.zeros((count, joints), np.float32)
    skin[:, 0] = 1
    skin[468:473] = np.eye(joints, dtype=np.float32)[4]  # right iris
    skin[473:478] = np.eye(joints, dtype=np.float32)[3]
    regressor = np.zeros((joints, count), np.float32)
    regressor[:3] = 1 / count
    regressor[4, [468, 33, 133]] = 1 / 3
    regressor[3, [473, 362, 263]] = 1 / 3
    low, high = vertices[:, :2].min(0), vertices[:, :2].max(0)
    part = np.zeros(len(triangles), np.uint8)
    part[(triangles >= 468).any(1)] = 7
    return vertices, {
        "template": vertices.astype(np.float32), "triangles": triangles,
        "uv": ((vertices[:, :2] - low) / (high - low) * 0.9 + 0.05).astype(np.float32), "triangles_uv": triangles, "part": part,
        "identity": (np.round(identity * 128) / 128).astype(np.float16),
        "expression": (np.round(at(real["expression"]) * 128) / 128).astype(np.float16), "expression_names": real["expression_names"],
        "joint_names": real["joint_names"], "joint_parents": real["joint_parents"], "joint_regressor": regressor, "skin_weights": skin,
        "pose_correctives": np.zeros((36, count, 3), np.float16),
        "landmark478_triangle": of_vertex, "landmark478_barycentric": np.eye(3, dtype=np.float32)[slot],
        "landmark478_offset": np.zeros((478, 3), np.float32),
        "landmark68_triangle": of_vertex[nearest], "landmark68_barycentric": np.eye(3, dtype=np.float32)[slot[nearest]],
        "landmark68_offset": (points68 - vertices[nearest]).astype(np.float32),
        "albedo_mean": np.tile(np.float32([0.55, 0.35, 0.27]), (count, 1)), "albedo": np.zeros((40, count, 3), np.float16),
        "eye_range": real["eye_range"]}


def find(level=2, size=1.1):
    width, out = 16, {}

    def put(name, o, i, k):
        out[name + ".weight"], out[name + ".bias"] = np.zeros((o, i, k, k), np.float16), np.zeros(o, np.float32)
        return out[name + ".weight"]
    w = put("stem", width, 3, 3)
    w[0, 0], w[0, 2] = 1 / 18, -1 / 18
    for name in ("s1", "down.0", "down.1", "down.2"):
        put(name, width, width, 3)[0, 0] = 1 / 9
    for i in range(2):
        put(f"top.{i}", width, width, 1)
        put(f"side.{i}", width, width, 1)
        put(f"merge.{i}", width, width, 3)
        if level < 2:
            out[f"side.{i}.weight"][0, 0] = out[f"merge.{i}.weight"][0, 0, 1, 1] = 1
    for i in range(3):
        w = put(f"head.{i}", 6, width, 1)
        if i == level:
            w[0, 0] = 24
        out[f"head.{i}.bias"][:] = [-17 if i == level else -20, 0, 0, np.log(size), 1, 0]
    return out


def coarse(vertices, names):
    width, out = 16, {}

    def put(name, o, i, k):
        out[name + ".weight"] = (rng.normal(size=(o, i, k, k)) * np.sqrt(2 / (i * k * k))).astype(np.float16)
        out[name + ".bias"] = np.zeros(o, np.float32)
    put("stem", width, 3, 3)
    for i in range(4):
        put(f"s{i}.down", width, width, 3)
        if i == 1:
            put("s1.b0.conv1", width, width, 3)
            put("s1.b0.conv2", width, width, 3)
    put("neck", width, width, 1)
    out["fc1.weight"] = (rng.normal(size=(16, width * 16)) * 0.1).astype(np.float16)
    out["fc1.bias"] = np.zeros(16, np.float32)
    out["fc2.weight"] = (rng.normal(size=(230, 16)) * 0.002).astype(np.float16)
    answer = np.zeros(230, np.float32)
    answer[:3] = [0.5, -0.5, 0.25]
    for name, value in {"jawOpen": 0.3, "mouthSmile_L": 0.6, "mouthSmile_R": 0.5}.items():
        answer[100 + names.index(name)] = value
    seen = vertices[:468, :2] / (1 - vertices[:468, 2:] / 100)  # the face camera
    low, high = seen.min(0), seen.max(0)
    scale = 128 / 1.5 / (high - low).max()
    centre = (low + high) / 2 * scale * [1, -1]
    answer[159] = np.log(scale / 4.7)
    answer[160:162] = -centre / 64
    answer[162:165] = 0.9  # light: even,
    answer[168:171] = 0.2  # and a little more from the front
    answer[229] = np.log(0.04) - 4  # the guess of its own error
    out["fc2.bias"] = answer
    return out


def main():
    source, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    vertices, tensors = head(source)
    names = jr2w.text(tensors["expression_names"]).split("\n")
    for name, content in (("head", tensors), ("find", find()), ("coarse", coarse(vertices, names))):
        path = os.path.join(folder, name + ".jr2w")
        jr2w.write(path, f"jr2.{name}.1", content)
        print(path, os.path.getsize(path))
    jr2w.write(os.path.join(os.path.dirname(folder.rstrip("/")), "near_find.jr2w"), "jr2.find.1", find(0, 1.2))


if __name__ == "__main__":
    main()

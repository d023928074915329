# SPDX-License-Identifier: MIT
"""Make tests/data/tiny_head.jr2w: a made-up head of a few hundred vertices with every tensor that a head model can have.

  python3 tests/make_tiny_head.py tests/data/tiny_head.jr2w

An ellipsoid with two eyeballs; smooth random identity, expression and albedo shapes. Nothing of it comes from a scan.
"""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "training"))
import jr2w  # noqa: E402

NAMES = """browDown_L browDown_R browInnerUp_L browInnerUp_R browOuterUp_L browOuterUp_R cheekPuff_L cheekPuff_R
cheekSquint_L cheekSquint_R eyeBlink_L eyeBlink_R eyeLookDown_L eyeLookDown_R eyeLookIn_L eyeLookIn_R eyeLookOut_L
eyeLookOut_R eyeLookUp_L eyeLookUp_R eyeSquint_L eyeSquint_R eyeWide_L eyeWide_R jawForward jawLeft jawOpen jawRight
mouthClose mouthDimple_L mouthDimple_R mouthFrown_L mouthFrown_R mouthFunnel mouthLeft mouthLowerDown_L
mouthLowerDown_R mouthPress_L mouthPress_R mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower
mouthShrugUpper mouthSmile_L mouthSmile_R mouthStretch_L mouthStretch_R mouthUpperUp_L mouthUpperUp_R noseSneer_L
noseSneer_R""".split()
IDENTITY, ALBEDO = 6, 4


def ball(rows, columns, centre, radii, tile):
    """Vertices, triangles (counter-clockwise from outside), uv of an ellipsoid whose seam is at the back."""
    v, uv, t = [], [], []
    for i in range(rows + 1):
        for j in range(columns + 1):
            a, b = np.pi * (i + 1e-3 * (i == 0) - 1e-3 * (i == rows)) / rows, 2 * np.pi * j / columns
            v.append([-np.sin(a) * np.sin(b), np.cos(a), -np.sin(a) * np.cos(b)])
            uv.append([tile[0] + tile[2] * j / columns, tile[1] + tile[3] * (1 - i / rows)])
    row = columns + 1
    for i in range(rows):
        for j in range(columns):
            a, b, c, d = i * row + j, i * row + j + 1, (i + 1) * row + j, (i + 1) * row + j + 1
            t += [[a, c, b], [b, c, d]]
    return np.array(v) * radii + centre, np.array(t), np.array(uv)


def weld(v, t):
    """One vertex per place; texture corners keep the old numbers."""
    _, first, new = np.unique(np.round(v, 5), axis=0, return_index=True, return_inverse=True)
    return v[first], new.reshape(-1)[t]


def main():
    rng = np.random.default_rng(7)
    eyes = {"left": np.array([3.2, 2.5, 7.2]), "right": np.array([-3.2, 2.5, 7.2])}
    blocks = [ball(14, 18, np.zeros(3), np.array([8.0, 11.0, 9.5]), (.01, .3, .98, .69)),
              ball(6, 8, eyes["left"], np.array([1.25] * 3), (.01, .01, .4, .27)),
              ball(6, 8, eyes["right"], np.array([1.25] * 3), (.45, .01, .4, .27))]
    v, triangles, corners, uv, owner = [], [], [], [], []
    for k, (p, t, q) in enumerate(blocks):
        welded, wt = weld(p, t)
        keep = np.array([len(set(row)) == 3 for row in wt])
        triangles.append(wt[keep] + sum(map(len, v)))
        corners.append(t[keep] + sum(map(len, uv)))
        v.append(welded)
        uv.append(q)
        owner += [k] * len(welded)
    v, triangles, corners, uv = np.concatenate(v), np.concatenate(triangles), np.concatenate(corners), np.concatenate(uv)
    owner = np.array(owner)
    normal = np.cross(v[triangles[:, 1]] - v[triangles[:, 0]], v[triangles[:, 2]] - v[triangles[:, 0]])
    centre_of = np.array([[0, 0, 0], eyes["left"], eyes["right"]])[owner[triangles[:, 0]]]
    assert ((v[triangles].mean(1) - centre_of) * normal).sum(1).min() > 0
    centre = v[triangles].mean(1)
    part = np.where(owner[triangles[:, 0]] > 0, 6, np.where(centre[:, 2] < -2, 1, 0))
    iris = (owner[triangles[:, 0]] > 0) & (np.hypot(*(centre - np.array([0, 2.5, 0])).T[:2] - [[3.2], [0]]) < .9)
    part[iris & (centre[:, 2] > 7.5)] = 7
    part[(owner[triangles[:, 0]] == 0) & (np.hypot(centre[:, 0] / 2.6, (centre[:, 1] + 4.5) / 1.2) < 1) & (centre[:, 2] > 4)] = 8

    def smooth(count, scale, only=None):
        out = np.zeros((count, len(v), 3))
        for m in range(count):
            k, phase = rng.normal(0, .25, (3, 3)), rng.uniform(0, 6.28, 3)
            out[m] = scale * np.sin(v @ k + phase)
            if only is not None:
                out[m] *= np.maximum(0, 1 - ((v - only[m]) ** 2).sum(1, keepdims=True) / 16)
        out[:, owner > 0] = 0
        return out
    places = []
    for n in NAMES:
        y = 5 if n.startswith("brow") else 2.5 if n.startswith("eye") else 0 if n[:5] in ("cheek", "noseS") else -4.5
        x = 3.2 if n.endswith("_L") else -3.2 if n.endswith("_R") else 0
        places.append([x, y, 8])
    expression = smooth(len(NAMES), .8, np.array(places))
    expression[np.abs(expression) < .02] = 0
    skin = np.zeros((len(v), 5))
    jaw = np.clip((-2 - v[:, 1]) / 4, 0, 1) * (v[:, 2] > 0)
    neck = np.clip((v[:, 1] + 10) / 4, 0, 1)
    skin[:, 2] = jaw * neck
    skin[:, 1] = neck - skin[:, 2]
    skin[:, 0] = 1 - neck
    skin[owner == 1] = [0, 0, 0, 1, 0]
    skin[owner == 2] = [0, 0, 0, 0, 1]
    regressor = np.zeros((5, len(v)))
    near = np.argsort(((v - [0, -1, 2]) ** 2).sum(1))[:8]
    regressor[1, np.argsort(v[:, 1])[:6]] = 1 / 6
    regressor[2, near] = 1 / 8
    regressor[3, owner == 1] = 1 / (owner == 1).sum()
    regressor[4, owner == 2] = 1 / (owner == 2).sum()
    correctives = np.zeros((36, len(v), 3))
    correctives[9:18] = smooth(9, .3) * jaw[:, None]

    def embed(points, ids):
        """Nearest triangle (of ids) and barycentric weights of the nearest corner mix."""
        tri, bary = [], []
        for p in points:
            best = ids[np.argmin(((centre[ids] - p) ** 2).sum(1))]
            w = np.linalg.lstsq(np.vstack([v[triangles[best]].T, np.full(3, 30.)]), np.append(p, 30.), rcond=None)[0]
            w = np.clip(w, .05, 1)
            tri.append(best)
            bary.append(w / w.sum())
        return np.array(tri, np.int32), np.array(bary, np.float32)

    def on_face(x, y):
        return np.array([x, y, 9.5 * np.sqrt(max(0, 1 - (x / 8) ** 2 - (y / 11) ** 2))])
    turn = np.arange(468) * 2.39996
    radius = np.sqrt((np.arange(468) + .5) / 468)
    points = [on_face(6.6 * r * np.cos(a), 8.5 * r * np.sin(a)) for r, a in zip(radius, turn)]
    for i, (x, y) in {33: (-4.6, 2.5), 133: (-1.8, 2.5), 362: (1.8, 2.5), 263: (4.6, 2.5), 61: (-2.3, -4.5), 291: (2.3, -4.5)}.items():
        points[i] = on_face(x, y)
    face = np.where(owner[triangles[:, 0]] == 0)[0]
    t478, w478 = embed(points, face)
    for k, side in ((2, "right"), (1, "left")):
        ring = np.array([[0, 0, 1.25], [.6, 0, 1.1], [0, .6, 1.1], [-.6, 0, 1.1], [0, -.6, 1.1]]) + eyes[side]
        t, w = embed(ring, np.where(owner[triangles[:, 0]] == k)[0])
        t478, w478 = np.append(t478, t).astype(np.int32), np.concatenate([w478, w])
    t68, w68 = t478[np.arange(68) * 6].copy(), w478[np.arange(68) * 6].copy()
    mean = np.full((len(v), 3), [.5, .32, .25])
    mean[owner > 0] = .7
    jr2w.write(sys.argv[1], "jr2.head.1", {
        "meta": json.dumps({"name": "tiny made-up head", "licence": "MIT"}),
        "template": v.astype(np.float32), "triangles": triangles.astype(np.int32), "uv": uv.astype(np.float32),
        "triangles_uv": corners.astype(np.int32), "part": part.astype(np.uint8),
        "identity": smooth(IDENTITY, .4).astype(np.float16), "expression": expression.astype(np.float16),
        "expression_names": "\n".join(NAMES), "joint_names": "root\nneck\njaw\nleft_eye\nright_eye",
        "joint_parents": np.array([-1, 0, 1, 1, 1], np.int32), "joint_regressor": regressor.astype(np.float32),
        "skin_weights": skin.astype(np.float32), "pose_correctives": correctives.astype(np.float16),
        "landmark478_triangle": t478, "landmark478_barycentric": w478,
        "landmark478_offset": rng.normal(0, .02, (478, 3)).astype(np.float32),
        "landmark68_triangle": t68, "landmark68_barycentric": w68, "landmark68_offset": np.zeros((68, 3), np.float32),
        "albedo_mean": mean.astype(np.float32), "albedo": (smooth(ALBEDO, .03)).astype(np.float16),
        "eye_range": np.array([35, 35, 25, 35], np.float32)})
    print(len(v), "vertices,", len(triangles), "triangles,", os.path.getsize(sys.argv[1]), "bytes")


if __name__ == "__main__":
    main()

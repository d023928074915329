# SPDX-License-Identifier: MIT
"""The coarse network's output vector as landmarks, differentiable; shared by the trainings."""
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from network import INPUT, SCALE, rotation_matrix, split  # noqa: E402

for _folder in ("head", "labels"):
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", _folder))
from model import DISTANCE, FACE, LIPS  # noqa: E402
from fit_labels import LID_PAIRS, LIP_PAIRS, OVAL  # noqa: E402


class Decoder(torch.nn.Module):
    """Output vector -> landmarks; the head model at 478 landmarks and at some face vertices."""

    def __init__(self, head):
        super().__init__()
        base, ident, expr = head.landmark_basis()

        def put(name, a):
            self.register_buffer(name, torch.tensor(np.ascontiguousarray(a), dtype=torch.float32))
        put("base", base)
        expr = expr.copy()
        expr[:, 468:] = 0
        put("basis", np.concatenate([ident, expr]).reshape(153, -1))
        joint = [4] * 5 + [3] * 5  # right eye first
        put("joint", head.joint0[joint])
        put("joint_basis", head.joint_identity[:, joint].reshape(100, -1))
        gaze = np.zeros((53, 4))
        for column, unit in enumerate(np.eye(4)):
            for i in range(53):
                e = np.zeros(53)
                e[i] = 1
                (ly, lp), (ry, rp) = head.gaze(e)
                gaze[i] = [ry, rp, ly, lp]
        put("gaze", gaze)
        ids = np.unique(head.triangles[np.isin(head.part, (FACE, LIPS))])[::9]
        put("shape_basis", head.identity[:, ids].reshape(100, -1))
        put("expression_basis", head.expression[:, ids].reshape(53, -1))
        weight = np.ones(478, np.float32)
        weight[OVAL] = 0.5
        weight[468:] = 2
        for pair in LIP_PAIRS + LID_PAIRS:
            weight[list(pair)] = 2
        put("weight", weight / weight.mean())
        # Coefficients of the eyes move few pixels: they count three times.
        put("coefficient", np.array([3.0 if n.startswith("eye") else 1.0 for n in head.names]))
        self.pairs = torch.tensor(LIP_PAIRS + LID_PAIRS)

    def points(self, b, e, rot, s, c):
        n = len(b)
        x = (self.base.reshape(1, -1) + torch.cat([b, e], 1) @ self.basis).reshape(n, 478, 3)
        joint = self.joint + (b @ self.joint_basis).reshape(n, 10, 3)
        g = (e @ self.gaze).reshape(n, 2, 2).repeat_interleave(5, 1)
        yaw, pitch = g[..., 0], g[..., 1]
        d = x[:, 468:] - joint
        cp, sp, cy, sy = pitch.cos(), pitch.sin(), yaw.cos(), yaw.sin()
        y = cp * d[..., 1] + sp * d[..., 2]       # Rx(-pitch), then Ry(yaw)
        z = -sp * d[..., 1] + cp * d[..., 2]
        d = torch.stack([cy * d[..., 0] + sy * z, y, -sy * d[..., 0] + cy * z], -1)
        x = torch.cat([x[:, :468], joint + d], 1)
        x = x @ rot.transpose(1, 2)
        w = s[:, None] / (1 - x[..., 2] / DISTANCE)
        return c[:, None] + torch.stack([x[..., 0] * w, -x[..., 1] * w], -1)

    def decode(self, out):
        p = split(out)
        p["rotation"] = rotation_matrix(p["rotation"])
        p["scale"] = SCALE * p["scale"][:, 0].exp()
        p["centre"] = (p["centre"] + 1) * (INPUT / 2)
        p["points"] = self.points(p["identity"], p["expression"], p["rotation"], p["scale"], p["centre"])
        return p

# SPDX-License-Identifier: MIT
"""The head model in NumPy: what the training code needs of libjr2/face/head.c.

Camera of the networks ("face camera"): a head-frame point X turned by R goes to
  p = c + S * (X.x, -X.y) / (1 - X.z / D),  D = 100 cm, S pixels per cm, c pixels (image y down).
R = Ry(yaw) Rx(-pitch) Rz(-roll): yaw > 0 nose to the image's right, pitch > 0 nose up, roll > 0 clockwise.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import jr2w  # noqa: E402

DISTANCE = 100.0
FACE, HEAD, SOCKET, EYE_SOCKET, GUMS, TEETH, EYE_WHITE, IRIS, LIPS = range(9)


def rotation(yaw, pitch, roll):
    """Angles in radians (arrays allowed) -> (..., 3, 3)."""
    y, p, r = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (yaw, -np.asarray(pitch), -np.asarray(roll))))
    one, zero = np.ones_like(y), np.zeros_like(y)

    def m(*rows):
        return np.stack([np.stack(row, -1) for row in rows], -2)
    ry = m((np.cos(y), zero, np.sin(y)), (zero, one, zero), (-np.sin(y), zero, np.cos(y)))
    rx = m((one, zero, zero), (zero, np.cos(p), -np.sin(p)), (zero, np.sin(p), np.cos(p)))
    rz = m((np.cos(r), -np.sin(r), zero), (np.sin(r), np.cos(r), zero), (zero, zero, one))
    return ry @ rx @ rz


def angles(matrix):
    """(..., 3, 3) -> yaw, pitch, roll in radians."""
    yaw = np.arctan2(matrix[..., 0, 2], matrix[..., 2, 2])
    pitch = np.arcsin(np.clip(matrix[..., 1, 2], -1, 1))
    roll = -np.arctan2(matrix[..., 1, 0], matrix[..., 1, 1])
    return yaw, pitch, roll


class Head:
    def __init__(self, path):
        topology, t = jr2w.read(path)
        if topology != "jr2.head.1":
            raise ValueError(f"{path}: topology {topology}")
        self.t = t
        self.template = t["template"].astype(np.float32)
        self.identity = t["identity"].astype(np.float32)
        self.expression = t["expression"].astype(np.float32)
        self.names = jr2w.text(t["expression_names"]).split("\n")
        self.index = {n: i for i, n in enumerate(self.names)}
        self.triangles, self.part = t["triangles"], t["part"]
        self.regressor = t["joint_regressor"]
        self.eye_range = np.radians(t["eye_range"].astype(np.float64))  # In, Out, Up, Down
        self.joint0 = self.regressor @ self.template
        self.joint_identity = np.einsum("jv,nvd->njd", self.regressor, self.identity)
        self.left = t["skin_weights"][:, 3] > 0.5
        self.right = t["skin_weights"][:, 4] > 0.5
        self.albedo_mean, self.albedo = t["albedo_mean"], t["albedo"].astype(np.float32)

    def gaze(self, expression):
        """(53,) or (N,53) -> [(yaw, pitch) left, (yaw, pitch) right] in radians; yaw > 0 to the image's right."""
        e = np.asarray(expression)
        i_in, i_out, i_up, i_down = self.eye_range

        def c(name):
            return e[..., self.index[name]]
        left = c("eyeLookOut_L") * i_out - c("eyeLookIn_L") * i_in
        right = c("eyeLookIn_R") * i_in - c("eyeLookOut_R") * i_out
        return [(left, c("eyeLookUp_L") * i_up - c("eyeLookDown_L") * i_down),
                (right, c("eyeLookUp_R") * i_up - c("eyeLookDown_R") * i_down)]

    def vertices(self, identity, expression):
        """(100,), (53,) -> (V,3) in the head frame, neutral neck and jaw joints, eyes turned by eyeLook*."""
        identity = np.asarray(identity, np.float32)
        expression = np.asarray(expression, np.float32)
        v = self.template + np.tensordot(identity, self.identity, 1) + np.tensordot(expression, self.expression, 1)
        joints = self.joint0 + np.tensordot(identity, self.joint_identity, 1)
        for mine, joint, (yaw, pitch) in zip((self.left, self.right), joints[3:5], self.gaze(expression)):
            v[mine] = (v[mine] - joint) @ rotation(yaw, pitch, 0).T.astype(np.float32) + joint
        return v

    def landmarks(self, vertices, which="478"):
        tri = self.triangles[self.t[f"landmark{which}_triangle"]]
        p = np.einsum("nk,nkd->nd", self.t[f"landmark{which}_barycentric"], vertices[tri])
        return p + self.t[f"landmark{which}_offset"]

    def landmark_basis(self, which="478"):
        """Linear parts at the landmarks: template (N,3), identity (100,N,3), expression (53,N,3) without eye turn."""
        tri = self.triangles[self.t[f"landmark{which}_triangle"]]
        w = self.t[f"landmark{which}_barycentric"]

        def at(a):
            return np.einsum("nk,...nkd->...nd", w, a[..., tri, :])
        return at(self.template) + self.t[f"landmark{which}_offset"], at(self.identity), at(self.expression)


def project(points, rot, scale, centre):
    """(N,3) head frame -> (N,2) pixels in the face camera."""
    x = points @ np.asarray(rot).T
    w = scale / (1 - x[:, 2:] / DISTANCE)
    return np.asarray(centre) + np.concatenate([x[:, :1] * w, -x[:, 1:2] * w], 1)


def face_frame(points):
    """Face frame of 468+ points (..., N, 2) in pixels: cx, cy, size, roll (radians, clockwise positive)."""
    p = np.asarray(points, np.float64)[..., :468, :]
    eyes = p[..., [33, 133, 362, 263], :].mean(-2)
    mouth = p[..., [61, 291], :].mean(-2)
    up = eyes - mouth
    roll = np.arctan2(up[..., 0], -up[..., 1])
    c, s = np.cos(roll)[..., None], np.sin(roll)[..., None]
    x = p[..., 0] * c + p[..., 1] * s
    y = -p[..., 0] * s + p[..., 1] * c
    low = np.stack([x.min(-1), y.min(-1)], -1)
    high = np.stack([x.max(-1), y.max(-1)], -1)
    mid = (low + high) / 2
    c, s = c[..., 0], s[..., 0]
    centre_x = mid[..., 0] * c - mid[..., 1] * s
    centre_y = mid[..., 0] * s + mid[..., 1] * c
    return np.stack([centre_x, centre_y, (high - low).max(-1), roll], -1)

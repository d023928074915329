# SPDX-License-Identifier: MIT
"""A photo that our own reenactment network moves, through the C library; with the exact parameters of every frame it makes.

The parameters are those that the library says it shows (jr2_portrait_state), brought into the face camera (docs/crop.md) of a
224 px cut of the portrait's crop, which is what the sets of training/render/make_set.py hold.
"""
import os
import sys

import numpy as np

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
for _folder in ("training/head", "bindings/python"):
    sys.path.insert(0, os.path.join(_ROOT, _folder))
import jr2  # noqa: E402
from model import DISTANCE, face_frame, project, rotation  # noqa: E402

SIDE = 256   # px of the portrait's crop
SIZE = 224   # px of the cut: 1.8 times the face
AWAY = (48, 36, 36, 0)   # degrees: limits of yaw, pitch, roll away from the photo's own, further round nothing was seen of the head

MOUTH = ((13, 14), (82, 87), (312, 317))
LIDS = (((159, 145), (158, 153), (160, 144)), ((386, 374), (385, 380), (387, 373)))   # right, left


def along_ray(translation):
    """The rotation that takes the face camera's axis to the ray of a place (libjr2/face/camera.c)."""
    x, y = translation[0] / -translation[2], translation[1] / -translation[2]
    side = np.hypot(x, y)
    if side < 1e-6:
        return np.eye(3)
    w = np.array([y, -x, 0]) / side * np.arctan(side)
    k = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
    a = np.linalg.norm(w)
    return np.eye(3) + np.sin(a) / a * k + (1 - np.cos(a)) / a ** 2 * (k @ k)


def gaps(points):
    """(3) mouth, right and left lid: how far each is open, in face sizes."""
    def gap(pairs):
        return np.mean([np.linalg.norm(points[a] - points[b]) for a, b in pairs])
    return np.array([gap(MOUTH), gap(LIDS[0]), gap(LIDS[1])]) / face_frame(points)[2]


class Shown:
    """One photo as a portrait."""

    def __init__(self, context, head, picture, method, points, scale):
        """points: the picture's landmarks, roughly: where the face is. scale: roughly, pixels a centimetre: the picture's camera is put
        where the face camera is, so that both agree."""
        self.head, self.method = head, method
        base, identity, expression = head.linear
        self.basis = expression[:, :468]
        x, y, size, roll = face_frame(points)
        self.portrait = jr2.Portrait(context, picture, region=(x, y, size, np.degrees(roll)), focal_px=float(DISTANCE * scale))
        face = self.portrait.face
        self.points = np.array(face.landmarks478)
        self.camera = np.array(face.camera)
        self.yaw = float(face.angles[0])
        self.identity = np.float32(face.identity)
        self.base = base[:468] + np.tensordot(self.identity, identity[:, :468], 1)
        self.left, self.top, side = self.portrait.crop
        self.step = side / SIDE
        self.names = context.model.expression_names

    def differs(self, points):
        """How far the portrait's landmarks are from these of the same picture: all of them and the three gaps, in face sizes."""
        size = face_frame(points)[2]
        return np.linalg.norm(self.points[:468] - points[:468], axis=1).mean() / size, np.abs(gaps(self.points) - gaps(points))

    def frame(self, expression, angles):
        """The cut (224,224,3) and its parameters, among them the exact 468 landmarks: what is shown, which limits may have changed."""
        image = self.portrait.reenact({"expression": dict(zip(self.names, expression)), "pose": dict(zip(("yaw", "pitch", "roll"), angles))},
                                      motion="absolute", output="crop", method=self.method, limits=AWAY, marked=False)
        state = self.portrait.state
        pose, e = state["pose"], np.float32([state["expression"][n] for n in self.names])
        t = np.array(pose["translation"])
        scale = self.camera[0] / -t[2]
        centre = (self.camera[1:] + scale * t[:2] * [1, -1] - [self.left, self.top]) / self.step
        turn = along_ray(t).T @ rotation(*np.radians([pose["yaw"], pose["pitch"], pose["roll"]]))
        p = {"identity": self.identity, "expression": e, "rotation": turn, "scale": scale / self.step, "centre": centre}
        points = project(self.base + np.tensordot(e, self.basis, 1), turn, p["scale"], centre)  # all but the irises are linear
        # A cut at whole pixels: nothing is resampled.
        corner = np.clip(np.round(face_frame(points)[:2] - SIZE / 2), 0, SIDE - SIZE).astype(int)
        p["centre"] = centre - corner
        p["points"] = points - corner
        p["image"] = image[corner[1]:corner[1] + SIZE, corner[0]:corner[0] + SIZE].copy()
        return p

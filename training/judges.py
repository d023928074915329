# SPDX-License-Identifier: MIT
"""Judges of pictures that the library made: the teacher (pose and expression) and a recognition network (who it is). Neither is part of
the product."""
import json
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "training/head"))
from model import angles  # noqa: E402


class Teacher:
    """face_landmarker.task by the mediapipe package. A picture gives (52,) scores, "_neutral" first, and yaw, pitch, roll in degrees."""

    def __init__(self, path):
        os.environ.setdefault("GLOG_minloglevel", "2")
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision
        self.mediapipe = mediapipe
        self.landmarker = vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=path), output_face_blendshapes=True, output_facial_transformation_matrixes=True,
            num_faces=1))

    def close(self):
        self.landmarker.close()

    def __call__(self, rgb):
        """None where it sees no face."""
        image = self.mediapipe.Image(image_format=self.mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
        seen = self.landmarker.detect(image)
        if not seen.face_blendshapes:
            return None
        scores = np.array([c.score for c in seen.face_blendshapes[0]])
        u, _, vt = np.linalg.svd(np.asarray(seen.facial_transformation_matrixes[0])[:3, :3])
        return scores, np.degrees(angles(u @ vt))

    def difference(self, rgb, of):
        """Mean absolute difference over the 51 scores without "_neutral", and |yaw|, |pitch|, |roll|; NaN where a face is missing."""
        seen = self(rgb)
        if seen is None or of is None:
            return np.full(4, np.nan)
        turn = (seen[1] - of[1] + 180) % 360 - 180
        return np.concatenate([[np.abs(seen[0] - of[0])[1:].mean()], np.abs(turn)])


class Pictures:
    """Collects pictures for the recognition network, which runs once over all of them. folder: where npm installed it (see
    face_descriptors.js)."""

    def __init__(self, folder):
        self.folder, self.scratch, self.count = folder, tempfile.TemporaryDirectory(), 0

    def add(self, rgb):
        """-> the number of the picture"""
        cv2.imwrite(self.path(self.count), np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        self.count += 1
        return self.count - 1

    def path(self, number):
        return os.path.join(self.scratch.name, f"{number}.png")

    def describe(self):
        """(count, 128) descriptors, NaN where no face was found."""
        paths, out = (os.path.join(self.scratch.name, n) for n in ("list.json", "out.json"))
        with open(paths, "w") as f:
            json.dump([self.path(i) for i in range(self.count)], f)
        subprocess.run(["node", os.path.join(ROOT, "training/face_descriptors.js"), self.folder, paths, out], check=True,
                       stdout=subprocess.DEVNULL)
        with open(out) as f:
            return np.array([[np.nan] * 128 if d is None else d for d in json.load(f)])


def cosine(a, b):
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)

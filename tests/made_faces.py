# SPDX-License-Identifier: MIT
"""A data folder of people who do not exist, in the format of the training scripts: photos and clips rendered from the head model, with
exact landmarks and scores. Small, to test the scripts with; nothing is to be learnt from it.

  python3 tests/made_faces.py FOLDER        needs NumPy, SciPy, OpenCV and a C compiler
"""
import os
import sys

import cv2
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for folder in ("training/head", "training/render"):
    sys.path.insert(0, os.path.join(ROOT, folder))
from model import Head, face_frame, project, rotation  # noqa: E402
from synth import Renderer  # noqa: E402

SIDE = 384
PHOTOS, PHOTOS_VAL, FRAMES, CLIPS, CLIPS_VAL = 26, 6, 16, 2, 1
ARKIT = """eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft eyeBlinkRight eyeLookDownRight
eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight jawForward jawLeft jawRight jawOpen mouthClose mouthFunnel mouthPucker mouthLeft
mouthRight mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight mouthStretchLeft mouthStretchRight
mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft
mouthUpperUpRight browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft
noseSneerRight""".split()


def scores(head, e):
    """The teacher's 52: _neutral and the ARKit names but tongueOut."""
    out = [0.0]
    for name in ARKIT:
        if name in head.index:
            out.append(e[head.index[name]])
        elif name[-4:] == "Left" or name[-5:] == "Right":
            side = "_L" if name[-4:] == "Left" else "_R"
            out.append(e[head.index[name[:-4 if side == "_L" else -5] + side]])
        else:
            out.append((e[head.index[name + "_L"]] + e[head.index[name + "_R"]]) / 2)
    return np.array(out)


class Maker:
    def __init__(self, rng):
        self.rng, self.head = rng, Head(os.path.join(ROOT, "weights/head.jr2w"))
        self.renderer = Renderer(self.head)

    def person(self):
        rng = self.rng
        albedo = self.head.albedo_mean + np.tensordot(rng.normal(0, 0.7, len(self.head.albedo)), self.head.albedo, 1)
        background = cv2.resize(rng.uniform(0, 255, (12, 12, 3)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 255)
        count = len(albedo)
        source = {"photo": np.zeros((8, 8, 3), np.uint8), "xy": np.zeros((count, 2), np.float32), "visible": np.zeros(count, np.float32),
                  "fallback": np.float32(255 * albedo.clip(0.01, 1) ** (1 / 2.2))}
        b = rng.normal(0, 0.6, 100)
        b[0] = 0
        return {"identity": b, "source": source, "background": background, "light": np.float32([0.8, *(0.3 * rng.normal(0, 1, 2)), 0.3])}

    def picture(self, who, e, turns):
        """RGB, the 478 points."""
        head, rot = self.head, rotation(*np.radians(turns))
        three = head.landmarks(head.vertices(who["identity"], e))
        x, y, size, _ = face_frame(project(three, rot, 1, np.zeros(2)))
        scale = SIDE / 2 / size
        centre = SIDE / 2 - scale * np.array([x, y + 0.1 * size])
        p = {"b": who["identity"], "e": e, "R": rot, "s": scale, "c": centre}
        return self.renderer.render(who["source"], p, SIDE, "head", who["background"], who["light"]), project(three, rot, scale, centre)

    def expression(self):
        e = np.zeros(53, np.float32)
        for name in self.rng.choice(self.head.names, 5, replace=False):
            e[self.head.index[name]] = self.rng.uniform(0, 0.7)
        return e


def packed(points):
    return np.concatenate([np.round(points * 32), np.zeros((len(points), 1))], 1).astype(np.int16)


def make(folder, seed=1):
    maker = Maker(np.random.default_rng(seed))
    rng, head, count = maker.rng, maker.head, PHOTOS + PHOTOS_VAL
    os.makedirs(os.path.join(folder, "photos"), exist_ok=True)
    names, points, blend = [f"made_{i:02d}.jpg" for i in range(count)], [], []
    for name in names:
        e = maker.expression() if rng.random() < 0.7 else np.zeros(53, np.float32)
        image, p = maker.picture(maker.person(), e, rng.normal(0, [15, 6, 4]))
        cv2.imwrite(os.path.join(folder, "photos", name), image[..., ::-1])
        points.append(packed(p))
        blend.append(scores(head, e))
    np.savez(os.path.join(folder, "photos.npz"), name=np.array(names), landmarks_x32=np.stack(points), blendshapes=np.stack(blend).astype(np.float16),
             blendshape_names=np.array(["_neutral"] + ARKIT), is_val=np.arange(count) >= PHOTOS, source_scale=np.ones(count, np.float32),
             valid_rect=np.tile(np.float32([0, 0, SIDE, SIDE]), (count, 1)))
    for kind, clips in (("clips", CLIPS), ("clips_val", CLIPS_VAL)):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        for c in range(clips):
            path, who = os.path.join(folder, kind, f"made_{c}"), maker.person()
            writer = cv2.VideoWriter(path + ".mp4", cv2.VideoWriter_fourcc(*"mp4v"), 12.5, (SIDE, SIDE))
            if not writer.isOpened():
                raise SystemExit("this OpenCV cannot write mp4 files")
            a, b, points, blend = maker.expression(), maker.expression(), [], []
            for k in range(FRAMES):
                t = k / (FRAMES - 1)
                e = (1 - t) * a + t * b
                e[[head.index["eyeBlink_L"], head.index["eyeBlink_R"]]] = max(0, 1 - abs(k - FRAMES / 2) / 2)
                image, p = maker.picture(who, e, [20 * t - 10, 5 * np.sin(6 * t), 0])
                writer.write(np.ascontiguousarray(image[..., ::-1]))
                points.append(packed(p))
                blend.append(scores(head, e))
            writer.release()
            np.savez(path + ".npz", landmarks_x32=np.stack(points), blendshapes=np.stack(blend).astype(np.float16),
                     valid_rect=np.float32([0, 0, SIDE, SIDE]), source_scale=np.float32(1))
    np.savez(os.path.join(folder, "mediapipe_canonical.npz"), vertices=head.landmarks(head.template)[:468].astype(np.float32))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    make(sys.argv[1])

# SPDX-License-Identifier: MIT
"""Motions of synthesised videos: expressions (K,53) 0..1 and head angles (K,3) yaw, pitch, roll in degrees, frame by frame.

Four kinds. "track": what the head model was fitted to in a clip, in its own order. "walk": from one random expression to the
next. "sweep": one coefficient over its whole range, alone, over a real expression or in a large one. "large": from rest, a
real expression or another large one into one or two of the faces that photos hardly show. Nothing here knows about pictures.
"""
import os
import sys

import numpy as np

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for _folder in ("head", "render"):
    sys.path.insert(0, os.path.join(_ROOT, _folder))
from model import angles as matrix_angles  # noqa: E402
from synth import random_expression  # noqa: E402

YAW, PITCH, ROLL = 50, 28, 20   # degrees: no motion asks for more

# The kinds of 20 videos in a row.
ORDER = ["large", "sweep", "track", "walk", "sweep", "large", "walk", "sweep", "large", "track",
         "walk", "large", "sweep", "large", "walk", "sweep", "track", "large", "sweep", "walk"]

# Faces with names, as ranges of their coefficients; a name without a side is both sides at one value.
LARGE = {
    "jaw": {"jawOpen": (0.7, 1)},
    "scream": {"jawOpen": (0.75, 1), "mouthStretch": (0.2, 0.7), "eyeSquint": (0.2, 0.8), "browDown": (0, 0.7)},
    "surprise": {"jawOpen": (0.3, 0.9), "eyeWide": (0.6, 1), "browInnerUp": (0.5, 1), "browOuterUp": (0.5, 1)},
    "puff": {"cheekPuff": (0.6, 1), "mouthPress": (0, 0.5)},
    "puff pucker": {"cheekPuff": (0.5, 1), "mouthPucker": (0.2, 0.7)},
    "puff left": {"cheekPuff_L": (0.7, 1), "mouthRight": (0, 0.4)},
    "puff right": {"cheekPuff_R": (0.7, 1), "mouthLeft": (0, 0.4)},
    "pucker": {"mouthPucker": (0.65, 1), "mouthFunnel": (0, 0.25)},
    "funnel": {"mouthFunnel": (0.65, 1), "jawOpen": (0.05, 0.4)},
    "grin": {"mouthSmile": (0.7, 1), "cheekSquint": (0.3, 0.9), "mouthUpperUp": (0, 0.4), "jawOpen": (0, 0.35)},
    "laugh": {"mouthSmile": (0.6, 1), "jawOpen": (0.35, 0.9), "cheekSquint": (0.4, 1), "eyeSquint": (0.3, 1)},
    "smirk left": {"mouthSmile_L": (0.6, 1), "mouthSmile_R": (0, 0.15), "mouthLeft": (0, 0.5), "mouthDimple_L": (0, 0.6)},
    "smirk right": {"mouthSmile_R": (0.6, 1), "mouthSmile_L": (0, 0.15), "mouthRight": (0, 0.5), "mouthDimple_R": (0, 0.6)},
    "snarl": {"noseSneer": (0.6, 1), "mouthUpperUp": (0.4, 1), "browDown": (0.4, 1)},
    "sneer left": {"noseSneer_L": (0.6, 1), "mouthUpperUp_L": (0.5, 1), "browDown_L": (0, 0.8)},
    "sneer right": {"noseSneer_R": (0.6, 1), "mouthUpperUp_R": (0.5, 1), "browDown_R": (0, 0.8)},
    "frown": {"mouthFrown": (0.6, 1), "browDown": (0.2, 0.9), "mouthShrugLower": (0.2, 0.8)},
    "pout": {"mouthShrugLower": (0.6, 1), "mouthShrugUpper": (0.3, 0.9), "mouthFrown": (0, 0.6)},
    "squeeze": {"eyeBlink": (0.8, 1), "eyeSquint": (0.5, 1), "cheekSquint": (0.3, 1), "browDown": (0.3, 1), "noseSneer": (0, 0.6)},
    "squint": {"eyeSquint": (0.7, 1), "eyeBlink": (0, 0.4), "cheekSquint": (0, 0.8)},
    "blink": {"eyeBlink": (0.85, 1)},
    "wink left": {"eyeBlink_L": (0.85, 1), "cheekSquint_L": (0.3, 1), "mouthSmile_L": (0, 0.6)},
    "wink right": {"eyeBlink_R": (0.85, 1), "cheekSquint_R": (0.3, 1), "mouthSmile_R": (0, 0.6)},
    "wide": {"eyeWide": (0.7, 1), "browOuterUp": (0, 0.6)},
    "brows up": {"browInnerUp": (0.7, 1), "browOuterUp": (0.6, 1)},
    "brows sad": {"browInnerUp": (0.7, 1), "mouthFrown": (0, 0.6)},
    "brows down": {"browDown": (0.7, 1)},
    "brow left": {"browOuterUp_L": (0.7, 1), "browDown_R": (0.3, 1)},
    "brow right": {"browOuterUp_R": (0.7, 1), "browDown_L": (0.3, 1)},
    "jaw left": {"jawLeft": (0.7, 1), "jawOpen": (0, 0.3)},
    "jaw right": {"jawRight": (0.7, 1), "jawOpen": (0, 0.3)},
    "jaw forward": {"jawForward": (0.7, 1), "mouthShrugLower": (0, 0.4)},
    "mouth left": {"mouthLeft": (0.7, 1), "mouthSmile_L": (0, 0.4)},
    "mouth right": {"mouthRight": (0.7, 1), "mouthSmile_R": (0, 0.4)},
    "lips in": {"mouthRollLower": (0.6, 1), "mouthRollUpper": (0.6, 1), "mouthPress": (0, 0.5)},
    "press": {"mouthPress": (0.7, 1), "mouthDimple": (0, 0.7)},
    "stretch": {"mouthStretch": (0.7, 1), "mouthLowerDown": (0.2, 0.9), "jawOpen": (0, 0.3)},
    "teeth": {"mouthUpperUp": (0.6, 1), "mouthLowerDown": (0.6, 1), "jawOpen": (0, 0.25)},
    "lips closed, jaw open": {"jawOpen": (0.4, 0.8), "mouthClose": (0.35, 0.8)},
    "corner": {},   # gaze alone
}
NAMES = list(LARGE)
UPPER = ["squeeze", "squint", "blink", "wink left", "wink right", "wide", "brows up", "brows sad", "brows down", "brow left", "brow right", "corner"]
LOWER = [n for n in NAMES if n not in UPPER]
OPPOSED = (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("eyeLookIn_L", "eyeLookOut_L"), ("eyeLookIn_R", "eyeLookOut_R"),
           ("eyeLookUp_L", "eyeLookDown_L"), ("eyeLookUp_R", "eyeLookDown_R"))


def look(e, index, yaw, pitch):
    """Turns both eyes, in shares of their range: yaw > 0 to the person's left."""
    for k in index:
        if k.startswith("eyeLook"):
            e[..., index[k]] = 0
    for side, sign in (("_L", 1), ("_R", -1)):
        e[..., index[("eyeLookOut" if yaw * sign > 0 else "eyeLookIn") + side]] = abs(yaw)
        e[..., index[("eyeLookUp" if pitch > 0 else "eyeLookDown") + side]] = abs(pitch)


def possible(e, index):
    """What a face can do: of two opposed coefficients the larger one, no wide eyes that close, lips as near as the jaw lets them."""
    e = np.clip(e, 0, 1).astype(np.float32)
    for a, b in OPPOSED:
        x, y = e[:, index[a]].copy(), e[:, index[b]].copy()
        e[:, index[a]], e[:, index[b]] = np.where(x > y, x, 0), np.where(x > y, 0, y)
    e[:, index["mouthClose"]] = np.minimum(e[:, index["mouthClose"]], e[:, index["jawOpen"]])
    for side in ("_L", "_R"):
        e[:, index["eyeWide" + side]] *= e[:, index["eyeBlink" + side]] <= 0.3
    return e


def ease(count, keys):
    """(count, n) through the keys [(n,)], each at the same distance, slow at the keys."""
    keys = np.asarray(keys)
    t = np.linspace(0, len(keys) - 1, count)
    k = np.minimum(t.astype(int), len(keys) - 2)
    f = (t - k)[:, None]
    f = f * f * (3 - 2 * f)
    return keys[k] * (1 - f) + keys[k + 1] * f


class Motions:
    """labels: of training/labels/fit_labels.py; only its training clips are used."""

    def __init__(self, head, labels):
        self.head, self.index = head, head.index
        fine = (labels["error"] < 0.025) & ~labels["val"]
        self.real = labels["expression"][fine]
        self.tracks = []
        for clip in np.unique(labels["group"][fine & (labels["group"] >= 0)]):
            rows = np.where(fine & (labels["group"] == clip))[0]
            rows = rows[np.argsort(labels["frame"][rows])]
            for part in np.split(rows, np.where(np.diff(labels["frame"][rows]) > 2)[0] + 1):
                if len(part) >= 8:
                    turns = np.degrees(np.stack(matrix_angles(labels["rotation"][part].astype(np.float64)), 1))
                    self.tracks.append((labels["expression"][part], turns))

    def large(self, rng, name=None):
        """One of LARGE; without a name often one of the upper and one of the lower face together."""
        if name is None:
            name = rng.choice(NAMES)
            if rng.random() < 0.5:
                return np.maximum(self.large(rng, name), self.large(rng, rng.choice(LOWER if name in UPPER else UPPER)))
        e = np.zeros(53, np.float32)
        for key, (low, high) in LARGE[name].items():
            value = rng.uniform(low, high)
            for n in ([key] if key in self.index else [key + "_L", key + "_R"]):
                e[self.index[n]] = np.clip(value + rng.normal(0, 0.04), 0, 1) if value > 0 else 0
        if name == "corner" or rng.random() < 0.3:
            far = rng.uniform(0.6, 1, 2) * rng.choice([-1, 1], 2) * (rng.random(2) < 0.7)
            look(e, self.index, *far)
        return e

    def some(self, rng):
        """Rest or a real expression."""
        return np.zeros(53, np.float32) if rng.random() < 0.4 else self.real[rng.integers(len(self.real))] * rng.uniform(0.3, 1)

    def poses(self, rng, count):
        def pose():
            yaw = rng.normal(0, 16) if rng.random() < 0.65 else rng.uniform(-YAW, YAW)
            return np.array([yaw, rng.normal(0, 9), rng.normal(0, 6)])
        start = pose()
        end = pose() if rng.random() < 0.3 else start + rng.normal(0, [8, 5, 3])
        return self.within(ease(count, [start, end]))

    @staticmethod
    def within(turns):
        limit = np.array([YAW, PITCH, ROLL])
        return np.clip(turns, -limit, limit)

    def make(self, number, count, rng):
        """The motion of the number-th video: expressions (count,53), angles (count,3), kind."""
        kind = ORDER[number % len(ORDER)]
        kind = "walk" if kind == "track" and not self.tracks else kind
        if kind == "track":
            e, turns = self.tracks[rng.integers(len(self.tracks))]
            step = 1 if len(e) < 2 * count else rng.integers(1, 3)
            start = rng.integers(max(1, len(e) - step * count + 1))
            rows = np.minimum(start + step * np.arange(count), len(e) - 1)
            e = e[rows] * rng.uniform(1, 1.8)
            turns = turns[rows] + np.array([rng.normal(0, 15), rng.normal(0, 5), rng.normal(0, 4)])
            return possible(e, self.index), self.within(turns), kind
        turns = self.poses(rng, count)
        if kind == "walk":
            e = ease(count, [random_expression(rng, self.head, self.real[rng.integers(len(self.real))], rng.random() < 0.4)
                             for _ in range(rng.integers(2, max(3, count // 4 + 2)))])
        elif kind == "large":
            peak = self.large(rng)
            start = self.some(rng) if rng.random() < 0.6 else self.large(rng) * np.float32(rng.uniform(0.3, 1))
            then = rng.random()
            keys = [start, peak, peak * np.float32(rng.uniform(0.8, 1)) if then < 0.4 else self.large(rng) if then < 0.75 else self.some(rng)]
            e = ease(count, keys)
        else:
            e = self.sweep(number, count, rng)
        return possible(e, self.index), turns, kind

    def sweep(self, number, count, rng):
        """Every coefficient in turn: as many sweeps of each as there are 53 times sweeps."""
        turn = number // len(ORDER) * ORDER.count("sweep") + ORDER[:number % len(ORDER)].count("sweep")
        name = self.head.names[turn % 53]
        way = rng.random()
        base = np.zeros(53) if way < 0.35 else self.some(rng) if way < 0.7 else self.large(rng) * rng.uniform(0.3, 0.8)
        e = np.repeat(base[None], count, 0)
        value = np.linspace(0, 1, count) if rng.random() < 0.5 else np.linspace(1, 0, count)
        value = np.clip(value + rng.uniform(-0.5, 0.5) / count, 0, 1)
        if name.startswith("eyeLook"):
            sign = 1 if name in ("eyeLookOut_L", "eyeLookIn_R") else -1
            up = name.startswith(("eyeLookUp", "eyeLookDown"))
            aside = rng.uniform(-1, 1) * (rng.random() < 0.5)
            for k, v in enumerate(value):
                look(e[k], self.index, *((aside, v * (1 if "Up" in name else -1)) if up else (v * sign, aside)))
            return e
        both = name[-2:] in ("_L", "_R") and rng.random() < 0.5
        for n in ([name[:-1] + "L", name[:-1] + "R"] if both else [name]):
            e[:, self.index[n]] = value
        for a, b in OPPOSED:  # the other one gives way
            if name in (a, b):
                e[:, self.index[b if name == a else a]] = 0
        if name == "mouthClose":
            e[:, self.index["jawOpen"]] = np.maximum(e[:, self.index["jawOpen"]], np.minimum(1, value * rng.uniform(1, 1.2)))
        if name.startswith("eyeBlink"):
            e[:, [self.index["eyeWide_L"], self.index["eyeWide_R"]]] = 0
        if name.startswith("eyeWide"):
            e[:, [self.index["eyeBlink_L"], self.index["eyeBlink_R"]]] = 0
        return e

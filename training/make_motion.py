# SPDX-License-Identifier: MIT
"""Writes examples/motion.jr2m: five seconds of a face that looks around, nods, smiles, blinks, raises its brows and speaks two words. Nobody's
face was recorded: the curves below are drawn by hand. It starts and ends at rest, so that it can be played over and over.

    python3 training/make_motion.py examples/motion.jr2m        (only the standard library; always the same bytes)

A track is a list of (second, value); between two of them the value moves as a hand or a head does, with the least jerk. Angles in degrees
(yaw > 0: to the image's right, pitch > 0: up, roll > 0: clockwise), coefficients 0..1; docs/motion.md has the file's form.
"""
import json
import math
import struct
import sys
import zlib

RATE, SECONDS = 25, 5.0

ARKIT = ("eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft eyeBlinkRight eyeLookDownRight "
         "eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight jawForward jawLeft jawRight jawOpen mouthClose mouthFunnel "
         "mouthPucker mouthLeft mouthRight mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight "
         "mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft mouthPressRight "
         "mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight browDownLeft browDownRight browInnerUp browOuterUpLeft "
         "browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut").split()
EYE_RANGE = {"In": 35.0, "Out": 35.0, "Up": 25.0, "Down": 35.0}  # degrees at a coefficient of 1, as in the head model

# The eyes lead the head by a tenth of a second and come back to the middle as it arrives.
POSE = {
    "yaw": [(0.35, 0), (1.05, 22), (1.30, 22), (2.15, -21), (2.35, -21), (2.95, 0), (4.3, 0), (4.6, -4), (4.95, 0)],
    "pitch": [(0.35, 0), (1.05, 3), (1.7, -2), (2.15, 2), (2.9, 0), (3.12, -9), (3.36, 4), (3.6, 0), (3.9, 3), (4.4, -2), (4.95, 0)],
    "roll": [(0.35, 0), (1.1, -3), (2.15, 4), (2.95, 0), (3.7, 0), (4.1, 5), (4.9, 0)],
}
GAZE = {
    "yaw": [(0.27, 0), (0.42, 16), (0.95, 4), (1.22, 4), (1.37, -16), (2.05, -4), (2.3, -4), (2.45, 9), (2.95, 0)],
    "pitch": [(3.0, 0), (3.15, 6), (3.4, 0), (4.0, 0), (4.12, -8), (4.5, -8), (4.62, 0)],
}
FACE = {
    "mouthSmile": [(2.35, 0), (2.9, 0.75), (3.55, 0.7), (3.85, 0.15), (4.75, 0.1), (4.98, 0)],
    "cheekSquint": [(2.4, 0), (2.95, 0.45), (3.5, 0.4), (3.85, 0)],
    "eyeSquint": [(2.4, 0), (2.95, 0.3), (3.5, 0.25), (3.85, 0)],
    "mouthDimple": [(2.4, 0), (2.95, 0.2), (3.6, 0.15), (3.9, 0)],
    "browOuterUp": [(0.4, 0), (0.8, 0.12), (1.3, 0), (3.45, 0), (3.72, 0.6), (4.0, 0.5), (4.4, 0)],
    "browInnerUp": [(3.45, 0), (3.72, 0.65), (4.0, 0.55), (4.4, 0)],
    "eyeWide": [(3.5, 0), (3.74, 0.3), (4.0, 0.2), (4.3, 0)],
    "jawOpen": [(3.62, 0), (3.78, 0.5), (3.92, 0.12), (4.06, 0.38), (4.2, 0.06), (4.36, 0.3), (4.56, 0)],
    "mouthLowerDown": [(3.62, 0), (3.78, 0.3), (3.92, 0.1), (4.06, 0.12), (4.2, 0)],
    "mouthUpperUp": [(3.62, 0), (3.78, 0.18), (3.92, 0.05), (4.06, 0.05), (4.2, 0)],
    "mouthFunnel": [(3.95, 0), (4.1, 0.35), (4.22, 0.1), (4.36, 0.3), (4.56, 0)],
    "mouthPucker": [(4.16, 0), (4.34, 0.4), (4.6, 0)],
    "mouthClose": [(3.86, 0), (3.92, 0.08), (4.0, 0)],
}
BLINKS = [0.3, 1.42, 2.5, 4.62]  # seconds at which a lid starts to fall; people blink as they turn their eyes


def at(track, t):
    if t <= track[0][0]:
        return track[0][1]
    for (t0, v0), (t1, v1) in zip(track, track[1:]):
        if t <= t1:
            x = (t - t0) / (t1 - t0)
            return v0 + (v1 - v0) * x * x * x * (10 - 15 * x + 6 * x * x)
    return track[-1][1]


def blink(t):
    """Down in 90 ms, shut for 50 ms, up in 180 ms."""
    return max(at([(b, 0), (b + 0.09, 1), (b + 0.14, 1), (b + 0.32, 0)], t) for b in BLINKS)


def sway(t, turns, phase):
    """A head is never quite still: whole turns in the whole time, from rest and back to it."""
    return math.sin(2 * math.pi * (turns * t / SECONDS + phase)) - math.sin(2 * math.pi * phase)


def face(t):
    pose = [at(POSE["yaw"], t) + 0.5 * sway(t, 2, 0.1), at(POSE["pitch"], t) + 0.4 * sway(t, 3, 0.4), at(POSE["roll"], t) + 0.3 * sway(t, 2, 0.7)]
    yaw, pitch = at(GAZE["yaw"], t), at(GAZE["pitch"], t)
    values = dict.fromkeys(ARKIT, 0.0)
    for name, track in FACE.items():
        sides = [name] if name in values else [name + "Left", name + "Right"]
        for side in sides:
            values[side] = at(track, t) * (0.92 if side.endswith("Right") else 1)  # no face is symmetric
    lid = blink(t)
    for side in ("Left", "Right"):
        values["eyeBlink" + side] = max(lid, 0.25 * max(-pitch, 0) / 10)  # lids follow a look down
        values["eyeWide" + side] *= 1 - lid
        out = yaw if side == "Left" else -yaw  # the gaze's yaw > 0 is to the person's left, the image's right
        values["eyeLookOut" + side], values["eyeLookIn" + side] = max(out, 0) / EYE_RANGE["Out"], max(-out, 0) / EYE_RANGE["In"]
        values["eyeLookUp" + side], values["eyeLookDown" + side] = max(pitch, 0) / EYE_RANGE["Up"], max(-pitch, 0) / EYE_RANGE["Down"]
    return pose, [yaw, pitch, yaw, pitch], [values[n] for n in ARKIT]


def record(frame):
    pose, gaze, arkit = face(frame / RATE)
    body = struct.pack("<qdII", frame, frame / RATE, 1, 0) + struct.pack("<iBBH", 1, 0, 0, 65535)
    body += struct.pack("<14f", 0, 0, 0, 0, *pose, 0, 0, 0, *gaze)  # neither region nor place: the head stays where it is
    body += struct.pack("<52H", *(round(65535 * min(max(v, 0), 1)) for v in arkit))
    return struct.pack("<II", len(body), zlib.crc32(body)) + body


def main():
    header = json.dumps({"format": "jr2.motion", "version": 1, "rate": RATE}, separators=(",", ":")).encode()
    with open(sys.argv[1], "wb") as f:
        f.write(b"JR2M" + struct.pack("<III", 1, len(header), zlib.crc32(header)) + header)
        for frame in range(round(SECONDS * RATE)):
            f.write(record(frame))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""How much the reenactment network understates an expression, on people it was trained on: the choice of STRENGTH in libjr2/core/reenact.c.

  python3 training/measure_strength.py DATA_FOLDER [--strengths 1 1.2 1.4]

The network is told the photo's own expression plus the strength times the way from there to the driver's. For each strength: the teacher's
difference to the driver (training/judges.py) and PSNR inside the face where training clips drive their own first frame, and the teacher's difference
where they drive training portraits. Needs what training/evaluate_reenact.py needs, without --faceapi.
"""
import argparse
import os
import re
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for folder in ("training", "training/reenact", "bindings/python"):
    sys.path.insert(0, os.path.join(ROOT, folder))
import jr2  # noqa: E402
import measure  # noqa: E402
from evaluate import read_rgb  # noqa: E402
from evaluate_reenact import Clip, masks, small, tensor  # noqa: E402
from judges import Teacher  # noqa: E402

CLIPS = ("lp_d0", "lp_d6", "lp_d9", "lp_d10", "lp_d14", "plive")


def built_in():
    with open(os.path.join(ROOT, "libjr2/core/reenact.c")) as f:
        return float(re.search(r"#define STRENGTH ([\d.]+)f", f.read()).group(1))


class Driven:
    """A portrait that is told more, or less, than the library would tell it."""

    def __init__(self, context, picture):
        self.portrait = jr2.Portrait(context, picture)
        self.portrait.reenact(None)
        self.own = self.portrait.state["expression"]

    def made(self, face, share):
        """share: of the strength that is built in."""
        expression = {n: float(np.clip(self.own[n] + share * (e - self.own[n]), 0, 1)) for n, e in face.expression.items()}
        pose = dict(zip(("yaw", "pitch", "roll"), face.angles), translation=list(face.translation))
        return self.portrait.reenact({"pose": pose, "expression": expression}, motion="absolute")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--strengths", type=float, nargs="+", default=[1, 1.1, 1.2, 1.3, 1.4])
    parser.add_argument("--portraits", type=int, default=10)
    parser.add_argument("--step", type=int, default=8, help="of the frames that drive a clip's own source")
    args = parser.parse_args()
    context, teacher = jr2.Context(), Teacher(os.path.join(args.data, "face_landmarker.task"))
    shares = [s / built_in() for s in args.strengths]
    clips = [Clip(context, args.data, name, "clips") for name in CLIPS]
    own = []
    for clip in clips:
        driven, rows = Driven(context, clip.frames[clip.source]), []
        for i in clip.driving(args.step):
            truth, inside, real = tensor(small(clip.frames[i])), masks(clip, i)[1], teacher(clip.frames[i])
            pictures = [driven.made(clip.faces[i][0], share) for share in shares]
            rows.append([(float(measure.psnr(tensor(small(m)), truth, inside)), teacher.difference(m, real)[0]) for m in pictures])
        own.append(np.nanmean(rows, 0))
    with np.load(os.path.join(args.data, "photos.npz")) as z:
        names = sorted(str(n) for n in z["name"][~z["is_val"]] if str(n).startswith("faker_"))[:args.portraits]
    drivers = [(clip, i, teacher(clip.frames[i])) for clip in clips for i in clip.moments(3)]
    cross = []
    for name in names:
        driven = Driven(context, read_rgb(os.path.join(args.data, "photos", name)))
        cross += [[teacher.difference(driven.made(clip.faces[i][0], share), real)[0] for share in shares] for clip, i, real in drivers]
    print("strength  own: PSNR inside the face, dB  difference to the driver  cross: difference to the driver")
    for strength, (psnr, difference), other in zip(args.strengths, np.mean(own, 0), np.nanmean(cross, 0)):
        print(f"{strength:8.2f}  {psnr:30.2f}  {difference:24.4f}  {other:31.4f}")
    teacher.close()


if __name__ == "__main__":
    main()

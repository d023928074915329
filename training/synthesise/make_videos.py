# SPDX-License-Identifier: MIT
"""Videos that our own reenactment network makes of training photos, with exactly known parameters, to learn expressions from.

  python3 training/synthesise/make_videos.py DATA_FOLDER weights/ labels.npz videos/ --count 20000

weights/: a folder with all that moves a portrait (head, find, coarse, reenact; expression if there is one), used through the built
library. Writes the npz files that training/expression/prepare.py takes, as training/render/make_set.py does, and
beside each a .json with what was dropped; a file that is there is not made again. Photos of the validation part and its clips are
never touched. --sheet picture.jpg shows some frames of every video of the first file with their exact landmarks.

What is dropped: portraits whose reconstruction is not where the labels say, and frames that do not show what they should. A frame is
read back by the library. Readers have a bias (they open mouths and close lids too little), so their mouth and lid gaps
are first put in relation to the exact ones by a robust line over real training photos; what is far beside it is dropped, and so are frames where
the landmarks altogether are elsewhere. This judges geometry that can be read; that a cheek is puffed is not checked.
"""
import argparse
import glob
import json
import multiprocessing
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before the library is loaded: the processes are the threads
import cv2  # noqa: E402
import numpy as np  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from motions import Motions  # noqa: E402
from portraits import Shown, face_frame, gaps, jr2  # noqa: E402
from model import Head, project  # noqa: E402

# In face sizes. Portraits: how far the mean landmark and each gap may be from the label's.
PORTRAIT_POINTS, PORTRAIT_GAP = 0.016, 0.012
# Frames: mean landmark; mouth gap, lid gaps beside the line.
FRAME_POINTS, FRAME_GAPS = 0.035, np.array([0.045, 0.02, 0.02])
SIZES = (("neutral", 0.05), ("small", 0.4), ("medium", 0.7), ("large", 1.01))   # by the largest coefficient, the eyes' turn left out


def size_class(expressions, names):
    """(N) index into SIZES."""
    counted = [k for k, n in enumerate(names) if not n.startswith("eyeLook")]
    return np.searchsorted([s for _, s in SIZES], np.asarray(expressions)[:, counted].max(1), "right")


def line(x, y, rounds=8):
    """Robust a, b of y = a + b x; b stays in 0.2..1.5, a line through next to no spread is y = x."""
    if len(x) < 20 or x.std() < 1e-3:
        return 0.0, 1.0
    w = np.ones(len(x))
    for _ in range(rounds):
        mx, my = np.average(x, weights=w), np.average(y, weights=w)
        b = np.clip(((x - mx) * (y - my) * w).sum() / ((x - mx) ** 2 * w).sum(), 0.2, 1.5)
        r = y - my - b * (x - mx)
        w = 1 / np.maximum(np.abs(r), 0.2 * np.median(np.abs(r)) + 1e-6)
    return my - b * mx, b


class Maker:
    def __init__(self, args):
        cv2.setNumThreads(1)
        self.args = args
        self.head = Head(os.path.join(args.weights, "head.jr2w"))
        self.head.linear = self.head.landmark_basis()
        self.context = jr2.Context(args.weights)
        self.labels = {k: v for k, v in np.load(args.labels).items()}
        photos = np.load(os.path.join(args.data, "photos.npz"))
        self.names, self.points = photos["name"], photos["landmarks_x32"]
        lab = self.labels
        fine = (lab["group"] < 0) & ~lab["val"] & (lab["error"] < 0.016)
        self.usable = np.where(fine & ~photos["is_val"][np.where(lab["group"] < 0, lab["frame"], 0)])[0]
        self.motions = Motions(self.head, lab)
        self.lines = self.calibrate()

    def picture(self, row):
        photo = self.labels["frame"][row]
        path = os.path.join(self.args.data, "photos", str(self.names[photo]))
        image = cv2.imread(path)
        if image is None:
            raise FileNotFoundError(path)
        return np.ascontiguousarray(image[..., ::-1]), self.points[photo, :, :2].astype(np.float64) / 32

    def calibrate(self):
        """How the library reads mouth and lid gaps of real photos, as a line (a, b) for each: those with the most open mouths, with the
        most closed lids, and some more."""
        rows = np.random.default_rng(0).permutation(self.usable)[:1500]
        exact = np.array([gaps(self.points[self.labels["frame"][r], :, :2] / 32.0) for r in rows])
        chosen = np.unique(np.concatenate([np.argsort(-exact[:, 0])[:80], np.argsort(exact[:, 1])[:50], np.argsort(exact[:, 2])[:50], np.arange(len(rows))[:60]]))
        read = []
        for r in rows[chosen]:
            image, points = self.picture(r)
            seen = self.read({"image": image, "points": points})
            read.append(seen[1] if seen else [np.nan] * 3)
        exact, read = exact[chosen], np.array(read)
        good = np.isfinite(read[:, 0])
        exact, read = exact[good], read[good]
        lids = line(exact[:, 1:].ravel(), read[:, 1:].ravel())
        return [line(exact[:, 0], read[:, 0]), lids, lids]

    def portrait(self, row):
        """None where it cannot be used."""
        picture, points = self.picture(row)
        try:
            shown = Shown(self.context, self.head, picture, self.args.method, points, self.labels["scale"][row])
        except jr2.Error as error:
            if error.name == "JR2_ERR_NO_FACE":
                return None
            raise
        mean, gap = shown.differs(points)
        near = self.args.tolerance
        return shown if mean < near * PORTRAIT_POINTS and gap.max() < near * PORTRAIT_GAP else None

    def read(self, p):
        """Mean distance of the landmarks that the library sees in a frame, and the gaps that it sees; None where it sees no face."""
        x, y, size, roll = face_frame(p["points"])
        seen = self.context.reconstruct(p["image"], regions=[(x, y, size, np.degrees(roll))], passes=1)
        if not len(seen):
            return None
        points = np.asarray(seen[0].landmarks478, np.float64)
        return np.linalg.norm(points[:468] - p["points"][:468], axis=1).mean() / size, gaps(points)

    def file(self, number):
        args = self.args
        rng, frames, skipped = np.random.default_rng([args.seed, number]), [], 0
        videos = args.chunk // args.frames
        order = rng.permutation(self.usable)
        for v in range(videos):
            shown = None
            while shown is None and len(order):
                row, order = order[0], order[1:]
                shown = self.portrait(row)
                skipped += shown is None
            if shown is None:
                raise RuntimeError(f"no usable portrait among {len(self.usable)}: do the weights fit the labels?")
            video = number * videos + v  # counts the motions; what is written is unique among seeds
            e, turns, kind = self.motions.make(video, args.frames, rng)
            if abs(shown.yaw) > 8 and turns[:, 0].mean() * shown.yaw < 0:
                turns[:, 0] *= -1  # turn to the side that the photo shows
            for k in range(args.frames):
                p = shown.frame(e[k], turns[k])
                frames.append({**p, "video": 1000000 * args.seed + video, "frame": k, "source": row, "kind": kind, "read": self.read(p)})
        return frames, skipped

    def judge(self, frames):
        """(N) why a frame is dropped: "" where it is not."""
        why = np.array(["no face" if f["read"] is None else "" for f in frames], dtype="<U8")
        seen = np.where(why == "")[0]
        why[seen[[frames[i]["read"][0] > self.args.tolerance * FRAME_POINTS for i in seen]]] = "points"
        exact = np.array([gaps(f["points"]) for f in frames])
        for k, name in enumerate(("mouth", "lid", "lid")):
            seen = np.where(why == "")[0]
            read = np.array([frames[i]["read"][1][k] for i in seen])
            a, b = self.lines[k]
            # The line's slope is below 1, so is the reader's scale: what counts is how far the picture is from its parameters.
            off = np.abs(read - a - b * exact[seen, k]) / max(b, 0.5)
            why[seen[off > self.args.tolerance * FRAME_GAPS[k]]] = name
        return why

    def write(self, number):
        path = os.path.join(self.args.output, f"video{self.args.seed:02d}_{number:04d}.npz")
        if os.path.exists(path):
            return path
        frames, skipped = self.file(number)
        why = np.array([""] * len(frames)) if self.args.keep_all else self.judge(frames)
        sizes = size_class([f["expression"] for f in frames], self.head.names)
        report = {"frames": len(frames), "portraits_skipped": skipped, "portraits_used": len({f["video"] for f in frames}),
                  "by_size": {name: {"made": int((sizes == k).sum()), "dropped": int(((sizes == k) & (why != "")).sum())}
                              for k, (name, _) in enumerate(SIZES)},
                  "by_reason": {r: int((why == r).sum()) for r in ("no face", "points", "mouth", "lid")}}
        if self.args.sheet and number == 0:
            sheet(self.args.sheet, self.head, frames, why, self.args.frames)
        kept = [f for f, w in zip(frames, why) if w == ""]
        columns = {k: np.stack([f[k] for f in kept]).astype(t) for k, t in
                   (("image", np.uint8), ("identity", np.float32), ("expression", np.float32), ("rotation", np.float32),
                    ("scale", np.float32), ("centre", np.float32), ("source", np.int64), ("video", np.int64), ("frame", np.int64))}
        np.savez(path + ".new.npz", **columns, head=np.zeros(len(kept), bool))
        json.dump(report, open(path[:-4] + ".json", "w"))
        os.replace(path + ".new.npz", path)
        return path


def sheet(path, head, frames, why, length):
    """Five frames of each of the first videos, beside them with the exact landmarks; red: dropped."""
    rows = []
    for v in range(min(len(frames) // length, 10)):
        cells = []
        for i in np.linspace(v * length, (v + 1) * length - 1, 5).astype(int):
            f, plain = frames[i], frames[i]["image"].copy()
            marked = plain.copy()
            vertices = head.vertices(f["identity"], f["expression"])
            for x, y in project(head.landmarks(vertices), f["rotation"], f["scale"], f["centre"]):  # cv2's pixel centres are integers
                cv2.circle(marked, (int(round(16 * (x - 0.5))), int(round(16 * (y - 0.5)))), 12, (0, 255, 0), -1, cv2.LINE_AA, 4)
            cv2.putText(plain, f"{f['kind']} {why[i]}", (3, 14), 0, 0.45, (255, 0, 0) if why[i] else (255, 255, 0), 1, cv2.LINE_AA)
            cells.append(np.hstack([plain, marked]))
        rows.append(np.hstack(cells))
    cv2.imwrite(path, np.vstack(rows)[..., ::-1])


def summary(folder):
    """Adds up the reports of all files in a folder."""
    total = {}

    def add(into, what):
        for k, v in what.items():
            if isinstance(v, dict):
                add(into.setdefault(k, {}), v)
            else:
                into[k] = into.get(k, 0) + v
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        add(total, json.load(open(path)))
    if not total:
        return "nothing was made"
    sizes = ", ".join(f"{k} {100 * v['dropped'] / max(v['made'], 1):.1f} % of {v['made']}" for k, v in total["by_size"].items())
    reasons = ", ".join(f"{k} {v}" for k, v in total["by_reason"].items())
    return (f"{total['frames']} frames of {total['portraits_used']} portraits made ({total['portraits_skipped']} portraits skipped); dropped: "
            f"{sizes}; for {reasons}")


_maker = None


def work(job):
    global _maker
    args, number = job
    if _maker is None:
        _maker = Maker(args)
    return _maker.write(number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("data", "weights", "labels", "output"):
        parser.add_argument(name)
    parser.add_argument("--count", type=int, default=20000, help="frames to make, before some are dropped")
    parser.add_argument("--chunk", type=int, default=960, help="frames a file")
    parser.add_argument("--frames", type=int, default=12, help="frames a video; each has a portrait of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--method", choices=("network", "warp"), default="network")
    parser.add_argument("--tolerance", type=float, default=1, help="factor of all limits beyond which portraits and frames are dropped")
    parser.add_argument("--keep-all", action="store_true", help="drop no frames")
    parser.add_argument("--sheet")
    args = parser.parse_args()
    if args.chunk < args.frames or args.frames < 2:
        parser.error("a file has at least one video of two frames")
    os.makedirs(args.output, exist_ok=True)
    jobs = [(args, k) for k in range(max(1, args.count // args.chunk))]
    if args.processes == 1:
        for path in map(work, jobs):
            print(path, flush=True)
    else:
        with multiprocessing.Pool(args.processes) as pool:
            for path in pool.imap_unordered(work, jobs):
                print(path, flush=True)
    print(summary(args.output))


if __name__ == "__main__":
    main()

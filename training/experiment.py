# SPDX-License-Identifier: MIT
"""What the expression network is worth, and what its training data are: measures the library with one folder of weights.

  python3 training/experiment.py measure DATA_FOLDER labels.npz rendered_val/ weights_folder/ variant.json
  python3 training/experiment.py merge docs/results-expression.md "coarse alone=a.json" "rendered heads=b.json" ...

One `measure` a variant: a folder without expression.jr2w is the coarse network alone. Everything goes through the library and
`jr2 track` as built. rendered_val: training/render/make_set.py render --val, appearances of validation photos, exact
parameters. The clips' reference is the teacher. `merge` writes the tables; ratios are to its first variant.

Sizes of an expression: by the largest coefficient but those of gaze (neutral < 0.05 <= small < 0.4 <= medium < 0.7 <= large).
Blinks: both lids' mean crosses a threshold and falls below 0.7 of it before it can again; the teacher's is 0.5, the library's is chosen on
training clips, among 0.2 to 0.7.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import cv2  # noqa: E402
import numpy as np  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for folder in ("training/head", "training/synthesise", "bindings/python"):
    sys.path.insert(0, os.path.join(ROOT, folder))
import jr2  # noqa: E402
from make_videos import SIZES, size_class  # noqa: E402
from model import Head, angles, face_frame, project  # noqa: E402

YAWS = ((0, 15), (15, 30), (30, 45), (45, 61))
KNOWN = 40          # coefficients that the teacher moves: those with the largest spread over time in training clips
LEAST = 0.01        # a coefficient that the teacher moves less than this in a clip has no correlation
TRAINING_CLIPS = 8  # those with most blinks choose the threshold
NEAR = 2            # frames that a blink may be away


def region_of(points):
    x, y, size, roll = face_frame(points)
    return x, y, size, np.degrees(roll)


def directions(yaw, pitch):
    yaw, pitch = np.radians(yaw), np.radians(pitch)
    return np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], -1)


def rendered(context, head, folder, limit):
    """Exact and found coefficients, yaw, and the angle between exact and found gaze (mean of the eyes), per face."""
    exact, found, yaw, gaze = [], [], [], []
    paths = sorted(glob.glob(os.path.join(folder, "*.npz")))
    if not paths:
        raise SystemExit(f"{folder}: no rendered heads")
    for path in paths:
        d = dict(np.load(path))
        for i in range(len(d["image"])):
            if limit and len(exact) >= limit:
                break
            points = project(head.landmarks(head.vertices(d["identity"][i], d["expression"][i])), d["rotation"][i], d["scale"][i], d["centre"][i])
            face = context.reconstruct(d["image"][i], regions=[region_of(points)])[0]
            exact.append(d["expression"][i])
            found.append(list(face.expression.values()))
            yaw.append(abs(np.degrees(angles(d["rotation"][i].astype(float))[0])))
            truth = np.degrees(np.array(head.gaze(d["expression"][i]))).reshape(4)
            mine = np.asarray(face.gaze)
            between = (directions(truth[::2], truth[1::2]) * directions(mine[::2], mine[1::2])).sum(1).clip(-1, 1)
            gaze.append(np.degrees(np.arccos(between)).mean())
    return np.array(exact), np.clip(np.array(found), 0, 1), np.array(yaw), np.array(gaze)


def of_rendered(context, head, folder, limit):
    exact, found, yaw, gaze = rendered(context, head, folder, limit)
    error, size = np.abs(exact - found), size_class(exact, head.names)

    def row(some):
        return {"faces": int(some.sum()), "error": float(error[some].mean()) if some.any() else None,
                "zero": float(exact[some].mean()) if some.any() else None}

    def correlation(a, b):
        return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and a.std() > 0 and b.std() > 0 else None
    return {"all": row(size >= 0), "by_size": {n: row(size == k) for k, (n, _) in enumerate(SIZES)},
            "by_yaw": {f"{a} to {b if b <= 60 else 60}": row((yaw >= a) & (yaw < b)) for a, b in YAWS},
            "large_by_yaw": {f"{a} to {b if b <= 60 else 60}": row((yaw >= a) & (yaw < b) & (size == len(SIZES) - 1)) for a, b in YAWS},
            "by_coefficient": {n: {"error": float(error[:, k].mean()), "correlation": correlation(exact[:, k], found[:, k]),
                                   "strong": row_of_strong(exact[:, k], found[:, k])} for k, n in enumerate(head.names)},
            "gaze_degrees": float(gaze.mean()), "gaze_median": float(np.median(gaze)),
            "gaze_open": float(gaze[exact[:, [head.index["eyeBlink_L"], head.index["eyeBlink_R"]]].max(1) < 0.4].mean())}


def row_of_strong(exact, found):
    """Error where this coefficient is 0.7 or more: how much of it is found."""
    some = exact >= 0.7
    return float(np.abs(exact - found)[some].mean()) if some.any() else None


def calm_photos(context, head, data, labels, limit):
    """Validation photos that the teacher calls calm (all but gaze below 0.5): the mean coefficient that is found, and its error
    against the fitted labels."""
    photos, lab = np.load(os.path.join(data, "photos.npz")), np.load(labels)
    names = [str(n) for n in photos["blendshape_names"]]
    counted = [k for k, n in enumerate(names) if n != "_neutral" and not n.startswith("eyeLook")]
    calm = np.where(photos["is_val"] & (photos["blendshapes"][:, counted].max(1) < 0.5))[0][:limit or None]
    mine = [k for k, n in enumerate(head.names) if not n.startswith("eyeLook")]
    row_of = {int(f): i for i, f in enumerate(lab["frame"]) if lab["group"][i] < 0}
    found, fitted = [], []
    for i in calm:
        image = np.ascontiguousarray(cv2.imread(os.path.join(data, "photos", str(photos["name"][i])))[..., ::-1])
        face = context.reconstruct(image, regions=[region_of(photos["landmarks_x32"][i, :, :2] / 32.0)])[0]
        found.append(np.array(list(face.expression.values()))[mine])
        fitted.append(lab["expression"][row_of[int(i)]][mine])
    if not found:
        return {"photos": 0, "mean": None, "error": None}
    found, fitted = np.array(found), np.array(fitted)
    return {"photos": len(found), "mean": float(found.mean()), "error": float(np.abs(found - fitted).mean())}


def track(program, weights, clip):
    """(frames, 52) ARKit coefficients in Apple's order, as `jr2 track` reports them; NaN where no face is reported."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "motion.jsonl")
        subprocess.run([program, "track", clip, "-o", path, "--model", weights, "-q"], check=True)
        lines = [json.loads(line) for line in open(path)]
    names = jr2.arkit_names()
    return np.array([[f["faces"][0]["arkit"][n] for n in names] if f["faces"] else [np.nan] * 52 for f in lines[1:]]), lines[0]["rate"]


def blinks(lids, threshold):
    """Frames at which a blink is deepest."""
    at, deepest, lids = [], None, np.nan_to_num(lids)
    for k, x in enumerate(lids):
        if deepest is None and x >= threshold:
            deepest = k
        if deepest is not None:
            if x > lids[deepest]:
                deepest = k
            if x < 0.7 * threshold or k == len(lids) - 1:
                at.append(deepest)
                deepest = None
    return at


def match(found, truth):
    """Pairs each true blink with one found within NEAR frames: (hits, false)."""
    left, hits = list(found), 0
    for t in truth:
        near = [f for f in left if abs(f - t) <= NEAR]
        if near:
            left.remove(min(near, key=lambda f: abs(f - t)))
            hits += 1
    return hits, len(left)


class Clips:
    def __init__(self, data, program, weights):
        self.data, self.program, self.weights = data, program, weights
        names = [str(n) for n in np.load(os.path.join(data, "photos.npz"))["blendshape_names"]]
        self.column = {n: i for i, n in enumerate(names)}
        spread = [np.nanstd(self.teacher(p[:-4]), 0) for p in sorted(glob.glob(os.path.join(data, "clips", "*.npz")))]
        spread = np.mean(spread, 0)
        arkit = jr2.arkit_names()
        self.known = sorted((n for n in arkit if n in self.column), key=lambda n: -spread[self.column[n]])[:KNOWN]
        self.mine = [arkit.index(n) for n in self.known]
        self.theirs = [self.column[n] for n in self.known]
        self.my_lids = [arkit.index(n) for n in ("eyeBlinkLeft", "eyeBlinkRight")]

    def teacher(self, clip):
        return np.load(clip + ".npz")["blendshapes"].astype(float)

    def teacher_blinks(self, clip):
        return blinks(np.nan_to_num(self.teacher(clip)[:, [self.column["eyeBlinkLeft"], self.column["eyeBlinkRight"]]].mean(1)), 0.5)

    def pair(self, clip):
        found, rate = track(self.program, self.weights, clip + ".mp4")
        truth = self.teacher(clip)
        n = min(len(found), len(truth))
        return found[:n], truth[:n], rate

    def threshold(self):
        """What finds most blinks in training clips with fewest false ones."""
        clips = [p[:-4] for p in sorted(glob.glob(os.path.join(self.data, "clips", "*.npz")))]
        clips = sorted(clips, key=lambda c: -len(self.teacher_blinks(c)))[:TRAINING_CLIPS]
        lids = [self.pair(c)[0][:, self.my_lids].mean(1) for c in clips]
        best = None
        for t in np.arange(0.2, 0.71, 0.05):
            score = sum(h - f for h, f in (match(blinks(x, t), self.teacher_blinks(c)) for x, c in zip(lids, clips)))
            if best is None or score > best[0]:
                best = score, float(round(t, 2))
        return best[1]

    def measure(self):
        out, all_r, hits, false, truths, minutes = {}, {n: [] for n in self.known}, 0, 0, 0, 0.0
        threshold, fixed = self.threshold(), [0, 0]
        for path in sorted(glob.glob(os.path.join(self.data, "clips_val", "*.npz"))):
            found, truth, rate = self.pair(path[:-4])
            seen = np.isfinite(found[:, 0]) & np.isfinite(truth).all(1)
            r = []
            for name, a, b in zip(self.known, self.mine, self.theirs):
                x, y = found[seen, a], truth[seen, b]
                if len(y) and y.std() >= LEAST:
                    r.append(float(np.corrcoef(x, y)[0, 1]) if x.std() > 1e-6 else 0.0)
                    all_r[name].append(r[-1])
            at = self.teacher_blinks(path[:-4])
            lids = found[:, self.my_lids].mean(1)
            h, f = match(blinks(lids, threshold), at)
            fixed = [a + b for a, b in zip(fixed, match(blinks(lids, 0.5), at))]
            hits, false, truths, minutes = hits + h, false + f, truths + len(at), minutes + len(found) / rate / 60
            out[os.path.basename(path)[:-4]] = {"correlation": float(np.mean(r)) if r else 0.0, "coefficients": len(r), "blinks": len(at), "found": h,
                                                "false": f, "frames": len(found), "unseen": int((~np.isfinite(found[:, 0])).sum())}
        return {"clips": out, "correlation": float(np.mean([v["correlation"] for v in out.values()])),
                "by_coefficient": {n: float(np.mean(v)) for n, v in all_r.items() if v},
                "blinks": {"threshold": threshold, "true": truths, "found": hits, "false": false, "minutes": minutes,
                           "found_at_0.5": fixed[0], "false_at_0.5": fixed[1]}}


def measure(args):
    program = args.program or os.path.join(ROOT, "build", "jr2")
    if not os.path.exists(program):
        raise SystemExit(f"{program} is not there: run make first")
    context, head = jr2.Context(args.weights), Head(os.path.join(args.weights, "head.jr2w"))
    result = {"expression_network": context.model.has("expression"), "rendered": of_rendered(context, head, args.rendered, args.limit),
              "calm": calm_photos(context, head, args.data, args.labels, args.limit),
              "clips_val": Clips(args.data, program, args.weights).measure()}
    json.dump(result, open(args.output, "w"), indent=1)
    r, c = result["rendered"], result["clips_val"]
    sizes = ", ".join(f"{k} {v['error']:.4f}" for k, v in r["by_size"].items() if v["error"] is not None)
    print(f"{args.output}: {sizes}; gaze {r['gaze_degrees']:.1f} degrees; correlation with the teacher {c['correlation']:.3f}, blinks "
          f"{c['blinks']['found']} of {c['blinks']['true']}, {c['blinks']['false']} false")


def number(x, form="{:.4f}"):
    return "" if x is None else form.format(x)


def table(out, titles, rows):
    out.write("| " + " | ".join(titles) + " |\n|" + " --- |" * len(titles) + "\n")
    for row in rows:
        out.write("| " + " | ".join(row) + " |\n")
    out.write("\n")


def with_ratio(value, first):
    return number(value) if value is None or not first else f"{value:.4f} ({value / first:.2f})"


def merge(args):
    variants = []
    for item in args.variants:
        name, sep, path = item.rpartition("=")
        if not sep:
            raise SystemExit(f"{item!r} is not NAME=FILE.json")
        variants.append((name, json.load(open(path))))
    names, first = [n for n, _ in variants], variants[0][1]
    with open(args.output, "w") as out:
        out.write("# What the cascade's data are worth to the expression network\n\nA column is the library with the coarse network alone, or with an "
                  "expression network that was trained on the data which it is named after; measured by `training/experiment.py` (its first lines "
                  "say how), on what none of them was trained on. In brackets: the ratio to \"" + names[0] + "\". Mean absolute errors are over "
                  "all 53 coefficients unless it says otherwise. Size of an expression: its largest coefficient but those of gaze; neutral below "
                  "0.05, small below 0.4, medium below 0.7.\n\n## Rendered heads, exact parameters, by size of the expression\n\n")

        def rows(key):
            for what in first["rendered"][key]:
                cell = first["rendered"][key][what]
                yield [f"{what} ({cell['faces']})", number(cell["zero"])] + [
                    with_ratio(v["rendered"][key][what]["error"], cell["error"]) for _, v in variants]
        every = [["all (%d)" % first["rendered"]["all"]["faces"], number(first["rendered"]["all"]["zero"])] +
                 [with_ratio(v["rendered"]["all"]["error"], first["rendered"]["all"]["error"]) for _, v in variants]]
        titles = ["(faces)", "saying 0"] + names
        table(out, ["size " + titles[0]] + titles[1:], list(rows("by_size")) + every)
        out.write("## By yaw, degrees\n\n")
        table(out, ["yaw " + titles[0]] + titles[1:], rows("by_yaw"))
        out.write("Large expressions alone:\n\n")
        table(out, ["yaw " + titles[0]] + titles[1:], rows("large_by_yaw"))
        out.write("## Gaze, calm faces, and clips\n\nClips: the library's tracker against the teacher's scores, correlation over time, for the "
                  f"{KNOWN} coefficients that the teacher moves most in training clips (it hardly moves jawForward, jawLeft, jawRight, mouthClose, mouthFrown, cheekPuff, cheekSquint, noseSneer "
                  "and tongueOut). Blinks: the teacher's above 0.5 against ours above a threshold chosen on training clips.\n\n")

        def line(what, get, form="{:.3f}"):
            return [what] + [number(get(v), form) for _, v in variants]
        lines = [line("gaze on rendered heads, mean angle, degrees", lambda v: v["rendered"]["gaze_degrees"], "{:.1f}"),
                 line("the same, open eyes", lambda v: v["rendered"]["gaze_open"], "{:.1f}"),
                 line(f"calm validation photos ({first['calm']['photos']}): mean coefficient", lambda v: v["calm"]["mean"]),
                 line("calm validation photos: error against the fit", lambda v: v["calm"]["error"]),
                 line("correlation over time, mean", lambda v: v["clips_val"]["correlation"])]
        lines += [line(clip, lambda v, clip=clip: v["clips_val"]["clips"][clip]["correlation"]) for clip in first["clips_val"]["clips"]]
        lines += [["blinks found"] + [f"{b['found']} of {b['true']} (above {b['threshold']})" for b in (v["clips_val"]["blinks"] for _, v in variants)],
                  line("false blinks a minute", lambda v: v["clips_val"]["blinks"]["false"] / v["clips_val"]["blinks"]["minutes"], "{:.1f}"),
                  ["blinks found above 0.5, false a minute"] + [f"{b['found_at_0.5']}, {b['false_at_0.5'] / b['minutes']:.1f}"
                                                               for b in (v["clips_val"]["blinks"] for _, v in variants)]]
        table(out, ["what"] + names, lines)
        out.write("## By coefficient, rendered heads\n\nCorrelation; mean absolute error; the same where the coefficient is 0.7 or more.\n\n")
        table(out, ["coefficient"] + names, (
            [n] + ["; ".join(number(x, "{:.2f}" if k == 0 else "{:.3f}") for k, x in enumerate((c["correlation"], c["error"], c["strong"])))
                   for c in (v["rendered"]["by_coefficient"][n] for _, v in variants)] for n in first["rendered"]["by_coefficient"]))
        out.write("## By coefficient, clips\n\nCorrelation over time with the teacher, mean over the clips in which it moves.\n\n")
        table(out, ["coefficient"] + names, ([n] + [number(v["clips_val"]["by_coefficient"].get(n), "{:.2f}") for _, v in variants]
                                             for n in first["clips_val"]["by_coefficient"]))
        notes = args.output.removesuffix(".md") + "-notes.md"
        if os.path.exists(notes):
            out.write(open(notes).read())
    print(args.output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    m = commands.add_parser("measure")
    for name in ("data", "labels", "rendered", "weights", "output"):
        m.add_argument(name)
    m.add_argument("--limit", type=int, default=0, help="rendered heads and photos, for tests; 0: all")
    m.add_argument("--program", help="jr2; build/jr2 of this tree unless given")
    g = commands.add_parser("merge")
    g.add_argument("output")
    g.add_argument("variants", nargs="+", metavar="NAME=FILE.json")
    args = parser.parse_args()
    measure(args) if args.command == "measure" else merge(args)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Training samples of the expression network: what it will see in the library, made once and kept.

  python3 training/expression/prepare.py DATA_FOLDER weights/head.jr2w labels.npz cache.npy rendered/ weights/coarse.jr2w out/

For each picture (rendered with exact parameters; photos and clip frames with fitted ones and the teacher's scores): often a random camera, sometimes a
mirror, the coarse network's answer to a jittered crop, and the eye and mouth crops at the places that answer gives. The
landmarks to be learnt are measured from the centres of these crops; "clip" is the number of the clip that a frame is of, -1
for the rest. The jittered crop ("face") and what is true of it lie beside, for training both networks together. One
file of the same name in out/ for each rendered file; real*.npz for the rest. --val: the validation pictures, no camera,
no mirror, no jitter.
"""
import argparse
import glob
import multiprocessing
import os
import sys

import cv2
import numpy as np
import torch

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for _folder in ("", "head", "coarse"):
    sys.path.insert(0, os.path.join(_ROOT, _folder))
import jr2w  # noqa: E402
from data import Samples, degrade  # noqa: E402
from make_set import move, similarity  # noqa: E402
from model import Head, face_frame  # noqa: E402
from network import Coarse, INPUT, LAYOUT, SCALE, rotation_matrix, split  # noqa: E402
from scores import taught  # noqa: E402

SIDE = 64    # px of the network's crops
EYE, MOUTH = 0.36, 0.66   # sides of the crops, in sizes of the face frame
LIFT = 0.03               # of the eye crops' centre, in sizes


def places(points):
    """Points (478,2) in pixels -> frame and [(cx, cy, side, mirrored)] of right eye, left eye, mouth (docs/crop.md)."""
    frame = face_frame(points)
    size, roll = frame[2], frame[3]
    lift = LIFT * size * np.array([np.sin(roll), -np.cos(roll)])
    right, left = (points[[33, 133]].mean(0) + lift, points[[362, 263]].mean(0) + lift)
    mouth = points[[61, 291, 0, 17]].mean(0)
    return roll, [(*right, EYE * size, False), (*left, EYE * size, True), (*mouth, MOUTH * size, False)]


def closer(image, points):
    """The three crops (3,SIDE,SIDE,3) uint8."""
    roll, spots = places(points)
    out = []
    for cx, cy, side, mirrored in spots:
        m = similarity((cx, cy), side, SIDE, roll)
        m[:, 2] += m[:, :2] @ [0.5, 0.5] - 0.5  # cv2's pixel centres are integers
        shrink = side / SIDE
        source = cv2.GaussianBlur(image, (0, 0), 0.35 * shrink) if shrink > 1.6 else image
        crop = cv2.warpAffine(source, m, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out.append(crop[:, ::-1] if mirrored else crop)
    return np.stack(out)


def anchors(template_points):
    """(478): which crop's centre a landmark is measured from, 0 right eye, 1 left eye, 2 mouth: the nearest on the mean face."""
    p = template_points[:, :2]
    centres = np.stack([p[[33, 133]].mean(0), p[[362, 263]].mean(0), p[[61, 291, 0, 17]].mean(0)])
    return ((p[:, None] - centres[None]) ** 2).sum(2).argmin(1)


def measured(truth, seen, anchor):
    """(478,2): the true points in the axes and sizes of the seen face frame, from the centres of their crops."""
    roll, spots = places(seen)
    size = face_frame(seen)[2]
    c, s = np.cos(roll), np.sin(roll)
    d = (truth - np.array([spot[:2] for spot in spots])[anchor]) / size
    return np.stack([d[:, 0] * c + d[:, 1] * s, -d[:, 0] * s + d[:, 1] * c], 1)


def shaken(out, rng):
    """The coarse network's numbers with a little more error in pose and place, as another picture would have."""
    out = out.copy()
    if rng.random() < 0.5:
        at = {n: sum(m for _, m in LAYOUT[:k]) for k, (n, _) in enumerate(LAYOUT)}
        out[at["rotation"]:at["rotation"] + 6] += rng.normal(0, 0.015, 6)
        out[at["scale"]] += rng.normal(0, 0.012)
        out[at["centre"]:at["centre"] + 2] += rng.normal(0, 0.012, 2)
    return out


class Maker:
    def __init__(self, args):
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.val = args.val
        self.head = Head(args.head)
        self.samples = Samples(self.head, args.data, args.labels, args.cache, os.devnull)
        self.taught = taught(self.head, self.samples.scores, self.samples.score_names, self.samples.labels)
        self.anchor = anchors(self.head.landmark_basis()[0])
        self.net = Coarse()
        self.net.unfold(jr2w.read(args.coarse)[1])
        self.net.eval().to(memory_format=torch.channels_last)

    def mirrored(self, image, s):
        """The mirrored picture and its parameters; identity stays, but is not the mirrored one's."""
        m = np.diag([-1.0, 1, 1])
        side = image.shape[1]
        return np.ascontiguousarray(image[:, ::-1]), {
            **s, "e": s["e"][self.samples.swap], "fitted": s["fitted"][self.samples.swap], "R": m @ s["R"] @ m, "c": np.array([side - s["c"][0], s["c"][1]]),
            "points": s["points"][self.samples.mirror] * [-1, 1] + [side, 0]}

    def one(self, image, s, rng):
        flip = not self.val and rng.random() < 0.4
        if flip:
            image, s = self.mirrored(image, s)
        if not self.val and rng.random() < 0.6:
            image = degrade(np.ascontiguousarray(image), rng)
        crop, affine = self.samples.crop(rng, np.ascontiguousarray(image), s["points"], not self.val)
        return image, crop, affine, s, flip

    def batch(self, items, rng):
        """[(image, {b, e, R, s, c, points}, kind)] -> columns."""
        made = [self.one(image, s, rng) for image, s, _ in items]
        x = torch.from_numpy(np.stack([m[1] for m in made])).permute(0, 3, 1, 2).float() / 127.5 - 1
        outs, features = [], []
        with torch.no_grad():
            for k in range(0, len(x), 50):
                with torch.autocast("cpu", torch.bfloat16, enabled=not self.val):  # for measuring, exactly what the library computes
                    seen, trunk = self.net.see(x[k:k + 50].contiguous(memory_format=torch.channels_last))
                features.append(trunk.half())
                outs.append(self.net.answer(seen.float()))
        out, features = torch.cat(outs).numpy(), torch.cat(features).numpy()
        if not self.val:
            out = np.stack([shaken(o, rng) for o in out])
        p = split(torch.from_numpy(out))
        rot = rotation_matrix(p["rotation"]).double().numpy()
        scale = SCALE * np.exp(p["scale"][:, 0].double().numpy())
        centre = (p["centre"].double().numpy() + 1) * INPUT / 2
        rows = []
        for k, (image, _, affine, s, flip) in enumerate(made):
            b, e = p["identity"][k].double().numpy(), np.clip(p["expression"][k].double().numpy(), 0, 1)
            seen = self.samples.model_points(b, e, rot[k], scale[k], centre[k])
            inverse = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))[:2]
            in_image = seen @ inverse[:, :2].T + inverse[:, 2]
            r2, s2, c2 = move(s["R"], s["s"], s["c"], affine)
            truth = s["points"] @ affine[:, :2].T + affine[:, 2]
            rows.append((closer(image, in_image), features[k], out[k], s["e"], s["b"], r2, s2, c2, measured(truth, seen, self.anchor), measured(seen, seen, self.anchor), seen,
                         face_frame(seen)[2] / np.linalg.norm(truth[33] - truth[263]), made[k][1], truth, s["fitted"], s["light"], s["albedo"], items[k][2] + 10 * flip, s["clip"]))
        names = ("crops", "trunk", "coarse", "expression", "identity", "rotation", "scale", "centre", "points", "seen_points", "seen", "unit", "face", "face_points",
                 "fitted", "light", "albedo", "kind", "clip")
        types = (np.uint8, np.float16) + (np.float32,) * 10 + (np.uint8,) + (np.float32,) * 4 + (np.int8, np.int16)
        return {n: np.stack(c).astype(t) for n, t, c in zip(names, types, zip(*rows))}

    def rendered(self, path, rng):
        d = np.load(path)
        items, images = [], d["image"]
        b, e, rot, s, c, head = (d[k] for k in ("identity", "expression", "rotation", "scale", "centre", "head"))
        for i in range(len(images)):
            points = self.samples.model_points(b[i], e[i], rot[i], s[i], c[i])
            if np.isfinite(points).all():
                items.append((images[i], {"b": b[i], "e": e[i], "R": rot[i], "s": s[i], "c": c[i], "points": points, "fitted": e[i],
                                          "light": np.zeros(27), "albedo": np.zeros(40), "clip": -1}, 1 + int(head[i])))
        return self.batch(items, rng)

    def real(self, ids, rng):
        lab, items = self.samples.labels, []
        for i in ids:
            items.append((self.samples.cache[i], {"b": lab["identity"][i], "e": self.taught[i], "R": lab["rotation"][i],
                                                  "s": lab["scale"][i], "c": lab["centre"][i], "points": self.samples.points[i],
                                                  "fitted": lab["expression"][i], "light": lab["light"][i], "albedo": lab["albedo"][i], "clip": self.samples.group[i]}, 0))
        return self.batch(items, rng)


_maker = None


def work(job):
    global _maker
    args, what, name, seed = job
    if _maker is None:
        _maker = Maker(args)
    path = os.path.join(args.output, name)
    if os.path.exists(path):
        return path
    rng = np.random.default_rng(seed)
    columns = _maker.rendered(what, rng) if isinstance(what, str) else _maker.real(what, rng)
    np.savez(path + ".new.npz", **columns)
    os.replace(path + ".new.npz", path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("data", "head", "labels", "cache", "rendered", "coarse", "output"):
        parser.add_argument(name)
    parser.add_argument("--val", action="store_true")
    parser.add_argument("--real", type=int, default=2, help="times that each photo and every second frame is taken")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    os.makedirs(args.output, exist_ok=True)
    jobs = [(args, p, os.path.basename(p), k + 1000) for k, p in enumerate(sorted(glob.glob(os.path.join(args.rendered, "*.npz"))))]
    labels = np.load(args.labels)
    usable = (labels["error"] < 0.025) & (labels["val"] == args.val)
    photos, frames = np.where(usable & (labels["group"] < 0))[0], np.where(usable & (labels["group"] >= 0))[0]
    for k in range(1 if args.val else args.real):
        ids = np.concatenate([photos, frames[k % 2::2]])
        jobs += [(args, part, f"real{k}_{j:02d}.npz", 7000 + 100 * k + j) for j, part in
                 enumerate(np.array_split(ids, max(1, len(ids) // 500)))]
    order = np.random.default_rng(0).permutation(len(jobs))
    with multiprocessing.Pool(args.processes) as pool:
        for n, path in enumerate(pool.imap_unordered(work, [jobs[i] for i in order])):
            print(n, path, flush=True)


if __name__ == "__main__":
    main()

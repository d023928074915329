# SPDX-License-Identifier: MIT
"""Image cache of photos and clip frames, and sets of rendered faces with known parameters.

  python3 training/render/make_set.py cache DATA_FOLDER labels.npz cache.npy
  python3 training/render/make_set.py render weights/head.jr2w labels.npz cache.npy out_folder --count 20000 [--val]
"""
import argparse
import multiprocessing
import os
import sys

import cv2
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "head"))
sys.path.insert(0, os.path.dirname(__file__))
from model import Head, angles, face_frame, project, rotation  # noqa: E402

CACHE = 256   # px of the cached crops; the data's crops are 384
SIZE = 224    # px of the rendered crops: about 1.9 times the face, near the resolution of the pictures they are textured with
RATIO = CACHE / 384


def build_cache(args):
    labels = np.load(args.labels)
    photos = np.load(os.path.join(args.data, "photos.npz"))
    group, frame = labels["group"], labels["frame"]
    out = np.lib.format.open_memmap(args.output, "w+", np.uint8, (len(group), CACHE, CACHE, 3))
    for i in np.where(group < 0)[0]:
        image = cv2.imread(os.path.join(args.data, "photos", str(photos["name"][frame[i]])))
        out[i] = cv2.resize(image, (CACHE, CACHE), interpolation=cv2.INTER_AREA)[..., ::-1]
    for c, clip in enumerate(labels["clips"]):
        reader = cv2.VideoCapture(os.path.join(args.data, f"{clip}.mp4"))
        rows = {int(frame[i]): i for i in np.where(group == c)[0]}
        n = 0
        while True:
            ok, image = reader.read()
            if not ok:
                break
            if n in rows:
                out[rows[n]] = cv2.resize(image, (CACHE, CACHE), interpolation=cv2.INTER_AREA)[..., ::-1]
            n += 1
        print(clip, n, "frames", flush=True)


def similarity(frame, side, size, roll):
    """2x3 affine from pixels to a size x size crop of a square of the given side around the frame, turned by roll."""
    cx, cy = frame[:2]
    k = size / side
    c, s = np.cos(roll) * k, np.sin(roll) * k
    return np.array([[c, s, size / 2 - c * cx - s * cy], [-s, c, size / 2 + s * cx - c * cy]])


def move(rot, scale, centre, affine):
    """Pose parameters after a 2x3 similarity of the image."""
    k = np.hypot(affine[0, 0], affine[0, 1])
    turn = np.eye(3)
    turn[:2, :2] = np.array([[affine[0, 0], -affine[0, 1]], [-affine[1, 0], affine[1, 1]]]) / k
    return turn @ rot, scale * k, affine[:, :2] @ centre + affine[:, 2]


def worker(job):
    seed, args = job
    from synth import Renderer, random_expression
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    head = Head(args.head)
    renderer = Renderer(head)
    labels = {k: v for k, v in np.load(args.labels).items()}
    cache = np.load(args.cache, mmap_mode="r")
    usable = np.where((labels["val"] == args.val) & (labels["error"] < 0.016))[0]
    is_photo = labels["group"][usable] < 0
    usable = np.concatenate([usable[is_photo], usable[~is_photo][::4 if not args.val else 12]])
    out = []
    while len(out) < args.chunk:
        i = rng.choice(usable)
        centre, scale = labels["centre"][i] * RATIO, labels["scale"][i] * RATIO
        src = {"b": labels["identity"][i], "e": labels["expression"][i], "R": labels["rotation"][i], "s": scale,
               "c": centre}
        source = renderer.source(np.ascontiguousarray(cache[i]), src)
        for _ in range(3):
            mode = "warp" if rng.random() < (0.3 if not args.val else 0.0) else "head"
            real = labels["expression"][rng.integers(len(labels["expression"]))]
            e = random_expression(rng, head, real, dense=not args.val and rng.random() < 0.35)
            if mode == "warp":
                b = src["b"] + (rng.normal(0, 0.6, 100) if rng.random() < 0.5 else np.zeros(100))
                rot = src["R"] @ rotation(*np.radians(rng.normal(0, [9, 7, 3])))
            else:
                b = rng.normal(0, rng.uniform(0.5, 1.1) if not args.val else 1.0, 100)
                yaw = rng.uniform(-60, 60) if args.val or rng.random() < 0.5 else np.clip(rng.normal(0, 30), -72, 72)
                rot = rotation(*np.radians([yaw, np.clip(rng.normal(0, 13), -35, 35), rng.normal(0, 8)]))
            if not args.val:
                b[0] = 0.25 * b[0]  # mode 0 is the size of the head, which one picture does not show
            v = head.vertices(b, e)
            s = scale * np.exp(rng.normal(0, 0.05))
            points = project(head.landmarks(v), rot, s, centre)
            affine = similarity(face_frame(points), 1.9 * face_frame(points)[2], SIZE, rng.normal(0, 0.1))
            r2, s2, c2 = move(rot, s, centre, affine)
            p = {"b": b, "e": e, "R": r2, "s": s2, "c": c2}
            light = None
            if rng.random() < 0.6:
                d = rng.normal(0, 1, 3)
                d[2] = abs(d[2])
                gain = rng.uniform(0.1, 0.5)
                light = np.concatenate([[1 - 0.5 * gain], gain * d / np.linalg.norm(d)]).astype(np.float32)
            if mode == "warp":
                inverse = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
                p["to_source"] = inverse[:2]
                light = None
                image = renderer.render(source, p, SIZE, mode)
            else:
                j = rng.choice(usable)
                background = cv2.resize(np.ascontiguousarray(cache[j])[:, ::-1], (SIZE, SIZE))
                m = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), rng.uniform(0, 360), rng.uniform(1.2, 4))
                background = cv2.warpAffine(background, m, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
                background = cv2.GaussianBlur(background, (0, 0), rng.uniform(0.5, 6)).astype(np.float32)
                image = renderer.render(source, p, SIZE, mode, background, light)
            out.append((image, np.float32(b), np.float32(e), np.float32(r2), np.float32(s2), np.float32(c2),
                        mode == "head", i))
    columns = list(zip(*out))
    path = os.path.join(args.output, f"{seed:06d}.npz")
    np.savez(path, **{k: np.stack(columns[n]) for n, k in
                      enumerate(("image", "identity", "expression", "rotation", "scale", "centre", "head", "source"))})
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    cache = commands.add_parser("cache")
    for name in ("data", "labels", "output"):
        cache.add_argument(name)
    render = commands.add_parser("render")
    for name in ("head", "labels", "cache", "output"):
        render.add_argument(name)
    render.add_argument("--count", type=int, default=20000)
    render.add_argument("--chunk", type=int, default=1000)
    render.add_argument("--seed", type=int, default=1)
    render.add_argument("--val", action="store_true", help="validation photos as appearance, for measuring only")
    render.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    if args.command == "cache":
        build_cache(args)
        return
    os.makedirs(args.output, exist_ok=True)
    jobs = [(args.seed * 10000 + k, args) for k in range(args.count // args.chunk)]
    with multiprocessing.Pool(args.processes) as pool:
        for path in pool.imap_unordered(worker, jobs):
            print(path, flush=True)


__all__ = ["angles"]

if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Pack what the training of the reenactment network needs into one small folder that can travel.

  python3 training/reenact/bundle.py DATA_FOLDER labels.npz cache.npy out_folder --silhouettes silhouettes.npy --limit 34

out_folder: pictures.bin (256 px WebP, one after the other), set.npz (labels in pixels of those pictures), and
conditions.so (the library's rasteriser and conditions for any x86-64 of level 3, for machines without a compiler).
labels.npz and cache.npy come from training/labels/fit_labels.py and training/render/make_set.py, silhouettes.npy from
training/reenact/silhouettes.py; without it the network does not learn to tell a person from what lies behind. The code, head model
and reconstruction network are those of the repository, which travels beside it. Then, there:

  python3 training/reenact/train.py out_folder run_folder --minutes 9

which resumes where run_folder/last.pt stands and leaves checkpoint, exported weights, log and sheet in run_folder.
"""
import argparse
import os

import cv2
import numpy as np

from data import CELLS, SIDE, encode_picture
from geometry import build

SCALE = SIDE / 384  # the labels are in pixels of 384


def rectangles(data, group, frame, clips):
    photos = np.load(os.path.join(data, "photos.npz"))["valid_rect"]
    clip = np.stack([np.load(os.path.join(data, f"{c}.npz"))["valid_rect"] for c in clips])
    return np.where((group < 0)[:, None], photos[np.where(group < 0, frame, 0)], clip[np.maximum(group, 0)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("data", "labels", "cache", "output"):
        parser.add_argument(name)
    parser.add_argument("--silhouettes", help="(pictures,64,64) uint8 of the cache")
    parser.add_argument("--limit", type=float, default=34, help="MiB of all files; the quality is lowered to fit")
    parser.add_argument("--march", default="x86-64-v3")
    parser.add_argument("--only", type=int, default=0, help="every n-th picture only, for tests")
    args = parser.parse_args()
    os.makedirs(args.output, exist_ok=True)
    label = {k: v for k, v in np.load(args.labels).items()}
    cache = np.load(args.cache, mmap_mode="r")
    rows = np.arange(len(cache))
    if args.only:
        rows = rows[(rows % args.only == 0) | (label["val"] & (label["group"] >= 0) & (rows % 16 == 0))]
    group, frame = label["group"][rows], label["frame"][rows]
    out = {"group": group.astype(np.int16), "frame": frame.astype(np.int16), "val": label["val"][rows], "clips": label["clips"],
           "identity": label["identity"][rows].astype(np.float16), "expression": label["expression"][rows].astype(np.float16),
           "rotation": label["rotation"][rows], "scale": label["scale"][rows] * np.float32(SCALE),
           "centre": label["centre"][rows] * np.float32(SCALE), "error": label["error"][rows],
           "rect": (rectangles(args.data, group, frame, label["clips"]) * SCALE).astype(np.float32)}
    if args.silhouettes:
        silhouettes = np.load(args.silhouettes)
        if silhouettes.shape != (len(cache), CELLS, CELLS) or silhouettes.dtype != np.uint8:
            raise SystemExit(f"{args.silhouettes} is not of the pictures in {args.cache}")
        out["silhouette"] = silhouettes[rows]
    library = build(os.path.join(args.output, "conditions.so"), args.march)
    table = os.path.join(args.output, "set.npz")
    np.savez_compressed(table, offset=np.zeros(len(rows) + 1, np.int64), **out)
    room = args.limit * 2**20 - os.path.getsize(library) - os.path.getsize(table) - 16 * len(rows)

    def size(quality):  # estimated from a sample
        some = rows[:: max(1, len(rows) // 150)]
        return len(rows) * np.mean([len(encode_picture(np.ascontiguousarray(cache[i]), quality)) for i in some])
    quality = 92
    while quality > 40 and size(quality) > 0.97 * room:
        quality -= 2
    offset, at = np.zeros(len(rows) + 1, np.int64), 0
    with open(os.path.join(args.output, "pictures.bin"), "wb") as f:
        for k, i in enumerate(rows):
            at += f.write(encode_picture(np.ascontiguousarray(cache[i]), quality))
            offset[k + 1] = at
    np.savez_compressed(table, offset=offset, **out)
    total = sum(os.path.getsize(os.path.join(args.output, n)) for n in ("pictures.bin", "set.npz", "conditions.so"))
    print(f"{len(rows)} pictures, WebP quality {quality}, {total / 2**20:.1f} MiB in {args.output}")
    if total > args.limit * 2**20:
        raise SystemExit("larger than the limit")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()

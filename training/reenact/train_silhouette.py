# SPDX-License-Identifier: MIT
"""Train the silhouette of the reenactment network: which part of a portrait is the person and moves, and what lies behind and stays.

  python3 training/reenact/train_silhouette.py BUNDLE weights/reenact.jr2w out.jr2w --minutes 25

BUNDLE is a folder of bundle.py with silhouettes. Photos and clip frames, turned, scaled, shifted, mirrored, in other colours; half of them
before what lies behind other people, so that a wall is not known by heart. Everything else of the file stays as it is. Prints the
cross entropy while it learns, and at last the overlap with the teacher on the validation pictures; --sheet shows them.
"""
import argparse
import copy
import math
import os
import sys
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from data import CELLS, SIDE, Samples, Set, inverse  # noqa: E402
from export import TOPOLOGY, load, jr2w, stored  # noqa: E402
from geometry import INSIDE  # noqa: E402
from network import Reenact  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SEEN = SIDE // 2
PADDED = 0.3  # weight of what is no real picture: the teacher guesses there, too


def behind(picture, silhouette):
    """The picture without the person: the hole is filled from around it."""
    stays = (cv2.resize(silhouette, (SEEN, SEEN)).astype(np.float32) < 26).astype(np.float32)
    filled, weight = picture.astype(np.float32) * stays[..., None], stays
    for size in (9, 31, 91):
        near, share = cv2.blur(filled, (size, size)), cv2.blur(weight, (size, size))
        new = (weight < 0.5) & (share > 1e-3)
        filled[new], weight = near[new] / share[new, None], np.where(new, 1, weight).astype(np.float32)
    return filled.astype(np.uint8)


class Pictures:
    """Everything at the size that the network sees, in memory."""

    def __init__(self, samples, rows):
        label, geometry = samples.set.label, samples.geometry
        self.picture = np.stack([cv2.resize(samples.set.images[i], (SEEN, SEEN), interpolation=cv2.INTER_AREA) for i in rows])
        self.silhouette = label["silhouette"][rows]
        self.inside, self.real = np.empty((2, len(rows), SEEN, SEEN), np.uint8)
        for k, i in enumerate(rows):
            p = samples.pose_of(i)
            posed = geometry.pose(samples.vertices(p["b"][None], p["e"][None])[0], p["R"], p["s"], p["c"])
            self.inside[k] = cv2.resize(geometry.maps(posed)[INSIDE], (SEEN, SEEN), interpolation=cv2.INTER_AREA) * 255
            geometry.give(posed)
            at, rect = np.arange(SEEN) * 2 + 1, label["rect"][i]
            self.real[k] = 255 * ((at > rect[0]) & (at < rect[2]))[None] * ((at > rect[1]) & (at < rect[3]))[:, None]
        self.behind = np.stack([behind(*both) for both in zip(self.picture, self.silhouette)])

    def drawn(self, k, rng):
        """-> planes (5,SEEN,SEEN), silhouette and weight (1,CELLS,CELLS), float32."""
        picture, inside, real = self.picture[k], self.inside[k], self.real[k]
        silhouette = cv2.resize(self.silhouette[k], (SEEN, SEEN))
        if rng.random() < 0.5:
            a = silhouette[..., None] / np.float32(255)
            wall = self.behind[rng.integers(len(self.behind))]
            picture = (a * picture + (1 - a) * (wall[:, ::-1] if rng.random() < 0.5 else wall)).astype(np.uint8)
        scale, angle = np.exp(rng.normal(0, 0.15)), rng.normal(0, 0.12)
        c, s, h = np.cos(angle) * scale, np.sin(angle) * scale, SEEN / 2
        shift = rng.normal(0, 6, 2)
        m = inverse(np.array([[c, -s, h - c * h + s * h + shift[0]], [s, c, h - s * h - c * h + shift[1]]]))

        def moved(x, border=cv2.BORDER_REPLICATE):
            return cv2.warpAffine(x, m, (SEEN, SEEN), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border)
        picture, inside, silhouette, real = moved(picture), moved(inside, cv2.BORDER_CONSTANT), moved(silhouette), moved(real, cv2.BORDER_CONSTANT)
        x = picture.astype(np.float32) / 255
        if rng.random() < 0.8:
            x = np.clip(np.clip(x, 1e-4, 1) ** np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.15, 3)), 0, 1)
        if rng.random() < 0.1:
            x = np.repeat(x.mean(2, keepdims=True), 3, 2)
        if rng.random() < 0.3:
            x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.2))
        x = x + rng.normal(0, 0.03 * rng.random(), x.shape)
        planes = np.concatenate([2 * x.transpose(2, 0, 1) - 1, inside[None] / 255, real[None] / 255]).astype(np.float32)
        small = [cv2.resize(p, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float32)[None] / 255 for p in (silhouette, real)]
        out = planes, small[0], PADDED + (1 - PADDED) * small[1]
        return tuple(np.ascontiguousarray(v[..., ::-1]) for v in out) if rng.random() < 0.5 else out


@torch.no_grad()
def judge(net, pictures):
    """Overlap (intersection over union) with the teacher, one number a picture, and rows of a sheet."""
    overlap, sheet = [], []
    for k in range(len(pictures.picture)):
        x = np.concatenate([pictures.picture[k].transpose(2, 0, 1) / 127.5 - 1, pictures.inside[k][None] / 255, pictures.real[k][None] / 255])
        seen = torch.sigmoid(net.silhouette(torch.from_numpy(x.astype(np.float32))[None]))[0, 0].numpy()
        a, b = seen > 0.5, pictures.silhouette[k] > 127
        overlap.append((a & b).sum() / max((a | b).sum(), 1))
        sheet.append(np.concatenate([pictures.picture[k]] + [np.repeat(cv2.resize(m, (SEEN, SEEN))[..., None], 3, 2)
                                                             for m in (pictures.silhouette[k], (255 * seen).astype(np.uint8))]))
    return np.array(overlap), sheet


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("bundle", "weights", "output"):
        parser.add_argument(name)
    parser.add_argument("--head", default=os.path.join(ROOT, "weights/head.jr2w"))
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sheet", default="")
    parser.add_argument("--smoke", type=int, default=0, help="this many steps")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    data, rng = Set(args.bundle, args.threads), np.random.default_rng(0)
    label = data.label
    if "silhouette" not in label:
        raise SystemExit(f"{args.bundle} has no silhouettes (bundle.py --silhouettes)")
    library = os.path.join(args.bundle, "conditions.so")
    samples = Samples(args.head, data, 1, library if os.path.exists(library) else None)
    val = np.where(label["val"])[0]
    learnt = Pictures(samples, np.concatenate([data.photos, *[c[::4] for c in data.clips]]))
    chance = np.where(np.arange(len(learnt.picture)) < len(data.photos), 1, 0.7)
    chance /= chance.sum()
    topology, tensors = jr2w.read(args.weights)
    if topology != TOPOLOGY:
        raise SystemExit(f"{args.weights}: topology {topology}")
    net = Reenact(jr2w.meta(tensors)["config"])
    net.unfold(tensors)
    part, average = net.silhouette.to(memory_format=torch.channels_last), copy.deepcopy(net.silhouette)
    optimizer = torch.optim.Adam(part.parameters(), args.rate, (0.9, 0.99))
    began, step, sums = time.time(), 0, 0.0
    while (progress := step / args.smoke if args.smoke else (time.time() - began) / (60 * args.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        x, truth, weight = (torch.from_numpy(np.stack(v)) for v in zip(*[learnt.drawn(k, rng) for k in rng.choice(len(chance), args.batch, p=chance)]))
        with torch.autocast("cpu", torch.bfloat16):
            said = part(x.contiguous(memory_format=torch.channels_last))
        loss = (F.binary_cross_entropy_with_logits(said, truth, reduction="none") * weight).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(part.parameters(), 1.0)
        optimizer.step()
        keep = min(0.998, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in part.parameters()], 1 - keep)
        step, sums = step + 1, sums + loss.item()
        if step % 100 == 0:
            print(f"{step} {100 * progress:.0f}% {step * args.batch / (time.time() - began):.0f}/s {sums / 100:.4f}", flush=True)
            sums = 0.0
    net.silhouette = average
    tensors.update({name: value for name, value in stored(net).items() if name.startswith("silhouette.")})
    jr2w.write(args.output, TOPOLOGY, tensors)
    overlap, sheet = judge(load(args.output), Pictures(samples, val))
    group = label["group"][val]
    print(f"overlap with the teacher: validation photos {overlap[group < 0].mean():.3f}, clips {overlap[group >= 0].mean():.3f}")
    if args.sheet:
        some = np.concatenate([np.where(group < 0)[0][::13], [np.where(group == g)[0][0] for g in np.unique(group[group >= 0])]])
        cv2.imwrite(args.sheet, np.ascontiguousarray(np.concatenate([sheet[i] for i in some], 1)[..., ::-1]))


if __name__ == "__main__":
    main()

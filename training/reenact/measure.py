# SPDX-License-Identifier: MIT
"""Measure a reenactment network on people it was not trained on, and make sheets.

  python3 training/reenact/measure.py BUNDLE weights/reenact.jr2w --frames 0 --sheet sheet.png

Self-reenactment on the validation clips: the source is the first good frame, the labels of each other frame drive it,
the real frame is the truth; PSNR and SSIM over the part of the crop that is real, and PSNR inside the mesh. Beside the
network: the source repeated, and the source warped by the mesh's flow alone.
"""
import argparse
import os
import sys

import cv2
import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from data import Samples, Set, prepare  # noqa: E402
from export import load  # noqa: E402
from network import sample  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
KINDS = ("source", "warp", "network")


def psnr(x, y, mask):
    """Per picture, over mask (B,1,H,W), of 8-bit values."""
    d = ((x.clamp(0, 1) * 255).round() - (y * 255).round()) ** 2
    mse = (d * mask).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3))).clamp(min=1)
    return 10 * torch.log10(255**2 / mse.clamp(min=1e-3))


def ssim(x, y, mask):
    """Wang et al. 2004 on grey values: 11 x 11 Gaussian, sigma 1.5; the mean over mask."""
    a = torch.arange(11, dtype=torch.float32, device=x.device) - 5
    g = torch.exp(-a**2 / 4.5)
    k = (g[:, None] * g[None] / g.sum() ** 2)[None, None]

    def blur(v):
        return F.conv2d(F.pad(v, (5,) * 4, mode="replicate"), k)
    grey = x.new_tensor([0.299, 0.587, 0.114])[None, :, None, None]
    x, y = ((v.clamp(0, 1) * grey).sum(1, keepdim=True) for v in (x, y))
    mx, my = blur(x), blur(y)
    vx, vy, c = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    s = (2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))
    return (s * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))


def to_row(*pictures):
    return np.concatenate([(p.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy() for p in pictures], 1)


@torch.no_grad()
def silhouette_of(net, samples, images, device, row):
    """What the network says of a picture, (CELLS,CELLS) float32."""
    t = prepare(samples.batch([samples.plain(row, row)]), images, device)
    return net.outline(t["source"], t["maps"], t["valid_source"])[0, 0].cpu().numpy()


def driven(samples, source, rows, silhouette):
    """Pairs of a source and what drives it, with the source's silhouette."""
    return [{**samples.plain(source, row), "silhouette": silhouette} for row in rows]


@torch.no_grad()
def measure(net, samples, images, device, frames=0, batch=10):
    """-> lines of a table, sheet (H,W,3). frames: per clip, evenly spread; 0: all."""
    label = samples.set.label
    val_groups = [g for g in np.unique(label["group"]) if g >= 0 and label["val"][label["group"] == g].all()]
    lines = ["clip: PSNR / SSIM of the crop, PSNR of the face, for " + ", ".join(KINDS)]
    means, sheet = [], []
    for g in val_groups:
        rows = np.where((label["group"] == g) & np.isfinite(label["error"]))[0]
        if len(rows) < 2:
            continue
        source, rest = rows[0], rows[1:]
        if frames:
            rest = rest[np.linspace(0, len(rest) - 1, min(frames, len(rest))).astype(int)]
        clip, silhouette = [], silhouette_of(net, samples, images, device, source)
        for k in range(0, len(rest), batch):
            t = prepare(samples.batch(driven(samples, source, rest[k:k + batch], silhouette)), images, device)
            warp = sample(t["source"], t["flow"])
            output, _, mask = net(t["source"], t["maps"], t["valid_source"], t["planes"], t["flow"])[:3]
            valid = t["valid_target"]
            face = valid * F.interpolate(t["planes"][:, 6:7], scale_factor=2)
            clip.append(torch.stack([torch.stack([psnr(x, t["target"], valid), ssim(x, t["target"], valid), psnr(x, t["target"], face)])
                                     for x in (t["source"], warp, output)]).cpu())
            n = len(valid)
            for i in sorted({0, n - 1}) if k == 0 else []:
                sheet.append(to_row(t["source"][i], t["target"][i], warp[i], output[i], mask[i].expand(3, -1, -1)))
        values = torch.cat(clip, 2).mean(2)
        means.append(values)
        name = os.path.basename(str(label["clips"][g]))
        lines.append(f"{name:10s} " + "   ".join("%.2f / %.3f, %.2f" % tuple(v) for v in values))
    if not means:
        raise ValueError("the folder has no validation clips")
    values = torch.stack(means).mean(0)
    lines.append("mean       " + "   ".join("%.2f / %.3f, %.2f" % tuple(v) for v in values))
    return lines, np.concatenate(sheet, 0)


@torch.no_grad()
def cross(net, samples, images, device, portraits=6, drivers=4):
    """Validation portraits (faker first) moved by validation clips: a sheet without numbers, there is no truth."""
    label = samples.set.label
    photos = np.where((label["group"] < 0) & label["val"])[0][-portraits:]
    groups = [g for g in np.unique(label["group"]) if g >= 0 and label["val"][label["group"] == g].all()][:drivers]
    driving = [np.where(label["group"] == g)[0] for g in groups]
    driving = [rows[len(rows) // 2] for rows in driving]

    def picture(i):
        return torch.from_numpy(samples.set.images[i]).permute(2, 0, 1).float() / 255
    sheet = [to_row(torch.ones(3, 256, 256), *[picture(i) for i in driving])]
    for i in photos:
        s = samples.pose_of(i)
        pairs = driven(samples, i, driving, silhouette_of(net, samples, images, device, i))
        for pair in pairs:
            t = pair["target"]  # the driver's pose and expression, the portrait's place and size
            pair["target"] = {"b": s["b"], "e": t["e"], "R": t["R"], "s": s["s"], "c": s["c"]}
        t = prepare(samples.batch(pairs), images, device)
        output = net(t["source"], t["maps"], t["valid_source"], t["planes"], t["flow"])[0]
        sheet.append(to_row(t["source"][0], *output))
    return np.concatenate(sheet, 0)


def save_sheet(sheet, path):
    cv2.imwrite(path, np.ascontiguousarray(sheet[..., ::-1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle")
    parser.add_argument("weights")
    parser.add_argument("--head", default=os.path.join(ROOT, "weights/head.jr2w"))
    parser.add_argument("--frames", type=int, default=0, help="per clip; 0: all")
    parser.add_argument("--sheet", default="")
    parser.add_argument("--cross", default="", help="sheet of portraits moved by other people")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    library = os.path.join(args.bundle, "conditions.so")
    data = Set(args.bundle, args.threads)
    samples = Samples(args.head, data, args.threads, library if os.path.exists(library) else None)
    net = load(args.weights).to(device)
    images = torch.from_numpy(data.images).to(device)
    lines, sheet = measure(net, samples, images, device, args.frames)
    print("\n".join(lines))
    if args.sheet:
        save_sheet(sheet, args.sheet)
    if args.cross:
        save_sheet(cross(net, samples, images, device), args.cross)


if __name__ == "__main__":
    main()

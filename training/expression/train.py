# SPDX-License-Identifier: MIT
"""Train the expression network on prepared samples (prepare.py).

  python3 training/expression/train.py weights/head.jr2w prepared/ prepared_val/ run/ --minutes 60

The learning rate follows the clock. run/last.pt is written every few minutes and resumed from when it is there;
run/best.jr2w is exported with it. --smoke N runs N steps.
"""
import argparse
import glob
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for _folder in ("", "head", "coarse"):
    sys.path.insert(0, os.path.join(_ROOT, _folder))
import jr2w  # noqa: E402
from decoder import Decoder  # noqa: E402
from expression_network import LAYOUT, SIDE, Expression  # noqa: E402
from model import Head  # noqa: E402

MARGIN = 4


class Samples:
    """Everything in memory; takes up files that have appeared since."""

    def __init__(self, folder):
        self.folder, self.loaded, self.parts, self.names = folder, set(), [], []
        self.refresh()

    def refresh(self):
        for path in sorted(glob.glob(os.path.join(self.folder, "*.npz"))):
            if path not in self.loaded and not path.endswith(".new.npz"):
                self.parts.append(dict(np.load(path)))
                self.names.append(os.path.basename(path))
                self.loaded.add(path)
        self.index = np.concatenate([np.stack([np.full(len(p["kind"]), k), np.arange(len(p["kind"]))], 1)
                                     for k, p in enumerate(self.parts)])
        self.real = np.concatenate([p["kind"] % 10 == 0 for p in self.parts])

    def take(self, rows, rng=None):
        """Tensors of these rows of the index; with rng: random shifts, light and noise."""
        columns = {k: np.stack([self.parts[a][k][b] for a, b in self.index[rows]]) for k in self.parts[0] if k != "crops"}
        n = len(rows)
        crops = np.empty((3, n, SIDE, SIDE, 3), np.uint8)
        for i, (a, b) in enumerate(self.index[rows]):
            stored = self.parts[a]["crops"][b]
            y, x = rng.integers(0, 2 * MARGIN + 1, (2, 3)) if rng is not None else np.zeros((2, 3), int)
            for j in range(3):
                crops[j, i] = stored[j, y[j]:y[j] + SIDE, x[j]:x[j] + SIDE]
        t = {k: torch.from_numpy(v) for k, v in columns.items()}
        x = torch.from_numpy(crops).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        if rng is not None:
            gain = torch.from_numpy(np.exp(rng.normal(0, 0.15, (1, n, 1, 1, 1)) + rng.normal(0, 0.04, (1, n, 3, 1, 1)))).float()
            x = x * gain + torch.from_numpy(rng.normal(0, 0.08, (1, n, 1, 1, 1))).float()
            x = x.clamp_(-1, 1)
        return [y.contiguous(memory_format=torch.channels_last) for y in x], t


def answer(out):
    got, at = {}, 0
    for name, n in LAYOUT:
        got[name] = out[:, at:at + n]
        at += n
    return got


def losses(decoder, out, t):
    p = answer(out)
    coarse = decoder.decode(t["coarse"])
    synthetic = (t["kind"] % 10 >= 1).float()
    own = (t["kind"] < 10).float()
    weight = 0.25 + 0.75 * synthetic
    de = p["expression"] - t["expression"]
    r = de.abs()
    expression = (F.smooth_l1_loss(de, torch.zeros_like(de), beta=0.1, reduction="none").mean(1) * weight)
    geometry = (de @ decoder.expression_basis).square().mean(1) * weight
    log_error = p["log_error"] - 3
    laplace = ((r.detach() + 0.002) * (-log_error).exp() + log_error).mean(1) * synthetic
    b = coarse["identity"] + p["identity"]
    db = b - t["identity"]
    shape = db @ decoder.shape_basis
    points = decoder.points(b, p["expression"], coarse["rotation"], coarse["scale"], coarse["centre"])
    size = t["scale"] * 9.0
    d = (points - t["points"]) / size[:, None, None]
    landmark = (F.smooth_l1_loss(d, torch.zeros_like(d), beta=0.01, reduction="none") * decoder.weight[None, :, None]).mean((1, 2))
    gap = (d[:, decoder.pairs[:, 0]] - d[:, decoder.pairs[:, 1]]).abs().mean((1, 2))
    total = (100 * expression + 40 * geometry + 10 * landmark + 10 * gap + 10 * shape.square().mean(1) * own * (0.4 + 0.6 * synthetic)
             + 0.03 * db.square().mean(1) * own + 0.2 * laplace)

    def over(x, m):
        return float((x.detach() * m).sum() / m.sum().clamp(min=1))
    parts = {"expr": over(r.mean(1), synthetic), "real_expr": over(r.mean(1), 1 - synthetic), "shape": over(shape.abs().mean(1), synthetic * own),
             "points": over(d[:, :468].norm(dim=2).mean(1), 1 - synthetic)}
    return total.mean(), parts


@torch.no_grad()
def validate(net, decoder, val, names):
    """On validation pictures: mean absolute error and correlation of the coefficients (rendered), points (photos), shape."""
    net.eval()
    e, truth, points, shape, coarse_e, coarse_shape, mean_shape = [], [], [], [], [], [], []
    for k in range(0, len(val.index), 100):
        x, t = val.take(np.arange(k, min(k + 100, len(val.index))))
        p = answer(net(*x, t["coarse"]))
        coarse = decoder.decode(t["coarse"])
        e_now = p["expression"].clamp(0, 1)
        b = coarse["identity"] + p["identity"]
        real = t["kind"] == 0
        q = decoder.points(b, e_now, coarse["rotation"], coarse["scale"], coarse["centre"])
        points.append(((q - t["points"])[:, :468].norm(dim=2).mean(1) / (t["points"][:, 33] - t["points"][:, 263]).norm(dim=1))[real])
        e.append(e_now[~real])
        truth.append(t["expression"][~real])
        coarse_e.append(coarse["expression"].clamp(0, 1)[~real])
        for into, guess in ((shape, b), (coarse_shape, coarse["identity"]), (mean_shape, 0 * b)):
            d = (guess - t["identity"])[~real]
            d[:, 0] = 0  # size
            into.append((d @ decoder.shape_basis).unflatten(1, (-1, 3)).norm(dim=2).mean(1))
    net.train()
    e, truth, coarse_e = (torch.cat(a).numpy() for a in (e, truth, coarse_e))

    def correlations(a):
        return np.array([np.corrcoef(a[:, k], truth[:, k])[0, 1] if a[:, k].std() > 0 and truth[:, k].std() > 0 else np.nan for k in range(53)])
    c, c0 = correlations(e), correlations(coarse_e)
    order = np.argsort(c)
    print(f"  validation: expression {np.abs(e - truth).mean():.4f} (coarse {np.abs(coarse_e - truth).mean():.4f}, zero {truth.mean():.4f}), "
          f"correlation {np.nanmean(c):.3f} (coarse {np.nanmean(c0):.3f}), {np.sum(c >= 0.6)} of 53 >= 0.6, worst "
          + " ".join(f"{names[k]} {c[k]:.2f}" for k in order[:8])
          + f"; shape without size {10 * torch.cat(shape).mean():.2f} mm (coarse {10 * torch.cat(coarse_shape).mean():.2f}, "
          f"mean {10 * torch.cat(mean_shape).mean():.2f}); photos {100 * torch.cat(points).mean():.2f} %", flush=True)
    return {"mae": float(np.abs(e - truth).mean()), "correlation": float(np.nanmean(c))}


def export(net, path, note):
    tensors = {"meta": json.dumps({"layout": LAYOUT, "side": SIDE, "config": net.config, **note})}
    for name, value in net.folded().items():
        a = value.float().numpy()
        tensors[name] = a.astype(np.float16) if name.endswith("weight") else a
    jr2w.write(path, "jr2.expression.1", tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("head", "prepared", "prepared_val", "run"):
        parser.add_argument(name)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share-real", type=float, default=0.2)
    parser.add_argument("--init", help="exported weights (.jr2w) to start from")
    parser.add_argument("--smoke", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    os.makedirs(args.run, exist_ok=True)
    head = Head(args.head)
    samples, val = Samples(args.prepared), Samples(args.prepared_val)
    print(len(samples.index), "samples,", int(samples.real.sum()), "real", flush=True)
    decoder = Decoder(head)
    net, average = Expression(), Expression()
    if args.init:
        net.unfold(jr2w.read(args.init)[1])
    net, average = (n.to(memory_format=torch.channels_last) for n in (net, average))
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), args.rate, weight_decay=0.02)
    step, spent, last = 0, 0.0, os.path.join(args.run, "last.pt")
    if os.path.exists(last):
        saved = torch.load(last)
        for part, name in ((net, "net"), (average, "average"), (optimizer, "optimizer")):
            part.load_state_dict(saved[name])
        step, spent = saved["step"], saved["spent"]
        print("resumed at step", step, flush=True)
    rng = np.random.default_rng([step, 5])
    start = time.time() - spent
    mean, shown, written = {}, time.time(), time.time()

    def save():
        result = validate(average, decoder, val, head.names)
        torch.save({"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                    "step": step, "spent": time.time() - start}, last + ".new")
        os.replace(last + ".new", last)
        export(average, os.path.join(args.run, "best.jr2w"), {"step": step, **result})
    while True:
        progress = (time.time() - start) / (60 * args.minutes) if not args.smoke else step / args.smoke
        if progress >= 1:
            break
        for g in optimizer.param_groups:
            g["lr"] = args.rate * min(1, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        n_real = int(round(args.batch * args.share_real))
        rows = np.concatenate([rng.choice(np.where(samples.real)[0], n_real), rng.choice(np.where(~samples.real)[0], args.batch - n_real)])
        x, t = samples.take(rows, rng)
        loss, parts = losses(decoder, net(*x, t["coarse"]), t)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        keep = min(0.999, (step + 1) / (step + 20))
        with torch.no_grad():
            for a, b in zip(average.state_dict().values(), net.state_dict().values()):
                if a.dtype.is_floating_point:
                    a.lerp_(b, 1 - keep)
                else:
                    a.copy_(b)
        step += 1
        parts["loss"] = float(loss.detach())
        for k, v in parts.items():
            mean[k] = mean.get(k, v) * 0.98 + 0.02 * v
        if step % 100 == 0:
            now = time.time()
            print(f"{step} {progress * 100:.0f}% {100 * args.batch / (now - shown):.0f}/s " + " ".join(f"{k} {v:.4f}" for k, v in mean.items()),
                  flush=True)
            shown = now
        if time.time() - written > 240:
            save()
            samples.refresh()
            written = shown = time.time()
    save()
    print("end, step", step, flush=True)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Train the expression network on prepared samples (prepare.py).

  python3 training/expression/train.py DATA_FOLDER weights/head.jr2w prepared/ prepared_val/ run/ --minutes 60

The learning rate follows the clock. run/last.pt is written every few minutes and resumed from when it is there;
run/best.jr2w is exported with it. --joint trains the coarse network with it, which both share the trunk of, and exports
run/coarse.jr2w. --smoke N runs N steps.
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
from data import mirror_points  # noqa: E402
from decoder import Decoder  # noqa: E402
import losses as coarse_losses  # noqa: E402
import network as coarse_network  # noqa: E402
from expression_network import LAYOUT, SIDE, UNIT, Expression  # noqa: E402
from model import Head  # noqa: E402
from prepare import EYE, MOUTH, anchors  # noqa: E402


STRONG = 3   # how much more a strong coefficient of a real picture counts: blinks and the like are rare and short
IMPORTANT = {"eyeLook": 9, "eyeBlink": 3}  # how much more coefficients with such names count
SHAPE = 60   # weight of the neutral shape, of squared cm
SAME = 600   # weight of the difference between the neutral shapes that two frames of a clip give
MOVED, COVERED = 0.7, 0.15  # shares of the crops
ALONE_STEPS = 300  # exported weights have no heads of the branches by themselves: so long these learn before the branches learn from them
BETA = 0.06  # below this error of a coefficient its loss is square: nearly a median, so what is doubtful stays at rest


WIDE = {"face_points": "points", "fitted": "expression", "light": "light", "albedo": "albedo"}  # what the coarse network is taught, and its name there


def disturbed(x):
    """Crops (N,3,side,side) shifted, scaled and partly covered at random, so that a picture that is seen again is not the same -> crops,
    k (N,1), shift (N,2): what was p half sides from a crop's centre is k p + shift from it now."""
    n, side = len(x), x.shape[2]
    some = (torch.rand(n, 1) < MOVED).float()
    k = 1 + 0.03 * some * torch.randn(n, 1)
    shift = 0.06 * some * torch.randn(n, 2)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / k[:, 0]
    theta[..., 2] = -shift / k
    x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), padding_mode="border", align_corners=False)
    at = torch.arange(side)
    lo, length = torch.rand(2, n, 1) * side, side * (0.1 + 0.3 * torch.rand(2, n, 1))
    inside = (at >= lo) & (at < lo + length)
    cover = (inside[0][:, :, None] & inside[1][:, None, :]) & (torch.rand(n, 1, 1) < COVERED)
    return torch.where(cover[:, None], torch.rand(n, 3, 1, 1) * 2 - 1, x), k, shift


class Samples:
    """Everything in memory; takes up files that have appeared since and lets go of those that are gone, so that faces can be drawn while it
    trains. face: also what the coarse network sees and is taught."""

    def __init__(self, folder, anchor, face=False):
        self.folder, self.loaded = folder, {}
        self.left_out = set() if face else {"face", *WIDE}
        self.anchor = torch.tensor(anchor)
        self.refresh()

    def refresh(self):
        paths = [p for p in sorted(glob.glob(os.path.join(self.folder, "*.npz"))) if not p.endswith(".new.npz")]
        for path in self.loaded.keys() - set(paths):
            del self.loaded[path]
        for path in paths:
            if path not in self.loaded:
                columns = np.load(path)
                self.loaded[path] = {k: columns[k] for k in columns.files if k not in self.left_out}
        self.parts = list(self.loaded.values())
        self.index = np.concatenate([np.stack([np.full(len(p["kind"]), k), np.arange(len(p["kind"]))], 1)
                                     for k, p in enumerate(self.parts)])
        self.real = np.concatenate([p["kind"] % 10 == 0 for p in self.parts])
        self.clip = np.concatenate([p["clip"] for p in self.parts])
        self.frames = {c: np.where(self.clip == c)[0] for c in np.unique(self.clip) if c >= 0}
        turned = np.concatenate([np.degrees(np.abs(np.arctan2(p["rotation"][:, 0, 2], p["rotation"][:, 2, 2]))) for p in self.parts])
        self.chance = np.where(self.real, 0, 0.5 + np.minimum(turned, 60) / 30)  # most faces are rendered near 0
        self.chance /= max(self.chance.sum(), 1)

    def draw(self, rng, batch, share_real):
        """Rows of a batch, and how many pairs it begins with: row k and row pairs + k are frames of one clip, or not of a clip. Rendered faces come as evenly
        turned as they can."""
        real = np.where(self.real)[0]
        pairs = int(round(batch * share_real)) // 2
        first = rng.choice(real, pairs)
        second = [rng.choice(self.frames[c] if c >= 0 else real) for c in self.clip[first]]
        return np.concatenate([first, second, rng.choice(len(self.real), batch - 2 * pairs, p=self.chance)]).astype(int), pairs

    @torch.no_grad()
    def look(self, net):
        """Keeps what the untrained branches see of each sample."""
        net.eval()
        for part in self.parts:
            if "maps" in part:
                continue
            maps = []
            for k in range(0, len(part["kind"]), 100):
                x = torch.from_numpy(part["crops"][k:k + 100]).permute(1, 0, 4, 2, 3).float() / 127.5 - 1
                maps.append(torch.stack([b.see(y.contiguous(memory_format=torch.channels_last)).contiguous()
                                         for b, y in zip((net.eye, net.eye, net.mouth), x)], 1).half().numpy())
            part["maps"] = np.concatenate(maps)
        net.train()
        net.trunk_eval()

    def forget(self):
        for part in self.parts:
            part.pop("maps", None)

    def moved(self, x, points):
        """Crops (3,N,3,SIDE,SIDE) disturbed, each by itself, and the landmarks measured from their centres."""
        n = x.shape[1]
        x, k, shift = (y.unflatten(0, (3, n)) for y in disturbed(x.flatten(0, 1)))
        side = torch.tensor([EYE, EYE, MOUTH])[:, None, None] / 2 * torch.tensor([[[1.0, 1]], [[-1, 1]], [[1, 1]]])  # the left eye's crop is mirrored
        return x, points * k[self.anchor].transpose(0, 1) + (shift * side)[self.anchor].transpose(0, 1)

    def take(self, rows, rng=None, maps=False, dropout=0, face=False):
        """Tensors of these rows of the index; with rng: random light and noise. maps: what look() kept instead of crops. dropout: of what the
        coarse network saw. face: also the crop that the coarse network sees, (N,3,128,128) under "face", and "wide", what is true of it."""
        where = self.index[rows]
        left_out = ({"crops"} if maps else {"maps"}) | (set() if face else {"face", *WIDE})
        columns = {k: np.stack([self.parts[a][k][b] for a, b in where]) for k in self.parts[0] if k not in left_out}
        crops, n = columns.pop("crops", None), len(rows)
        t = {k: torch.from_numpy(v) for k, v in columns.items()}
        t["trunk"] = t["trunk"].float()
        if rng is not None:
            t["trunk"] = F.dropout(t["trunk"], dropout)
        if maps:
            seen = t.pop("maps").float()
            if rng is not None:
                seen = seen * ((torch.rand(n, 3, seen.shape[2], 1, 1) > 0.1) * (1 + 0.15 * torch.randn(n, 3, seen.shape[2], 1, 1))) / 0.9
            return list(seen.unbind(1)), t
        if rng is not None:
            gain = torch.from_numpy(np.exp(rng.normal(0, 0.15, (n, 1, 1, 1)) + rng.normal(0, 0.04, (n, 3, 1, 1)))).float()
            shift, noise = torch.from_numpy(rng.normal(0, 0.08, (n, 1, 1, 1))).float(), 0.1 * float(rng.random())

        def light(x):
            return x if rng is None else (x * gain + shift + noise * torch.randn(x.shape)).clamp_(-1, 1)
        x = light(torch.from_numpy(crops).permute(1, 0, 4, 2, 3).float() / 127.5 - 1)
        if rng is not None:
            x, t["points"] = self.moved(x, t["points"])
        if face:
            y = light(t["face"].permute(0, 3, 1, 2).float() / 127.5 - 1)
            wide = {name: t[own] for own, name in WIDE.items()} | {name: t[name] for name in ("identity", "rotation", "kind")}
            wide["scale"], wide["centre"] = t["scale"], t["centre"]
            if rng is not None:
                half = y.shape[2] / 2
                y, k, shift = disturbed(y)
                wide["scale"] = wide["scale"] * k[:, 0]
                wide["centre"] = (wide["centre"] - half) * k + half + half * shift
                wide["points"] = ((wide["points"] - half) * k[:, None] + half + half * shift[:, None])
            t["face"], t["wide"] = y.contiguous(memory_format=torch.channels_last), wide
        return [y.contiguous(memory_format=torch.channels_last) for y in x], t


def answer(out):
    got, at = {}, 0
    for name, n in LAYOUT:
        got[name] = out[:, at:at + n]
        at += n
    got["points"] = UNIT * got["points"].unflatten(1, (478, 2))
    got["log_error"] = got["log_error"] - 3
    got["points_log_error"] = got["points_log_error"] - 5
    return got


def laplace(r, log_error):
    """Negative log likelihood of absolute errors r; what makes r is not pulled."""
    return (r.detach() * (-log_error).exp() + log_error).mean(1)


def bounded(e, truth):
    """Errors of coefficients. What is at a bound may be said beyond it, the library clamps: so the last layer need not bend where they end."""
    beyond = (e < 0) & (truth <= 0) | (e > 1) & (truth >= 1)
    return (e - truth).masked_fill(beyond, 0)


def points_loss(d, weight):
    return (F.smooth_l1_loss(d, torch.zeros_like(d), beta=0.01, reduction="none") * weight[None, :, None]).sum((1, 2)) / (2 * weight.sum())


class Alone:
    """What each branch says by itself against what it can see: its own landmarks, its side's coefficients."""

    def __init__(self, head, decoder, mirror, anchor, important):
        swap = {n: n[:-1] + ("R" if n[-1] == "L" else "L") for n in head.names if n[-2:] in ("_L", "_R")}
        swap.update(jawLeft="jawRight", jawRight="jawLeft", mouthLeft="mouthRight", mouthRight="mouthLeft")
        self.swap = torch.tensor([head.index[swap.get(n, n)] for n in head.names])
        self.mirror = torch.tensor(mirror)
        anchor = torch.tensor(anchor)
        # A mirrored left eye's landmarks carry the numbers of the right one's.
        self.eye, self.mouth = decoder.weight * (anchor == 0), decoder.weight * (anchor == 2)
        self.left = anchor[self.mirror] == 1
        self.eye_names = torch.tensor([n.endswith("_R") and n.startswith(("eye", "brow", "cheekSquint")) or n == "browInnerUp"
                                       for n in head.names]).float() * important
        self.mouth_names = torch.tensor([not n.startswith(("eye", "brow")) for n in head.names]).float()

    def __call__(self, said, t, weight):
        points, e, unit = t["points"], t["expression"], t["unit"][:, None, None]
        mirrored = points[:, self.mirror] * points.new_tensor([-1.0, 1.0])
        total = 0
        for out, truth, coefficients, w, known in (
                (said[0], points, e, self.eye, self.eye_names), (said[1], mirrored, e[:, self.swap], self.eye * self.left, self.eye_names),
                (said[2], points, e, self.mouth, self.mouth_names)):
            d = (0.1 * out[:, :956].unflatten(1, (478, 2)) - truth) * unit
            r = bounded(out[:, 956:], coefficients)
            r = F.smooth_l1_loss(r, torch.zeros_like(r), beta=BETA, reduction="none")
            total = total + 60 * points_loss(d, w) + 100 * (r * known).sum(1) / known.sum() * weight
        return total / 3


def expression_losses(decoder, out, t, alone, said, important, pairs):
    """important (53): how much each coefficient counts. pairs: of Samples.draw()."""
    p = answer(out)
    synthetic = (t["kind"] % 10 >= 1).float()
    weight = 0.7 + 0.3 * synthetic
    de = bounded(p["expression"], t["expression"])
    strong = (1 + STRONG * (1 - synthetic[:, None]) * t["expression"]) * important
    expression = (F.smooth_l1_loss(de, torch.zeros_like(de), beta=BETA, reduction="none") * strong).mean(1) * weight
    geometry = (de @ decoder.expression_basis).square().mean(1) * (0.25 + 0.75 * synthetic)  # scores are no geometry
    d = (p["points"] - t["points"]) * t["unit"][:, None, None]   # of the outer-eye distance
    distance = d.norm(dim=2)
    points = points_loss(d, decoder.weight)
    gap = (d[:, decoder.pairs[:, 0]] - d[:, decoder.pairs[:, 1]]).abs().mean((1, 2))
    known = laplace(de.abs() + 0.002, p["log_error"])
    sure = laplace((p["points"] - t["points"]).norm(dim=2) + 1e-4, p["points_log_error"])
    own = (t["kind"] < 10).float()
    db = p["identity"] - t["identity"]
    shape = (db @ decoder.shape_basis).square().mean(1) * own * (0.3 + 0.7 * synthetic)
    identity = db.square().mean(1) * own * synthetic
    total = SHAPE * shape + 1 * identity + 100 * expression + 40 * geometry + 60 * points + 20 * gap + 0.2 * known + 0.1 * sure
    total = total + alone(said, t, weight)
    one, other = slice(pairs), slice(pairs, 2 * pairs)
    together = ((t["clip"][one] >= 0) & (t["clip"][one] == t["clip"][other]) & (t["kind"][one] == t["kind"][other])).float()
    apart = ((p["identity"][one] - p["identity"][other]) @ decoder.shape_basis).square().mean(1)
    total = total + SAME * (apart * together).sum() / len(total)

    def over(x, m):
        return float((x.detach() * m).sum() / m.sum().clamp(min=1))
    before = ((t["seen_points"] - t["points"])[:, :468].norm(dim=2) * t["unit"][:, None]).mean(1)
    parts = {"expr": over(de.abs().mean(1), synthetic), "shape": over((db @ decoder.shape_basis).abs().mean(1), synthetic * own), "real_expr": over(de.abs().mean(1), 1 - synthetic),
             "apart": 10 * over((3 * apart).sqrt(), together), "points": over(distance[:, :468].mean(1), synthetic), "of": over(before, synthetic),
             "real_points": over(distance[:, :468].mean(1), 1 - synthetic), "real_of": over(before, 1 - synthetic)}
    return total.mean(), parts


def wide_look(coarse, t, bfloat16):
    """The coarse network's answer to the crop that it sees, and the map that the expression network sees of it, into t."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        seen, trunk = coarse.see(t["face"])
    out = coarse.answer(seen.float())
    t["trunk"], t["coarse"] = trunk.float(), out.detach()
    return out


@torch.no_grad()
def validate(net, coarse, decoder, val, names):
    """On validation pictures: mean absolute error and correlation of the coefficients (rendered), points before and after. coarse: the network
    that looks first, None: what it said when the samples were prepared."""
    net.eval()
    e, truth, points, before, coarse_e, kind, b, b0, b_truth = [], [], [], [], [], [], [], [], []
    for k in range(0, len(val.index), 100):
        x, t = val.take(np.arange(k, min(k + 100, len(val.index))), face=bool(coarse))
        if coarse:
            coarse.eval()
            wide_look(coarse, t, False)
            true = t["wide"]["points"]
            r = (decoder.decode(t["coarse"])["points"] - true) / (true[:, 33] - true[:, 263]).norm(dim=1)[:, None, None]
        else:
            r = (t["seen_points"] - t["points"]) * t["unit"][:, None, None]
        p = answer(net(*x, t["trunk"], t["coarse"]))
        for into, r in ((points, (p["points"] - t["points"]) * t["unit"][:, None, None]), (before, r)):
            into.append(r[:, :468].norm(dim=2).mean(1))
        b.append(p["identity"])
        b0.append(t["coarse"][:, :100])
        b_truth.append(t["identity"])
        e.append(p["expression"].clamp(0, 1))
        coarse_e.append(decoder.decode(t["coarse"])["expression"].clamp(0, 1))
        truth.append(t["expression"])
        kind.append(t["kind"])
    net.train()
    net.trunk_eval()
    e, truth, coarse_e, points, before, kind = (torch.cat(a).numpy() for a in (e, truth, coarse_e, points, before, kind))
    synthetic = kind > 0

    def correlations(a, rows):
        return np.array([np.corrcoef(a[rows, k], truth[rows, k])[0, 1] if a[rows, k].std() > 0 and truth[rows, k].std() > 0 else np.nan for k in range(53)])
    c, c0, r, r0 = (correlations(a, rows) for rows in (synthetic, ~synthetic) for a in (e, coarse_e))
    e, truth, coarse_e = e[synthetic], truth[synthetic], coarse_e[synthetic]
    order = np.argsort(c)

    def spread(rows):
        faces = 10 * (torch.cat(b)[rows] @ decoder.shape_basis).unflatten(1, (-1, 3))
        return float((faces - faces.mean(0)).square().sum(2).mean().sqrt())
    within = np.mean([spread(torch.tensor(val.clip == c)) for c in val.frames])

    def shape(a):  # without the size, mode 0
        return 10 * ((torch.cat(a) - torch.cat(b_truth))[synthetic, 1:] @ decoder.shape_basis[1:]).unflatten(1, (-1, 3)).norm(dim=2).mean()
    print(f"  validation: expression {np.abs(e - truth).mean():.4f} (coarse {np.abs(coarse_e - truth).mean():.4f}, zero {truth.mean():.4f}), "
          f"correlation {np.nanmean(c):.3f} (coarse {np.nanmean(c0):.3f}), {np.sum(c >= 0.6)} of 53 >= 0.6, worst "
          + " ".join(f"{names[k]} {c[k]:.2f}" for k in order[:8])
          + f"; points: rendered {100 * points[synthetic].mean():.2f} % (coarse {100 * before[synthetic].mean():.2f}), "
          f"shape {shape(b):.2f} mm (coarse {shape(b0):.2f}, mean face {shape([0 * x for x in b]):.2f}), identity {within / spread(torch.tensor(val.real & (val.clip < 0))):.3f} of people's within a clip; real pictures: correlation {np.nanmean(r):.3f} (coarse {np.nanmean(r0):.3f}), points {100 * points[~synthetic].mean():.2f} % (coarse {100 * before[~synthetic].mean():.2f})", flush=True)
    return {"mae": float(np.abs(e - truth).mean()), "correlation": float(np.nanmean(c))}


def export(net, path, anchor, note):
    tensors = {"meta": json.dumps({"layout": LAYOUT, "side": SIDE, "unit": UNIT, "config": net.config, **note}), "anchor": anchor.astype(np.uint8)}
    for name, value in net.folded().items():
        a = value.float().numpy()
        tensors[name] = a.astype(np.float16) if name.endswith("weight") else a
    jr2w.write(path, "jr2.expression.1", tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("data", "head", "prepared", "prepared_val", "run"):
        parser.add_argument(name)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share-real", type=float, default=0.3)
    parser.add_argument("--far-until", type=float, default=0.1, help="share of the training in which the branches stay as the "
                        "first stages of the coarse network and only the layers behind them learn, 20 times as fast")
    parser.add_argument("--trunk-rate", type=float, default=0.4, help="learning rate of the branches' convolutions afterwards, of the rest's")
    parser.add_argument("--coarse", default=os.path.join(_ROOT, "../weights/coarse.jr2w"))
    parser.add_argument("--init", help="exported weights (.jr2w) to start from")
    parser.add_argument("--joint", action="store_true", help="train the coarse network, too")
    parser.add_argument("--coarse-rate", type=float, default=0.5, help="its learning rate, of the rest's")
    parser.add_argument("--dropout", type=float, default=0, help="of what is joined; 0.1 made landmarks worse (docs/training.md)")
    parser.add_argument("--float32", action="store_true", help="no bfloat16, which processors without it emulate slowly")
    parser.add_argument("--smoke", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    os.makedirs(args.run, exist_ok=True)
    head = Head(args.head)
    anchor = anchors(head.landmark_basis()[0])
    samples, val = (Samples(folder, anchor, args.joint) for folder in (args.prepared, args.prepared_val))
    print(len(samples.index), "samples,", int(samples.real.sum()), "real", flush=True)
    decoder = Decoder(head)
    mirror_points.data = args.data
    important = torch.tensor([next((more for name, more in IMPORTANT.items() if n.startswith(name)), 1.0) for n in head.names])
    alone = Alone(head, decoder, mirror_points(), anchor, important)
    net, average = Expression(), Expression()
    first = [name for name, _ in LAYOUT].index("points")
    first = sum(n for _, n in LAYOUT[:first])
    net.fc2.bias.data[first:first + 956] = torch.tensor(np.mean([p["points"].mean(0) for p in samples.parts], 0).ravel() / UNIT)
    coarse_weights = jr2w.read(args.coarse)[1]
    net.start_from(coarse_weights)
    if args.init:
        net.unfold(jr2w.read(args.init)[1])
    net, average = (n.to(memory_format=torch.channels_last) for n in (net, average))
    net.dropout = args.dropout
    net.eye.bfloat16 = net.mouth.bfloat16 = not args.float32
    coarse = coarse_average = None
    if args.joint:
        coarse, coarse_average = coarse_network.Coarse(), coarse_network.Coarse()
        coarse.unfold(coarse_weights)
        coarse, coarse_average = (n.to(memory_format=torch.channels_last) for n in (coarse, coarse_average))
        some = samples.take(np.random.default_rng(1).choice(len(samples.index), 512), np.random.default_rng(1), face=True)[1]
        coarse.wake(some["face"])
        coarse.train()
    average.load_state_dict(net.state_dict())
    net.trunk_eval()
    trunks = [p for b in (net.eye, net.mouth) for part in (b.stem, b.stages) for p in part.parameters()]
    rest = [p for p in net.parameters() if not any(p is q for q in trunks)]
    parts = [(net, "net"), (average, "average")]
    groups = [{"params": rest}, {"params": trunks}]
    if coarse:
        coarse_average.load_state_dict(coarse.state_dict())
        parts += [(coarse, "coarse"), (coarse_average, "coarse_average")]
        groups.append({"params": coarse.parameters()})
    optimizer = torch.optim.AdamW(groups, args.rate, weight_decay=0.02)
    parts.append((optimizer, "optimizer"))
    step, spent, last = 0, 0.0, os.path.join(args.run, "last.pt")
    if os.path.exists(last):
        saved = torch.load(last)
        for part, name in parts:
            if name in saved:
                part.load_state_dict(saved[name])
        step, spent = saved["step"], saved["spent"]
        net.unfolded = saved.get("unfolded", net.unfolded)
        net.trunk_eval()
        print("resumed at step", step, flush=True)
    rng = np.random.default_rng([step, 5])
    start = time.time() - spent
    mean, shown, written, far = {}, time.time(), time.time(), False

    def save():
        result = validate(average, coarse_average, decoder, val, head.names)
        torch.save({**{name: part.state_dict() for part, name in parts}, "step": step, "spent": time.time() - start,
                    "unfolded": net.unfolded}, last + ".new")
        os.replace(last + ".new", last)
        export(average, os.path.join(args.run, "best.jr2w"), anchor, {"step": step, **result})
        if coarse:
            coarse_network.export(coarse_average, os.path.join(args.run, "coarse.jr2w"), {"step": step})
    while True:
        progress = (time.time() - start) / (60 * args.minutes) if not args.smoke else step / args.smoke
        if progress >= 1:
            break
        for g in optimizer.param_groups:
            g["lr"] = args.rate * min(1, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        far = progress < args.far_until
        if far and not all("maps" in p for p in samples.parts):
            samples.look(net)
        elif not far:
            samples.forget()
        batch = args.batch * (4 if far else 1)
        for g, share in zip(optimizer.param_groups[1:], (0 if far else args.trunk_rate, args.coarse_rate)):
            g["lr"] *= share
        rows, pairs = samples.draw(rng, batch, args.share_real)
        net.alone_apart = bool(args.init) and step < ALONE_STEPS
        x, t = samples.take(rows, rng, far, args.dropout, face=args.joint)
        first_out = wide_look(coarse, t, not args.float32) if coarse else None
        out, said = net(*x, t["trunk"], t["coarse"], alone=True)
        loss, numbers = expression_losses(decoder, out, t, alone, said, important, pairs)
        if coarse:
            more, seen = coarse_losses.losses(decoder, first_out, t["wide"])
            loss = loss + more.mean()
            numbers.update({"coarse_" + k: v for k, v in seen.items()})
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for trained in (net, coarse) if coarse else (net,):
            torch.nn.utils.clip_grad_norm_(trained.parameters(), 5.0)
        optimizer.step()
        keep = min(0.999, (step + 1) / (step + 20))
        with torch.no_grad():
            for trained, kept in ((net, average), (coarse, coarse_average))[:2 if coarse else 1]:
                for a, b in zip(kept.state_dict().values(), trained.state_dict().values()):
                    if a.dtype.is_floating_point:
                        a.lerp_(b, 1 - keep)
                    else:
                        a.copy_(b)
        step += 1
        numbers["loss"] = float(loss.detach())
        for k, v in numbers.items():
            mean[k] = mean.get(k, v) * 0.98 + 0.02 * v
        if step % 100 == 0:
            now = time.time()
            print(f"{step} {progress * 100:.0f}% {100 * batch / (now - shown):.0f}/s " + " ".join(f"{k} {v:.4f}" for k, v in mean.items()),
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

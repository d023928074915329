# SPDX-License-Identifier: MIT
"""Train the coarse reconstruction network.

  python3 training/coarse/train.py DATA_FOLDER weights/head.jr2w labels.npz cache.npy rendered/ run/ --minutes 60

The learning rate follows the clock, so that a run always ends annealed. run/last.pt is written every few minutes and
resumed from when it is there; run/best.jr2w is exported at the end. --smoke N runs N steps (a test on a CPU).
"""
import argparse
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import jr2w  # noqa: E402
from data import Loader, Samples  # noqa: E402
from network import INPUT, LAYOUT, SCALE, Coarse, rotation_matrix, split  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "head"))
from model import DISTANCE, FACE, LIPS, Head  # noqa: E402
from fit_labels import LID_PAIRS, LIP_PAIRS, OVAL  # noqa: E402


class Decoder(torch.nn.Module):
    """Output vector -> landmarks; the head model at 478 landmarks and at some face vertices."""

    def __init__(self, head):
        super().__init__()
        base, ident, expr = head.landmark_basis()

        def put(name, a):
            self.register_buffer(name, torch.tensor(np.ascontiguousarray(a), dtype=torch.float32))
        put("base", base)
        expr = expr.copy()
        expr[:, 468:] = 0
        put("basis", np.concatenate([ident, expr]).reshape(153, -1))
        joint = [4] * 5 + [3] * 5  # right eye first
        put("joint", head.joint0[joint])
        put("joint_basis", head.joint_identity[:, joint].reshape(100, -1))
        gaze = np.zeros((53, 4))
        for column, unit in enumerate(np.eye(4)):
            for i in range(53):
                e = np.zeros(53)
                e[i] = 1
                (ly, lp), (ry, rp) = head.gaze(e)
                gaze[i] = [ry, rp, ly, lp]
        put("gaze", gaze)
        ids = np.unique(head.triangles[np.isin(head.part, (FACE, LIPS))])[::9]
        put("shape_basis", head.identity[:, ids].reshape(100, -1))
        put("expression_basis", head.expression[:, ids].reshape(53, -1))
        weight = np.ones(478, np.float32)
        weight[OVAL] = 0.5
        weight[468:] = 2
        for pair in LIP_PAIRS + LID_PAIRS:
            weight[list(pair)] = 2
        put("weight", weight / weight.mean())
        # Coefficients of the eyes move few pixels: they count three times.
        put("coefficient", np.array([3.0 if n.startswith("eye") else 1.0 for n in head.names]))
        self.pairs = torch.tensor(LIP_PAIRS + LID_PAIRS)

    def points(self, b, e, rot, s, c):
        n = len(b)
        x = (self.base.reshape(1, -1) + torch.cat([b, e], 1) @ self.basis).reshape(n, 478, 3)
        joint = self.joint + (b @ self.joint_basis).reshape(n, 10, 3)
        g = (e @ self.gaze).reshape(n, 2, 2).repeat_interleave(5, 1)
        yaw, pitch = g[..., 0], g[..., 1]
        d = x[:, 468:] - joint
        cp, sp, cy, sy = pitch.cos(), pitch.sin(), yaw.cos(), yaw.sin()
        y = cp * d[..., 1] + sp * d[..., 2]       # Rx(-pitch), then Ry(yaw)
        z = -sp * d[..., 1] + cp * d[..., 2]
        d = torch.stack([cy * d[..., 0] + sy * z, y, -sy * d[..., 0] + cy * z], -1)
        x = torch.cat([x[:, :468], joint + d], 1)
        x = x @ rot.transpose(1, 2)
        w = s[:, None] / (1 - x[..., 2] / DISTANCE)
        return c[:, None] + torch.stack([x[..., 0] * w, -x[..., 1] * w], -1)

    def decode(self, out):
        p = split(out)
        p["rotation"] = rotation_matrix(p["rotation"])
        p["scale"] = SCALE * p["scale"][:, 0].exp()
        p["centre"] = (p["centre"] + 1) * (INPUT / 2)
        p["points"] = self.points(p["identity"], p["expression"], p["rotation"], p["scale"], p["centre"])
        return p


def losses(decoder, out, aux, t):
    p = decoder.decode(out)
    kind = t["kind"]
    flipped = (kind >= 10).float()
    synthetic = (kind % 10 >= 1).float()
    size = SCALE * 0 + t["scale"] * 9.0  # about the outer-eye distance in crop pixels
    w = decoder.weight[None, :, None]

    def point_loss(q):
        d = (q - t["points"]) / size[:, None, None]
        gaps = d[:, decoder.pairs[:, 0]] - d[:, decoder.pairs[:, 1]]
        return (F.smooth_l1_loss(d, torch.zeros_like(d), beta=0.01, reduction="none") * w).mean((1, 2)), gaps.abs().mean((1, 2))
    landmark, gap = point_loss(p["points"])
    aux_landmark, _ = point_loss(aux)
    own = 1 - flipped
    db = p["identity"] - t["identity"]
    # Squares, not absolute values: most coefficients are 0 in most faces, and the median of a doubtful one is 0.
    moved = db @ decoder.shape_basis
    shape = moved.abs().mean(1) * own
    shape_square = moved.square().mean(1) * own * (0.5 + 0.5 * synthetic)
    prior = db.square().mean(1) * own
    de = p["expression"] - t["expression"]
    e_weight = 0.3 + 0.7 * synthetic
    expression = (decoder.coefficient * de.square()).mean(1) * e_weight
    geometry = (de @ decoder.expression_basis).square().mean(1) * e_weight
    rotation = (p["rotation"] - t["rotation"]).abs().mean((1, 2)) * (0.5 + 0.5 * synthetic)
    has_light = (t["light"].abs().sum(1) > 0).float()
    light = (p["light"] - t["light"]).abs().mean(1) * has_light
    albedo = (p["albedo"] - t["albedo"]).abs().mean(1) * has_light
    error = ((p["points"].detach() - t["points"]).norm(dim=2).mean(1) / size).clamp(1e-4).log()
    confidence = (p["log_error"][:, 0] + 4 - error).abs()
    total = (40 * landmark + 15 * aux_landmark + 30 * gap + 10 * shape_square + 0.05 * prior + 100 * expression
             + 60 * geometry + 6 * rotation + 0.5 * light + 0.1 * albedo + 0.02 * confidence)
    real = 1 - synthetic

    def over(x, m):
        return float((x.detach() * m).sum() / m.sum().clamp(min=1))
    nme = (p["points"] - t["points"])[:, :468].norm(dim=2).mean(1) / size
    parts = {"real": over(nme, real), "synth": over(nme, synthetic), "aux": float(((aux.detach() - t["points"])[:, :468].norm(dim=2).mean(1) / size).mean()),
             "shape": over(shape, synthetic * own), "expr": over(de.abs().mean(1), synthetic), "rot": float(rotation.detach().mean()),
             "light": float(light.detach().sum() / has_light.sum().clamp(min=1))}
    return total.mean(), parts


def to_tensors(batch):
    t = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in batch.items()}
    x = t.pop("image").permute(0, 3, 1, 2).float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last), t


@torch.no_grad()
def validate(net, decoder, samples, limit=10000):
    """NME over 468 points on the validation photos: no jitter, the true crop."""
    net.eval()
    rng = np.random.default_rng(0)
    ids = np.where(samples.val & (samples.group < 0))[0][:limit]
    errors, aux_errors = [], []
    for k in range(0, len(ids), 61):
        x, t = to_tensors(Samples.stack([samples.real(i, rng, jitter=False) for i in ids[k:k + 61]]))
        out, aux = net(x)
        eye = (t["points"][:, 33] - t["points"][:, 263]).norm(dim=1)
        for q, into in ((decoder.decode(out)["points"], errors), (aux, aux_errors)):
            into.append(((q - t["points"])[:, :468].norm(dim=2).mean(1) / eye))
    net.train()
    return 100 * float(torch.cat(errors).mean()), 100 * float(torch.cat(aux_errors).mean())


def export(net, path, note):
    meta = {"layout": LAYOUT, "scale": SCALE, "input": INPUT, "config": net.config, **note}
    tensors = {"meta": json.dumps(meta)}
    for name, value in net.folded().items():
        a = value.float().numpy()
        tensors[name] = a.astype(np.float16) if name.endswith("weight") else a
    jr2w.write(path, "jr2.coarse.1", tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("data", "head", "labels", "cache", "rendered", "run"):
        parser.add_argument(name)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share-real", type=float, default=0.5)
    parser.add_argument("--init", help="exported weights (.jr2w) to start from, or a checkpoint (last.pt) whose layers of equal "
                        "shape are taken over")
    parser.add_argument("--smoke", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    os.makedirs(args.run, exist_ok=True)
    head = Head(args.head)
    samples = Samples(head, args.data, args.labels, args.cache, args.rendered)
    print(len(samples.photos), "photos,", len(samples.frames), "frames,",
          0 if samples.rendered is None else len(samples.rendered["image"]), "rendered", flush=True)
    net, decoder = Coarse(), Decoder(head)
    if args.init and args.init.endswith(".jr2w"):
        net.unfold(jr2w.read(args.init)[1])
    elif args.init:
        own = net.state_dict()
        saved = {k: v for k, v in torch.load(args.init)["average"].items() if k in own and own[k].shape == v.shape}
        net.load_state_dict({**own, **saved})
        print(f"{len(saved)} of {len(own)} tensors from {args.init}", flush=True)
    net = net.to(memory_format=torch.channels_last)
    average = Coarse().to(memory_format=torch.channels_last)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), args.rate, weight_decay=0.02)
    step, spent = 0, 0.0
    last = os.path.join(args.run, "last.pt")
    if os.path.exists(last):
        saved = torch.load(last)
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["spent"]
        print("resumed at step", step, flush=True)
    loader = Loader(samples, args.batch, 2, args.share_real, step)
    start = time.time() - spent
    mean, shown, written, best = {}, time.time(), time.time(), None
    while True:
        progress = (time.time() - start) / (60 * args.minutes) if not args.smoke else step / args.smoke
        if progress >= 1:
            break
        rate = args.rate * min(1, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for g in optimizer.param_groups:
            g["lr"] = rate
        x, t = to_tensors(loader.next())
        with torch.autocast("cpu", torch.bfloat16):
            out, aux = net(x)
        loss, parts = losses(decoder, out.float(), aux.float(), t)
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
            print(f"{step} {progress * 100:.0f}% {100 * args.batch / (now - shown):.0f}/s "
                  + " ".join(f"{k} {v:.4f}" for k, v in mean.items()), flush=True)
            shown = now
        if time.time() - written > 240 or step == args.smoke:
            a, b = validate(average, decoder, samples)
            print(f"  step {step}: validation photos {a:.2f} % (points without the model {b:.2f} %), "
                  f"{len(samples.rendered['image']) if samples.rendered is not None else 0} rendered", flush=True)
            torch.save({"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                        "step": step, "spent": time.time() - start, "config": net.config}, last + ".new")
            os.replace(last + ".new", last)
            export(average, os.path.join(args.run, "best.jr2w"), {"step": step, "validation_nme": a})
            samples.refresh()
            written = shown = time.time()
    a, b = validate(average, decoder, samples)
    print(f"end, step {step}: validation photos {a:.2f} % (points without the model {b:.2f} %)", flush=True)
    torch.save({"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                "step": step, "spent": time.time() - start, "config": net.config}, last)
    export(average, os.path.join(args.run, "best.jr2w"), {"step": step, "validation_nme": a})


if __name__ == "__main__":
    main()

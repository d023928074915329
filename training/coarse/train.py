# SPDX-License-Identifier: MIT
"""Train the coarse reconstruction network.

  python3 training/coarse/train.py DATA_FOLDER weights/head.jr2w labels.npz cache.npy rendered/ run/ --minutes 60

The learning rate follows the clock, so that a run always ends annealed. run/last.pt is written every few minutes and
resumed from when it is there; run/best.jr2w is exported at the end. --smoke N runs N steps (a test on a CPU).
"""
import argparse
import math
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import jr2w  # noqa: E402
from data import Loader, Samples  # noqa: E402
from decoder import Decoder  # noqa: E402
from losses import losses  # noqa: E402
from network import Coarse, export  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "head"))
from model import Head  # noqa: E402


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
        loss, parts = losses(decoder, out.float(), t, aux.float())
        loss = loss.mean()
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

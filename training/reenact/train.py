# SPDX-License-Identifier: MIT
"""Train the reenactment network.

  python3 training/reenact/train.py BUNDLE run/ --minutes 9                       one GPU, or the CPU
  torchrun --nproc-per-node 4 training/reenact/train.py BUNDLE run/ --minutes 60  several
  python3 training/reenact/train.py BUNDLE run/ --smoke 3 --batch 2               a test

BUNDLE is a folder of bundle.py. The schedule follows the clock: --minutes is the length of the whole training, however
many runs it takes; a run that finds run/last.pt goes on from there (--stop-after ends a run early, for machines that
are lent for a while). run/ then holds last.pt (everything), light.pt (the averaged weights in fp16, small enough to
carry; a run without last.pt starts from it), reenact.jr2w (the same exported), train.log, sheet.png.
"""
import argparse
import copy
import json
import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from data import Loader, Samples, Set, prepare  # noqa: E402
from measure import measure, save_sheet  # noqa: E402
from export import TOPOLOGY, export, jr2w  # noqa: E402
from losses import Losses, adversarial, hinge_discriminator  # noqa: E402
from network import CONFIGS, Discriminator, Reenact  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def half(state):
    return {k: v.detach().half().cpu() if v.dtype.is_floating_point else v.cpu() for k, v in state.items()}


class Trainer:
    def __init__(self, args):
        self.args = args
        self.world, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        cuda = torch.cuda.is_available() and not args.cpu
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device("cuda", local) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(local)
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        if self.world > 1:
            torch.distributed.init_process_group("nccl" if cuda else "gloo")
        threads = args.threads or max(1, (os.cpu_count() or 2) // self.world)
        torch.set_num_threads(threads)
        torch.manual_seed(0)  # the same network on every rank
        library = os.path.join(args.bundle, "conditions.so")
        self.data = Set(args.bundle, threads)
        self.samples = Samples(args.head, self.data, threads if cuda else 1, library if os.path.exists(library) else None,
                               args.clip_share)
        self.images = torch.from_numpy(self.data.images).to(self.device)
        self.net, self.critic = Reenact(CONFIGS[args.config]), Discriminator()
        self.average = copy.deepcopy(self.net)
        for m in (self.net, self.critic, self.average):
            m.to(self.device, memory_format=torch.channels_last)
        self.average.requires_grad_(False)
        self.net.silhouette.requires_grad_(False)  # train_silhouette.py
        self.losses = Losses(args.coarse).to(self.device)
        self.optimizer = torch.optim.Adam(self.net.parameters(), args.rate, (0.9, 0.99))
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), args.rate, (0.5, 0.99))
        self.pool = ThreadPoolExecutor(threads)
        self.step, self.spent = 0, 0.0
        if args.init:
            topology, tensors = jr2w.read(args.init)
            if topology != TOPOLOGY or jr2w.meta(tensors)["config"] != json.loads(json.dumps(self.net.config)):
                raise SystemExit(f"{args.init} is no reenactment network of the widths \"{args.config}\"")
            for net in (self.net, self.average):
                net.unfold(tensors)
        self.resume()
        self.run = torch.compile(self.net) if args.compile else self.net
        # more than one maker hides the parts that hold the interpreter lock
        self.loader = Loader(self.samples, args.batch, [self.step, self.rank], 3 if cuda else 1)

    def path(self, name):
        return os.path.join(self.args.run, name)

    def say(self, text):
        if self.rank == 0:
            print(text, flush=True)
            with open(self.path("train.log"), "a") as f:
                f.write(text + "\n")

    def resume(self):
        for name in ("last.pt", "light.pt"):
            if not os.path.exists(self.path(name)):
                continue
            saved = torch.load(self.path(name), map_location="cpu", weights_only=True)
            self.net.load_state_dict(saved.get("net", saved["average"]))
            self.average.load_state_dict(saved["average"])
            if "critic" in saved:
                self.critic.load_state_dict(saved["critic"])
            if "optimizer" in saved:
                self.optimizer.load_state_dict(saved["optimizer"])
                self.critic_optimizer.load_state_dict(saved["critic_optimizer"])
            self.step, self.spent = saved["step"], saved["spent"]
            self.say(f"resumed {name} at step {self.step}, {self.spent / 60:.1f} minutes")
            return

    def save(self):
        if self.rank:
            return
        state = {"net": self.net.state_dict(), "average": self.average.state_dict(), "critic": self.critic.state_dict(),
                 "optimizer": self.optimizer.state_dict(), "critic_optimizer": self.critic_optimizer.state_dict(),
                 "step": self.step, "spent": self.spent}
        torch.save(state, self.path("last.pt.new"))
        os.replace(self.path("last.pt.new"), self.path("last.pt"))
        torch.save({"average": half(state["average"]), "step": self.step, "spent": self.spent}, self.path("light.pt"))

    def report(self, final=False):
        if self.rank:
            return
        self.average.eval()
        frames = 0 if final else 6
        table, sheet = measure(self.average, self.samples, self.images, self.device, frames)
        for row in table:
            self.say("  " + row)
        save_sheet(sheet, self.path("sheet.png"))
        export(self.average, self.path("reenact.jr2w"), step=self.step, minutes=round(self.spent / 60, 1))

    def synchronise(self, module):
        if self.world > 1:
            for p in module.parameters():
                if p.grad is not None:
                    torch.distributed.all_reduce(p.grad)
                    p.grad /= self.world

    def train_step(self, progress):
        args = self.args
        rate = args.rate * min(1, (self.step + 1) / args.warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1))))
        for group in self.optimizer.param_groups + self.critic_optimizer.param_groups:
            group["lr"] = rate
        t = prepare(self.loader.next(), self.images, self.device, self.pool)
        fight = progress >= args.adversarial_from
        pixels_only = progress < args.pixels_until
        with torch.autocast(self.device.type, torch.bfloat16, enabled=not args.float32):
            made = self.run(t["source"].contiguous(memory_format=torch.channels_last), t["maps"], t["valid_source"], t["planes"], t["flow"])
            output = made[0]
            loss, parts = self.losses(made, t, pixels_only)
            if fight:
                shown = output * t["valid_target"] + t["target"] * (1 - t["valid_target"])
                self.critic.requires_grad_(False)
                fake, fake_features = self.critic(shown, t["planes"])
                _, real_features = self.critic(t["target"], t["planes"])
                push, match = adversarial(fake.float(), fake_features, real_features)
                loss = loss + 0.05 * push + 1.0 * match
                parts["adversarial"], parts["match"] = push.detach(), match.detach()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.synchronise(self.net)
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        if torch.isfinite(norm):
            self.optimizer.step()
        if fight:
            self.critic.requires_grad_(True)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=not args.float32):
                real, _ = self.critic(t["target"], t["planes"])
                fake, _ = self.critic(shown.detach(), t["planes"])
            critic_loss = hinge_discriminator(real.float(), fake.float())
            self.critic_optimizer.zero_grad(set_to_none=True)
            critic_loss.backward()
            self.synchronise(self.critic)
            self.critic_optimizer.step()
            parts["critic"] = critic_loss.detach()
        keep = min(0.999, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), [p.detach() for p in self.net.parameters()], 1 - keep)
        self.step += 1
        return parts

    def train(self):
        args, began = self.args, time.time()
        before, written, shown, shown_step, sums = self.spent, began, began, self.step, {}
        first = self.step
        while True:
            self.spent = before + time.time() - began
            progress = self.spent / (60 * args.minutes) if not args.smoke else (self.step - first) / args.smoke
            stop = progress >= 1 or (args.stop_after and time.time() - began > 60 * args.stop_after)
            if self.world > 1:  # all ranks leave in the same step
                flag = torch.tensor([float(stop)], device=self.device)
                torch.distributed.all_reduce(flag)
                stop = bool(flag.item())
            if stop:
                break
            for k, v in self.train_step(progress).items():
                sums[k] = sums.get(k, 0) + v
            if self.step - shown_step >= args.log_every or args.smoke:
                now, n = time.time(), self.step - shown_step
                self.say(f"{self.step} {100 * progress:.0f}% {n * args.batch * self.world / (now - shown):.1f}/s "
                         + " ".join(f"{k} {float(v) / n:.4f}" for k, v in sums.items()))
                shown, shown_step, sums = now, self.step, {}
            if time.time() - written > 60 * args.report_every:
                self.save()
                self.report()
                written = shown = time.time()
        self.save()
        self.report(final=not args.smoke)
        if self.world > 1:
            torch.distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle")
    parser.add_argument("run")
    parser.add_argument("--head", default=os.path.join(ROOT, "weights/head.jr2w"))
    parser.add_argument("--coarse", default=os.path.join(ROOT, "weights/coarse.jr2w"))
    parser.add_argument("--minutes", type=float, default=30, help="length of the whole training")
    parser.add_argument("--stop-after", type=float, default=0, help="minutes of this run; 0: until the end")
    parser.add_argument("--report-every", type=float, default=4, help="minutes")
    parser.add_argument("--log-every", type=int, default=50)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--warmup", type=int, default=200, help="steps")
    parser.add_argument("--clip-share", type=float, default=0.6)
    parser.add_argument("--adversarial-from", type=float, default=2.0, help="share of the training; 2: never")
    parser.add_argument("--pixels-until", type=float, default=0, help="share of the training without the frozen network's judgement")
    parser.add_argument("--config", choices=sorted(CONFIGS), default="medium")
    parser.add_argument("--init", help="exported weights (.jr2w) to start from, of the same --config")
    parser.add_argument("--float32", action="store_true", help="no bfloat16, which processors without it emulate slowly")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--smoke", type=int, default=0, help="this many steps and a short report")
    args = parser.parse_args()
    os.makedirs(args.run, exist_ok=True)
    np.random.seed(0)
    Trainer(args).train()


if __name__ == "__main__":
    main()

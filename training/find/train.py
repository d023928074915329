# SPDX-License-Identifier: MIT
"""Trains the face finder on pictures composed on the fly. Resumes from a checkpoint or from exported weights.

    python3 training/find/train.py --data FOLDER --run training/runs/find --minutes 40
"""
import argparse
import copy
import os
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

import compose
import model

ASPECTS = (4 / 3, 3 / 4, 3 / 2, 2 / 3, 16 / 9, 9 / 16, 1.0, 5 / 4, 4 / 5)
PICTURES = 16 * 256 * 320  # pixels in a batch


class Stream(IterableDataset):
    def __init__(self, data, seed, pixels):
        self.data, self.seed, self.pixels = data, seed, pixels

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        seed = self.seed * 1000 + (info.id if info else 0)
        rng = np.random.default_rng(seed + 1)
        torch.set_num_threads(1)
        c = compose.Composer(compose.Faces(self.data, 'train'), compose.load_pictures(f'{self.data}/bg_train.npy'),
                             compose.load_pictures(f'{self.data}/stamps.npy'), seed)
        while True:
            longest = 320 if rng.random() < .75 else int(rng.integers(192, 321))
            a = ASPECTS[int(rng.integers(len(ASPECTS)))] if rng.random() < .5 else 4 / 3
            w, h = (longest, round(longest / a)) if a >= 1 else (round(longest * a), longest)
            ph, pw = -(-h // 32) * 32, -(-w // 32) * 32
            n = max(4, round(self.pixels / (ph * pw)))
            images = np.zeros((n, 3, ph, pw), np.float32)
            faces = []
            for k in range(n):
                image, f = c.sample(w, h)
                images[k, :, :h, :w] = image.transpose(2, 0, 1) / np.float32(127.5) - 1
                faces.append(f)
            yield images, faces


def flipped(images, faces):
    """The mirrored batch, the padding now on the left: the network should not mind."""
    out = []
    w = images.shape[3]
    for f in faces:
        g = f.copy()
        g[:, 0], g[:, 3] = w - g[:, 0], -g[:, 3]
        out.append(g)
    return np.ascontiguousarray(images[..., ::-1]), out


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--data', required=True)
    p.add_argument('--run', default='training/runs/find')
    p.add_argument('--minutes', type=float, default=40)
    p.add_argument('--lr', type=float, default=2.5e-3)
    p.add_argument('--resume')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--workers', type=int, default=2)
    p.add_argument('--batch', type=int, default=PICTURES, help='pixels')
    p.add_argument('--no-repeat', action='store_true', help='do not use every batch a second time, mirrored')
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.run, exist_ok=True)
    net = model.Finder()
    if a.resume:
        net.load_state_dict(torch.load(a.resume)['model'])
    ema = copy.deepcopy(net).eval()
    print('multiply-adds at 320 x 256:', model.multiply_adds(copy.deepcopy(net)) / 1e6, 'M; parameters', sum(v.numel() for v in net.parameters()))
    net.train()
    decay = [v for v in net.parameters() if v.ndim > 1]
    plain = [v for v in net.parameters() if v.ndim <= 1]
    opt = torch.optim.AdamW([{'params': decay, 'weight_decay': 2e-2}, {'params': plain, 'weight_decay': 0}], lr=a.lr, betas=(.9, .99))
    loader = DataLoader(Stream(a.data, a.seed, a.batch), batch_size=None, num_workers=a.workers, prefetch_factor=4,
                        collate_fn=lambda x: x, multiprocessing_context='fork')
    start = last = saved = time.time()
    mean, step, seen = {}, 0, 0
    for images, faces in loader:
        images = np.asarray(images)
        for k in range(1 if a.no_repeat else 2):
            if k:
                images, faces = flipped(images, faces)
            t = (time.time() - start) / (a.minutes * 60)
            lr = a.lr * min(1, (step + 1) / 200) * (.5 + .5 * np.cos(np.pi * min(t, 1)) + .004)
            for g in opt.param_groups:
                g['lr'] = lr
            x = torch.from_numpy(images)
            target = [tuple(torch.from_numpy(v) for v in level) for level in model.targets(faces, x.shape[2], x.shape[3])]
            with torch.autocast('cpu', torch.bfloat16):
                maps = net(x)
            parts = model.loss(maps, target)
            total = sum(parts.values())
            opt.zero_grad(set_to_none=True)
            total.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            step += 1
            seen += len(x)
            m = min(.9985, (step + 1) / (step + 20))
            with torch.no_grad():
                for e, v in zip(ema.state_dict().values(), net.state_dict().values()):
                    if e.dtype.is_floating_point:
                        e.lerp_(v, 1 - m)
            for key, v in parts.items():
                mean[key] = mean.get(key, v.item()) * .99 + .01 * v.item()
            if step % 50 == 0:
                now = time.time()
                print(f'{now - start:6.0f} s step {step} pictures {seen} lr {lr:.5f} ' + ' '.join(f'{q} {v:.3f}' for q, v in mean.items()) + f' {seen / (now - start):.0f} pictures/s', flush=True)
        if time.time() - saved > 120 or t >= 1:
            saved = time.time()
            torch.save({'model': ema.state_dict(), 'raw': net.state_dict(), 'step': step}, f'{a.run}/last.tmp')
            os.replace(f'{a.run}/last.tmp', f'{a.run}/last.pt')
        if t >= 1:
            break


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: MIT
"""Measures the face finder on what it was never trained on: photos' validation split, clips_val and landmark_bench.

    python3 training/find/evaluate.py --data FOLDER --shared shared/data --weights weights/find.jr2w [--tool build/find_tool]
        [--json out.json] [--sheets FOLDER]

Each picture (its valid rectangle) is pasted hard-edged into a 640 x 480 (or 480 x 640) piece of a held-out face-free
background at a given face size and a roll within +-45 degrees of upright. Without --tool PyTorch finds; with it the C
library does (see find_tool.c). A find matches a face when the discs of their frames overlap by half (intersection over
union >= 0.5). Two numbers: recall, and false finds = finds that match no face, per picture.
"""
import argparse
import json
import os
import struct
import subprocess
import sys

import cv2
import numpy as np
import torch

import compose
import model

LANDMARK68 = [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389, 70, 63, 105, 66, 107,
              336, 296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387,
              263, 373, 380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87]
SCALES = (1 / 16, 1 / 12, 1 / 10, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 0.7, 1.0)


def box68(points):
    """Roll, centre (upright coordinates) and sides of the box of 68 points."""
    up = points[36:48].mean(0) - points[[48, 54]].mean(0)
    roll = np.arctan2(up[0], -up[1])
    c, s = np.cos(roll), np.sin(roll)
    q = points @ np.array([[c, -s], [s, c]])
    return roll, q.min(0), q.max(0)


def frames68(points, shared):
    """Face frames of 68-point labels: the 468-point frame from the 68-point box by constants measured on the photos."""
    meta = np.load(f'{shared}/photos.npz', allow_pickle=True)
    p = meta['landmarks_x32'][:600, :, :2] / 32.0
    ratio = []
    for v in p:
        roll, lo, hi = box68(v[LANDMARK68])
        c, s = np.cos(roll), np.sin(roll)
        q = v[:468] @ np.array([[c, -s], [s, c]])
        h = hi[1] - lo[1]
        ratio.append([(q[:, 1].min() - lo[1]) / h, (q[:, 1].max() - hi[1]) / h, (q[:, 0].min() - lo[0]) / h, (q[:, 0].max() - hi[0]) / h])
    r = np.median(ratio, 0)
    out = []
    for v in points:
        roll, lo, hi = box68(v.astype(np.float64))
        h = hi[1] - lo[1]
        lo, hi = lo + h * r[[2, 0]], hi + h * r[[3, 1]]
        c, s = np.cos(roll), np.sin(roll)
        centre = (lo + hi) / 2 @ np.array([[c, s], [-s, c]])
        out.append([*centre, (hi - lo).max(), roll])
    return np.array(out)


def torch_finder(weights, threshold):
    net = model.Finder()
    if weights.endswith('.jr2w'):
        import export
        export.load(net, weights)
    else:
        net.load_state_dict(torch.load(weights)['model'])
    net.eval()

    @torch.no_grad()
    def find(images, longest=320):
        out = []
        for image in images:
            h, w = image.shape[:2]
            k = longest / max(h, w)
            small = cv2.resize(image, (max(1, round(w * k)), max(1, round(h * k))), interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
            sh, sw = small.shape[:2]
            x = np.zeros((1, 3, -(-sh // 32) * 32, -(-sw // 32) * 32), np.float32)
            x[0, :, :sh, :sw] = small.transpose(2, 0, 1) / np.float32(127.5) - 1
            maps = [m[0].numpy() for m in net(torch.from_numpy(x))]
            f = model.suppress(model.decode(maps, threshold))
            f[:, :3] *= [w / sw, h / sh, w / sw]
            out.append(f)
        return out
    return find


def tool_finder(tool, weights, threshold, side=320, retry=False):
    """find_tool reads pictures (i32 width, height, RGB) and writes i32 count, then 5 floats a face."""
    p = subprocess.Popen([tool, weights, str(threshold), str(side), str(int(retry))], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def find(images):
        out = []
        for image in images:
            h, w = image.shape[:2]
            p.stdin.write(struct.pack('<2i', w, h) + np.ascontiguousarray(image).tobytes())
            p.stdin.flush()
            n, = struct.unpack('<i', p.stdout.read(4))
            if n < 0:
                raise RuntimeError('find_tool failed')
            out.append(np.frombuffer(p.stdout.read(20 * n), '<f4').reshape(n, 5).astype(np.float64))
        return out
    return find


class Pictures:
    """What is pasted: image, face frame, valid rectangle, and frames of further people in it (looked at by eye)."""

    def __init__(self, name, data, shared):
        here = os.path.dirname(os.path.abspath(__file__))
        if name == 'landmark_bench':
            d = np.load(f'{shared}/landmark_bench.npz', allow_pickle=True)
            self.names = [str(n) for n in d['name']]
            files = [f'{shared}/landmark_bench/{n}' + ('' if n.endswith('.jpg') else '.jpg') for n in self.names]
            self.images = [cv2.imread(f)[:, :, ::-1] for f in files]
            self.frame = frames68(d['landmarks68'], shared)
            self.valid = [(0, 0, i.shape[1], i.shape[0]) for i in self.images]
        else:
            f = compose.Faces(data, name)
            self.images, self.frame, self.valid, self.names = f.level[0], f.frame.astype(float), f.valid, [str(n) for n in f.name]
        self.more = {}
        path = f'{here}/more_faces.json'
        if os.path.exists(path):
            with open(path) as fp:
                self.more = json.load(fp).get(name, {})


def compose_plain(p, i, pictures, rng, size, canvas=(640, 480), roll_range=45.0, whole=False):
    """One picture pasted into a background: image, frames that must be found, frames that may be found."""
    w, h = canvas if rng.random() < .6 else canvas[::-1]
    b = pictures[int(rng.integers(len(pictures)))]
    k = max(w / b.shape[1], h / b.shape[0]) * np.exp(rng.uniform(0, .7))
    b = cv2.resize(b, (int(np.ceil(b.shape[1] * k)) + 1, int(np.ceil(b.shape[0] * k)) + 1), interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
    x, y = int(rng.integers(b.shape[1] - w + 1)), int(rng.integers(b.shape[0] - h + 1))
    out = b[y:y + h, x:x + w].copy()
    cx, cy, s, own = p.frame[i]
    x0, y0, x1, y1 = p.valid[i] if not whole else (0, 0, p.images[i].shape[1], p.images[i].shape[0])
    roll = np.radians(rng.uniform(-roll_range, roll_range))
    k = size * max(w, h) / s
    # anywhere, the face inside as far as it fits
    e = .5 * size * max(w, h)
    at = [rng.uniform(min(e, v / 2), max(v - e, v / 2)) for v in (w, h)]
    patch = p.images[i]
    f = 1.0
    if k < .7:
        f = max(k, 8 / max(patch.shape[:2]))
        small = cv2.resize(patch, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)
        fx, fy = small.shape[1] / patch.shape[1], small.shape[0] / patch.shape[0]
        patch = small
    else:
        fx = fy = 1.0
    m = compose.similarity(k, roll - own, False, (cx, cy), at)
    mm = m.copy()
    mm[:, 0] /= fx
    mm[:, 1] /= fy
    mask = np.zeros(patch.shape[:2], np.uint8)
    mask[int(round(y0 * fy)):int(round(y1 * fy)), int(round(x0 * fx)):int(round(x1 * fx))] = 255
    top = cv2.warpAffine(np.ascontiguousarray(patch), compose.centred(mm), (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    a = cv2.warpAffine(mask, compose.centred(mm), (w, h), flags=cv2.INTER_LINEAR)[..., None] / 255.0
    out = np.uint8(out * (1 - a) + top * a + .5)
    more = []
    for q in p.more.get(p.names[i], []):
        c = m @ np.array([q[0], q[1], 1.0])
        more.append([c[0], c[1], q[2] * k, 0.0])
    return out, [[at[0], at[1], size * max(w, h), roll]], more


def score(found, faces, more, limit=.5):
    """Matches best first. Returns matched pairs, missed faces and false finds (indices)."""
    taken, pairs, false = set(), [], []
    for j, f in enumerate(found):
        o = [model.overlap(f, g) if n not in taken else 0 for n, g in enumerate(faces)]
        n = int(np.argmax(o)) if o else -1
        if n >= 0 and o[n] >= limit:
            taken.add(n)
            pairs.append((j, n))
        elif not any(model.overlap(f, g) >= .2 for g in more):
            false.append(j)
    return pairs, [n for n in range(len(faces)) if n not in taken], false


def wrap(a):
    return (a + np.pi) % (2 * np.pi) - np.pi


class Table:
    def __init__(self, thresholds):
        self.thresholds = thresholds
        self.rows = {}

    def add(self, key, found, faces, more):
        r = self.rows.setdefault(key, {'pictures': 0, 'faces': 0, 'hit': [0] * len(self.thresholds), 'false': [0] * len(self.thresholds), 'place': [], 'size': [], 'roll': []})
        r['pictures'] += 1
        r['faces'] += len(faces)
        for t, threshold in enumerate(self.thresholds):
            f = found[found[:, 4] >= threshold]
            pairs, _, false = score(f, faces, more)
            r['hit'][t] += len(pairs)
            r['false'][t] += len(false)
            if t == 0:
                for j, n in pairs:
                    g = faces[n]
                    r['place'].append(np.hypot(f[j, 0] - g[0], f[j, 1] - g[1]) / g[2])
                    r['size'].append(abs(np.log(f[j, 2] / g[2])))
                    r['roll'].append(abs(np.degrees(wrap(f[j, 3] - g[3]))))

    def summary(self):
        out = {}
        for key, r in self.rows.items():
            o = {'pictures': r['pictures'], 'faces': r['faces']}
            for t, threshold in enumerate(self.thresholds):
                o[f'recall@{threshold}'] = r['hit'][t] / max(1, r['faces']) if r['faces'] else None
                o[f'false@{threshold}'] = r['false'][t] / r['pictures']
            for n in ('place', 'size', 'roll'):
                if r[n]:
                    o[n] = [float(np.mean(r[n])), float(np.percentile(r[n], 95))]
            out[key] = o
        return out

    def print(self):
        t = ' '.join(f'recall/false@{v:<5}' for v in self.thresholds)
        print(f'{"set":34} faces  {t} place size roll (mean, 95 %)')
        for key, o in self.summary().items():
            row = ' '.join((f'{100 * o[f"recall@{v}"]:6.2f}' if o['faces'] else '      ') + f' {100 * o[f"false@{v}"]:6.2f} % ' for v in self.thresholds)
            e = ' '.join(f'{o[n][0]:.3f} {o[n][1]:.3f}' for n in ('place', 'size', 'roll') if n in o)
            print(f'{key:34} {o["faces"] or o["pictures"]:5}  {row}  {e}')


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--data', required=True)
    a.add_argument('--shared', required=True)
    a.add_argument('--weights', required=True)
    a.add_argument('--tool')
    a.add_argument('--side', type=int, default=320, help='find_side, with --tool')
    a.add_argument('--retry', action='store_true', help='search twice where nothing is found, with --tool')
    a.add_argument('--json')
    a.add_argument('--sheets')
    a.add_argument('--rounds', type=int, default=1, help='pictures pasted this many times at each scale')
    a.add_argument('--every', type=int, default=1, help='take every n-th picture: a quick look')
    a.add_argument('--thresholds', default='0.5,0.6,0.7')
    a = a.parse_args()
    torch.set_num_threads(1)
    thresholds = [float(v) for v in a.thresholds.split(',')]
    low = min(thresholds)
    find = tool_finder(a.tool, a.weights, low, a.side, a.retry) if a.tool else torch_finder(a.weights, low)
    pictures = compose.load_pictures(f'{a.data}/bg_eval.npy')
    table = Table(thresholds)
    bad = []

    def check(key, image, faces, more):
        f = find([image])[0]
        table.add(key, f, faces, more)
        g = f[f[:, 4] >= thresholds[min(1, len(thresholds) - 1)]]
        _, missed, false = score(g, faces, more)
        if (missed or false) and 'whole' not in key:
            bad.append((key, image, faces, g, bool(missed)))

    for name in ('photos_val', 'clips_val', 'landmark_bench'):
        p = Pictures(name, a.data, a.shared)
        rng = np.random.default_rng(7)
        take = range(0, len(p.images), a.every)
        for scale in SCALES:
            for _ in range(a.rounds):
                for i in take:
                    image, faces, more = compose_plain(p, i, pictures, rng, scale)
                    check(f'{name} pasted {scale:.3f}', image, faces, more)
        for i in take:  # the frame itself, padding and all
            image = np.ascontiguousarray(p.images[i])
            check(f'{name} itself', image, [p.frame[i]], [[q[0], q[1], q[2], 0] for q in p.more.get(p.names[i], [])])
    rng = np.random.default_rng(8)
    for n in range(1500 // a.every):
        b = pictures[n % len(pictures)]
        w, h = (640, 480)
        k = max(w / b.shape[1], h / b.shape[0]) * np.exp(rng.uniform(0, 1.2))
        m = compose.similarity(k, 0, rng.random() < .5, (b.shape[1] * rng.uniform(w / k / b.shape[1] / 2, 1 - w / k / b.shape[1] / 2), b.shape[0] * rng.uniform(h / k / b.shape[0] / 2, 1 - h / k / b.shape[0] / 2)), (w / 2, h / 2))
        check('no face', cv2.warpAffine(b, m, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), [], [])
    table.print()
    s = table.summary()
    for t in thresholds:
        faces = hit = false = total = 0
        for key, o in table.summary().items():
            if 'pasted' in key and float(key.split()[-1]) >= .125:
                faces += o['faces']
                total += o['pictures']
                hit += o[f'recall@{t}'] * o['faces']
                false += o[f'false@{t}'] * o['pictures']
        print(f'all pasted, scale 1/8 to 1, threshold {t}: recall {100 * hit / faces:.2f} %, false finds {100 * false / total:.2f} % of {total} pictures')
        s[f'all pasted 1/8 to 1 @{t}'] = {'recall': hit / faces, 'false': false / total, 'pictures': total}
    if a.json:
        with open(a.json, 'w') as f:
            json.dump(s, f, indent=1)
    if a.sheets:
        os.makedirs(a.sheets, exist_ok=True)
        for kind in (True, False):
            some = [v for v in bad if v[4] == kind]
            rng.shuffle(some)
            cells = []
            for key, image, faces, g, _ in some[:40]:
                im = compose.outline(image.copy(), faces, (0, 255, 0))
                im = compose.outline(im, g[:, :4], (255, 0, 0), g[:, 4])
                q = 240 / max(im.shape[:2])
                im = cv2.resize(im, None, fx=q, fy=q, interpolation=cv2.INTER_AREA)
                cell = np.zeros((240, 240, 3), np.uint8)
                cell[:im.shape[0], :im.shape[1]] = im[:240, :240]
                cv2.putText(cell, key, (2, 236), 0, .35, (255, 255, 255), 1)
                cells.append(cell)
            while len(cells) < 40:
                cells.append(np.zeros((240, 240, 3), np.uint8))
            cv2.imwrite(f'{a.sheets}/{"missed" if kind else "false"}.png', np.vstack([np.hstack(cells[r * 8:r * 8 + 8]) for r in range(5)])[:, :, ::-1])


if __name__ == '__main__':
    main()

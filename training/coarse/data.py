# SPDX-License-Identifier: MIT
"""Training samples of the coarse network: photos and clip frames with the teacher's points and fitted parameters, and
rendered faces with exact ones; cropped with jitter, degraded, sometimes mirrored."""
import glob
import os
import queue
import sys
import threading

import cv2
import numpy as np

for _folder in ("head", "render", "labels"):
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", _folder))
from fit_labels import load  # noqa: E402
from make_set import RATIO, move, similarity  # noqa: E402
from model import DISTANCE, face_frame  # noqa: E402

INPUT = 128
CROP = 1.5  # side of the crop, in sizes of the face frame


def degrade(image, rng):
    """Random camera: colour, light, blur, low resolution, noise, JPEG, occlusion. uint8 in and out, square."""
    x, side = image, len(image)
    if rng.random() < 0.25:  # low resolution
        k = int(side / rng.uniform(1.2, 3.2))
        x = cv2.resize(cv2.resize(x, (k, k), interpolation=cv2.INTER_AREA), (side, side),
                       interpolation=cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC)
    if rng.random() < 0.15:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.6) * side / INPUT)
    if rng.random() < 0.08:
        k = rng.integers(3, 8)
        kernel = np.zeros((k, k), np.float32)
        kernel[k // 2] = 1 / k
        x = cv2.filter2D(x, -1, kernel if rng.random() < 0.5 else kernel.T.copy())
    if rng.random() < 0.8:  # gamma, gain, white balance as a table per channel
        t = (np.arange(256, dtype=np.float32) / 255) ** np.exp(rng.normal(0, 0.25))
        gain = np.exp(rng.normal(0, 0.18)) * np.exp(rng.normal(0, 0.06, 3))
        shift = rng.normal(0, 12)
        table = np.clip(t[:, None] * 255 * gain + shift, 0, 255).astype(np.uint8)
        x = cv2.LUT(x, table.reshape(256, 1, 3).transpose(1, 0, 2).copy())
    if rng.random() < 0.12:
        x = cv2.cvtColor(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.3:
        noise = np.empty(x.shape, np.int16)
        cv2.randn(noise, 0, float(rng.uniform(2, 12)))
        x = np.clip(x.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        x = cv2.imdecode(cv2.imencode(".jpg", x, [1, int(rng.integers(25, 90))])[1], 1)
    if rng.random() < 0.12:
        w, h = rng.integers(side // 12, side * 2 // 5, 2)
        ix, iy = rng.integers(0, side - 10, 2)
        x = x.copy()
        x[iy:iy + h, ix:ix + w] = rng.integers(0, 256, 3)
    return x


def mirror_points():
    """Index of the mirrored point for each of the 478: found on the canonical mesh, irises by hand."""
    path = os.path.join(mirror_points.data, "mediapipe_canonical.npz")
    v = np.load(path)["vertices"]
    index = np.empty(478, int)
    for i in range(468):
        index[i] = ((v - v[i] * [-1, 1, 1]) ** 2).sum(1).argmin()
    index[468:] = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]  # ring: image right, top, left, bottom
    return index


class Samples:
    def __init__(self, head, data, labels, cache, rendered):
        self.head = head
        mirror_points.data = data
        self.mirror = mirror_points()
        names = head.names
        swap = {n: n[:-1] + ("R" if n[-1] == "L" else "L") for n in names if n[-2:] in ("_L", "_R")}
        swap.update(jawLeft="jawRight", jawRight="jawLeft", mouthLeft="mouthRight", mouthRight="mouthLeft")
        self.swap = np.array([head.index[swap.get(n, n)] for n in names])
        points, self.scores, self.score_names, group, _, val, _ = load(data)
        self.points, self.group, self.val = points * RATIO, group, val
        self.labels = {k: v for k, v in np.load(labels).items() if k != "clips"}
        self.labels["centre"] = self.labels["centre"] * RATIO
        self.labels["scale"] = self.labels["scale"] * RATIO
        for name, n in (("light", 27), ("albedo", 40)):  # 0 where nobody fitted them
            self.labels.setdefault(name, np.zeros((len(group), n), np.float32))
        self.cache = np.load(cache, mmap_mode="r")
        good = (self.labels["error"] < 0.025) & ~val
        self.photos = np.where(good & (group < 0))[0]
        self.frames = np.where(good & (group >= 0))[0]
        base, ident, expr = head.landmark_basis()
        self.linear = base.astype(np.float32), ident.astype(np.float32), expr.astype(np.float32)
        self.folder, self.rendered, self.loaded = rendered, None, set()
        self.refresh()

    def refresh(self):
        """Take up rendered sets that have appeared since."""
        new = [p for p in sorted(glob.glob(os.path.join(self.folder, "*.npz"))) if p not in self.loaded]
        parts = [] if self.rendered is None else [self.rendered]
        for path in new:
            try:
                parts.append({k: v for k, v in np.load(path).items()})
                self.loaded.add(path)
            except (ValueError, OSError, EOFError):
                continue  # still being written
        if parts and new:
            self.rendered = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}

    def model_points(self, b, e, rot, scale, centre):
        p = self.linear[0] + np.tensordot(b, self.linear[1], 1) + np.tensordot(e, self.linear[2], 1)
        for k, (joint, (yaw, pitch)) in enumerate(zip((4, 3), self.head.gaze(e)[::-1])):  # right eye: points 468..472
            part = slice(468 + 5 * k, 473 + 5 * k)
            from model import rotation
            j = self.head.joint0[joint] + b @ self.head.joint_identity[:, joint]
            still = self.linear[0][part] + np.tensordot(b, self.linear[1][:, part], 1)
            p[part] = (still - j) @ rotation(yaw, pitch, 0).T + j
        x = p @ rot.T
        w = scale / (1 - x[:, 2] / DISTANCE)
        return np.stack([centre[0] + x[:, 0] * w, centre[1] - x[:, 1] * w], 1)

    def crop(self, rng, image, points, jitter=True):
        frame = face_frame(points)
        if jitter:
            wide = 1.0 if rng.random() < 0.5 else 2.0  # the finder's crop is looser than the second pass's
            side = CROP * frame[2] * np.exp(wide * rng.normal(0, 0.06))
            frame[:2] += wide * rng.normal(0, 0.03, 2) * frame[2]
            roll = frame[3] + np.radians(wide * rng.normal(0, 6))
        else:
            side, roll = CROP * frame[2], frame[3]
        affine = similarity(frame, side, INPUT, roll)
        m = affine.copy()
        m[:, 2] += affine[:, :2] @ [0.5, 0.5] - 0.5  # cv2's pixel centres are integers, ours are at +0.5
        shrink = 1 / np.hypot(affine[0, 0], affine[0, 1])
        if shrink > 1.6:
            image = cv2.GaussianBlur(image, (0, 0), 0.35 * shrink)
        return cv2.warpAffine(image, m, (INPUT, INPUT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), affine

    def real(self, i, rng, jitter=True):
        image, affine = self.crop(rng, np.ascontiguousarray(self.cache[i]), self.points[i], jitter)
        lab = self.labels
        r, s, c = move(lab["rotation"][i], lab["scale"][i], lab["centre"][i], affine)
        points = self.points[i] @ affine[:, :2].T + affine[:, 2]
        return image, lab["identity"][i], lab["expression"][i], r, s, c, points, lab["light"][i], lab["albedo"][i], 0

    def synthetic(self, i, rng, jitter=True):
        d = self.rendered
        b, e, rot, s, c = (d[k][i] for k in ("identity", "expression", "rotation", "scale", "centre"))
        points = self.model_points(b, e, rot, s, c)
        image, affine = self.crop(rng, d["image"][i], points, jitter)
        r, s, c = move(rot, s, c, affine)
        points = points @ affine[:, :2].T + affine[:, 2]
        return image, b, e, r, s, c, points, np.zeros(27, np.float32), np.zeros(40, np.float32), 1 + int(d["head"][i])

    def flip(self, sample):
        image, b, e, rot, s, c, points, light, albedo, kind = sample
        m = np.diag([-1.0, 1, 1])
        points = points[self.mirror] * [-1, 1] + [INPUT, 0]
        return (image[:, ::-1], b, e[self.swap], m @ rot @ m, s, np.array([INPUT - c[0], c[1]]), points, light, albedo,
                kind + 10)

    def draw(self, rng, share_real=0.5):
        while True:
            if rng.random() < share_real or self.rendered is None:
                pool = self.photos if rng.random() < 0.62 else self.frames
                sample = self.real(rng.choice(pool), rng)
            else:
                sample = self.synthetic(rng.integers(len(self.rendered["image"])), rng)
            if np.isfinite(sample[6]).all():
                break
        image, *rest = self.flip(sample) if rng.random() < 0.4 else sample
        return (degrade(np.ascontiguousarray(image), rng), *rest)

    @staticmethod
    def stack(samples):
        c = list(zip(*samples))
        out = {"image": np.stack(c[0])}
        for k, name in enumerate(("identity", "expression", "rotation", "scale", "centre", "points", "light", "albedo"), 1):
            out[name] = np.stack(c[k]).astype(np.float32)
        out["kind"] = np.array(c[9])
        return out


class Loader:
    """Batches made by threads."""

    def __init__(self, samples, batch, threads=2, share_real=0.5, seed=0):
        self.queue = queue.Queue(6)
        self.samples, self.batch, self.share_real = samples, batch, share_real
        for k in range(threads):
            threading.Thread(target=self._run, args=(seed * 100 + k,), daemon=True).start()

    def _run(self, seed):
        cv2.setNumThreads(1)
        rng = np.random.default_rng([seed, os.getpid()])
        while True:
            self.queue.put(Samples.stack([self.samples.draw(rng, self.share_real) for _ in range(self.batch)]))

    def next(self):
        return self.queue.get()

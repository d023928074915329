# SPDX-License-Identifier: MIT
"""Training pairs of the reenactment network, from a folder that bundle.py packed.

Two kinds, both with a real picture as the target. "clip": two frames of one clip. "photo": a photo is the target; the
source is the same photo pulled through the mesh's flow into another pose and expression, with all the damage that does;
what lies behind the person stays, where the folder tells silhouettes.
Validation people are in the folder for measuring only; training never draws them. Geometry is computed by threads that
run the library's own C code; pictures stay on the device as bytes and are sampled there, once.
"""
import os
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
import torch.nn.functional as F

for _folder in ("head", "render"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", _folder))
from geometry import FRAME_MAPS, MAPS, Geometry  # noqa: E402
from make_set import move  # noqa: E402
from model import Head, face_frame, project, rotation  # noqa: E402
from synth import random_expression  # noqa: E402

SIDE = 256
CELLS = SIDE // 4                    # of a silhouette
COARSE_SIDE, COARSE_CROP = 128, 1.5  # the reconstruction network's crop, as in training/coarse/data.py
GOOD = 0.022                         # largest label error (points / outer-eye distance) that is trained on


class Set:
    """Pictures and labels in crop pixels (SIDE x SIDE)."""

    def __init__(self, folder, threads=2):
        with np.load(os.path.join(folder, "set.npz")) as z:
            self.label = {k: z[k] for k in z.files}
        for k in ("identity", "expression"):
            self.label[k] = self.label[k].astype(np.float32)
        n = len(self.label["group"])
        self.images = np.empty((n, SIDE, SIDE, 3), np.uint8)
        blob = np.memmap(os.path.join(folder, "pictures.bin"), np.uint8, "r")
        at = self.label["offset"]

        def read(i):
            picture = cv2.imdecode(np.asarray(blob[at[i]:at[i + 1]]), cv2.IMREAD_COLOR)
            if picture is None or picture.shape != (SIDE, SIDE, 3):
                raise ValueError(f"{folder}: picture {i} is damaged or this OpenCV cannot read it")
            cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, self.images[i])
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(read, range(n)))
        group, val = self.label["group"], self.label["val"]
        good = (self.label["error"] < GOOD) & ~val
        self.photos = np.where(good & (group < 0))[0]
        self.clips = [np.where(good & (group == g))[0] for g in np.unique(group[group >= 0])]
        self.clips = [c for c in self.clips if len(c) > 8]
        assert not val[self.photos].any() and not any(val[c].any() for c in self.clips)


class Vertices:
    """Head vertices of many parameter vectors at once."""

    def __init__(self, head):
        self.head = head
        self.basis = torch.from_numpy(np.concatenate([head.identity, head.expression]).reshape(153, -1).copy())
        self.base = torch.from_numpy(head.template.reshape(1, -1).copy())

    def __call__(self, b, e):
        b, e = np.asarray(b, np.float32), np.asarray(e, np.float32)
        v = (self.base + torch.from_numpy(np.concatenate([b, e], 1)) @ self.basis).numpy().reshape(len(b), -1, 3)
        head = self.head
        joints = head.joint0 + np.tensordot(b, head.joint_identity, 1)
        for mine, joint, (yaw, pitch) in zip((head.left, head.right), (3, 4), head.gaze(e)):
            j = joints[:, joint][:, None].astype(np.float32)
            v[:, mine] = (v[:, mine] - j) @ rotation(yaw, pitch, 0).transpose(0, 2, 1).astype(np.float32) + j
        return v


def fade_away(damage, inside, near, far):
    """Leaves a displacement (2,h,w) whole within near px of the head's mask (h,w), and nothing of it from near + far px on."""
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 3)
    t = np.clip((distance - near) / far, 0, 1)
    damage *= 1 - t * t * (3 - 2 * t)


def taken(silhouette, affine, damage=None):
    """A picture's silhouette (CELLS,CELLS) uint8, as the picture is that a pair takes from it (by affine 2x3, then displaced by damage
    (2,SIDE,SIDE)): (CELLS,CELLS) float32 0..1."""
    at = np.indices((CELLS, CELLS), np.float32)[::-1] * (SIDE / CELLS) + SIDE / CELLS / 2
    if damage is not None:
        at = at + np.stack([cv2.resize(d, (CELLS, CELLS), interpolation=cv2.INTER_AREA) for d in damage])
    at = (np.tensordot(affine[:, :2], at, 1) + affine[:, 2, None, None]).astype(np.float32) * np.float32(CELLS / SIDE) - np.float32(0.5)
    return cv2.remap(silhouette, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32) / 255


def leaning(m, silhouette):
    """The displacement (2,SIDE,SIDE) by which pixels x come from m x, but for what lies behind the silhouette (CELLS,CELLS) here and there."""
    x = np.indices((SIDE, SIDE), np.float32)[::-1] + np.float32(0.5)
    there = np.tensordot(m[:, :2], x, 1).astype(np.float32) + m[:, 2, None, None].astype(np.float32)
    if silhouette is None:
        return there - x
    stays = [1 - cv2.remap(silhouette, *(at * np.float32(CELLS / SIDE) - np.float32(0.5)), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
             for at in (x, there)]
    return (there - x) * (1 - stays[0] * stays[1])


def similarity_about_centre(scale, angle, shift):
    """2x3 map of crop pixels: turned and scaled about the centre, then shifted."""
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    h = SIDE / 2
    return np.array([[c, -s, h - c * h + s * h + shift[0]], [s, c, h - s * h - c * h + shift[1]]])


def inverse(affine):
    return np.linalg.inv(np.vstack([affine, [0, 0, 1]]))[:2]


def coarse_crop(points):
    """2x3 map of the reconstruction network's crop pixels to pixels of these 478 points' picture."""
    cx, cy, size, roll = face_frame(points)
    k = COARSE_CROP * size / COARSE_SIDE
    c, s = np.cos(roll) * k, np.sin(roll) * k
    h = COARSE_SIDE / 2
    return np.array([[c, -s, cx - c * h + s * h], [s, c, cy - s * h - c * h]])


class Samples:
    """Draws pairs and computes their geometry."""

    def __init__(self, head_path, data, threads=1, library=None, clip_share=0.6):
        self.head, self.set, self.clip_share = Head(head_path), data, clip_share
        self.geometry = Geometry(self.head, SIDE, library, threads)
        self.vertices = Vertices(self.head)
        size = np.sqrt([len(c) for c in data.clips])
        self.clip_weight = size / size.sum() if len(size) else size
        label = data.label
        self.real = label["expression"][~label["val"]]

    def pose_of(self, i):
        label = self.set.label
        return {"b": label["identity"][i], "e": label["expression"][i], "R": label["rotation"][i].astype(np.float64),
                "s": float(label["scale"][i]), "c": label["centre"][i].astype(np.float64)}

    def plain(self, source, target):
        """A pair as it is: the driven mesh has the source's identity. "silhouette" may be added: what a network said of the source."""
        s, t = self.pose_of(source), self.pose_of(target)
        return {"rows": (source, target), "source": s, "target": {**t, "b": s["b"]}, "photo": False, "flip": False,
                "to_raw": np.eye(3)[:2], "colour": np.array([1, 1, 1, 1], np.float32)}

    def farthest(self, row, others):
        """The one that differs most in pose and expression: most pairs of a clip are nearly alike."""
        label = self.set.label
        return max(others, key=lambda k: np.abs(label["rotation"][k] - label["rotation"][row]).sum()
                   + 0.3 * np.abs(label["expression"][k] - label["expression"][row]).sum())

    def draw(self, rng):
        clip = bool(len(self.set.clips)) and rng.random() < self.clip_share
        if clip:
            frames = self.set.clips[rng.choice(len(self.set.clips), p=self.clip_weight)]
            first, *others = rng.choice(frames, 4, replace=False)
            pair = self.plain(first, self.farthest(first, others) if rng.random() < 0.5 else others[0])
        else:
            i = rng.choice(self.set.photos)
            pair = self.plain(i, i)
            pair["photo"] = True
        affine = similarity_about_centre(np.exp(rng.normal(0, 0.08)), rng.normal(0, 0.07), rng.normal(0, 7, 2))
        pair["to_raw"] = inverse(affine)
        for k in ("source", "target"):
            p = dict(pair[k])
            p["R"], p["s"], p["c"] = move(p["R"], p["s"], p["c"], affine)
            pair[k] = p
        if clip and rng.random() < 0.15:  # who sits before a camera comes nearer or moves aside with shoulders and all
            pair["lean"] = similarity_about_centre(np.exp(rng.normal(0, 0.18)), rng.normal(0, 0.03), rng.normal(0, 8, 2))
            p = pair["source"]
            p["R"], p["s"], p["c"] = move(p["R"], p["s"], p["c"], pair["lean"])
        if not clip:
            p = pair["source"]
            wide = rng.random() < 0.3
            p["R"] = p["R"] @ rotation(*np.radians(rng.normal(0, [20, 12, 6] if wide else [10, 7, 4])))
            far = rng.random() < 0.35  # nearer, farther, aside: as other people's heads are, seldom those of one clip
            p["s"] *= np.exp(rng.normal(0, 0.2 if far else 0.04))
            p["c"] = p["c"] + rng.normal(0, 14 if far else 5, 2)
            p["e"] = (self.real[rng.integers(len(self.real))] if rng.random() < 0.6
                      else random_expression(rng, self.head, p["e"]))
            if rng.random() < (0.4 if "silhouette" in self.set.label else 0.8):  # long hair and shoulders follow a head in part, walls do not
                pair["fade"] = rng.uniform(2, 25), rng.uniform(25, 80)
        pair["flip"] = rng.random() < 0.5
        if rng.random() < 0.6:
            pair["colour"] = np.exp(rng.normal(0, [0.2, 0.1, 0.1, 0.1])).astype(np.float32)
        return pair

    def batch(self, pairs):
        """Pairs -> arrays; the work is in C, on all threads of the geometry."""
        n, half = len(pairs), SIDE // 2
        both = [p[k] for p in pairs for k in ("source", "target")]
        vertices = self.vertices(np.stack([p["b"] for p in both]), np.stack([p["e"] for p in both]))
        pin = torch.cuda.is_available()
        known = "silhouette" in self.set.label
        out = {"maps": torch.empty(n, MAPS, SIDE, SIDE, pin_memory=pin),
               "planes": torch.empty(n, FRAME_MAPS, half, half, pin_memory=pin),
               "flow": torch.empty(n, 2, SIDE, SIDE, pin_memory=pin),
               "damage": torch.empty(n, 2, SIDE, SIDE, pin_memory=pin)}
        arrays = {k: v.numpy() for k, v in out.items()}
        crops = np.empty((n, 2, 3), np.float32)

        def work(k):
            g, pair = self.geometry, pairs[k]
            s, t = pair["source"], pair["target"]
            posed = [g.pose(vertices[2 * k + m], p["R"], p["s"], p["c"]) for m, p in enumerate((s, t))]
            row = pair["rows"][0]
            g.maps(posed[0], arrays["maps"][k])
            whole = taken(self.set.label["silhouette"][row], pair["to_raw"]) if known else None
            if pair["photo"]:
                g.frame(posed[0], posed[1], arrays["damage"][k], silhouette=whole)
                if "fade" in pair:
                    fade_away(arrays["damage"][k], posed[0].triangle_id >= 0, *pair["fade"])
            elif "lean" in pair:
                arrays["damage"][k] = leaning(inverse(pair["lean"]), whole)
            else:
                arrays["damage"][k] = 0
            silhouette = pair.get("silhouette")
            if silhouette is None and known:
                silhouette = taken(self.set.label["silhouette"][row], pair["to_raw"], arrays["damage"][k])
            g.frame(posed[1], posed[0], arrays["flow"][k], arrays["planes"][k], silhouette)
            g.give(*posed)
            crops[k] = coarse_crop(project(self.head.landmarks(vertices[2 * k + 1]), t["R"], t["s"], t["c"]))
        self.geometry.map(work, range(n))
        rows = np.array([p["rows"] for p in pairs])
        out.update(rows=torch.from_numpy(rows), crop=torch.from_numpy(crops),
                   to_raw=torch.from_numpy(np.stack([p["to_raw"] for p in pairs]).astype(np.float32)),
                   flip=torch.tensor([bool(p["flip"]) for p in pairs]), photo=torch.tensor([bool(p["photo"]) for p in pairs]),
                   colour=torch.from_numpy(np.stack([p["colour"] for p in pairs])),
                   rect=torch.from_numpy(self.set.label["rect"][rows[:, 1]].astype(np.float32)))
        return out


class Loader:
    """Batches made ahead by background threads."""

    def __init__(self, samples, batch, seed, workers=1, ahead=3):
        self.queue = queue.Queue(ahead)

        def run(number):
            rng = np.random.default_rng([*seed, number])
            while True:
                try:
                    self.queue.put(samples.batch([samples.draw(rng) for _ in range(batch)]))
                except Exception as error:  # the trainer must hear of it, not wait for ever
                    self.queue.put(error)
                    return
        for number in range(workers):
            threading.Thread(target=run, args=(number,), daemon=True).start()

    def next(self):
        batch = self.queue.get()
        if isinstance(batch, Exception):
            raise batch
        return batch


def pixel_centres(device):
    a = torch.arange(SIDE, device=device, dtype=torch.float32) + 0.5
    return torch.stack([a[None].expand(SIDE, SIDE), a[:, None].expand(SIDE, SIDE)])[None]


def take(images, coordinates):
    """images (B,H,W,3) uint8 at pixel coordinates (B,2,h,w) -> (B,3,h,w) in 0..1."""
    grid = coordinates.permute(0, 2, 3, 1) * (2 / SIDE) - 1
    x = images.permute(0, 3, 1, 2).float() / 255
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def prepare(batch, images, device, pool=None):
    """A batch on the device: source, target, valid_source, valid_target, maps, planes, flow, crop_grid. With a pool of threads also the
    displacement that is true, true_flow, and where it is known, true_where: of photos how they were pulled, of clips their optical flow."""
    t = {k: v.to(device, non_blocking=True) for k, v in batch.items()}
    here = pixel_centres(device)

    def raw(p):
        a = t["to_raw"]
        return torch.einsum("bij,bjhw->bihw", a[:, :, :2], p.expand(len(a), -1, -1, -1)) + a[:, :, 2, None, None]

    def inside(q):
        r = t["rect"][:, :, None, None]
        return ((q[:, 0] > r[:, 0]) & (q[:, 1] > r[:, 1]) & (q[:, 0] < r[:, 2]) & (q[:, 1] < r[:, 3]))[:, None].float()
    q_target, q_source = raw(here), raw(here + t["damage"])
    rows = t["rows"].to(images.device)
    target, source = (take(images[rows[:, k]].to(device), q) for k, q in ((1, q_target), (0, q_source)))
    gain, gamma = t["colour"][:, 1:, None, None], t["colour"][:, :1, None, None]
    source, target = ((x.clamp(1e-4, 1) ** gamma * gain).clamp(0, 1) for x in (source, target))
    out = {"source": source, "target": target, "valid_source": inside(q_source), "valid_target": inside(q_target),
           "maps": t["maps"], "planes": t["planes"], "flow": t["flow"]}
    if pool:
        photo, clip = t["photo"], torch.where(~t["photo"])[0].tolist()
        out["true_flow"], out["true_where"] = torch.zeros_like(t["flow"]), torch.zeros_like(t["flow"][:, :1])
        if photo.any():
            out["true_flow"][photo], out["true_where"][photo] = undoing(t["damage"][photo], here)
        for k, (flow, where) in zip(clip, pool.map(lambda k: optical_flow(source[k], target[k], t["flow"][k]), clip)):
            out["true_flow"][k], out["true_where"][k] = flow.to(device), where.to(device)
    flip = t["flip"][:, None, None, None]
    out = {k: torch.where(flip, v.flip(3), v) for k, v in out.items()}
    sign = torch.where(t["flip"], -1.0, 1.0)[:, None, None]
    for name, plane in (("maps", 0), ("maps", 3), ("planes", 0), ("planes", 3), ("planes", 13), ("flow", 0), ("true_flow", 0)):
        if name in out:
            out[name][:, plane] *= sign
    # Where the reconstruction network looks; for mirrored pairs the grid turns its crop the right way round again.
    a = torch.arange(COARSE_SIDE, device=device, dtype=torch.float32) + 0.5
    p = torch.stack([a[None].expand(COARSE_SIDE, COARSE_SIDE), a[:, None].expand(COARSE_SIDE, COARSE_SIDE)])
    m = t["crop"]
    grid = (torch.einsum("bij,jhw->bhwi", m[:, :, :2], p) + m[:, None, None, :, 2]) * (2 / SIDE) - 1
    grid[..., 0] *= sign
    out["crop_grid"] = grid
    return out


def undoing(damage, here):
    """The displacement (B,2,h,w) that undoes damage: d(x) = -damage(x + d(x)), by iteration; and where it does (B,1,h,w)."""
    def at(d):
        grid = (here + d).permute(0, 2, 3, 1) * (2 / SIDE) - 1
        return F.grid_sample(damage, grid, mode="bilinear", padding_mode="border", align_corners=False)
    d = -damage
    for _ in range(4):
        d = -at(d)
    return d, ((d + at(d)).abs().amax(1, keepdim=True) < 1).float()


def optical_flow(source, target, start):
    """Pictures (3,h,w) 0..1 and a displacement to start from (2,h,w) -> the displacement (2,h,w) that brings the source to the target by its
    colours (dense inverse search, Kroeger et al. 2016), and where it does (1,h,w)."""
    grey = [cv2.cvtColor((x.clamp(0, 1) * 255).byte().permute(1, 2, 0).cpu().numpy(), cv2.COLOR_RGB2GRAY) for x in (target, source)]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*grey, np.ascontiguousarray(start.permute(1, 2, 0).cpu().numpy()))
    there = (np.indices(grey[0].shape[:2], np.float32)[::-1].transpose(1, 2, 0) + flow).astype(np.float32)
    moved = cv2.remap(grey[1], there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    far = cv2.blur(cv2.absdiff(moved, grey[0]), (5, 5)) > 20
    return torch.from_numpy(flow).permute(2, 0, 1), torch.from_numpy(~far)[None].float()


def eyes_and_mouth(planes):
    """(B,1,256,256) 0..1: eyes, lips and the inside of the mouth of the driven face, widened by some pixels."""
    x = planes[:, 7:12].sum(1, keepdim=True).clamp(0, 1)
    x = F.max_pool2d(F.avg_pool2d(x, 3, 1, 1), 5, 1, 2)
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def encode_picture(rgb, quality):
    ok, data = cv2.imencode(".webp", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, int(quality)])
    if not ok:
        raise RuntimeError("this OpenCV cannot write WebP")
    return data.tobytes()

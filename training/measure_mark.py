# SPDX-License-Identifier: MIT
"""Measures the mark in pixels and prints the tables of docs/mark.md.

    make && python3 training/measure_mark.py DATA [--pictures FOLDER]... [--photos 60] [--clips 12] [--unmarked 4000]

DATA holds photos.npz, photos/, clips/ and clips_val/ (the folder that the networks are trained from); --pictures are further folders of JPEG or PNG pictures, for the
statistics of unmarked pictures and the 640 x 480 row. Needs NumPy, Pillow, and ffmpeg with libx264.
"""
import argparse
import ctypes
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

I, F = ctypes.c_int32, ctypes.c_float


class JImage(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("format", I), ("width", I), ("height", I), ("pixels", ctypes.c_void_p),
                ("stride", ctypes.c_int64)]


class Report(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("marked", I), ("score", F), ("threshold", F), ("scale_x", F), ("scale_y", F),
                ("mirrored", I), ("left", I), ("top", I), ("width", I), ("height", I), ("reserved", I)]


class Mark:
    def __init__(self, path):
        self.library = ctypes.CDLL(os.path.abspath(path))

    @staticmethod
    def image(a):
        return JImage(ctypes.sizeof(JImage), 1, a.shape[1], a.shape[0], a.ctypes.data, a.strides[0])

    def embed(self, a):
        out = np.ascontiguousarray(a).copy()
        status = self.library.jr2_mark_embed(ctypes.byref(self.image(out)), None)
        assert status == 0, status
        return out

    def check(self, frames):
        frames = [np.ascontiguousarray(f) for f in frames]
        images = (JImage * len(frames))(*[self.image(f) for f in frames])
        report = Report(ctypes.sizeof(Report))
        status = self.library.jr2_mark_check(images, len(frames), None, ctypes.byref(report))
        assert status == 0, status
        return report


def jpeg(a, quality):
    file = io.BytesIO()
    Image.fromarray(a).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def resize(a, scale):
    return np.array(Image.fromarray(a).resize((round(a.shape[1] * scale), round(a.shape[0] * scale)), Image.BICUBIC))


def crop(a, part=0.8, left=0.37, top=0.61):
    h, w = a.shape[:2]
    ch, cw = round(h * part), round(w * part)
    y, x = int((h - ch) * top), int((w - cw) * left)
    return a[y:y + ch, x:x + cw]


def h264(frames, crf):
    n, h, w, _ = frames.shape
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "v.mp4")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{w}x{h}", "-r", "12.5", "-i", "-", "-c:v",
                        "libx264", "-threads", "1", "-crf", str(crf), "-pix_fmt", "yuv420p", path], input=frames.tobytes(), check=True)
        return read_video(path, w, h)


def read_video(path, w=None, h=None, frames=10 ** 6):
    if w is None:
        info = json.loads(subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of",
                                          "json", path], stdout=subprocess.PIPE, check=True).stdout)["streams"][0]
        w, h = info["width"], info["height"]
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-frames:v", str(frames), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, h, w, 3)


ATTACKS = [
    ("none", lambda a: a),
    ("JPEG 90", lambda a: jpeg(a, 90)),
    ("JPEG 80", lambda a: jpeg(a, 80)),
    ("JPEG 70", lambda a: jpeg(a, 70)),
    ("JPEG 60", lambda a: jpeg(a, 60)),
    ("JPEG 50", lambda a: jpeg(a, 50)),
    ("rescale x 0.5", lambda a: resize(a, 0.5)),
    ("rescale x 0.75", lambda a: resize(a, 0.75)),
    ("rescale x 1.5", lambda a: resize(a, 1.5)),
    ("rescale x 2", lambda a: resize(a, 2)),
    ("crop to 80 %", crop),
    ("crop to 80 %, JPEG 50", lambda a: jpeg(crop(a), 50)),
    ("rescale x 0.75, JPEG 70", lambda a: jpeg(resize(a, 0.75), 70)),
    ("rescale x 0.5, JPEG 70", lambda a: jpeg(resize(a, 0.5), 70)),
    ("mirrored, rescale x 1.2, crop, JPEG 70", lambda a: jpeg(crop(resize(a[:, ::-1], 1.2)), 70)),
]


def pictures_in(folders):
    found = []
    for folder in folders:
        for base, _, names in sorted(os.walk(folder)):
            found += [os.path.join(base, n) for n in sorted(names) if n.lower().endswith((".jpg", ".jpeg", ".png"))]
    return found


def open_rgb(path):
    try:
        return np.array(Image.open(path).convert("RGB"))
    except OSError:
        return None


def validation_photos(data):
    z = np.load(os.path.join(data, "photos.npz"))
    return [os.path.join(data, "photos", str(n) + ("" if str(n).endswith(".jpg") else ".jpg")) for n, v in zip(z["name"], z["is_val"]) if v]


def vga(paths, count):
    """Middle parts of large pictures, reduced to 640 x 480. Where more than a fifth is black or white (line drawings, screens), the
    pattern is cut off on one side; such pictures are left out here."""
    out = []
    for path in paths:
        try:
            picture = Image.open(path)
            w, h = picture.size
            if w < 800 or h < 600:
                continue
            s = min(w / 640, h / 480)
            box = ((w - 640 * s) / 2, (h - 480 * s) / 2, (w + 640 * s) / 2, (h + 480 * s) / 2)
            a = np.array(picture.convert("RGB").resize((640, 480), Image.LANCZOS, box=box))
            if np.mean((a.mean(2) < 4) | (a.mean(2) > 251)) <= 0.2:
                out.append(a)
        except OSError:
            continue
        if len(out) == count:
            break
    return out


def table_change(mark, sets):
    print("| pictures | number | mean change, mean / worst | PSNR, mean / worst (dB) | largest change |\n| --- | --- | --- | --- | --- |")
    for name, pictures in sets:
        mean, psnr, most = [], [], 0
        for a in pictures:
            d = mark.embed(a).astype(np.int32) - a
            mean.append(np.abs(d).mean())
            psnr.append(10 * math.log10(65025 / (d * d).mean()))
            most = max(most, np.abs(d).max())
        print(f"| {name} | {len(pictures)} | {np.mean(mean):.3f} / {max(mean):.3f} | {np.mean(psnr):.1f} / {min(psnr):.1f} | {most} |")
    sys.stdout.flush()


def table_survival(mark, sets):
    print("\n| attack | " + " | ".join(f"{n}: found, median score" for n, _ in sets) + " |\n| --- |" + " --- |" * len(sets))
    marked = [[mark.embed(a) for a in p] for _, p in sets]
    for name, attack in ATTACKS:
        row = []
        for pictures in marked:
            r = [mark.check([attack(a)]) for a in pictures]
            row.append(f"{100 * np.mean([x.marked for x in r]):.0f} %, {np.median([x.score for x in r]):.1f}")
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)


def table_video(mark, clips, size, label):
    print(f"\n| H.264, {label} ({len(clips)} clips) | one frame: found, median score | 16 frames: found, median score |\n| --- | --- | --- |")
    for crf in (18, 23, 28):
        one, many = [], []
        for clip in clips:
            frames = clip
            if size:
                frames = np.stack([np.array(Image.fromarray(f).resize(size, Image.BICUBIC)) for f in clip])
            out = h264(np.stack([mark.embed(f) for f in frames]), crf)
            picked = np.linspace(0, len(out) - 1, 16).astype(int)
            one += [mark.check([out[i]]) for i in picked[::5]]
            many.append(mark.check([out[i] for i in picked]))
        row = [f"{100 * np.mean([x.marked for x in r]):.0f} %, {np.median([x.score for x in r]):.1f}" for r in (one, many)]
        print(f"| crf {crf} | " + " | ".join(row) + " |", flush=True)


def table_unmarked(mark, paths, count):
    """The excess e = z^2 / 2 - ln(trials): the bound says P(e > t) <= exp(-t); the threshold is e = ln(1e7) = 16.1."""
    rng = np.random.default_rng(7)
    excess, worst, alarms = [], -99.0, 0
    order = rng.permutation(len(paths))
    turn = 0
    while len(excess) < count:
        a = open_rgb(paths[order[turn % len(paths)]])
        turn += 1
        if a is None or min(a.shape[:2]) < 72:
            if turn > 3 * len(paths):
                break
            continue
        h, w = a.shape[:2]
        side = [int(rng.integers(64, min(n, 480) + 1)) for n in (h, w)]
        y, x = int(rng.integers(0, h - side[0] + 1)), int(rng.integers(0, w - side[1] + 1))
        a = a[y:y + side[0], x:x + side[1]]
        if turn % 3 == 0:
            a = jpeg(a, int(rng.integers(40, 95)))
        elif turn % 3 == 1:
            a = resize(a, float(rng.uniform(0.7, 1.5)))
        if min(a.shape[:2]) < 64:
            continue
        r = mark.check([a])
        alarms += r.marked
        excess.append((r.score ** 2 - r.threshold ** 2) / 2 + math.log(1e7))
        worst = max(worst, r.score - r.threshold)
    e = np.sort(excess)
    print(f"\n{len(e)} unmarked crops of {min(turn, len(paths))} pictures: {alarms} false alarms; the highest score was {-worst:.2f} below its threshold.\n")
    print("| t | measured P(e > t) | bound exp(-t) |\n| --- | --- | --- |")
    for t in np.arange(-9, 1.5, 1.0):
        print(f"| {t:.0f} | {np.mean(e > t):.2g} | {min(1.0, math.exp(-t)):.2g} |")
    # Exponential tail above the level that one crop in 20 passes (peaks over a threshold; the estimate of its rate is 1 / mean excess).
    u = e[int(0.95 * len(e))]
    above = e[e > u] - u
    rate = 1 / above.mean()
    low = rate * (1 - 1.96 / math.sqrt(len(above)))
    for what, r in (("fit", rate), ("lower end of the rate's 95 % interval", low)):
        print(f"\nTail above t = {u:.2f}, rate {r:.2f} ({what}): P(false alarm) = {0.05 * math.exp(-r * (math.log(1e7) - u)):.1e}")
    sys.stdout.flush()


def table_speed(mark, a):
    print("\n| step, 640 x 480, one core | milliseconds |\n| --- | --- |")
    marked = mark.embed(a)
    buffer = a.copy()
    image = mark.image(buffer)
    for name, call in (("mark", lambda: mark.library.jr2_mark_embed(ctypes.byref(image), None)), ("find it at its size", lambda: mark.check([marked])),
                       ("find nothing", lambda: mark.check([a]))):
        times = []
        for _ in range(9):
            buffer[:] = a
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        print(f"| {name} | {1e3 * np.median(times):.1f} |")
    sys.stdout.flush()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data")
    p.add_argument("--pictures", action="append", default=[])
    p.add_argument("--photos", type=int, default=60)
    p.add_argument("--clips", type=int, default=12)
    p.add_argument("--frames", type=int, default=50)
    p.add_argument("--unmarked", type=int, default=4000)
    p.add_argument("--only", choices=["change", "survival", "video", "unmarked", "speed"])
    p.add_argument("--library", default="build/libjr2.so")
    o = p.parse_args()
    if not os.path.exists(os.path.join(o.data, "photos.npz")):
        p.error(f"{o.data} holds no photos.npz")
    mark = Mark(o.library)
    others = pictures_in(o.pictures)
    faces = validation_photos(o.data)
    faces = [open_rgb(f) for f in faces[::max(1, len(faces) // o.photos)][:o.photos]]
    sets = [("faces 384 x 384", faces)]
    large = vga(others[::7], o.photos // 2)
    if large:
        sets.append(("pictures 640 x 480", large))
    if o.only in (None, "change"):
        table_change(mark, sets)
    if o.only in (None, "survival"):
        table_survival(mark, sets)
    if o.only in (None, "video"):
        names = [os.path.join(o.data, d, n) for d in ("clips_val", "clips") for n in sorted(os.listdir(os.path.join(o.data, d))) if n.endswith(".mp4")]
        clips = [read_video(n, frames=o.frames) for n in (names[:4] + names[4::3])[:o.clips]]
        table_video(mark, clips, None, "as they are, 384 x 384")
        table_video(mark, clips, (640, 640), "enlarged to 640 x 640 before marking")
    if o.only in (None, "unmarked"):
        table_unmarked(mark, others + pictures_in([os.path.join(o.data, "photos"), os.path.join(o.data, "landmark_bench")]), o.unmarked)
    if o.only in (None, "speed"):
        table_speed(mark, large[0] if large else resize(faces[0], 5 / 3)[:480])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Measure reenactment, through the library as built, on people it was not trained on, and write docs/results-reenact.md with its sheets.

  python3 training/evaluate_reenact.py DATA_FOLDER --faceapi FOLDER [--bundle FOLDER] [--weights FOLDER] [--step 4]

Needs `make all time_network` before (the programs that are timed), the mediapipe package, and in --faceapi a folder
where npm installed what training/face_descriptors.js lists. --bundle, of training/reenact/bundle.py, adds what training/reenact/measure.py
says of the network in PyTorch. A part that fails is a row that says why.
"""
import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for folder in ("training", "training/reenact", "bindings/python"):
    sys.path.insert(0, os.path.join(ROOT, folder))
import jr2  # noqa: E402
import measure  # noqa: E402
from bench_speed import picture  # noqa: E402
from evaluate import clip_frames, read_rgb  # noqa: E402
from judges import Pictures, Teacher, cosine  # noqa: E402

CLIPS = ("lp_d13", "lp_s20", "sad_aoc", "sad_hill")
RATE = 12.5  # frames a second of the clips
SIDE = 256
KINDS = ("source repeated", "mesh warp", "network")


class Clip:
    """A clip, and the library's own sight of every frame."""

    def __init__(self, context, data, name, folder="clips_val"):
        with np.load(os.path.join(data, folder, name + ".npz")) as z:
            self.points, self.rect = z["landmarks_x32"][..., :2].astype(np.float32) / 32, z["valid_rect"]
        self.frames = [f for _, f in clip_frames(data, f"{folder}/{name}", 1)]
        tracker = jr2.Tracker(context)
        self.faces = [[f for f in tracker.update(frame, i / RATE) if f.state == "seen"] for i, frame in enumerate(self.frames)]
        self.good = [i for i in range(len(self.frames)) if self.points[i, 0, 0] > -1000]
        self.name, self.source = name, self.good[0]
        self.missed = sum(not self.faces[i] for i in self.good)

    def driving(self, step):
        """Frames after the source that drive: those of the teacher that the library follows too."""
        return [i for i in self.good[1:] if self.faces[i]][::step]

    def moments(self, count):
        """Frames that differ most from each other and from the source in pose, mouth and eyes."""
        rows = self.driving(1)
        what = np.array([[*(np.array(self.faces[i][0].angles) / 20), *np.fromiter(self.faces[i][0].expression.values(), float)]
                         for i in [self.source] + rows])
        distance, chosen = np.linalg.norm(what - what[0], axis=1), []
        for _ in range(count):
            k = int(distance.argmax())
            chosen.append(rows[k - 1])
            distance = np.minimum(distance, np.linalg.norm(what - what[k], axis=1))
        return chosen


def cover(context, image, **options):
    """The picture as a portrait of which everything moves: a crop that reaches to the picture's borders, as in training. A crop of the default
    size would leave a frame of the source around it."""
    crop = jr2.Portrait(context, image, **options)
    (left, top, side), (height, width) = crop.crop, image.shape[:2]
    x, y = left + side / 2, top + side / 2
    wanted = 2 * max(x, y, width - x, height - y) / crop.face.region[2]
    return jr2.Portrait(context, image, crop=float(np.clip(wanted, 1.6, 4)), **options)


def small(image):
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def tensor(image):
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def masks(clip, i):
    """(1,1,SIDE,SIDE) twice: where the clip is real, and of that the hull of the teacher's points in frame i."""
    valid, face = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    x0, y0, x1, y1 = clip.rect * (SIDE / 384)
    valid[int(np.ceil(y0)):int(y1), int(np.ceil(x0)):int(x1)] = 1
    cv2.fillConvexPoly(face, cv2.convexHull((clip.points[i, :468] * (SIDE / 384)).round().astype(np.int32)), 1)
    return [torch.from_numpy(m.astype(np.float32))[None, None] for m in (valid, valid * face)]


class Evaluation:
    def __init__(self, args):
        self.args, self.rows, self.notes, self.sheets = args, [], [], []
        self.context = jr2.Context(args.weights)
        self.clips = [Clip(self.context, args.data, name) for name in CLIPS]
        with np.load(os.path.join(args.data, "photos.npz")) as z:
            names = sorted(str(n) for n in z["name"][z["is_val"]] if str(n).startswith("faker_"))
            rects = dict(zip(z["name"].astype(str), z["valid_rect"]))
        self.rects = [(*np.ceil(rects[n][:2] - 0.01).astype(int), *rects[n][2:].astype(int)) for n in names]  # what is not padding
        self.photos = [read_rgb(os.path.join(args.data, "photos", n)) for n in names]
        self.pictures = Pictures(args.faceapi) if args.faceapi else None
        self.teacher = Teacher(os.path.join(args.data, "face_landmarker.task"))
        self.real = {}  # (clip, frame) -> what the teacher says of the real frame
        for clip in self.clips:
            for i in clip.driving(args.step):
                self.real[clip.name, i] = self.teacher(clip.frames[i])

    def row(self, what, bar, value, ok=True):
        self.rows.append((what, bar, value, bool(ok)))
        print(f"{what}: {value}" + (f" (bar {bar}){'' if ok else '  <-- missed'}" if bar else ""), flush=True)

    def portrait(self, image):
        return cover(self.context, image) if self.args.crop == "cover" else jr2.Portrait(self.context, image)

    def of(self, clip, i):
        """The teacher's sight of a real frame, once."""
        if (clip.name, i) not in self.real:
            self.real[clip.name, i] = self.teacher(clip.frames[i])
        return self.real[clip.name, i]

    # --- a clip driven by itself -----------------------------------------------------------------------------------

    def self_reenactment(self):
        quality, transfer, still, table, self.self_pairs = [], [], [], [], []
        for clip in self.clips:
            source = clip.frames[clip.source]
            portrait, scores = self.portrait(source), []
            own = self.pictures.add(source) if self.pictures else None
            for n, i in enumerate(clip.driving(self.args.step)):
                face = clip.faces[i][0]
                made = [source] + [portrait.reenact(face, motion="absolute", method=m) for m in ("warp", "network")]
                truth = tensor(small(clip.frames[i]))
                valid, inside = masks(clip, i)
                made256 = [tensor(small(m)) for m in made]
                scores.append([[float(f) for f in (measure.psnr(m, truth, valid), measure.ssim(m, truth, valid),
                                                   measure.psnr(m, truth, inside))] for m in made256])
                transfer.append(self.teacher.difference(made[2], self.of(clip, i)))
                still.append(self.teacher.difference(source, self.of(clip, i)))
                if self.pictures and n % self.args.identity_step == 0:
                    self.self_pairs.append((clip.name, own, self.pictures.add(made[2]), self.pictures.add(clip.frames[i])))
            quality.append(np.mean(scores, 0))  # (KINDS, 3)
            table.append((clip.name, len(scores), quality[-1]))
        mean = np.mean(quality, 0)
        table.append(("mean", sum(t[1] for t in table), mean))
        self.notes.append("\n## Self-reenactment, clip by clip\n\nPSNR / SSIM of the whole crop, PSNR inside the face.\n\n| clip | frames | "
                          + " | ".join(KINDS) + " |\n| --- | --- | --- | --- | --- |\n" + "".join(
                              f"| {n} | {count} | " + " | ".join("{:.2f} / {:.3f}, {:.2f}".format(*v) for v in values) + " |\n"
                              for n, count, values in table))
        (source, warp, network) = mean
        self.row("self-reenactment on clips_val, PSNR of the whole crop", ">= 24.0 dB", f"{network[0]:.2f} dB", network[0] >= 24)
        self.row("the same, SSIM", ">= 0.78", f"{network[1]:.3f}", network[1] >= 0.78)
        for name, other in (("the source repeated", source), ("the mesh-warped photo without a network", warp)):
            self.row(f"the same, above {name}", ">= 1.5 dB", f"{network[0] - other[0]:+.2f} dB ({other[0]:.2f} dB, SSIM {other[1]:.3f})",
                     network[0] - other[0] >= 1.5)
        self.row("the same, PSNR inside the face mask", ">= 23.5 dB",
                 f"{network[2]:.2f} dB (source repeated {source[2]:.2f}, mesh warp {warp[2]:.2f})", network[2] >= 23.5)
        self.transfer_rows("self", transfer, still, 0.04)

    def transfer_rows(self, name, transfer, still, bar):
        made, rest = np.nanmean(transfer, 0), np.nanmean(still, 0)
        missed = int(np.isnan(np.array(transfer)[:, 0]).sum())
        self.row(f"expression transfer, {name}: mean absolute blendshape difference to the driver, teacher on {len(transfer)} outputs",
                 f"<= {bar}", f"{made[0]:.3f} (portrait that does not move {rest[0]:.3f}; no face seen in {missed})",
                 made[0] <= bar and not missed)
        self.row(f"pose transfer, {name}: mean absolute difference of yaw / pitch / roll", "<= 2.5 degrees",
                 "{:.2f} / {:.2f} / {:.2f} degrees (portrait that does not move {:.1f} / {:.1f} / {:.1f})".format(*made[1:], *rest[1:]),
                 made[1:].max() <= 2.5 and not missed)

    # --- portraits driven by other people --------------------------------------------------------------------------

    def cross(self):
        transfer, still, self.cross_pairs = [], [], []
        chosen = [(clip, i) for clip in self.clips for i in clip.moments(self.args.cross_frames)]
        for k, photo in enumerate(self.photos):
            portrait = self.portrait(photo)
            own = self.pictures.add(photo) if self.pictures else None
            rest = self.teacher(photo)
            for clip, i in chosen:
                made = portrait.reenact(clip.faces[i][0], motion="absolute")
                driver = self.of(clip, i)
                transfer.append(self.teacher.difference(made, driver))
                still.append(np.full(4, np.nan) if rest is None else self.teacher.difference(photo, driver))
                if self.pictures:
                    self.cross_pairs.append((k, own, self.pictures.add(made)))
        self.transfer_rows("cross (absolute motion)", transfer, still, 0.06)

    def identity(self):
        if not self.pictures:
            raise ValueError("no --faceapi folder was given")
        d = self.pictures.describe()
        own = np.array([d[o] for _, o in sorted({(k, o) for k, o, _ in self.cross_pairs})])
        people = np.concatenate([own, [d[next(s for c, s, _, _ in self.self_pairs if c == clip.name)] for clip in self.clips]])
        a, b = np.triu_indices(len(people), 1)
        pairs = np.array([p[1:] for p in self.self_pairs])
        cross = np.array(self.cross_pairs)
        groups = {"self": (d[pairs[:, 0]], d[pairs[:, 1]]), "cross": (d[cross[:, 1]], d[cross[:, 2]]),
                  "same": (d[pairs[:, 0]], d[pairs[:, 2]]), "different": (people[a], people[b])}
        c = {k: np.nanmean(cosine(*v)) for k, v in groups.items()}
        away = {k: np.linalg.norm(v[0] - v[1], axis=1) for k, v in groups.items()}
        beside = f"same person, real frames: {c['same']:.3f}; different people: {c['different']:.3f}"
        for name, bar in (("self", 0.90), ("cross", 0.85)):
            lost = int(np.isnan(away[name]).sum())
            self.row(f"identity, {name}: cosine of the recognition descriptors of output and source, {len(away[name])} outputs",
                     f">= {bar:.2f}", f"{c[name]:.3f} ({beside}; no face found in {lost})", c[name] >= bar and not lost)
        nearest = np.array([np.linalg.norm(own - d[o], axis=1) for o in cross[:, 2]])
        right = (np.nan_to_num(nearest, nan=9).argmin(1) == cross[:, 0]) & np.isfinite(nearest).all(1)
        self.row("the same descriptors' distance, below which face-api takes two faces for one person (0.6): self / cross / same person, real "
                 "frames / different people", "", " / ".join(f"{np.nanmean(away[k]):.2f}" for k in ("self", "cross", "same", "different")))
        self.row(f"cross outputs whose nearest of the {len(own)} portraits is their own", "", f"{100 * right.mean():.0f} %")

    # --- everything else ------------------------------------------------------------------------------------------

    def flicker(self, noise=2.0, frames=45, settle=15):
        """A still driver with fresh noise in every frame, through the tracker."""
        rng, change = np.random.default_rng(5), []
        for clip in self.clips:
            frame, portrait = clip.frames[clip.driving(1)[-1]], self.portrait(clip.frames[clip.source])
            tracker, made = jr2.Tracker(self.context), []
            for t in range(frames):
                noisy = np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).round().astype(np.uint8)
                faces = tracker.update(noisy, t / 25)
                made.append(portrait.reenact(faces[0], motion="absolute").astype(np.int16))
            change.append(np.abs(np.diff(made[settle:], axis=0)).mean())
        self.row(f"still driver, fresh noise of {noise:g} grey levels in every frame, 25 frames/s: mean absolute change of consecutive outputs",
                 "<= 0.6 grey levels", f"{np.mean(change):.2f} (the clips: {', '.join(f'{c:.2f}' for c in change)})", np.mean(change) <= 0.6)

    def clean(self):
        return {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}

    def bench(self, path, threads):
        command = [os.path.join(self.args.build, "jr2"), "bench", path, "--reenact", "--runs", "100", "--threads", str(threads)]
        if self.args.weights:
            command += ["--model", self.args.weights]
        program = "import resource,subprocess,sys;r=subprocess.run(sys.argv[1:]).returncode;" \
                  "print('resident',resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024);sys.exit(r)"
        return subprocess.run([sys.executable, "-c", program, *command], env=self.clean(), check=True, capture_output=True, text=True).stdout

    def speed(self):
        with tempfile.TemporaryDirectory() as scratch:
            path, texts = os.path.join(scratch, "face.png"), []
            cv2.imwrite(path, picture())
            for threads, bar in ((1, 30), (2, 50)):
                text = self.bench(path, threads)
                texts.append(f"{threads} thread{'s' * (threads > 1)}:\n{text.split('resident')[0].strip()}")
                median, fastest = (float(x) for x in re.search(r"whole frame\s+([\d.]+)\s+([\d.]+)", text).groups())
                processor = re.search(r"([\d.]+) ms of processor", text).group(1)
                self.row(f"speed: from the decoded driver frame to the pasted and marked picture, 640 x 480, {threads} thread"
                         f"{'s' * (threads > 1)}", f">= {bar} frames/s", f"{1e3 / median:.1f} frames/s (median {median:.1f} ms, fastest "
                         f"{fastest:.1f} ms; {processor} ms of processor time a frame)", 1e3 / median >= bar)
        self.notes.append("\n## Speed, part by part\n\n`jr2 bench FILE --reenact`. Parts are differences of the medians of calls that do more and "
                          "less.\n\n```\n" + "\n\n".join(texts) + "\n```\n")
        self.resident = float(re.search(r"resident ([\d.]+)", self.bench(os.path.join(ROOT, "examples/astronaut.jpg"), 2)).group(1))

    def runtime(self):
        """The networks against ONNX Runtime."""
        weights = self.args.weights or os.path.join(ROOT, "weights")
        program = os.path.join(self.args.build, "time_network")
        if not os.path.exists(program):
            raise ValueError("make time_network has not been run")
        names = [p for p in (os.path.join(weights, n + ".jr2w") for n in ("reenact", "expression")) if os.path.exists(p)]
        for threads in (1, 2):
            text = subprocess.run([sys.executable, os.path.join(ROOT, "training/bench_ort.py"), "--program", program, "--threads", str(threads),
                                   "--weights", *names], env=self.clean(), check=True, capture_output=True, text=True).stdout
            pattern = r"(jr2\.\w+\.\d+).*?libjr2 ([\d.]+) ms.*?ONNX Runtime (\S+) ([\d.]+) ms.*?difference (\S+)"
            for name, ours, version, theirs, error in re.findall(pattern, text):
                ratio, net = float(theirs) / float(ours), name.split(".")[1]
                bar = {"reenact": 2.0}.get(net)
                self.row(f"the {net} network{' (frame part)' if bar else ''} against ONNX Runtime {version}, same weights, same run, {threads} "
                         f"thread{'s' * (threads > 1)}", f">= {bar} x as fast, equal within 1e-3" if bar else "",
                         f"{ratio:.2f} x ({ours} ms, ONNX Runtime {theirs} ms; largest relative difference {error})",
                         (not bar or ratio >= bar) and float(error) < 1e-3)

    def sizes(self):
        if hasattr(self, "resident"):
            self.row("largest resident memory of a reenactment (`jr2 bench --reenact`, 2 threads)", "<= 250 MB",
                     f"{self.resident * 1.048576:.0f} MB", self.resident * 1.048576 <= 250)
        weights = glob.glob(os.path.join(self.args.weights or os.path.join(ROOT, "weights"), "*.jr2w"))
        size = sum(map(os.path.getsize, weights)) / 1e6
        self.row(f"all weights together ({len(weights)} files)", "<= 40 MB", f"{size:.1f} MB", size <= 40)

    def pytorch(self):
        args = self.args
        data = measure.Set(args.bundle, 2)
        library = os.path.join(args.bundle, "conditions.so")
        weights = args.weights or os.path.join(ROOT, "weights")
        samples = measure.Samples(os.path.join(weights, "head.jr2w"), data, 2, library if os.path.exists(library) else None)
        net = measure.load(os.path.join(weights, "reenact.jr2w"))
        lines, _ = measure.measure(net, samples, torch.from_numpy(data.images), torch.device("cpu"), args.pytorch_frames)
        self.notes.append("\n## The network alone, in PyTorch\n\n`training/reenact/measure.py`: driven by the teacher's labels and the source's own "
                          f"identity, {args.pytorch_frames} frames a clip, inside the mesh instead of the hull of the points.\n\n```\n"
                          + "\n".join(lines) + "\n```\n")

    # --- sheets ----------------------------------------------------------------------------------------------------

    def save(self, name, rows, cell, text):
        """Rows of pictures as one JPEG below 500 KB."""
        sheet = np.concatenate([np.concatenate([cv2.resize(p, (cell, cell), interpolation=cv2.INTER_AREA) for p in r], 1) for r in rows])
        path = os.path.join(self.args.images, name)
        for quality in range(92, 40, -4):
            ok, data = cv2.imencode(".jpg", np.ascontiguousarray(sheet[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
            if ok and len(data) <= 500_000:
                break
        else:
            raise ValueError(f"{name} does not fit into 500 KB")
        os.makedirs(self.args.images, exist_ok=True)
        data.tofile(path)
        where = os.path.relpath(path, os.path.dirname(self.args.output))
        self.sheets.append(f"![{text}]({where})\n\n{text}\n")

    def make_sheets(self):
        moments = [(clip, i) for clip, n in zip(self.clips, (1, 2, 2, 1)) for i in clip.moments(n)]
        rows = [[np.full((384, 384, 3), 255, np.uint8)] + [clip.frames[i] for clip, i in moments]]
        for photo, (x0, y0, x1, y1) in list(zip(self.photos, self.rects))[::2][:6]:
            photo = np.ascontiguousarray(photo[y0:y1, x0:x1])
            portrait = self.portrait(photo)
            made = [photo] + [portrait.reenact(clip.faces[i][0], motion="absolute") for clip, i in moments]
            rows.append([cv2.copyMakeBorder(m, y0, 384 - y1, x0, 384 - x1, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for m in made])
        self.save("reenact-cross.jpg", rows, 192, "Six portraits (left) moved by six moments of the four validation drivers (top), "
                  "absolute motion. Nobody here was trained on. White: the photo ends there.")
        rows = []
        for clip in self.clips:
            source, portrait = clip.frames[clip.source], self.portrait(clip.frames[clip.source])
            for i in clip.moments(2):
                face = clip.faces[i][0]
                rows.append([source, clip.frames[i]] + [portrait.reenact(face, motion="absolute", method=m) for m in ("warp", "network")])
        rows = [a + b for a, b in zip(rows[::2], rows[1::2])]
        self.save("reenact-self.jpg", rows, 192, "Two moments of each validation clip: source, driver (the truth), mesh warp, network.")

    def run(self):
        parts = {"self": self.self_reenactment, "cross": self.cross, "identity": self.identity, "flicker": self.flicker, "speed": self.speed,
                 "runtime": self.runtime, "sizes": self.sizes, "sheets": self.make_sheets}
        if self.args.bundle:
            parts["pytorch"] = self.pytorch
        for name, part in parts.items():
            if self.args.only and name not in self.args.only:
                continue
            start = time.time()
            try:
                part()
            except Exception as error:  # one part must not take the others along
                if self.args.strict:
                    raise
                self.row(f"{name}: not measured", "a measurement", f"{type(error).__name__}: {error}", False)
            print(f"  [{name}: {time.time() - start:.0f} s]", flush=True)
        self.teacher.close()

    def write(self, seconds):
        missed = sum(c.missed for c in self.clips)
        with open(self.args.output, "w") as out:
            out.write("# Results: reenactment\n\nMeasured on people that were not trained on, through the shared library, by "
                      "`training/evaluate_reenact.py` (one command; its first lines say what it needs; it took "
                      f"{seconds / 60:.0f} minutes). Bars are those the project set itself before measuring.\n\n"
                      "| what | bar | measured | met |\n| --- | --- | --- | --- |\n")
            for what, bar, value, ok in self.rows:
                out.write(f"| {what} | {bar} | {value} | {('yes' if ok else '**no**') if bar else ''} |\n")
            crop = "reaches to the borders of the clip (the default crop leaves a frame of the source)" if self.args.crop == "cover" else \
                   "is the default one"
            out.write("\nHow: the portrait is the first good frame of a clip, 384 x 384, the rest drives it through `jr2_tracker` at 12.5 frames/s "
                      f"with the default filters and absolute motion; every {self.args.step}th frame counts. The crop that moves {crop}. Outputs "
                      "carry the mark. Output and clip are made 256 x 256 and compared where the clip is real; the face is the hull of the "
                      f"teacher's points. The tracker lost {missed} of the {sum(len(c.good) for c in self.clips)} good frames; they are left "
                      "out. The teacher's values of a driver are those it gives for the same frames as pictures. Cross: "
                      f"{self.args.cross_frames} moments of each driver that differ most, on all {len(self.photos)} portraits.\n")
            out.write("".join(self.notes))
            out.write("\n## Looked at\n\n" + "\n".join(self.sheets) if self.sheets else "")
            notes = os.path.join(ROOT, "docs/results-reenact-notes.md")
            if os.path.exists(notes):
                out.write("\n" + open(notes).read())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--weights", help="folder [beside the library]")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--faceapi", help="folder with node_modules")
    parser.add_argument("--bundle", help="folder of training/reenact/bundle.py")
    parser.add_argument("--step", type=int, default=4, help="of the frames that drive a clip's own source")
    parser.add_argument("--identity-step", type=int, default=3, help="of those, which ones the recognition network sees")
    parser.add_argument("--cross-frames", type=int, default=3, help="of each driver")
    parser.add_argument("--pytorch-frames", type=int, default=20, help="of each clip")
    parser.add_argument("--crop", choices=("default", "cover"), default="default", help="cover: reaches to the borders of the picture")
    parser.add_argument("--only", nargs="*", help="parts: self cross identity flicker speed runtime sizes sheets pytorch")
    parser.add_argument("--strict", action="store_true", help="stop where a part fails")
    parser.add_argument("--output", default=os.path.join(ROOT, "docs/results-reenact.md"))
    parser.add_argument("--images", default=os.path.join(ROOT, "docs/img"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = time.time()
    evaluation = Evaluation(args)
    evaluation.run()
    evaluation.write(time.time() - start)


if __name__ == "__main__":
    main()

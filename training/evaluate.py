# SPDX-License-Identifier: MIT
"""Measure the library, as built, on data that was not trained on, and write docs/results.md.

  python3 training/evaluate.py DATA_FOLDER labels.npz rendered_val_folder [--finder finder.json] [--speed speed.json]

Everything goes through the shared library and its Python binding: raw frame in, result out. rendered_val_folder comes
from training/render/make_set.py render --val: appearances of validation photos, identities drawn anew.
"""
import argparse
import glob
import json
import os
import sys

import cv2
import numpy as np
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
for folder in ("training/head", "training/render", "bindings/python"):
    sys.path.insert(0, os.path.join(ROOT, folder))
import jr2  # noqa: E402
from model import FACE, LIPS, Head, angles, face_frame, project  # noqa: E402

INNER = slice(17, 68)  # the 51 points without the jaw line


def read_rgb(path):
    return np.ascontiguousarray(cv2.imread(path)[..., ::-1])


def nearest(result, centre):
    """The face of the result whose points surround the centre best, or None."""
    faces = [(np.linalg.norm(f.landmarks478.mean(0) - centre), f) for f in result]
    if not faces:
        return None
    distance, face = min(faces, key=lambda x: x[0])
    return face if distance < 0.6 * face.box[2:].max() else None


def points_error(context, images, truth, regions=None):
    """Mean 468-point error over the outer-eye distance, in percent, per image; NaN where the face was missed."""
    errors = []
    for k, (image, points) in enumerate(zip(images, truth)):
        result = context.reconstruct(image, regions=[regions[k]] if regions is not None else ())
        face = nearest(result, points[:468].mean(0))
        errors.append(np.nan if face is None else 100 * np.linalg.norm(
            face.landmarks478[:468] - points[:468], axis=1).mean() / np.linalg.norm(points[33] - points[263]))
    return np.array(errors)


def landmark_bench(context, data):
    """51 inner points of the raw frames: percent before and after removing the constant offset per point, misses."""
    bench = np.load(os.path.join(data, "landmark_bench.npz"))
    truth, found, kept = bench["landmarks68"], [], []
    for i, name in enumerate(bench["name"]):
        face = nearest(context.reconstruct(read_rgb(os.path.join(data, "landmark_bench", str(name)))), truth[i].mean(0))
        if face is not None:
            found.append(face.landmarks68)
            kept.append(i)
    truth, found = truth[kept], np.array(found)
    eye = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)[:, None, None]
    difference = (found - truth)[:, INNER] / eye
    # The offset is constant in the face's own axes: turned upright by the line of the eyes.
    line = truth[:, 45] - truth[:, 36]
    c, s = (line / np.linalg.norm(line, axis=1, keepdims=True)).T
    upright = np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], 1)
    aligned = np.einsum("nij,npj->npi", upright, difference)
    raw = 100 * np.linalg.norm(difference, axis=2).mean(1)
    plain = 100 * np.linalg.norm(difference - difference.mean(0), axis=2).mean(1)
    turned = 100 * np.linalg.norm(aligned - aligned.mean(0), axis=2).mean(1)
    return raw, plain, turned, len(bench["name"]) - len(kept)


def image_camera_rotation(points3, points2, focal, centre, start):
    """Rotation of the pose in the image's camera that reproduces the points best: what the library's pose means."""
    def residual(x):
        rot = cv2.Rodrigues(x[:3])[0]
        q = points3 @ rot.T + x[3:]
        return (np.stack([centre[0] - focal * q[:, 0] / q[:, 2], centre[1] + focal * q[:, 1] / q[:, 2]], 1) - points2).ravel()
    size = np.ptp(points2[:, 1]) / np.ptp(points3[:, 1])
    z = -focal / size
    x0 = np.concatenate([cv2.Rodrigues(start)[0][:, 0], [-(points2[:, 0].mean() - centre[0]) * z / focal,
                                                         (points2[:, 1].mean() - centre[1]) * z / focal, z]])
    return cv2.Rodrigues(least_squares(residual, x0, method="lm").x[:3])[0]


def surface_distance(scan, mesh, normals):
    """Distance of each scan point to the mesh: the plane of the nearest vertex, bounded by the vertex itself."""
    distance, index = cKDTree(mesh).query(scan)
    plane = np.abs(((scan - mesh[index]) * normals[index]).sum(1))
    return np.minimum(distance, plane)


def align(source, target, scale):
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    rot = u @ sign @ vt
    k = (d * np.diag(sign)).sum() / (a ** 2).sum() if scale else 1.0
    return k * a @ rot.T + target.mean(0)


def image_and_truth(head, d, i):
    """Rendered face i of a set: its 478 points in head space and in pixels."""
    points3 = head.landmarks(head.vertices(d["identity"][i], d["expression"][i]))
    return points3, project(points3, d["rotation"][i], d["scale"][i], d["centre"][i])


def rendered_heads(context, head, folder):
    from synth import Renderer
    normals_of = Renderer(head).normals
    face_ids = np.unique(head.triangles[np.isin(head.part, (FACE, LIPS))])
    face_ids = face_ids[(head.template[face_ids, 2] > 2.0) & (head.template[face_ids, 1] > -9.0)]  # the face, no ears, no neck
    pose, gaze, exact, found, coarse = [], [], [], [], []
    rigid, scaled, mean_face, missed, yaw_of = [], [], [], 0, []
    for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        d = np.load(path)
        for i in range(len(d["image"])):
            points3, points2 = image_and_truth(head, d, i)
            face = nearest(context.reconstruct(d["image"][i]), points2.mean(0))
            if face is None:
                missed += 1
                continue
            focal, cx, cy = face.camera
            truth = image_camera_rotation(points3[:468], points2[:468], focal, (cx, cy), d["rotation"][i].astype(float))
            mine = np.asarray(face.matrix).reshape(4, 4).T[:3, :3]
            pose.append(np.degrees(np.array(angles(mine)) - np.array(angles(truth))))
            yaw_of.append(abs(np.degrees(angles(truth)[0])))
            (ly, lp), (ry, rp) = head.gaze(d["expression"][i])
            gaze.append(np.array(face.gaze) - np.degrees([ly, lp, ry, rp]))
            exact.append(d["expression"][i])
            found.append(list(face.expression.values()))
            plain = nearest(context.reconstruct(d["image"][i], expression="coarse"), points2.mean(0))
            coarse.append([np.nan] * 53 if plain is None else list(plain.expression.values()))
            if len(rigid) < 300:
                scan = (head.template + np.tensordot(d["identity"][i], head.identity, 1))
                mesh = head.template + np.tensordot(np.asarray(face.identity, np.float32), head.identity, 1)
                for into, shape, scale in ((rigid, mesh, False), (scaled, mesh, True), (mean_face, head.template, True)):
                    moved = align(shape[face_ids], scan[face_ids], scale)
                    full = shape.copy()
                    full[face_ids] = moved
                    into.append(10 * surface_distance(scan[face_ids], moved, normals_of(full)[face_ids]))
    return {"pose": np.abs(np.array(pose)), "yaw": np.array(yaw_of), "gaze": np.abs(np.array(gaze)),
            "exact": np.array(exact), "found": np.array(found), "coarse": np.array(coarse), "rigid": np.array(rigid), "scaled": np.array(scaled),
            "mean_face": np.array(mean_face),
            "missed": missed}


def clip_frames(data, clip, step):
    reader = cv2.VideoCapture(os.path.join(data, clip + ".mp4"))
    frames, n = [], 0
    while True:
        ok, image = reader.read()
        if not ok:
            return frames
        if n % step == 0:
            frames.append((n, np.ascontiguousarray(image[..., ::-1])))
        n += 1


def identity_spread(context, head, data, photos, names):
    """Spread of the neutral shape (mm, face vertices) within a validation clip, and between validation people."""
    ids = np.unique(head.triangles[np.isin(head.part, (FACE, LIPS))])[::4]

    def shape(face):
        return 10 * np.tensordot(np.asarray(face.identity, np.float32), head.identity[:, ids], 1)

    def spread(shapes):
        shapes = np.array(shapes)
        return float(np.sqrt(((shapes - shapes.mean(0)) ** 2).sum(2).mean()))
    within = {}
    for clip in ("sad_aoc", "sad_hill", "lp_d13", "lp_s20"):
        shapes = []
        for _, image in clip_frames(data, "clips_val/" + clip, 4):
            result = context.reconstruct(image, max_faces=1)
            if len(result):
                shapes.append(shape(result[0]))
        within[clip] = spread(shapes)
    people = []
    for name in names:
        result = context.reconstruct(read_rgb(os.path.join(data, "photos", name)), max_faces=1)
        if len(result):
            people.append(shape(result[0]))
    return within, spread(people)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("labels")
    parser.add_argument("rendered")
    parser.add_argument("--finder", default=os.path.join(ROOT, "training/find/results.json"), help="JSON that training/find/evaluate.py wrote")
    parser.add_argument("--speed", help="JSON that training/bench_speed.py wrote")
    parser.add_argument("--output", default=os.path.join(ROOT, "docs/results.md"))
    args = parser.parse_args()
    context = jr2.Context(os.path.join(ROOT, "weights"))
    head = Head(os.path.join(ROOT, "weights/head.jr2w"))
    rows = []

    def row(what, bar, value, ok):
        rows.append((what, bar, value, ok))
        print(f"{what}: {value} (bar {bar}){'' if ok else '  <-- missed'}", flush=True)

    labels = np.load(args.labels)
    photo = labels["group"] < 0
    error = 100 * labels["error"][photo & labels["val"]].mean()
    row("pseudo-labels: fit of the head model to the teacher's points, validation photos", "<= 2.0 %", f"{error:.2f} %", error <= 2)

    photos = np.load(os.path.join(args.data, "photos.npz"))
    val = np.where(photos["is_val"])[0]
    truth = photos["landmarks_x32"][val, :, :2].astype(np.float64) / 32
    names = [str(photos["name"][i]) for i in val]
    images = [read_rgb(os.path.join(args.data, "photos", n)) for n in names]
    regions = face_frame(truth)
    e = points_error(context, images, truth)
    given = points_error(context, images, truth, regions)
    row("coarse network, validation photos (183), 468 points against the teacher, whole pipeline", "<= 3.0 %",
        f"{np.nanmean(e):.2f} % ({np.isnan(e).sum()} missed; {np.nanmean(given):.2f} % with the teacher's face frame)",
        np.nanmean(e) <= 3 and not np.isnan(e).any())

    raw, plain, turned, missed = landmark_bench(context, args.data)
    row("landmark_bench (770 frames), 51 inner points, raw frame in, constant offset per point removed", "<= 4.6 %",
        f"{plain.mean():.2f} % ({raw.mean():.2f} % before; {turned.mean():.2f} % with the offset removed in upright axes)",
        plain.mean() <= 4.6)
    row("landmark_bench: misses", "<= 1 %", f"{100 * missed / 770:.2f} % ({missed} of 770)", missed <= 7)

    h = rendered_heads(context, head, args.rendered)
    near = h["yaw"] <= 60
    mean = h["pose"][near].mean(0)
    row(f"head pose on {near.sum()} rendered heads, yaw within 60: mean error of yaw / pitch / roll", "<= 2.5 degrees",
        "{:.2f} / {:.2f} / {:.2f} degrees ({} missed)".format(*mean, h["missed"]), mean.max() <= 2.5)
    rigid, scaled = h["rigid"], h["scaled"]
    row("neutral shape of held-out rendered identities, scan-to-mesh after rigid alignment", "median <= 1.1 mm",
        f"median {np.median(rigid):.2f}, mean {rigid.mean():.2f}, std {rigid.std():.2f} mm", np.median(rigid) <= 1.1)
    rows.append(("the same, rigid alignment with scale (the size of a head is not visible in one picture)", "",
                 f"median {np.median(scaled):.2f}, mean {scaled.mean():.2f}, std {scaled.std():.2f} mm; the mean face for everybody: "
                 f"median {np.median(h['mean_face']):.2f} mm", True))
    within, between = identity_spread(context, head, args.data, photos, names)
    ratio = np.mean(list(within.values())) / between
    row("identity: spread within a validation clip / between validation people", "<= 0.35",
        f"{ratio:.2f} ({', '.join(f'{k} {v:.2f}' for k, v in within.items())} mm; people {between:.2f} mm)", ratio <= 0.35)
    mae = np.abs(h["exact"] - h["found"]).mean()
    correlation = np.array([np.corrcoef(h["exact"][:, k], h["found"][:, k])[0, 1] for k in range(53)])
    low = [f"{head.names[k]} {correlation[k]:.2f}" for k in np.argsort(np.nan_to_num(correlation))[:5]]
    row("expressions on rendered faces: mean absolute error over 53", "<= 0.06", f"{mae:.3f}", mae <= 0.06)
    row("expressions on rendered faces: every coefficient's correlation", ">= 0.6",
        f"lowest {np.nanmin(correlation):.2f}, mean {np.nanmean(correlation):.2f} (lowest five: {', '.join(low)})",
        np.nanmin(correlation) >= 0.6)
    strength = h["exact"].max(1)
    for name, some in (("large (a coefficient of 0.7 or more)", strength >= 0.7), ("small and neutral (all below 0.4)", strength < 0.4)):
        both = [np.nanmean(np.abs(h["exact"] - h[k])[some]) for k in ("found", "coarse")]
        rows.append((f"{some.sum()} {name} expressions: mean absolute error, with the expression network / coarse network alone", "",
                     f"{both[0]:.3f} / {both[1]:.3f} = {both[0] / both[1]:.2f}", True))
    rows.append(("expressions on rendered faces: mean absolute error of saying 0 everywhere", "", f"{h['exact'].mean():.3f}", True))
    rows.append(("gaze on rendered heads, mean absolute error of yaw / pitch", "",
                 f"{h['gaze'][:, [0, 2]].mean():.1f} / {h['gaze'][:, [1, 3]].mean():.1f} degrees", True))
    if args.finder:
        f = json.load(open(args.finder))["all pasted 1/8 to 1 @0.5"]
        row(f"finder, {f['pictures']} validation and benchmark faces pasted at 1/8 to 1, roll +-45 degrees: recall", ">= 99 %",
            f"{100 * f['recall']:.2f} %", f["recall"] >= 0.99)
        row("finder: false finds a picture, the same pictures", "<= 1 %", f"{100 * f['false']:.2f} %", f["false"] <= 0.01)
    if args.speed:
        for what, bar, value, ok in json.load(open(args.speed))["rows"]:
            row(what, bar, value, ok)

    with open(args.output, "w") as out:
        out.write("# Results\n\nMeasured on data that was not trained on, through the shared library, by `training/evaluate.py` "
                  "(one command; its first lines say what it needs). Bars are those the project set itself before measuring.\n\n"
                  "| what | bar | measured | met |\n| --- | --- | --- | --- |\n")
        for what, bar, value, ok in rows:
            out.write(f"| {what} | {bar} | {value} | {('yes' if ok else '**no**') if bar else ''} |\n")
        out.write("\n## Expression coefficients on rendered faces, one by one\n\n| coefficient | correlation | mean absolute error | "
                  "correlation, coarse network alone |\n| --- | --- | --- | --- |\n")
        seen = np.isfinite(h["coarse"][:, 0])
        for k, name in enumerate(head.names):
            alone = np.corrcoef(h["exact"][seen, k], h["coarse"][seen, k])[0, 1]
            out.write(f"| {name} | {correlation[k]:.2f} | {np.abs(h['exact'][:, k] - h['found'][:, k]).mean():.3f} | {alone:.2f} |\n")
        notes = os.path.join(ROOT, "docs/results-notes.md")
        if os.path.exists(notes):
            out.write("\n" + open(notes).read())


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Build the default head model (weights/head.jr2w) from ICT-FaceKit light (MIT).

  python3 training/head/build_head.py DATA_FOLDER weights/head.jr2w [--albedo albedo.npz]

Steps: leave out lashes, tear film and cornea; triangulate; half-edge collapse to about 7,000 vertices; put all texture
tiles into one atlas; derive joints, skin weights and the jaw's pose corrective; embed the 468 + 10 and the 68 landmarks.
"""
import argparse
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import jr2w  # noqa: E402
from decimate import decimate  # noqa: E402

FACE, HEAD, SOCKET, EYE_SOCKET, GUMS, TEETH, EYE_WHITE, IRIS, LIPS = range(9)
RANGES = [(0, 9409, FACE), (9409, 11248, HEAD), (11248, 13294, SOCKET), (13294, 14062, EYE_SOCKET),
          (14062, 17039, GUMS), (17039, 21451, TEETH), (21451, 22221, EYE_WHITE), (23021, 23791, EYE_WHITE)]
KEEP = {FACE: 4500, HEAD: 450, SOCKET: 260, EYE_SOCKET: 260, GUMS: 520, TEETH: 760, EYE_WHITE: 420}
NOT_EXPRESSIONS = {"PupilDilate_L", "PupilDilate_R", "cheekRaiser_L", "cheekRaiser_R"}
# Where each material's texture tile goes in the atlas: x, y, width, height (origin bottom-left).
ATLAS = {"M_Face": (0, .28, .72, .72), "M_BackHead": (.72, .28, .28, .72), "M_GumsTongue": (0, 0, .28, .28),
         "M_Teeth": (.28, 0, .28, .28), "M_ScleraLeft": (.56, 0, .22, .28), "M_ScleraRight": (.78, 0, .22, .28)}
IRIS_RADIUS = 0.60   # cm; the human iris is 11.7 to 12 mm across
EYE_RANGE = [35.0, 35.0, 25.0, 35.0]  # degrees at eyeLook In, Out, Up, Down = 1
# MediaPipe's lip points, outer and inner ring: the triangles among them are the red of the lips.
LIP_OUTER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]


def triangulate(quads, corners):
    is_quad = quads[:, 3] >= 0
    t = np.concatenate([quads[:, :3], quads[is_quad][:, [0, 2, 3]]])
    c = np.concatenate([corners[:, :3], corners[is_quad][:, [0, 2, 3]]])
    source = np.concatenate([np.arange(len(quads)), np.where(is_quad)[0]])
    return t, c, source


def sphere(points):
    """Least-squares centre and radius."""
    a = np.concatenate([2 * points, np.ones((len(points), 1))], 1)
    x = np.linalg.lstsq(a, (points ** 2).sum(1), rcond=None)[0]
    return x[:3], float(np.sqrt(x[3] + (x[:3] ** 2).sum()))


def closest_on_triangles(points, triangles):
    """points (K3,), triangles (N,3,K3): barycentric (N,3) of the closest point of each and its squared distance."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    best = np.full(len(a), np.inf)
    result = np.zeros((len(a), 3))
    e0, e1, d = b - a, c - a, points - a
    g00, g01, g11 = (e0 * e0).sum(1), (e0 * e1).sum(1), (e1 * e1).sum(1)
    h0, h1 = (e0 * d).sum(1), (e1 * d).sum(1)
    det = np.maximum(g00 * g11 - g01 ** 2, 1e-14)
    u, v = (g11 * h0 - g01 * h1) / det, (g00 * h1 - g01 * h0) / det
    inside = (u >= 0) & (v >= 0) & (u + v <= 1)
    candidates = [(np.stack([1 - u - v, u, v], 1), inside)]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        p, q = triangles[:, i], triangles[:, j]
        s = np.clip(((q - p) * (points - p)).sum(1) / np.maximum(((q - p) ** 2).sum(1), 1e-14), 0, 1)
        w = np.zeros((len(a), 3))
        w[:, i], w[:, j] = 1 - s, s
        candidates.append((w, np.ones(len(a), bool)))
    for w, ok in candidates:
        distance = ((np.einsum("ni,nik->nk", w, triangles) - points) ** 2).sum(1)
        better = ok & (distance < best)
        best[better], result[better] = distance[better], w[better]
    return result, best


def embed(points, shapes, tris, allowed):
    """points (N,K,3) seen in K shapes (K,V,3): triangle and barycentric that are closest in all shapes together."""
    stacked = shapes.transpose(1, 0, 2).reshape(shapes.shape[1], -1)
    centroid = stacked[tris].mean(1)
    triangle, weights, error = [], [], []
    for p in points.reshape(len(points), -1):
        near = allowed[np.argsort(((centroid[allowed] - p) ** 2).sum(1))[:80]]
        w, distance = closest_on_triangles(p, stacked[tris[near]])
        i = int(np.argmin(distance))
        triangle.append(near[i])
        weights.append(w[i])
        error.append(np.sqrt(distance[i] / shapes.shape[0]))
    return np.array(triangle, np.int32), np.array(weights, np.float32), np.array(error)


def rotation_x(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def regressor_row(vertices, chosen, joint):
    """Smallest weights over the chosen vertices that sum to one and give the joint."""
    a = np.concatenate([vertices[chosen].T, np.ones((1, len(chosen)))])
    row = np.zeros(len(vertices))
    row[chosen] = np.linalg.lstsq(a, np.append(joint, 1.0), rcond=None)[0]
    return row


def smoothstep(x, low, high):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("output")
    parser.add_argument("--albedo", help="npz with mean (V,3) and basis (K,V,3), from fit_albedo.py")
    parser.add_argument("--offset", help="npz with landmark478_offset (478,3), from fit_labels.py")
    args = parser.parse_args()
    ict = np.load(os.path.join(args.data, "ict_facekit_light.npz"))
    indices = json.load(open(os.path.join(args.data, "ict_facekit_vertex_indices.json")))
    mediapipe = np.load(os.path.join(args.data, "mediapipe_to_ict.npz"))
    base = ict["vertices"].astype(np.float64)
    names = [str(n) for n in ict["expression_names"]]
    expression = {n: e.astype(np.float64) for n, e in zip(names, ict["expression"])}
    names = [n for n in names if n not in NOT_EXPRESSIONS]
    identity = ict["identity"].astype(np.float64)

    region = np.full(len(base), -1)
    for a, b, r in RANGES:
        region[a:b] = r
    material = [str(ict["materials"][m]) for m in ict["face_material"]]
    wanted = (region[ict["faces"][:, 0]] >= 0) & np.array([m in ATLAS for m in material])
    tris, corners, source = triangulate(ict["faces"][wanted], ict["face_uv"][wanted])
    tri_material = np.array(material)[wanted][source]
    uv = ict["uv"].astype(np.float64)
    atlas_uv = uv.copy()
    for m, (x, y, w, h) in ATLAS.items():
        ids = np.unique(corners[tri_material == m])
        local = uv[ids] - np.floor(uv[ids].min(0))
        atlas_uv[ids] = np.array([x, y]) + 0.004 + local * (np.array([w, h]) - 0.008)
    # A part per triangle: that of most of its vertices; material borders are kept as feature edges too.
    part = np.sort(region[tris], 1)[:, 1]

    # Lips: face triangles inside the outer lip ring (projected on the frontal plane, near the mouth).
    anchor = mediapipe["vertex_index"][np.arange(468), mediapipe["barycentric"].argmax(1)]
    from matplotlib.path import Path  # a polygon test
    ring = np.einsum("nk,nkd->nd", mediapipe["barycentric"][LIP_OUTER], base[mediapipe["vertex_index"][LIP_OUTER]])
    centre = base[tris].mean(1)
    in_ring = Path(ring[:, :2]).contains_points(centre[:, :2])
    part[(part == FACE) & in_ring & (centre[:, 2] > ring[:, 2].min() - 0.6)] = LIPS
    eye = {}
    for name, a, b in (("left", 21451, 22221), ("right", 23021, 23791)):
        white = base[a:b]
        centre_eye, radius = sphere(white[white[:, 2] < white[:, 2].max() - 0.6])
        eye[name] = (centre_eye, radius)
        mine = (tris[:, 0] >= a) & (tris[:, 0] < b)
        off_axis = np.linalg.norm(base[tris].mean(1)[:, :2] - centre_eye[:2], axis=1)
        part[mine & (off_axis < IRIS_RADIUS) & (base[tris].mean(1)[:, 2] > centre_eye[2])] = IRIS
        print(f"{name} eye: centre {centre_eye.round(3)}, radius {radius:.3f} cm")

    test_shapes = ["jawOpen", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper"]
    pairs = ["eyeBlink", "mouthSmile", "browDown", "noseSneer", "cheekPuff", "mouthUpperUp", "mouthFrown"]
    shapes = [base] + [base + expression[n] for n in test_shapes]
    shapes += [base + expression[n + "_L"] + expression[n + "_R"] for n in pairs]
    shapes += [base + 2 * identity[0], base - 2 * identity[1]]
    shapes = np.stack(shapes)
    locked = np.zeros(len(base), bool)
    landmark68 = np.array(indices["idx_to_landmark_verts"] if "idx_to_landmark_verts" in indices else
                          next(v["idx_to_landmark_verts"] for v in indices.values()
                               if isinstance(v, dict) and "idx_to_landmark_verts" in v))
    locked[anchor] = locked[landmark68] = True
    weight = np.ones(len(base))
    weight[region == FACE] = 1.0
    print("decimating", len(tris), "triangles")
    t, c, p = decimate(shapes, tris, corners, part, region, KEEP, locked, weight)
    kept = np.unique(t)
    renumber = np.full(len(base), -1)
    renumber[kept] = np.arange(len(kept))
    kept_uv = np.unique(c)
    renumber_uv = np.full(len(uv), -1)
    renumber_uv[kept_uv] = np.arange(len(kept_uv))
    triangles = renumber[t].astype(np.int32)
    print(f"{len(kept)} vertices, {len(triangles)} triangles; per region",
          {r: int((region[kept] == r).sum()) for r in KEEP})
    v = base[kept]
    ident = identity[:, kept]
    expr = np.stack([expression[n][kept] for n in names])
    expr[np.abs(expr) < 2e-4] = 0  # the source's rounding noise, 0.002 mm
    reg = region[kept]
    left_eye, right_eye = (kept >= 21451) & (kept < 22221), (kept >= 23021) & (kept < 23791)

    # Joints. Root at the model's origin, between the ears: its regressor row is zero.
    jaw_open = expr[names.index("jawOpen")]
    lower_teeth = (reg == TEETH) & (np.linalg.norm(jaw_open, axis=1) > 1.0)
    rest, opened = v[lower_teeth], v[lower_teeth] + jaw_open[lower_teeth]
    yz = (rest - rest.mean(0))[:, 1:], (opened - opened.mean(0))[:, 1:]
    theta = np.arctan2((yz[0][:, 0] * yz[1][:, 1] - yz[0][:, 1] * yz[1][:, 0]).sum(), (yz[0] * yz[1]).sum())
    rot = rotation_x(theta)
    pivot = np.zeros(3)
    pivot[1:] = np.linalg.lstsq((np.eye(3) - rot)[1:, 1:], (opened.mean(0) - rot @ rest.mean(0))[1:], rcond=None)[0]
    print(f"jaw: {np.degrees(theta):.1f} degrees at jawOpen = 1 about {pivot.round(2)}")
    joints = {"root": np.zeros(3), "neck": np.array([0.0, -9.0, -1.5]), "jaw": pivot,
              "left_eye": eye["left"][0], "right_eye": eye["right"][0]}
    regressor = np.zeros((5, len(v)))
    everything = np.where(reg == HEAD)[0]
    regressor[1] = regressor_row(v, everything, joints["neck"])
    near_jaw = np.where((reg == FACE) & (np.linalg.norm((v - pivot)[:, 1:], axis=1) < 4.0))[0]
    regressor[2] = regressor_row(v, near_jaw, pivot)
    for j, chosen, name in ((3, left_eye, "left"), (4, right_eye, "right")):
        regressor[j] = regressor_row(v, np.where(chosen)[0], eye[name][0])
    # Skin weights: jaw in proportion to how far jawOpen moves a vertex along the jaw's rotation.
    turned = (v - pivot) @ rot.T + pivot - v
    share = (turned * jaw_open).sum(1) / np.maximum((turned ** 2).sum(1), 1e-3)
    share = np.clip(share, 0, 1) * (np.abs(jaw_open).max(1) > 1e-3)
    neck = smoothstep(v[:, 1], -18.0, -10.0)
    skin = np.zeros((len(v), 5))
    skin[:, 2] = share * neck
    skin[:, 1] = neck - skin[:, 2]
    skin[:, 0] = 1 - neck
    skin[left_eye] = [0, 0, 0, 1, 0]
    skin[right_eye] = [0, 0, 0, 0, 1]
    # What rotating the jaw by theta leaves of jawOpen becomes the corrective of sin(theta), entry (2,1) of R - I.
    corrective = np.zeros((36, len(v), 3))
    corrective[9 * 1 + 7] = (jaw_open - skin[:, 2:3] * turned) / np.sin(theta)
    # The corrective is applied before skinning: undo the jaw's rotation where it will act.
    for i in np.where(skin[:, 2] > 0)[0]:
        blend = (1 - skin[i, 2]) * np.eye(3) + skin[i, 2] * rot
        corrective[9 * 1 + 7, i] = np.linalg.solve(blend, corrective[9 * 1 + 7, i])

    small = shapes[:, kept]
    surface = np.where(np.isin(p, [FACE, LIPS, HEAD, EYE_SOCKET]))[0]
    points = np.einsum("nk,snkd->nsd", mediapipe["barycentric"].astype(np.float64),
                       shapes[:, mediapipe["vertex_index"]])
    l_tri, l_bary, l_err = embed(points, small, triangles, surface)
    print(f"468 landmarks: embedding error mean {l_err.mean() * 10:.3f} mm, max {l_err.max() * 10:.3f} mm")
    # Iris: centre and four points of the ring, in the order of the teacher (468..472 right eye, 473..477 left).
    for name, a, b in (("right", 23021, 23791), ("left", 21451, 22221)):
        centre_eye, radius = eye[name]
        front = base[a:b][:, 2].max()
        ring_z = centre_eye[2] + np.sqrt(max(radius ** 2 - IRIS_RADIUS ** 2, 0.01))
        five = np.array([[0, 0, front - centre_eye[2]], [IRIS_RADIUS, 0, 0], [0, IRIS_RADIUS, 0],
                         [-IRIS_RADIUS, 0, 0], [0, -IRIS_RADIUS, 0]]) + centre_eye
        five[1:, 2] = ring_z
        ids = np.where(np.isin(triangles[:, 0], np.where(left_eye if name == "left" else right_eye)[0]))[0]
        q, w, err = embed(np.repeat(five[:, None], 1, 1), small[:1], triangles, ids)
        l_tri, l_bary = np.append(l_tri, q).astype(np.int32), np.concatenate([l_bary, w])
        print(f"{name} iris: embedding error {err.round(3)} cm")
    k_tri, k_bary, k_err = embed(shapes[:, landmark68].transpose(1, 0, 2), small, triangles, surface)
    print(f"68 landmarks: embedding error max {k_err.max() * 10:.3f} mm")

    offset = np.zeros((478, 3), np.float32)
    if args.offset:
        offset = np.load(args.offset)["landmark478_offset"].astype(np.float32)
    colour = np.array([[.56, .36, .28], [.52, .33, .26], [.25, .09, .08], [.40, .22, .18], [.50, .20, .19],
                       [.72, .68, .58], [.72, .70, .68], [.12, .08, .05], [.48, .22, .20]], np.float32)
    mean = np.zeros((len(v), 3), np.float32)
    weight_sum = np.zeros(len(v))
    for i in range(3):
        np.add.at(mean, triangles[:, i], colour[p])
        np.add.at(weight_sum, triangles[:, i], 1)
    mean /= weight_sum[:, None]
    for chosen, name in ((left_eye, "left"), (right_eye, "right")):  # crisp iris and pupil
        off_axis = np.linalg.norm(v[:, :2] - eye[name][0][:2], axis=1)
        front = chosen & (v[:, 2] > eye[name][0][2])
        mean[front & (off_axis < IRIS_RADIUS)] = colour[IRIS]
        mean[front & (off_axis < 0.2)] = 0.01
    albedo = np.zeros((40, len(v), 3), np.float16)
    if args.albedo:
        learned = np.load(args.albedo)
        mean, albedo = learned["mean"].astype(np.float32), learned["basis"].astype(np.float16)
    card = {"name": "jr2 default head", "source": "ICT-FaceKit light (USC Institute for Creative Technologies)",
            "licence": "MIT", "units": "cm", "original_vertex_count": len(base)}
    jr2w.write(args.output, "jr2.head.1", {
        "meta": json.dumps(card), "template": v.astype(np.float32), "triangles": triangles,
        "uv": atlas_uv[kept_uv].astype(np.float32), "triangles_uv": renumber_uv[c].astype(np.int32),
        "part": p.astype(np.uint8), "identity": ident.astype(np.float16), "expression": expr.astype(np.float16),
        "expression_names": "\n".join(names), "joint_names": "\n".join(joints),
        "joint_parents": np.array([-1, 0, 1, 1, 1], np.int32), "joint_regressor": regressor.astype(np.float32),
        "skin_weights": skin.astype(np.float32), "pose_correctives": corrective.astype(np.float16),
        "landmark478_triangle": l_tri, "landmark478_barycentric": l_bary, "landmark478_offset": offset,
        "landmark68_triangle": k_tri, "landmark68_barycentric": k_bary,
        "landmark68_offset": np.zeros((68, 3), np.float32),
        "albedo_mean": mean, "albedo": albedo, "eye_range": np.array(EYE_RANGE, np.float32),
        "source_vertex": kept.astype(np.int32)})
    print(args.output, os.path.getsize(args.output) // 1024, "KiB")


if __name__ == "__main__":
    main()

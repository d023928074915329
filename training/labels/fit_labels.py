# SPDX-License-Identifier: MIT
"""Fit the head model to the teacher's points of every photo and clip frame: the pseudo-labels of the coarse network.

  python3 training/labels/fit_labels.py DATA_FOLDER weights/head.jr2w labels.npz

Bounded, batched Gauss-Newton over identity (100), expression (53, in [0,1]), rotation, scale and centre. Against the
known traps: the teacher's constant offset per point is estimated first, over the training photos, and never differs
between upper and lower lip or lid; expressions carry an L1 prior and, where the teacher's scores mean something, a
quadratic one towards them; gaps of inner lips and lids have residuals of their own; the silhouette is weighted down;
the frames of one clip share their identity.
"""
import argparse
import glob
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "head"))
from model import DISTANCE, Head  # noqa: E402

OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
        150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
LIP_PAIRS = [(13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88), (310, 318)]
LID_PAIRS = [(159, 145), (158, 153), (160, 144), (161, 163), (157, 154),
             (386, 374), (385, 380), (387, 373), (388, 390), (384, 381)]
SIGMA = 0.05      # of the outer-eye distance; the 468 points are strongly correlated
L1 = 1.0          # L1 weight of the expression coefficients
SIZE_WEIGHT = 25  # prior weight of identity mode 0, which is the size of the head: one picture does not show it
EXCLUSIVE = 10    # weight of the product of two coefficients that undo each other
OPPOSED = [("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("eyeLookIn_L", "eyeLookOut_L"),
           ("eyeLookIn_R", "eyeLookOut_R"), ("eyeLookUp_L", "eyeLookDown_L"), ("eyeLookUp_R", "eyeLookDown_R"),
           ("eyeBlink_L", "eyeWide_L"), ("eyeBlink_R", "eyeWide_R"), ("browDown_L", "browOuterUp_L"),
           ("browDown_R", "browOuterUp_R"), ("mouthSmile_L", "mouthFrown_L"), ("mouthSmile_R", "mouthFrown_R")]
LIP_GAP, LID_GAP = 14, 6   # weights of the gaps' residuals
CLOSED = 0.12     # cm: the teacher's gap at which the lips stand as in the template, whose lips are just parted
SAME_GAZE = 60    # weight of the squared difference of the two eyes' directions, per radian^2
# Weight of (coefficient - teacher's score)^2 / 2; scores the teacher never raises get a pull to zero instead.
SCORE_WEIGHT = {"eyeBlink": 2, "jawOpen": 3, "mouthSmile": 2, "mouthPucker": 2, "mouthFunnel": 2, "browDown": 3,
                "browInnerUp": 3, "browOuterUp": 3, "eyeSquint": 3, "mouthClose": 8, "mouthRollLower": 4,
                "mouthRollUpper": 4, "mouthPress": 4, "mouthShrugLower": 1, "mouthShrugUpper": 1}
SCORE_DEFAULT = 3
UNSCORED = {"cheekPuff": 150, "noseSneer": 80, "eyeWide": 4, "cheekSquint": 60, "jawForward": 60, "mouthDimple": 25}


def teacher_name(name):
    """The teacher's score for one of the head model's expressions."""
    stem = name.split("_")[0]
    return stem + {"L": "Left", "R": "Right"}[name[-1]] if "_" in name and stem not in ("browInnerUp", "cheekPuff") else stem


def score_prior(head, blendshapes, blendshape_names):
    """Targets (N,53) and weights (53,) of the quadratic expression prior."""
    column = {str(n): i for i, n in enumerate(blendshape_names)}
    target = np.zeros((len(blendshapes), 53), np.float32)
    weight = np.zeros(53, np.float32)
    for i, name in enumerate(head.names):
        stem = name.split("_")[0]
        if stem in UNSCORED:
            weight[i] = UNSCORED[stem]
            continue
        target[:, i] = blendshapes[:, column[teacher_name(name)]]
        weight[i] = SCORE_WEIGHT.get(stem, SCORE_DEFAULT)
    return target, weight


class Fitter:
    """Gauss-Newton for a batch of faces. Parameters: identity, expression, rotation (3x3), log scale, centre."""

    def __init__(self, head, offset):
        self.head = head
        base, ident, expr = head.landmark_basis()
        base = base - head.t["landmark478_offset"] + offset
        self.base = torch.tensor(base, dtype=torch.float32)
        self.basis = torch.tensor(np.concatenate([ident, expr]).transpose(1, 2, 0).copy())  # (478,3,153)
        self.basis[468:, :, 100:] = 0  # eyes turn, they do not slide
        joint = np.concatenate([head.joint0[3:5][None], head.joint_identity[:, 3:5]])
        self.joint0 = torch.tensor(joint[0], dtype=torch.float32)
        self.joint_basis = torch.tensor(joint[1:].transpose(1, 2, 0).copy(), dtype=torch.float32)  # (2,3,100)
        radius = np.linalg.norm(base[[473, 468]] - head.joint0[3:5], axis=1)
        self.radius = torch.tensor(radius, dtype=torch.float32)
        weight = np.ones(468, np.float32)
        weight[OVAL] = 0.35
        self.weight = torch.tensor(weight)
        paired = sorted({i for pair in LIP_PAIRS + LID_PAIRS for i in pair})
        # Every other point is enough for the steps, and twice as fast; the pairs are all there.
        self.chosen = torch.tensor(paired + [i for i in range(0, 468, 2) if i not in paired])
        place = {int(p): i for i, p in enumerate(self.chosen)}
        self.pairs = torch.tensor([[place[a], place[b]] for a, b in LIP_PAIRS + LID_PAIRS])
        self.gap_weight = torch.tensor([LIP_GAP] * len(LIP_PAIRS) + [LID_GAP] * len(LID_PAIRS), dtype=torch.float32)
        self.gaze_map = torch.zeros(4, 53)  # left yaw, left pitch, right yaw, right pitch
        i_in, i_out, i_up, i_down = head.eye_range
        for row, name, value in ((0, "Out_L", i_out), (0, "In_L", -i_in), (1, "Up_L", i_up), (1, "Down_L", -i_down),
                                 (2, "Out_R", -i_out), (2, "In_R", i_in), (3, "Up_R", i_up), (3, "Down_R", -i_down)):
            self.gaze_map[row, head.index["eyeLook" + name]] = value
        self.opposed = torch.zeros(53, 53)
        for a, b in OPPOSED:
            i, j = head.index[a], head.index[b]
            self.opposed[i, j] = self.opposed[j, i] = EXCLUSIVE
        difference = self.gaze_map[:2] - self.gaze_map[2:]
        self.same_gaze = SAME_GAZE * difference.T @ difference
        self.identity_weight = torch.ones(100)
        self.identity_weight[0] = SIZE_WEIGHT
        self.i_close, self.i_jaw = head.index["mouthClose"], head.index["jawOpen"]

    def forward(self, state, chosen=slice(0, 468)):
        """Head-frame points (N,P+2,3) of the chosen landmarks and the 2 iris centres, and their derivative
        (N,P+2,3,153)."""
        n = len(state["b"])
        coef = torch.cat([state["b"], state["e"]], 1)
        points = self.base[chosen] + torch.einsum("pdk,nk->npd", self.basis[chosen], coef)
        jac = self.basis[chosen].expand(n, -1, -1, -1)
        gaze = state["e"] @ self.gaze_map.T
        eye_points, eye_jac = [], []
        for k in range(2):
            yaw, pitch = gaze[:, 2 * k], gaze[:, 2 * k + 1]
            cy, sy, cp, sp = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin()
            direction = torch.stack([sy * cp, sp, cy * cp], 1)
            d_yaw = torch.stack([cy * cp, torch.zeros_like(cy), -sy * cp], 1)
            d_pitch = torch.stack([-sy * sp, cp, -cy * sp], 1)
            centre = self.joint0[k] + state["b"] @ self.joint_basis[k].T
            eye_points.append(centre + self.radius[k] * direction)
            j = torch.zeros(n, 3, 153)
            j[:, :, :100] = self.joint_basis[k]
            j[:, :, 100:] = self.radius[k] * (d_yaw[:, :, None] * self.gaze_map[2 * k]
                                              + d_pitch[:, :, None] * self.gaze_map[2 * k + 1])
            eye_jac.append(j)
        return (torch.cat([points, torch.stack(eye_points, 1)], 1),
                torch.cat([jac, torch.stack(eye_jac, 1)], 1))

    def project(self, state, points):
        x = points @ state["R"].transpose(1, 2)
        w = state["s"].exp()[:, None] / (1 - x[..., 2] / DISTANCE)
        return x, w, state["c"][:, None] + torch.stack([x[..., 0] * w, -x[..., 1] * w], -1)

    def step(self, state, target, size, score, score_weight, fixed_identity, damping):
        points, jac = self.forward(state, self.chosen)
        n, count = points.shape[:2]
        target = torch.cat([target[:, self.chosen], target[:, 468:]], 1)
        x, w, p = self.project(state, points)
        jx = torch.einsum("nij,npjk->npik", state["R"], jac)
        turn = torch.zeros(n, count, 3, 3)  # d(exp(a) x)/da = -[x]
        turn[..., 0, 1], turn[..., 0, 2] = x[..., 2], -x[..., 1]
        turn[..., 1, 0], turn[..., 1, 2] = -x[..., 2], x[..., 0]
        turn[..., 2, 0], turn[..., 2, 1] = x[..., 1], -x[..., 0]
        jx = torch.cat([jx, turn], -1)
        depth = 1 / (DISTANCE * (1 - x[..., 2] / DISTANCE))
        ju = w[..., None] * (jx[:, :, 0] + (x[..., 0] * depth)[..., None] * jx[:, :, 2])
        jv = -w[..., None] * (jx[:, :, 1] + (x[..., 1] * depth)[..., None] * jx[:, :, 2])
        rest = p - state["c"][:, None]
        one, zero = torch.ones(n, count), torch.zeros(n, count)
        ju = torch.cat([ju, torch.stack([rest[..., 0], one, zero], -1)], -1)
        jv = torch.cat([jv, torch.stack([rest[..., 1], zero, one], -1)], -1)
        scale = (1 / (size * SIGMA))[:, None, None]
        residual = (p - target) * scale
        jac2 = torch.stack([ju, jv], 2) * scale[..., None]  # (N,P+2,2,159)
        weight = torch.cat([1.4 * self.weight[self.chosen], torch.tensor([3.0, 3.0])])
        r = [(residual * weight[:, None]).reshape(n, -1)]
        j = [(jac2 * weight[:, None, None]).reshape(n, -1, 159)]
        a, b = self.pairs[:, 0], self.pairs[:, 1]
        g = self.gap_weight[:, None]
        r.append((g * (residual[:, a] - residual[:, b])).reshape(n, -1))
        j.append((g[..., None] * (jac2[:, a] - jac2[:, b])).reshape(n, -1, 159))
        r, j = torch.cat(r, 1), torch.cat(j, 1)
        hessian = j.transpose(1, 2) @ j
        gradient = torch.einsum("nrk,nr->nk", j, r)
        diagonal = torch.zeros(n, 159)
        diagonal[:, :100] = self.identity_weight
        diagonal[:, 100:153] = score_weight
        gradient[:, :100] += self.identity_weight * state["b"]
        gradient[:, 100:153] += (score_weight * (state["e"] - score) + L1
                                 + state["e"] @ (self.opposed + self.same_gaze))
        hessian[:, 100:153, 100:153] += self.same_gaze
        lower = (state["e"] <= 0) & (gradient[:, 100:153] > 0)
        top = torch.ones_like(state["e"])
        top[:, self.i_close] = state["e"][:, self.i_jaw]
        upper = (state["e"] >= top) & (gradient[:, 100:153] < 0)
        frozen = torch.zeros(n, 159, dtype=torch.bool)
        frozen[:, 100:153] = lower | upper
        if fixed_identity:
            frozen[:, :100] = True
        free = (~frozen).float()
        hessian = hessian * free[:, :, None] * free[:, None, :]
        diag = hessian.diagonal(dim1=1, dim2=2)
        hessian = hessian + torch.diag_embed(diagonal * free + frozen.float() + damping * diag + 1e-4)
        delta = -torch.linalg.solve(hessian, (gradient * free)[..., None])[..., 0]
        state["b"] = state["b"] + delta[:, :100]
        e = state["e"] + delta[:, 100:153].clamp(-0.35, 0.35)
        top = torch.ones_like(e)
        top[:, self.i_close] = e[:, self.i_jaw].clamp(0, 1)
        state["e"] = torch.minimum(e.clamp(min=0), top)
        skew = torch.zeros(n, 3, 3)
        d = delta[:, 153:156].clamp(-0.3, 0.3)
        skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -d[:, 2], d[:, 1], -d[:, 0]
        state["R"] = torch.linalg.matrix_exp(skew - skew.transpose(1, 2)) @ state["R"]
        state["s"] = state["s"] + delta[:, 156].clamp(-0.3, 0.3)
        state["c"] = state["c"] + delta[:, 157:]
        return state

    def fit(self, points, score, score_weight, iterations, state=None, fixed_identity=None, batch=48):
        """points (N,478,2) pixels. Returns the state and the 468-point residual (N,468,2) in pixels."""
        outs, residuals = [], []
        for k in range(0, len(points), batch):
            part = slice(k, k + batch)
            target = torch.cat([points[part][:, :468], points[part][:, [473, 468]]], 1)
            size = (target[:, 33] - target[:, 263]).norm(dim=1).clamp(min=4)
            # A turned face shows a short eye distance; its height does not shrink with yaw.
            size = torch.maximum(size, 0.75 * (target[:, 10] - target[:, 152]).norm(dim=1) * 0.5)
            if state is None:
                n = len(target)
                s = {"b": torch.zeros(n, 100), "e": 0.5 * score[part].clone(), "R": torch.eye(3).repeat(n, 1, 1),
                     "s": (size / 9.0).log(), "c": target[:, :468].mean(1)}
                s["e"][:, self.i_close] = 0
            else:
                s = {key: value[part].clone() for key, value in state.items()}
            if fixed_identity is not None:
                s["b"] = fixed_identity[part].clone()
            for i in range(iterations):
                s = self.step(s, target, size, score[part], score_weight, fixed_identity is not None,
                              0.3 if i < 3 and state is None else 0.01)
            outs.append(s)
            points3, _ = self.forward(s)
            residuals.append((target - self.project(s, points3)[2])[:, :468])
        return {key: torch.cat([o[key] for o in outs]) for key in outs[0]}, torch.cat(residuals)


def update_offset(state, residual, offset, pairs):
    """New constant 3D offset per point (478,3) that best explains the residuals, head frame, ridge on size."""
    rot, scale = state["R"].numpy(), state["s"].exp().numpy()
    m = rot[:, :2] * np.array([1, -1])[None, :, None]           # d pixel / d offset, per unit scale
    r = residual.numpy() / scale[:, None, None]                 # cm
    h = np.einsum("nik,nil->kl", m, m) / len(m) + 0.02 * np.eye(3)
    g = np.einsum("nik,npi->pk", m, r) / len(m)
    delta = np.linalg.solve(h, g.T).T
    new = offset.copy()
    new[:468] += delta
    for a, b in pairs:
        new[[a, b], 1] = new[[a, b], 1].mean()
    return new


def close_lips(head, offset):
    """Offsets of the lip pairs so that the template stands for the teacher's gap CLOSED: closed lips then press."""
    points = head.landmarks(head.template) - head.t["landmark478_offset"]
    new = offset.copy()
    for a, b in LIP_PAIRS:
        gap = (points[a] - points[b])[1:] - [CLOSED, 0]
        middle = (offset[a] + offset[b])[1:] / 2
        new[a, 1:], new[b, 1:] = middle - gap / 2, middle + gap / 2
    return new


def outer_eye(points):
    return np.linalg.norm(points[:, 33] - points[:, 263], axis=1)


def load(data):
    """Points (N,478,2), scores, names, group (-1 photo, else clip number), is_val, and the clip list."""
    photos = np.load(os.path.join(data, "photos.npz"))
    points = [photos["landmarks_x32"][..., :2].astype(np.float32) / 32]
    scores, names = [photos["blendshapes"].astype(np.float32)], photos["blendshape_names"]
    group, frame, val, clips = [np.full(len(points[0]), -1)], [np.arange(len(points[0]))], [photos["is_val"]], []
    for folder in ("clips", "clips_val"):
        for path in sorted(glob.glob(os.path.join(data, folder, "*.npz"))):
            clip = np.load(path)
            p = clip["landmarks_x32"].astype(np.float32)
            good = np.where((p[:, 0, 0] > -32768) & np.isfinite(clip["blendshapes"]).all(1))[0]
            points.append(p[good][..., :2] / 32)
            scores.append(clip["blendshapes"][good].astype(np.float32))
            group.append(np.full(len(good), len(clips)))
            frame.append(good)
            val.append(np.full(len(good), folder == "clips_val"))
            clips.append(folder + "/" + os.path.basename(path)[:-4])
    return (np.concatenate(points), np.concatenate(scores), names, np.concatenate(group), np.concatenate(frame),
            np.concatenate(val), clips)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("head")
    parser.add_argument("output")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of offset estimation")
    parser.add_argument("--start", help="labels.npz of an earlier run to go on from, with its offsets")
    args = parser.parse_args()
    head = Head(args.head)
    points, scores, names, group, frame, val, clips = load(args.data)
    print(len(points), "faces,", (group < 0).sum(), "photos", flush=True)
    target, weight = score_prior(head, scores, names)
    t_points, t_score, t_weight = torch.tensor(points), torch.tensor(target), torch.tensor(weight)
    offset = np.zeros((478, 3))
    sample = np.where((group < 0) & ~val)[0][::3]
    started = time.time()
    state, start = None, None
    if args.start:
        saved = np.load(args.start)
        offset = close_lips(head, saved["landmark478_offset"].astype(np.float64))
        start = {key: torch.tensor(saved[name]) for key, name in
                 (("b", "identity"), ("e", "expression"), ("R", "rotation"), ("c", "centre"))}
        start["s"] = torch.tensor(saved["scale"]).log()
        state = {key: value[sample] for key, value in start.items()}
    for k in range(args.rounds):
        fitter = Fitter(head, offset)
        state, residual = fitter.fit(t_points[sample], t_score[sample], t_weight, 12 if state is None else 5, state)
        eye = outer_eye(points[sample])
        error = (residual.norm(dim=2).numpy() / eye[:, None])
        print(f"round {k}: {100 * np.mean(error):.2f} % of the outer-eye distance, median face "
              f"{100 * np.median(error.mean(1)):.2f} %, largest offset {np.abs(offset).max() * 10:.1f} mm, "
              f"{time.time() - started:.0f} s", flush=True)
        offset = close_lips(head, update_offset(state, residual, offset, LIP_PAIRS + LID_PAIRS))
    fitter = Fitter(head, offset)
    state, residual = fitter.fit(t_points, t_score, t_weight, 7 if args.start else 12, start)
    print(f"all fitted, {time.time() - started:.0f} s", flush=True)
    clip = group >= 0
    identity = state["b"].clone()
    for c in range(len(clips)):
        identity[group == c] = state["b"][group == c].mean(0)
    part = {key: value[clip] for key, value in state.items()}
    part, r = fitter.fit(t_points[clip], t_score[clip], t_weight, 6, part, identity[clip])
    for key in state:
        state[key][clip] = part[key]
    residual[clip] = r
    error = residual.norm(dim=2).numpy() / outer_eye(points)[:, None]
    for label, mask in (("photos train", ~clip & ~val), ("photos val", ~clip & val), ("clips", clip & ~val),
                        ("clips_val", clip & val)):
        print(f"{label}: {100 * error[mask].mean():.2f} %, median face {100 * np.median(error[mask].mean(1)):.2f} %")
    np.savez_compressed(args.output, identity=state["b"].numpy(), expression=state["e"].numpy(),
                        rotation=state["R"].numpy(), scale=state["s"].exp().numpy(), centre=state["c"].numpy(),
                        error=error.mean(1).astype(np.float32), landmark478_offset=offset.astype(np.float32),
                        group=group, frame=frame, val=val, clips=np.array(clips))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""What real pictures teach the expression network: the teacher's own scores, brought to the coefficients' scale.

The fitted labels follow the teacher's points, and 53 coefficients do not follow from points: within a clip the fitted ones correlate
with the teacher's scores by 0.53 only. A score is taken instead, less what it shows at rest, times a gain: in the pictures in which it is strongest, the fitted
coefficient over the score, as a fit gets the amplitude right; closed lids are closed. Coefficients that the teacher hardly scores stay
fitted.
"""
import os

import numpy as np

REST = 20             # percentile of a score that counts as rest
LEAST = 0.03          # spread of a score that is worth taking
STRONGEST = 80        # pictures
GAIN = 0.6, 2.0       # bounds of the gain: where points hardly show a coefficient the fit understates it


def of_labels(data, labels):
    """(n,52) of the teacher for each row of labels.npz, nan where there is none, and their names."""
    photos = np.load(os.path.join(data, "photos.npz"))
    group, frame = labels["group"], labels["frame"]
    out = np.full((len(group), photos["blendshapes"].shape[1]), np.nan, np.float32)
    out[group < 0] = photos["blendshapes"][frame[group < 0]]
    for c, clip in enumerate(labels["clips"]):
        rows = np.where(group == c)[0]
        out[rows] = np.load(os.path.join(data, f"{clip}.npz"))["blendshapes"][frame[rows]]
    return out, [str(n) for n in photos["blendshape_names"]]


def columns(head, names):
    """For each coefficient the teacher's score that says the same."""
    at = {n: i for i, n in enumerate(names)}
    sides = {"_L": "Left", "_R": "Right"}
    return np.array([at[n] if n in at else at.get(n[:-2] + sides[n[-2:]], at.get(n[:-2])) for n in head.names])


def taught(head, data, labels):
    """(n,53) coefficients that are taught for each row of labels.npz."""
    scores, names = of_labels(data, labels)
    scores, fitted = scores[:, columns(head, names)], labels["expression"]
    known = np.isfinite(scores).all(1)
    basis = known & ~labels["val"]
    out = fitted.copy()
    for k in range(53):
        s, f = scores[basis, k], fitted[basis, k]
        if s.std() < LEAST:
            continue
        rest, top = np.percentile(s, REST), np.argsort(-s)[:STRONGEST]
        strong = 1.0 if head.names[k].startswith("eyeBlink") else f[top].mean()
        gain = np.clip(strong / (s[top].mean() - rest), *GAIN)
        out[known, k] = np.clip(gain * (scores[known, k] - rest), 0, 1)
    return out

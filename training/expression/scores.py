# SPDX-License-Identifier: MIT
"""What real pictures teach the expression network: the teacher's own scores, brought to the coefficients' scale.

The fitted labels follow the teacher's points, and 53 coefficients do not follow from points: within a clip the fitted ones correlate
with the teacher's scores by 0.53 only. A score is taken instead, less what it shows at rest, times a gain: in the pictures in which it is strongest, the fitted
coefficient over the score, as a fit gets the amplitude right; closed lids are closed. Coefficients that the teacher hardly scores stay
fitted.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "labels"))
from fit_labels import teacher_name  # noqa: E402

REST = 20             # percentile of a score that counts as rest
LEAST = 0.03          # spread of a score that is worth taking
STRONGEST = 80        # pictures
GAIN = 0.6, 2.0       # bounds of the gain: where points hardly show a coefficient the fit understates it


def taught(head, scores, names, labels):
    """scores (n,52) with their names, labels of the same rows (fit_labels.load, labels.npz) -> (n,53) coefficients that are taught."""
    column = {str(n): i for i, n in enumerate(names)}
    out, training = labels["expression"].copy(), ~labels["val"]
    for k, name in enumerate(head.names):
        every = scores[:, column[teacher_name(name)]]
        s, f = every[training], labels["expression"][training, k]
        if s.std() < LEAST:
            continue
        rest, top = np.percentile(s, REST), np.argsort(-s)[:STRONGEST]
        strong = 1.0 if name.startswith("eyeBlink") else f[top].mean()
        out[:, k] = np.clip(np.clip(strong / (s[top].mean() - rest), *GAIN) * (every - rest), 0, 1)
    return out

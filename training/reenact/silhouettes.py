# SPDX-License-Identifier: MIT
"""The silhouettes that the reenactment network learns from: where a picture shows a person and not what lies behind.

  python3 training/reenact/silhouettes.py cache.npy silhouettes.npy

The teacher is MediaPipe's selfie segmentation (Apache-2.0), whose weights are in older packages of MediaPipe only: run this where such a one is
installed (0.10.14, which wants NumPy 1, was used), it needs nothing else of the training. Output (pictures,64,64) uint8, 255 for the person.
"""
import sys

import cv2
import mediapipe
import numpy as np

CELLS = 64


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    cache = np.load(sys.argv[1], mmap_mode="r")
    out = np.empty((len(cache), CELLS, CELLS), np.uint8)
    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as teacher:
        for i, picture in enumerate(cache):
            mask = teacher.process(np.ascontiguousarray(picture)).segmentation_mask
            out[i] = np.clip(cv2.resize(mask, (CELLS, CELLS), interpolation=cv2.INTER_AREA) * 255 + 0.5, 0, 255)
            if i % 1000 == 0:
                print(i, "of", len(cache), flush=True)
    np.save(sys.argv[2], out)


if __name__ == "__main__":
    main()

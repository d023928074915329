# SPDX-License-Identifier: MIT
"""Average exported networks of one training history: what one has unlearnt since the other weighs less.

  python3 training/average.py out.jr2w first.jr2w 0.3 second.jr2w 0.7
"""
import sys

import numpy as np

import jr2w


def main():
    if len(sys.argv) < 6 or len(sys.argv) % 2:
        raise SystemExit(__doc__)
    paths, shares = sys.argv[2::2], np.array([float(x) for x in sys.argv[3::2]])
    if shares.min() < 0 or abs(shares.sum() - 1) > 1e-6:
        raise SystemExit("the shares must be positive and add up to 1")
    networks = [jr2w.read(path) for path in paths]
    topology, tensors = networks[0]
    for path, (other, theirs) in zip(paths, networks):
        if other != topology or theirs.keys() != tensors.keys():
            raise SystemExit(f"{path} is another network than {paths[0]}")
    mean = dict(tensors)
    for name, value in tensors.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            mean[name] = sum(s * n[1][name].astype(np.float64) for s, n in zip(shares, networks)).astype(value.dtype)
    jr2w.write(sys.argv[1], topology, mean)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Writes the pattern of the synthetic-media mark, libjr2/image/mark_tile.c: a 64 x 64 tile of waves with fixed pseudorandom phases.

    python3 training/make_mark_tile.py > libjr2/image/mark_tile.c

The phases come from a small generator of our own (splitmix64), so that the file is the same with every version of NumPy. The
amplitude of a wave of (k, l) periods a tile depends on its frequency f = |k, l| / 64 cycles a pixel: see spectrum(). The sum of the waves is
then thinned: values nearer to 0 than DEAD become 0, the others move towards 0 by as much. For a given mean absolute change a linear
detector answers most to a pattern that changes pixels only where the waves add up.
Changing anything here makes older marks undetectable.
"""
import sys
import numpy as np

SIZE = 64
SEED = 0x6A72326D61726B31  # "jr2mark1"


def splitmix64(seed):
    mask = (1 << 64) - 1
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield (z ^ (z >> 31)) >> 11  # 53 bits


LOW, HIGH, SLOPE = 0.05, 0.2, 0.8
DEAD, PEAK = 1.05, 2.5  # standard deviations


def spectrum(f):
    """Amplitude of a wave: nothing below LOW and above HIGH cycles a pixel, falling as f^-SLOPE between."""
    return np.where((f >= LOW) & (f <= HIGH), np.maximum(f, 1e-9) ** -SLOPE, 0.0)


def tile():
    numbers = splitmix64(SEED)
    z = np.zeros((SIZE, SIZE), complex)
    for l in range(SIZE // 2):
        for k in range(-SIZE // 2 + 1, SIZE // 2):
            if l == 0 and k <= 0:
                continue
            phase = 2 * np.pi * next(numbers) / 2**53
            z[l % SIZE, k % SIZE] = spectrum(np.hypot(k, l) / SIZE) * np.exp(1j * phase)
    p = np.fft.ifft2(z).real  # the mirrored half is implied
    p /= p.std()
    return np.rint(48 * np.sign(p) * np.clip(np.abs(p) - DEAD, 0, PEAK - DEAD)).astype(int)


def main():
    p = tile()
    out = ["/* SPDX-License-Identifier: MIT",
           " * The pattern of the mark, made by training/make_mark_tile.py: waves of fixed pseudorandom phases, thinned; 48 is",
           " * their standard deviation before. Period 64 pixels in x and y. Never to be changed: marks in the world would be lost. */",
           '#include "image/mark.h"', "",
           "const int8_t jr2i_mark_tile[JR2I_MARK_TILE * JR2I_MARK_TILE] = {"]
    flat = p.ravel()
    for i in range(0, flat.size, 26):
        out.append("    " + ", ".join(f"{v}" for v in flat[i:i + 26]) + ",")
    out.append("};")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Learn the albedo basis from the training photos, and the light of every photo and clip frame.

  python3 training/head/fit_albedo.py weights/head.jr2w labels.npz cache.npy albedo.npz

colour (linear RGB) = albedo x sum over the 9 real spherical harmonics of light x H(normal in camera axes).
Skin tone and exposure cannot be told apart in one picture: their product is split evenly, in the logarithm, around the
average photo; that is a convention, not a measurement. Writes the mean and 40 components per vertex, and puts the
coefficients "albedo" (N,40) and "light" (N,27; 9 x RGB) into labels.npz.
"""
import argparse
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "render"))
from make_set import RATIO  # noqa: E402
from model import FACE, GUMS, HEAD, IRIS, EYE_WHITE, LIPS, SOCKET, TEETH, Head  # noqa: E402
from synth import Renderer  # noqa: E402

COMPONENTS = 40


def harmonics(n):
    """Real spherical harmonics of order 0 to 2 at unit normals (N,3) -> (N,9), constants as in Ramamoorthi and
    Hanrahan (2001), in the order 1, y, z, x, xy, yz, 3z^2-1, xz, x^2-y^2."""
    x, y, z = n[:, 0], n[:, 1], n[:, 2]
    return np.stack([np.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y,
                     1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)], 1)


def solve_light(h, albedo, colour, weight, ridge):
    """Robust least squares for (9,3) light, three rounds of reweighting; a grey light is preferred."""
    w = weight.copy()
    for _ in range(3):
        grey = albedo.mean(1)
        a = h * (grey * w)[:, None]
        reg = ridge * w.sum() * np.diag([0.0, 1, 1, 1, 2, 2, 2, 2, 2]) * 0.02
        ata = a.T @ (h * grey[:, None]) + reg
        light = np.linalg.solve(ata + 1e-6 * np.eye(9), a.T @ colour.mean(1))
        light = np.repeat(light[:, None], 3, 1)
        residual = np.abs(colour - albedo * (h @ light)).mean(1)
        w = weight / (1 + (residual / (np.median(residual) * 2 + 1e-6)) ** 2)
    # Colour of the light: one gain per channel, pulled halfway to grey.
    ratio = (colour * w[:, None]).sum(0) / np.maximum((albedo * (h @ light) * w[:, None]).sum(0), 1e-6)
    return light * np.sqrt(np.clip(ratio, 0.5, 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("head", "labels", "cache", "output"):
        parser.add_argument(name)
    args = parser.parse_args()
    head = Head(args.head)
    renderer = Renderer(head)
    labels = dict(np.load(args.labels))
    cache = np.load(args.cache, mmap_mode="r")
    count, v = len(labels["group"]), len(head.template)
    part = renderer.vertex_part
    skin = np.isin(part, (FACE, LIPS))
    learn = np.isin(part, (FACE, LIPS, HEAD)) & (head.template[:, 1] > -13)
    fixed = np.isin(part, (SOCKET, GUMS, TEETH, EYE_WHITE, IRIS))
    mean = head.albedo_mean.astype(np.float64)
    flat = np.where(np.isin(part, (FACE, HEAD))[:, None], [[0.42, 0.27, 0.20]], mean)
    lips = part == LIPS
    flat[lips] = [0.38, 0.17, 0.15]
    chosen = np.where((labels["error"] < 0.018) & (labels["group"] < 0) & ~labels["val"])[0][::2]

    def sample(i):
        p = {"b": labels["identity"][i], "e": labels["expression"][i], "R": labels["rotation"][i],
             "s": labels["scale"][i] * RATIO, "c": labels["centre"][i] * RATIO}
        s = renderer.source(np.ascontiguousarray(cache[i]), p)
        xy = s["xy"].astype(int)
        xy = np.clip(xy, 0, cache.shape[1] - 1)
        colour = (cache[i][xy[:, 1], xy[:, 0]].astype(np.float64) / 255) ** 2.2
        vertices = head.vertices(p["b"], p["e"]) @ p["R"].T.astype(np.float32)
        normal = renderer.normals(vertices)
        weight = s["visible"] * np.clip(normal[:, 2] * 2 - 0.3, 0, 1)
        return colour, harmonics(normal), weight

    data = [sample(i) for i in chosen]
    level = np.array([np.median((c * 1.0).mean(1)[(w > 0.3) & skin]) for c, _, w in data])
    middle = np.exp(np.log(np.maximum(level, 1e-3)).mean())
    basis = np.zeros((COMPONENTS, v, 3))
    mean = flat
    for turn in range(2):
        albedos, weights = np.zeros((len(data), v, 3), np.float32), np.zeros((len(data), v), np.float32)
        for k, (colour, h, w) in enumerate(data):
            tone = np.sqrt(level[k] / middle)  # this person's share of the brightness
            light = solve_light(h[skin], np.clip(mean[skin] * tone, 0.01, 1), colour[skin], w[skin], 0.03)
            shading = np.maximum(h @ light, 0.1)
            albedos[k] = np.clip(colour / shading, 0, 1.2)
            weights[k] = w * learn
        total = weights.sum(0)
        seen = total > 8
        new = (albedos * weights[..., None]).sum(0) / np.maximum(total, 1e-6)[:, None]
        # Vertices that no photo shows take their nearest seen neighbour's colour of the same part.
        from scipy.spatial import cKDTree
        for group in ((FACE, LIPS, HEAD),):
            have = np.where(seen & np.isin(part, group))[0]
            lack = np.where(~seen & np.isin(part, group))[0]
            new[lack] = new[have[cKDTree(head.template[have]).query(head.template[lack], k=8)[1]]].mean(1)
        mean = np.where(fixed[:, None], head.albedo_mean, new)
        # Principal components with missing data: fill from the model, repeat.
        full = np.where(weights[..., None] > 0.05, albedos, mean)
        mirrored = (weights <= 0.05) & (weights[:, renderer.mirror] > 0.05)
        full = np.where(mirrored[..., None], albedos[:, renderer.mirror], full)
        known = ((weights > 0.05) | mirrored) & learn
        x = np.where(known[..., None], full - mean, 0).reshape(len(data), -1).astype(np.float32)
        mask = np.repeat(known, 3, 1).reshape(len(data), -1)
        filled = x.copy()
        for _ in range(6):
            gram = filled @ filled.T
            value, vector = np.linalg.eigh(gram)
            value, vector = value[::-1][:COMPONENTS], vector[:, ::-1][:, :COMPONENTS]
            components = (vector.T @ filled) / np.sqrt(value)[:, None]
            coefficient = vector * np.sqrt(value)
            filled = np.where(mask, x, coefficient @ components)
        deviation = np.sqrt(value / len(data))
        basis = (components * deviation[:, None]).reshape(COMPONENTS, v, 3)
        basis[:, ~learn] = 0
        print(f"turn {turn}: {seen.sum()} vertices seen, deviation of the first components "
              f"{np.abs(basis[:5]).mean((1, 2)).round(4)}", flush=True)
    np.savez(args.output, mean=np.clip(mean, 0.01, 1).astype(np.float32), basis=basis.astype(np.float16))

    # Labels: light and albedo coefficients of every picture, alternating, with the finished basis.
    subset = np.where(skin)[0][::3]
    b = basis[:, subset].reshape(COMPONENTS, -1)
    out_light, out_albedo = np.zeros((count, 27), np.float32), np.zeros((count, COMPONENTS), np.float32)
    for i in range(count):
        if labels["error"][i] > 0.03:
            continue
        colour, h, w = sample(i)
        colour, h, w = colour[subset], h[subset], w[subset]
        if w.sum() < 50:
            continue
        bright = np.median(colour.mean(1)[w > 0.3]) if (w > 0.3).any() else middle
        albedo = np.clip(mean[subset] * np.sqrt(bright / middle), 0.01, 1)
        for _ in range(2):
            light = solve_light(h, albedo, colour, w, 0.03)
            target = colour / np.maximum(h @ light, 0.1) - mean[subset]
            ww = np.repeat(w, 3)
            bw = b * ww
            a = np.linalg.solve(bw @ b.T + 6.0 * 0.01 * np.eye(COMPONENTS) * len(subset) * 0.02, bw @ np.clip(target, -0.8, 0.8).reshape(-1))
            albedo = np.clip(mean[subset] + (np.clip(a, -3, 3) @ b).reshape(-1, 3), 0.01, 1)
        out_light[i], out_albedo[i] = light.reshape(-1), np.clip(a, -3, 3)
        if i % 2000 == 0:
            print(i, flush=True)
    labels["light"], labels["albedo"] = out_light, out_albedo
    np.savez_compressed(args.labels, **labels)


if __name__ == "__main__":
    main()

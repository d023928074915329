# SPDX-License-Identifier: MIT
"""Rendered faces with exactly known parameters, textured by real photos.

Two modes. "warp": the photo itself, moved by the dense flow between its fitted mesh and the target mesh; the flow is
carried on smoothly outside of the mesh, so hair and shoulders stay natural; small pose changes. "head": the whole mesh
with the photo as texture (mirrored, then coloured by the albedo, where the photo does not show it) over another
background; any pose. The rasteriser is the library's own (libjr2/render/raster.c), through ctypes.
"""
import ctypes
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import scipy.sparse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "head"))
from model import (DISTANCE, EYE_SOCKET, EYE_WHITE, FACE, GUMS, HEAD, IRIS, LIPS, SOCKET, TEETH,  # noqa: E402
                   face_frame)

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def _load_raster():
    folder = tempfile.mkdtemp(prefix="jr2raster")
    library = os.path.join(folder, "raster.so")
    subprocess.check_call(["cc", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC",
                           "-I" + os.path.join(_ROOT, "libjr2"), "-I" + os.path.join(_ROOT, "include"),
                           os.path.join(_ROOT, "libjr2/render/raster.c"), "-o", library, "-lm"])
    return ctypes.CDLL(library)


def _ptr(a):
    return a.ctypes.data_as(ctypes.c_void_p)


class Renderer:
    def __init__(self, head):
        self.head = head
        self.lib = _load_raster()
        self.triangles = np.ascontiguousarray(head.triangles, np.int32)
        part = head.part
        self.tri_head = self.triangles
        self.tri_face = np.ascontiguousarray(self.triangles[part != HEAD])
        count, v = len(self.triangles), len(head.template)
        rows = self.triangles.T.ravel()
        self.to_vertex = scipy.sparse.csr_matrix((np.ones(3 * count, np.float32), (rows, np.tile(np.arange(count), 3))),
                                                 shape=(v, count))
        # A part per vertex, a mirrored vertex per vertex.
        self.vertex_part = np.zeros(v, np.int32)
        for p in (HEAD, FACE, LIPS, SOCKET, EYE_SOCKET, GUMS, TEETH, EYE_WHITE, IRIS):
            self.vertex_part[np.unique(self.triangles[part == p])] = p
        from scipy.spatial import cKDTree
        self.mirror = np.arange(v)
        for group in ((FACE, LIPS), (HEAD,), (SOCKET,), (EYE_SOCKET,), (GUMS,), (TEETH,), (EYE_WHITE, IRIS)):
            ids = np.where(np.isin(self.vertex_part, group))[0]
            tree = cKDTree(head.template[ids])
            self.mirror[ids] = ids[tree.query(head.template[ids] * [-1, 1, 1])[1]]
        self.inner = np.isin(self.vertex_part, (SOCKET, GUMS, TEETH))
        skin = head.albedo_mean[self.vertex_part == FACE].mean(0)
        self.relative_albedo = head.albedo_mean / skin

    def raster(self, xyz, inv_w, triangles, width, height, cull=1):
        ids = np.empty((height, width), np.int32)
        bary = np.empty((height, width, 3), np.float32)
        depth = np.empty((height, width), np.float32)
        self.lib.jr2i_raster(_ptr(xyz), _ptr(inv_w), len(xyz), _ptr(triangles), len(triangles), width, height, cull,
                             _ptr(ids), _ptr(bary), _ptr(depth))
        return ids, bary, depth

    def interpolate(self, ids, bary, triangles, attribute):
        attribute = np.ascontiguousarray(attribute, np.float32)
        out = np.zeros(ids.shape + (attribute.shape[1],), np.float32)
        self.lib.jr2i_raster_interpolate(_ptr(ids), _ptr(bary), ctypes.c_int64(ids.size), _ptr(triangles),
                                         _ptr(attribute), attribute.shape[1], _ptr(out))
        return out

    def normals(self, vertices):
        a, b, c = (vertices[self.triangles[:, i]] for i in range(3))
        n = self.to_vertex @ np.cross(b - a, c - a)
        return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)

    def screen(self, vertices, rot, scale, centre):
        """Turned vertices, (V,3) screen coordinates for the rasteriser and 1/w."""
        x = vertices @ rot.T.astype(np.float32)
        inv_w = 1 / (1 - x[:, 2] / DISTANCE)
        xyz = np.stack([centre[0] + scale * x[:, 0] * inv_w, centre[1] - scale * x[:, 1] * inv_w, -x[:, 2]], 1)
        return x, np.ascontiguousarray(xyz, np.float32), np.ascontiguousarray(inv_w, np.float32)

    def source(self, photo, p):
        """What is needed of a photo (H,W,3 uint8) with fitted parameters p: texture coordinates, visibility, colours."""
        v = self.head.vertices(p["b"], p["e"])
        x, xyz, inv_w = self.screen(v, p["R"], p["s"], p["c"])
        h, w = photo.shape[:2]
        _, _, depth = self.raster(xyz, inv_w, self.triangles, w, h)
        ix = np.clip(xyz[:, 0].astype(int), 0, w - 1)
        iy = np.clip(xyz[:, 1].astype(int), 0, h - 1)
        normal = self.normals(x)
        inside = (xyz[:, 0] > 1) & (xyz[:, 0] < w - 2) & (xyz[:, 1] > 1) & (xyz[:, 1] < h - 2)
        visible = inside & (xyz[:, 2] < depth[iy, ix] + 0.3) & (normal[:, 2] > 0.12)
        colour = photo[iy, ix].astype(np.float32)
        skin = colour[visible & (self.vertex_part == FACE)]
        skin = np.median(skin, 0) if len(skin) > 50 else np.array([150, 120, 110], np.float32)
        fallback = np.clip(skin * self.relative_albedo ** (1 / 2.2), 0, 255)
        mirrored = visible[self.mirror] & ~visible & ~self.inner
        fallback[mirrored] = colour[self.mirror[mirrored]]
        fallback[self.inner] *= 0.75
        return {"photo": photo, "xy": xyz[:, :2], "visible": visible.astype(np.float32), "fallback": fallback}

    def render(self, source, p, size, mode, background=None, light=None):
        """p: parameters of the target in output pixels. mode "warp": to_source 2x3 affine output -> source pixels."""
        v = self.head.vertices(p["b"], p["e"])
        x, xyz, inv_w = self.screen(v, p["R"], p["s"], p["c"])
        tri = self.tri_face if mode == "warp" else self.tri_head
        ids, bary, depth = self.raster(xyz, inv_w, tri, size, size)
        normal = self.normals(x)
        shade = np.ones(len(v), np.float32)
        if light is not None:
            shade = np.clip(light[0] + normal @ light[1:], 0.25, 1.9)
        # Inner mouth darkens with its distance behind the lips.
        lips_z = x[self.vertex_part == LIPS, 2].mean()
        shade = np.where(self.inner, shade * np.clip(1 - 0.16 * (lips_z - x[:, 2] - 0.8), 0.25, 1), shade)
        a = self.interpolate(ids, bary, tri, np.concatenate(
            [source["xy"], source["visible"][:, None], source["fallback"], shade[:, None]], 1))
        mesh = ids >= 0
        grid = None
        map_xy = a[..., :2].copy()
        if mode == "warp":
            jj, ii = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
            m = p["to_source"]
            grid = np.stack([m[0, 0] * jj + m[0, 1] * ii + m[0, 2], m[1, 0] * jj + m[1, 1] * ii + m[1, 2]], -1)
            flow = np.where(mesh[..., None], a[..., :2] - grid, 0).astype(np.float32)
            # The inner mouth's own flow means nothing outside; it is inside the mesh and does not reach the border.
            small = cv2.resize(np.dstack([flow, mesh.astype(np.float32)]), (size // 4, size // 4),
                               interpolation=cv2.INTER_AREA)
            near = cv2.GaussianBlur(small, (0, 0), 1.5)
            far = cv2.GaussianBlur(small, (0, 0), 5.0)
            spread = (near[..., :2] * 4 + far[..., :2]) / (near[..., 2:] * 4 + far[..., 2:] + 0.04)
            spread = cv2.resize(spread, (size, size), interpolation=cv2.INTER_LINEAR)
            map_xy = np.where(mesh[..., None], map_xy, grid + spread)
        photo = cv2.remap(source["photo"], map_xy[..., 0].astype(np.float32) - 0.5, map_xy[..., 1].astype(np.float32) - 0.5,
                          cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        visible = cv2.GaussianBlur(np.clip((a[..., 2] - 0.35) / 0.5, 0, 1) * mesh, (0, 0), 0.8)[..., None]
        inside = (photo * visible + a[..., 3:6] * (1 - visible)) * a[..., 6:7]
        if mode == "warp":
            image = np.where(mesh[..., None], inside, photo)
        else:
            soft = cv2.GaussianBlur(mesh.astype(np.float32), (0, 0), 0.7)[..., None]
            filled = np.where(mesh[..., None], inside, cv2.blur(inside, (3, 3)) / np.maximum(
                cv2.blur(mesh.astype(np.float32), (3, 3))[..., None], 0.1))
            image = filled * soft + background * (1 - soft)
        return np.clip(image, 0, 255).astype(np.uint8)


def random_expression(rng, head, real, dense=False):
    """A (53,) coefficient vector: neutral, near a real one, or a random mixture of a few coefficients. dense: more of
    them at a time, as a network learns faster from what is there in every third picture than in every tenth."""
    e = np.zeros(53, np.float32)
    kind = rng.random()
    if kind < 0.08:
        return e
    if kind < 0.35:
        e = real.copy() * rng.uniform(0.3, 1.3)
    if kind > 0.2:
        names = [n for n in head.names if n.endswith("_L") or "_" not in n]
        for n in rng.choice(names, rng.integers(3, 18) if dense else rng.integers(1, 8), replace=False):
            value = rng.beta(1.1, 1.1)
            e[head.index[n]] = value
            if n.endswith("_L"):
                other = head.index[n[:-1] + "R"]
                kind2 = rng.random()
                e[other] = value if kind2 < 0.6 else (0 if kind2 < 0.8 else rng.random())
                if kind2 > 0.9:
                    e[head.index[n]], e[other] = 0, value
    i = head.index
    if dense and rng.random() < 0.35:  # lids
        name = rng.choice(["eyeBlink", "eyeBlink", "eyeWide", "eyeSquint"])
        value = rng.uniform(0.2, 1, 2) if rng.random() < 0.3 else np.repeat(rng.uniform(0.2, 1), 2)
        e[i[name + "_L"]], e[i[name + "_R"]] = value
    if rng.random() < 0.6:  # gaze: both eyes together
        for a in ("eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown"):
            e[i[a + "_L"]] = e[i[a + "_R"]] = 0
        yaw, pitch = np.clip(rng.normal(0, 0.4, 2), -1, 1)
        for side, sign in (("_L", 1), ("_R", -1)):
            e[i[("eyeLookOut" if yaw * sign > 0 else "eyeLookIn") + side]] = abs(yaw)
            e[i[("eyeLookUp" if pitch > 0 else "eyeLookDown") + side]] = abs(pitch)
    for a, b in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("eyeLookIn_L", "eyeLookOut_L"),
                 ("eyeLookIn_R", "eyeLookOut_R"), ("eyeLookUp_L", "eyeLookDown_L"), ("eyeLookUp_R", "eyeLookDown_R")):
        if e[i[a]] > e[i[b]]:
            e[i[b]] = 0
        else:
            e[i[a]] = 0
    if rng.random() < 0.5 and e[i["jawOpen"]] < 0.05 and rng.random() < 0.4:
        e[i["jawOpen"]] = rng.random() ** 2
    e[i["mouthClose"]] = min(e[i["mouthClose"]], 0.9 * e[i["jawOpen"]])
    for side in ("_L", "_R"):  # a closing lid cannot widen
        if e[i["eyeBlink" + side]] > 0.3:
            e[i["eyeWide" + side]] = 0
    return np.clip(e, 0, 1)


__all__ = ["Renderer", "random_expression", "face_frame"]

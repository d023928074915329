# SPDX-License-Identifier: MIT
"""Half-edge collapse that keeps a subset of the original vertices, so that every basis carries over by row selection.

The cost of a collapse is the quadric error (Garland and Heckbert 1997) summed over several shapes of the model, so that
a vertex stays where any expression bends the surface. Edges between parts, along texture seams and along open borders
are feature edges: their vertices move only along them.
"""
import heapq

import numpy as np


def _planes(shapes, tris):
    """(K, T, 4) unit plane and (K, T) area of each triangle in each shape."""
    a, b, c = (shapes[:, tris[:, i]] for i in range(3))
    n = np.cross(b - a, c - a)
    length = np.linalg.norm(n, axis=-1)
    n = n / np.maximum(length, 1e-12)[..., None]
    return np.concatenate([n, -(n * a).sum(-1, keepdims=True)], -1), 0.5 * length


class _Mesh:
    def __init__(self, shapes, tris, tri_uv, tri_part):
        self.shapes = shapes
        self.tris = [list(t) for t in tris]
        self.uv = [list(t) for t in tri_uv]
        self.part = list(tri_part)
        self.alive = [True] * len(tris)
        self.of = [set() for _ in range(shapes.shape[1])]
        for i, t in enumerate(self.tris):
            for v in t:
                self.of[v].add(i)

    def edge_tris(self, u, v):
        return [t for t in self.of[u] if t in self.of[v]]

    def uv_at(self, t, v):
        return self.uv[t][self.tris[t].index(v)]

    def is_feature(self, u, v):
        ts = self.edge_tris(u, v)
        if len(ts) != 2:
            return True
        a, b = ts
        return (self.part[a] != self.part[b] or self.uv_at(a, u) != self.uv_at(b, u)
                or self.uv_at(a, v) != self.uv_at(b, v))

    def neighbours(self, u):
        return {w for t in self.of[u] for w in self.tris[t]} - {u}


def decimate(shapes, tris, tri_uv, tri_part, region, target, locked, weight):
    """shapes (K,V,3); tris, tri_uv (T,3); tri_part (T); region (V) ids; target {region: vertices to keep};
    locked (V) bool; weight (V) cost factor. Returns the kept tris, tri_uv, tri_part (original vertex numbers)."""
    mesh = _Mesh(shapes, tris, tri_uv, tri_part)
    k_count, v_count = shapes.shape[:2]
    planes, area = _planes(shapes, tris)
    quadric = np.zeros((v_count, k_count, 4, 4))
    contribution = (planes[..., :, None] * planes[..., None, :] * area[..., None, None]).transpose(1, 0, 2, 3)
    for i in range(3):
        np.add.at(quadric, tris[:, i], contribution)
    homogeneous = np.concatenate([shapes, np.ones_like(shapes[..., :1])], -1).transpose(1, 0, 2)  # (V,K,4)
    stamp = [0] * v_count
    heap = {r: [] for r in target}
    count = {r: int(((region == r) & np.array([len(s) > 0 for s in mesh.of])).sum()) for r in target}

    def push(u, v):
        if locked[u] or region[u] not in heap:
            return
        p = homogeneous[v]
        cost = float(np.einsum("ki,kij,kj->", p, quadric[u], p))
        cost = weight[u] * (max(cost, 0.0) + 1e-5 * float(((shapes[0, u] - shapes[0, v]) ** 2).sum()))
        heapq.heappush(heap[region[u]], (cost, u, v, stamp[u], stamp[v]))

    def mapping(u, v):
        """New texture corner of each old one of u, or None where u may not move to v."""
        edge = mesh.edge_tris(u, v)
        features = [w for w in mesh.neighbours(u) if mesh.is_feature(u, w)]
        if features and (v not in features or len(features) != 2):
            return None
        corner = {mesh.uv_at(t, u): mesh.uv_at(t, v) for t in edge}
        if any(mesh.uv_at(t, u) not in corner for t in mesh.of[u]):
            return None
        return corner

    def try_collapse(u, v):
        edge = mesh.edge_tris(u, v)
        common = mesh.neighbours(u) & mesh.neighbours(v)
        if len(common) != len(edge) or not edge:
            return False
        corner = mapping(u, v)
        if corner is None:
            return False
        moved = [t for t in mesh.of[u] if t not in edge]
        if not moved:
            return False
        old = np.array([mesh.tris[t] for t in moved])
        new = np.where(old == u, v, old)
        a, b, c = (shapes[:, old[:, i]] for i in range(3))
        n0 = np.cross(b - a, c - a)
        a, b, c = (shapes[:, new[:, i]] for i in range(3))
        n1 = np.cross(b - a, c - a)
        l0, l1 = np.linalg.norm(n0, axis=-1), np.linalg.norm(n1, axis=-1)
        cosine = (n0 * n1).sum(-1) / np.maximum(l0 * l1, 1e-20)
        if cosine[0].min() < 0.3 or (cosine.min() < -0.2):
            return False
        longest = max(((shapes[0, new[:, i]] - shapes[0, new[:, (i + 1) % 3]]) ** 2).sum(-1).max() for i in range(3))
        thin = l1[0] / np.maximum(longest, 1e-12)
        if thin.min() < 0.02:
            return False
        for t in edge:
            mesh.alive[t] = False
            for w in mesh.tris[t]:
                mesh.of[w].discard(t)
        for t in list(mesh.of[u]):
            i = mesh.tris[t].index(u)
            mesh.uv[t][i] = corner[mesh.uv[t][i]]
            mesh.tris[t][i] = v
            mesh.of[v].add(t)
        mesh.of[u] = set()
        quadric[v] += quadric[u]
        stamp[u] += 1
        stamp[v] += 1
        for w in mesh.neighbours(v):
            push(w, v)
            push(v, w)
        return True

    edges = {(int(t[i]), int(t[(i + 1) % 3])) for t in tris for i in range(3)}
    for u, v in edges | {(v, u) for u, v in edges}:
        push(u, v)
    for r in target:
        while count[r] > target[r] and heap[r]:
            _, u, v, su, sv = heapq.heappop(heap[r])
            if stamp[u] == su and stamp[v] == sv and mesh.of[u] and try_collapse(u, v):
                count[r] -= 1
    keep = [i for i, a in enumerate(mesh.alive) if a]
    return (np.array([mesh.tris[i] for i in keep]), np.array([mesh.uv[i] for i in keep]),
            np.array([mesh.part[i] for i in keep]))

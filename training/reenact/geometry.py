# SPDX-License-Identifier: MIT
"""Conditions of the reenactment network, by the library's own code (libjr2/render/conditions.c) through ctypes.

build() compiles raster.c, extend.c and conditions.c alone into one small shared object; a machine without a compiler is given one
that was built elsewhere. Calls release the interpreter lock, so a pool of threads uses all cores.
"""
import ctypes
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(_ROOT, "training", "head"))
MAPS, FRAME_MAPS = 12, 16  # planes of one pose; planes a frame (libjr2/render/conditions.h)
INSIDE, LIPS, TEETH, MOUTH, EYE_WHITE, IRIS, VISIBLE, FLOW, SOURCE_INSIDE = 6, 7, 8, 9, 10, 11, 12, 13, 15


class _Mesh(ctypes.Structure):
    _fields_ = [("vertex_count", ctypes.c_int32), ("triangle_count", ctypes.c_int32), ("triangles", ctypes.c_void_p),
                ("part", ctypes.c_void_p), ("code", ctypes.c_void_p), ("share", ctypes.c_void_p)]


class _Posed(ctypes.Structure):
    _fields_ = [("side", ctypes.c_int32)] + [(n, ctypes.c_void_p) for n in (
        "screen", "inv_w", "normal", "triangle_id", "barycentric", "depth", "silhouette")]


class _Camera(ctypes.Structure):
    _fields_ = [("rotation", ctypes.c_float * 9), ("scale", ctypes.c_float), ("cx", ctypes.c_float),
                ("cy", ctypes.c_float)]


def build(path, march="native"):
    """Compile the shared object. -ffp-contract=off: the same bits as in the library on every x86-64."""
    sources = [os.path.join(_ROOT, "libjr2", n + ".c") for n in ("base/env", "base/threads", "render/raster", "render/extend", "render/conditions")]
    subprocess.check_call([os.environ.get("CC", "cc"), "-std=c11", "-O3", "-fno-math-errno", f"-march={march}",
                           "-ffp-contract=off", "-shared", "-fPIC", "-pthread", "-D_POSIX_C_SOURCE=200809L", "-I" + os.path.join(_ROOT, "libjr2"),
                           "-I" + os.path.join(_ROOT, "include"), *sources, "-o", path, "-lm"])
    return path


def _pointer(a):
    return a.ctypes.data


class Posed:
    """Memory of one posed mesh."""

    def __init__(self, vertices, side):
        self.arrays = [np.empty((vertices, 3), np.float32), np.empty(vertices, np.float32),
                       np.empty((vertices, 3), np.float32), np.empty((side, side), np.int32),
                       np.empty((side, side, 3), np.float32), np.empty((side, side), np.float32)]
        self.screen, self.inv_w, self.normal, self.triangle_id, self.barycentric, self.depth = self.arrays
        self.struct = _Posed(side, *[_pointer(a) for a in self.arrays])
        self.ref = ctypes.byref(self.struct)


class Geometry:
    def __init__(self, head, side=256, library=None, threads=1):
        """head: training/head/model.py Head. library: a shared object built before, else it is compiled now."""
        if not library:
            library = build(os.path.join(tempfile.mkdtemp(prefix="jr2conditions"), "conditions.so"))
        self.lib = ctypes.CDLL(os.path.abspath(library))
        self.lib.jr2i_condition_frame_scratch.restype = ctypes.c_size_t
        self.side, self.count = side, len(head.template)
        self.triangles = np.array(head.triangles, np.int32)
        self.part = np.array(head.part, np.uint8)
        self.code = np.empty((self.count, 3), np.float32)
        template = np.ascontiguousarray(head.template, np.float32)
        kept = self.lib.jr2i_condition_triangles(*[ctypes.c_void_p(_pointer(a)) for a in (template, self.triangles, self.part)],
                                                 len(self.part), ctypes.c_void_p(_pointer(self.triangles)),
                                                 ctypes.c_void_p(_pointer(self.part)))
        self.triangles, self.part = self.triangles[:kept], self.part[:kept]
        self.lib.jr2i_condition_code(ctypes.c_void_p(_pointer(template)), self.count, ctypes.c_void_p(_pointer(self.code)))
        self.share = np.empty(self.count, np.float32)
        self.lib.jr2i_condition_share(*[ctypes.c_void_p(_pointer(a)) for a in (template, self.triangles, self.part)], kept, self.count,
                                      ctypes.c_void_p(_pointer(self.share)))
        self.mesh = _Mesh(self.count, len(self.triangles), *[_pointer(a) for a in (self.triangles, self.part, self.code, self.share)])
        self.ref = ctypes.byref(self.mesh)
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.free = []  # Posed memory to use again

    def take(self):
        try:
            return self.free.pop()
        except IndexError:
            return Posed(self.count, self.side)

    def give(self, *posed):
        self.free.extend(posed)

    def pose(self, vertices, rotation, scale, centre):
        """vertices (V,3) float32 contiguous, head space; scale and centre in pixels of the crop -> Posed."""
        assert vertices.dtype == np.float32 and vertices.flags.c_contiguous and vertices.shape == (self.count, 3)
        posed = self.take()
        camera = _Camera((ctypes.c_float * 9)(*np.asarray(rotation, np.float32).ravel().tolist()), float(scale), float(centre[0]),
                         float(centre[1]))
        self.lib.jr2i_posed_make(self.ref, ctypes.c_void_p(_pointer(vertices)), ctypes.byref(camera), None, posed.ref)
        return posed

    def maps(self, posed, out=None):
        """(12, side, side): what the source encoder reads beside the picture."""
        out = np.empty((MAPS, self.side, self.side), np.float32) if out is None else out
        self.lib.jr2i_condition_maps(self.ref, posed.ref, ctypes.c_void_p(_pointer(out)))
        return out

    def frame(self, driven, source, flow=None, planes=None, silhouette=None):
        """(2, side, side) displacement to the source picture in pixels and (16, side/2, side/2) maps of a frame. silhouette: (side/4, side/4) of the
        source's picture, 0..1, or not known."""
        half = self.side // 2
        flow = np.empty((2, self.side, self.side), np.float32) if flow is None else flow
        planes = np.empty((FRAME_MAPS, half, half), np.float32) if planes is None else planes
        source.struct.silhouette = None if silhouette is None else _pointer(silhouette)
        scratch = np.empty(self.lib.jr2i_condition_frame_scratch(self.side), np.float32)
        self.lib.jr2i_condition_frame(self.ref, driven.ref, source.ref, ctypes.c_void_p(_pointer(scratch)),
                                      ctypes.c_void_p(_pointer(flow)), ctypes.c_void_p(_pointer(planes)))
        source.struct.silhouette = None
        return flow, planes

    def map(self, function, items):
        return list(self.pool.map(function, items)) if self.pool else [function(i) for i in items]

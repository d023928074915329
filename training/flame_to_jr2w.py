# SPDX-License-Identifier: MIT
"""Bring a FLAME model of your own into libjr2's head container.

  python3 training/flame_to_jr2w.py generic_model.pkl head.jr2w [--landmarks landmark_embedding.npy|.npz]
          [--uv head_template.obj] [--identity 100] [--expression 50] [--unit m]

FLAME (https://flame.is.tue.mpg.de) has its own licence; this project neither contains nor downloads it. The pickle is
read by an unpickler that makes nothing but arrays, sparse matrices and plain containers: a pickle that asks for
anything else is refused, and neither chumpy nor SciPy needs to be installed. --landmarks: an embedding with
lmk_face_idx / static_lmk_faces_idx and lmk_b_coords / static_lmk_bary_coords (51 points) or
full_lmk_faces_idx / full_lmk_bary_coords (68 points). --uv: an OBJ of the same mesh with texture coordinates.
Lengths become centimetres; the root joint becomes the origin of head space.
"""
import argparse
import json
import os
import pickle
import struct
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jr2w  # noqa: E402

UNITS = {"m": 100.0, "cm": 1.0, "mm": 0.1}
JOINTS = ["root", "neck", "jaw", "left_eye", "right_eye"]  # FLAME's order: global, neck, jaw, left eye, right eye
IDENTITY = 300  # columns of shapedirs before the expressions


class Refused(Exception):
    """The file is not a FLAME pickle, or a pickle that wants to do more than hold numbers."""


class _Holder:
    """Stands for an instance of a class that is not installed: keeps its state, runs nothing of it."""

    def __new__(cls, *args):
        self = object.__new__(cls)
        self.args = args
        self.state = {}
        return self

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        if isinstance(state, tuple):  # (dict, slots)
            merged = {}
            for part in state:
                if isinstance(part, dict):
                    merged.update(part)
            state = merged
        self.state = state if isinstance(state, dict) else {"": state}


class _Chumpy(_Holder):
    pass


class _Sparse(_Holder):
    pass


def _holder_reconstructor(cls, base=object, state=None):
    """copyreg._reconstructor, for the classes above only."""
    if not (isinstance(cls, type) and issubclass(cls, _Holder)):
        raise Refused(f"the pickle makes a {cls!r}")
    return cls()


def _latin(text, encoding="latin1"):
    """_codecs.encode as old pickles use it for bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise Refused(f"encoding {encoding}")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name in ("_reconstruct", "scalar"):
            core = getattr(np, "_core", None) or np.core
            return getattr(core.multiarray, name)
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if module.split(".")[0] == "chumpy":
            return _Chumpy
        if module.startswith("scipy.sparse") and name in (
                "csc_matrix", "csr_matrix", "coo_matrix", "csc_array", "csr_array", "coo_array"):
            return type(name, (_Sparse,), {})
        if (module, name) in (("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")):
            return _holder_reconstructor
        if module in ("__builtin__", "builtins") and name in ("object", "set", "frozenset"):
            return {"object": object, "set": set, "frozenset": frozenset}[name]
        if (module, name) == ("_codecs", "encode"):
            return _latin
        raise Refused(f"the pickle asks for {module}.{name}, which no FLAME model needs")


def load_pickle(path):
    with open(path, "rb") as f:
        try:
            data = _Unpickler(f, encoding="latin1").load()
        except Refused:
            raise
        except (pickle.UnpicklingError, EOFError, AttributeError, ValueError, TypeError, IndexError, KeyError, ImportError,
                struct.error, UnicodeError, MemoryError, OverflowError) as e:
            raise Refused(f"{path}: not a readable pickle ({e})") from e
    if isinstance(data, _Holder):
        data = data.state
    if not isinstance(data, dict):
        raise Refused(f"{path}: holds a {type(data).__name__}, not a model")
    return data


def array(value, what):
    """The numbers of a plain array, a chumpy object (its "x"), or a SciPy sparse matrix, as float64 or integers."""
    if isinstance(value, _Chumpy):
        for key in ("x", "a", "r"):
            if key in value.state:
                return array(value.state[key], what)
        raise Refused(f"{what}: a chumpy object without values")
    if isinstance(value, _Sparse):
        return dense(value, what)
    if isinstance(value, (list, tuple, int, float)):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise Refused(f"{what}: not an array of numbers but a {type(value).__name__}")
    value = np.asarray(value, np.float64) if value.dtype.kind == "f" else value.astype(np.int64)
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise Refused(f"{what}: not finite")
    return value


def dense(holder, what):
    state, kind = holder.state, type(holder).__name__
    shape = tuple(int(n) for n in (state.get("_shape") or state.get("shape") or ()))
    if len(shape) != 2 or min(shape) < 1 or shape[0] * shape[1] > 1 << 27:
        raise Refused(f"{what}: a sparse matrix of shape {shape}")
    out = np.zeros(shape)
    data = array(state.get("data"), what + ".data").ravel()
    if kind.startswith("coo"):
        row, column = array(state.get("row"), what + ".row").ravel(), array(state.get("col"), what + ".col").ravel()
    else:
        minor, start = array(state.get("indices"), what + ".indices").ravel(), array(state.get("indptr"), what + ".indptr").ravel()
        major_count = shape[1] if kind.startswith("csc") else shape[0]
        if len(start) != major_count + 1 or start[0] != 0 or (np.diff(start) < 0).any() or start[-1] != len(minor):
            raise Refused(f"{what}: damaged sparse matrix")
        major = np.repeat(np.arange(major_count), np.diff(start))
        row, column = (minor, major) if kind.startswith("csc") else (major, minor)
    if not len(row) == len(column) == len(data) or (len(row) and (
            row.min() < 0 or column.min() < 0 or row.max() >= shape[0] or column.max() >= shape[1])):
        raise Refused(f"{what}: damaged sparse matrix")
    np.add.at(out, (row, column), data)
    return out


def wanted(model, key, shape):
    if key not in model:
        raise Refused(f"the pickle has no {key!r}: not a FLAME model")
    a = array(model[key], key)
    if a.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, a.shape)):
        raise Refused(f"{key}: shape {a.shape}, expected {shape}")
    return a


def embedding(path, triangles):
    """(triangle, barycentric) of 51 or 68 landmarks."""
    if path.endswith(".pkl"):
        data = load_pickle(path)
    else:
        data = np.load(path, allow_pickle=False)
        if isinstance(data, np.ndarray):
            raise Refused(f"{path}: save the embedding as .npz or .pkl; pickled .npy files are not read")
    for f, b in (("full_lmk_faces_idx", "full_lmk_bary_coords"), ("static_lmk_faces_idx", "static_lmk_bary_coords"),
                 ("lmk_face_idx", "lmk_b_coords")):
        if f in data and b in data:
            t, w = array(data[f], f).reshape(-1).astype(np.int64), array(data[b], b).reshape(-1, 3)
            if len(t) != len(w) or len(t) not in (51, 68) or t.min() < 0 or t.max() >= triangles:
                raise Refused(f"{path}: {len(t)} landmarks, expected 51 or 68 on {triangles} triangles")
            return t, w / w.sum(1, keepdims=True)
    raise Refused(f"{path}: no landmark embedding")


def read_uv(path, triangles):
    """Texture coordinates (U,2) and corners (T,3) of an OBJ whose triangles are the model's."""
    uv, faces, corners = [], [], []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            word = line.split()
            if word[:1] == ["vt"]:
                uv.append([float(x) for x in word[1:3]])
            elif word[:1] == ["f"]:
                parts = [p.split("/") for p in word[1:]]
                if len(parts) != 3 or any(len(p) < 2 or not p[1] for p in parts):
                    raise Refused(f"{path}: faces must be triangles with texture coordinates")
                faces.append([int(p[0]) - 1 for p in parts])
                corners.append([int(p[1]) - 1 for p in parts])
    uv, faces, corners = np.array(uv), np.array(faces), np.array(corners)
    if faces.shape != triangles.shape or len(uv) == 0 or corners.min() < 0 or corners.max() >= len(uv):
        raise Refused(f"{path}: {len(faces)} triangles, the model has {len(triangles)}")
    if (faces != triangles).any():  # the same triangles in another order
        number = {tuple(sorted(t)): i for i, t in enumerate(faces.tolist())}
        sorted_corners = np.empty_like(corners)
        for i, t in enumerate(triangles.tolist()):
            k = number.get(tuple(sorted(t)))
            if k is None:
                raise Refused(f"{path}: another mesh")
            sorted_corners[i] = [corners[k][faces[k].tolist().index(v)] for v in t]
        corners = sorted_corners
    return np.clip(uv, 0, 1), corners


def convert(model, identity=100, expression=50, unit="m", landmarks=None, uv=None):
    """The tensors of a jr2.head.1 container."""
    scale = UNITS[unit]
    v = wanted(model, "v_template", (None, 3)) * scale
    count = len(v)
    triangles = wanted(model, "f", (None, 3)).astype(np.int64)
    if triangles.min() < 0 or triangles.max() >= count:
        raise Refused("f: a vertex that is not there")
    shapes = wanted(model, "shapedirs", (count, 3, None)) * scale
    skin = wanted(model, "weights", (count, None))
    joints = skin.shape[1]
    regressor = wanted(model, "J_regressor", (joints, count))
    tree = wanted(model, "kintree_table", (2, joints)).astype(np.int64)
    correctives = wanted(model, "posedirs", (count, 3, 9 * (joints - 1))) * scale
    parents = tree[0].copy()
    parents[0] = -1
    if any(not 0 <= parents[i] < i for i in range(1, joints)):
        raise Refused("kintree_table: a joint stands before its parent")
    if skin.min() < -1e-3 or np.abs(skin.sum(1) - 1).max() > 1e-2:
        raise Refused("weights: rows do not sum to one")
    split = IDENTITY if shapes.shape[2] > IDENTITY else shapes.shape[2] // 2
    if shapes.shape[2] < 2:
        raise Refused("shapedirs: no shapes")
    # Head space begins at the root joint of the template; the regressor's rows are made to sum to one, so that joints
    # move with that shift.
    regressor = regressor / regressor.sum(1, keepdims=True)
    v = v - regressor[0] @ v
    names = JOINTS if joints == len(JOINTS) else [f"joint_{i}" for i in range(joints)]
    ident = shapes[:, :, :min(identity, split)].transpose(2, 0, 1)
    expr = shapes[:, :, split:split + expression].transpose(2, 0, 1)
    limit = np.finfo(np.float16).max
    if max(np.abs(ident).max(), np.abs(expr).max(), np.abs(correctives).max()) > limit:
        raise Refused("shapes beyond 16-bit floats: is --unit right?")
    tensors = {
        "meta": json.dumps({"name": "FLAME model of the user's own", "units": "cm", "licence": "that of the source model"}),
        "template": v.astype(np.float32), "triangles": triangles.astype(np.int32),
        "identity": ident.astype(np.float16), "expression": expr.astype(np.float16),
        "expression_names": "\n".join(f"flame_{i}" for i in range(len(expr))), "joint_names": "\n".join(names),
        "joint_parents": parents.astype(np.int32), "joint_regressor": regressor.astype(np.float32),
        "skin_weights": (skin / skin.sum(1, keepdims=True)).astype(np.float32),
        "pose_correctives": correctives.transpose(2, 0, 1).astype(np.float16)}
    if uv is not None:
        places, corners = read_uv(uv, triangles)
        tensors["uv"], tensors["triangles_uv"] = places.astype(np.float32), corners.astype(np.int32)
    if landmarks is not None:
        t, w = embedding(landmarks, len(triangles))
        if len(t) == 51:  # without the jaw line: its 17 points stand on the nearest inner point
            t, w = np.concatenate([np.repeat(t[:1], 17), t]), np.concatenate([np.repeat(w[:1], 17, 0), w])
        tensors["landmark68_triangle"] = t.astype(np.int32)
        tensors["landmark68_barycentric"] = w.astype(np.float32)
        tensors["landmark68_offset"] = np.zeros((68, 3), np.float32)
    return tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("output")
    parser.add_argument("--landmarks")
    parser.add_argument("--uv")
    parser.add_argument("--identity", type=int, default=100)
    parser.add_argument("--expression", type=int, default=50)
    parser.add_argument("--unit", choices=sorted(UNITS), default="m")
    args = parser.parse_args()
    if args.identity < 1 or args.expression < 1:
        parser.error("--identity and --expression must be at least 1")
    try:
        tensors = convert(load_pickle(args.model), args.identity, args.expression, args.unit, args.landmarks, args.uv)
        jr2w.write(args.output, "jr2.head.1", tensors)
    except (Refused, OSError) as e:
        sys.exit(f"{parser.prog}: {e}")
    print(f"{args.output}: {len(tensors['template'])} vertices, {len(tensors['identity'])} identity and "
          f"{len(tensors['expression'])} expression shapes, {os.path.getsize(args.output) // 1024} KiB")


if __name__ == "__main__":
    main()

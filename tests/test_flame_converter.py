# SPDX-License-Identifier: MIT
"""The FLAME converter on a made pickle of FLAME's structure: chumpy-style objects, a sparse regressor, PCA shapes.

  python3 tests/test_flame_converter.py        needs NumPy; SciPy, if there, makes the sparse matrix
With JR2_BUILD set to a build folder the result is also opened by the library itself.
"""
import ctypes
import io
import os
import pickle
import subprocess
import sys
import tempfile
import types

try:
    import numpy as np
except ImportError:
    print("test_flame_converter: skipped, NumPy is not installed")
    sys.exit(0)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "training"))
import flame_to_jr2w  # noqa: E402
import jr2w  # noqa: E402

V, SHAPES, JOINTS = 5023, 400, 5


def chumpy_class():
    """A class that pickles as chumpy.ch.Ch does; the module vanishes again, as on a machine without chumpy."""
    chumpy, ch = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")
    exec("class Ch(object):\n    pass\n", ch.__dict__)
    ch.Ch.__module__ = "chumpy.ch"
    chumpy.ch = ch
    sys.modules["chumpy"], sys.modules["chumpy.ch"] = chumpy, ch
    return ch.Ch


def sparse(a):
    try:
        import scipy.sparse
        return scipy.sparse.csc_matrix(a)
    except ImportError:
        module = types.ModuleType("scipy.sparse.csc")
        exec("class csc_matrix(object):\n    pass\n", module.__dict__)
        module.csc_matrix.__module__ = "scipy.sparse.csc"
        for name in ("scipy", "scipy.sparse"):
            sys.modules.setdefault(name, types.ModuleType(name))
        sys.modules["scipy.sparse.csc"] = module
        m = module.csc_matrix()
        rows = [np.nonzero(a[:, k])[0] for k in range(a.shape[1])]
        m.__dict__.update(_shape=a.shape, indices=np.concatenate(rows).astype(np.int32),
                          indptr=np.cumsum([0] + [len(r) for r in rows]).astype(np.int32),
                          data=np.concatenate([a[r, k] for k, r in enumerate(rows)]))
        return m


def made_model():
    """Numbers of a made model (metres) and the dictionary that FLAME's pickle holds."""
    rng = np.random.default_rng(1)
    rows, columns = 48, 104
    angle = np.stack(np.meshgrid(np.linspace(.05, 3.09, rows), np.linspace(0, 6.22, columns), indexing="ij"), -1).reshape(-1, 2)
    v = np.stack([.08 * np.sin(angle[:, 0]) * np.sin(angle[:, 1]), .12 * np.cos(angle[:, 0]),
                  .1 * np.sin(angle[:, 0]) * np.cos(angle[:, 1])], 1)
    v = np.concatenate([v, rng.normal(0, .01, (V - len(v), 3))]) + [0.01, -0.02, 0.03]
    f = np.array([[i * columns + j, (i + 1) * columns + j, i * columns + j + 1] for i in range(rows - 1)
                  for j in range(columns - 1)], np.uint32)
    shapes = rng.normal(0, .002, (V, 3, SHAPES))
    regressor = np.zeros((JOINTS, V))
    for j in range(JOINTS):
        regressor[j, rng.choice(V, 20, replace=False)] = 1 / 20
    weights = rng.dirichlet(np.ones(JOINTS), V)
    posedirs = rng.normal(0, .001, (V, 3, 36))
    tree = np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32)
    numbers = dict(v=v, f=f.astype(np.int64), shapes=shapes, regressor=regressor, weights=weights, posedirs=posedirs)
    cls = chumpy_class()

    def ch(a):
        x = cls()
        x.__dict__.update(x=a, _dirty_vars={"x"}, _itr=None, _depends_on_deps={})
        return x
    model = {"f": f, "J_regressor": sparse(regressor), "kintree_table": tree, "J": ch(regressor @ v), "weights": ch(weights),
             "posedirs": ch(posedirs), "bs_style": "lbs", "bs_type": "lrotmin", "v_template": ch(v), "shapedirs": ch(shapes)}
    return numbers, model


def forget_modules():
    for name in [n for n in sys.modules if n.split(".")[0] == "chumpy"]:
        del sys.modules[name]


def refused(data, word):
    with tempfile.NamedTemporaryFile(suffix=".pkl") as file:
        file.write(data)
        file.flush()
        try:
            flame_to_jr2w.convert(flame_to_jr2w.load_pickle(file.name))
        except flame_to_jr2w.Refused as e:
            assert word in str(e), f"{e!s} does not say {word}"
            return
    raise AssertionError(f"not refused ({word})")


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/flame_converter_was_tricked",)


def check_numbers(tensors, numbers):
    """Vertices by the container's own rules against FLAME's formula, coefficients and a turned jaw included."""
    rng = np.random.default_rng(2)
    b, e = rng.normal(0, 1, 100), rng.normal(0, 1, 50)
    angle = .3
    rot = np.tile(np.eye(3), (JOINTS, 1, 1))
    rot[2] = [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]

    def skin(v, regressor, weights, correctives, parents):
        joint = regressor @ v
        posed = v + np.einsum("k,kvd->vd", (rot[1:] - np.eye(3)).reshape(-1), correctives)
        world = np.zeros((JOINTS, 4, 4))
        for j in range(JOINTS):
            local = np.eye(4)
            local[:3, :3] = rot[j]
            local[:3, 3] = joint[j] - rot[j] @ joint[j]
            world[j] = local if j == 0 else world[parents[j]] @ local
        m = np.einsum("vj,jab->vab", weights, world)
        return np.einsum("vab,vb->va", m[:, :3, :3], posed) + m[:, :3, 3]
    n = numbers
    shaped = n["v"] + n["shapes"][:, :, :100] @ b + n["shapes"][:, :, 300:350] @ e
    want = skin(shaped, n["regressor"], n["weights"], n["posedirs"].transpose(2, 0, 1), [-1, 0, 1, 1, 1]) * 100
    want = want - n["regressor"][0] @ n["v"] * 100
    t = {k: a.astype(np.float64) for k, a in tensors.items() if a.dtype.kind == "f"}
    shaped = t["template"] + np.tensordot(b, t["identity"], 1) + np.tensordot(e, t["expression"], 1)
    got = skin(shaped, t["joint_regressor"], t["skin_weights"], t["pose_correctives"], tensors["joint_parents"])
    error = np.abs(got - want).max()
    assert error < 0.02, f"{error} cm"  # 16-bit shapes
    assert np.abs(t["joint_regressor"][0] @ t["template"]).max() < 1e-4


def check_library(path):
    folder = os.environ.get("JR2_BUILD")
    library = os.path.join(folder, "libjr2.so.0") if folder else ""
    if not os.path.exists(library):
        return "not opened by the library (JR2_BUILD is not set)"
    lib = ctypes.CDLL(library)
    model = ctypes.c_void_p()
    lib.jr2_model_count.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    lib.jr2_model_release.argtypes = [ctypes.c_void_p]
    status = lib.jr2_model_open(path.encode(), None, ctypes.byref(model))
    assert status == 0, f"jr2_model_open: {status}"
    counts = [lib.jr2_model_count(model, k) for k in (1, 4, 5, 7)]
    lib.jr2_model_release(model)
    assert counts == [V, 100, 50, JOINTS], counts
    return "opened by the library"


def main():
    numbers, model = made_model()
    data = [pickle.dumps(model, protocol) for protocol in (2, 0)]
    damaged = []
    for key, value, word in (("weights", None, "weights"), ("f", np.full((5, 3), V), "f:"), ("v_template", np.zeros((9, 2)), "v_template"),
                             ("kintree_table", np.zeros((2, 5), int) + 4, "kintree"), ("posedirs", np.zeros((V, 3, 35)), "posedirs"),
                             ("shapedirs", np.full((V, 3, 4), np.nan), "finite")):
        other = {k: v for k, v in model.items() if k not in ("shapedirs", "posedirs")}
        other["shapedirs"], other["posedirs"] = numbers["shapes"][:, :, :4], numbers["posedirs"]
        other[key] = value
        if value is None:
            del other[key]
        damaged.append((pickle.dumps(other, 2), word))
    forget_modules()
    with tempfile.TemporaryDirectory() as folder:
        pkl, out, obj, lmk = (os.path.join(folder, n) for n in ("m.pkl", "m.jr2w", "m.obj", "l.npz"))
        with open(obj, "w") as f:
            f.write("".join("vt %f %f\n" % (i % 100 / 100, i / V) for i in range(V)))
            order = np.random.default_rng(3).permutation(len(numbers["f"]))
            f.write("".join("f " + " ".join(f"{v + 1}/{v + 1}" for v in numbers["f"][k][[1, 2, 0]]) + "\n" for k in order))
        np.savez(lmk, full_lmk_faces_idx=np.arange(68), full_lmk_bary_coords=np.tile([.2, .3, .5], (68, 1)))
        for raw in data:
            with open(pkl, "wb") as f:
                f.write(raw)
            subprocess.run([sys.executable, os.path.join(ROOT, "training", "flame_to_jr2w.py"), pkl, out, "--uv", obj, "--landmarks", lmk],
                           check=True, stdout=subprocess.DEVNULL)
            topology, tensors = jr2w.read(out)
            assert topology == "jr2.head.1"
            assert (tensors["triangles"] == numbers["f"]).all()
            assert (tensors["triangles_uv"] == numbers["f"]).all() and len(tensors["uv"]) == V
            assert tensors["landmark68_triangle"].tolist() == list(range(68))
            check_numbers(tensors, numbers)
        said = check_library(out)
    for raw, word in damaged:
        refused(raw, word)
    refused(pickle.dumps({"f": Evil()}, 2), "system")
    refused(pickle.dumps([1, 2], 2), "list")
    refused(data[0][:-1000], "pickle")
    refused(b"not a pickle", "pickle")
    refused(b"", "pickle")
    refused(io.BytesIO(b"cbuiltins\neval\n(S'1'\ntR.").getvalue(), "eval")
    assert not os.path.exists("/tmp/flame_converter_was_tricked")
    print("test_flame_converter: passed,", said)


if __name__ == "__main__":
    main()

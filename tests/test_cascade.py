# SPDX-License-Identifier: MIT
"""The whole cascade in a few steps, on made faces: every stage runs on the one before it, and resumes.

  python3 tests/test_cascade.py        minutes; needs PyTorch, NumPy, SciPy, OpenCV, ffmpeg and a C compiler
JR2_NEED_TORCH=1: a missing package is a failure, not a skip.
"""
import filecmp
import glob
import importlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def need():
    for module in ("numpy", "scipy", "cv2", "torch"):
        try:
            importlib.import_module(module)
        except ImportError as error:
            if os.environ.get("JR2_NEED_TORCH"):
                raise SystemExit(f"test_cascade: {error}")
            print(f"test_cascade: skipped, {error}")
            sys.exit(0)
    if not shutil.which("ffmpeg"):
        raise SystemExit("test_cascade: ffmpeg is not installed")


def cascade(data, work, *options):
    command = [sys.executable, os.path.join(ROOT, "training/cascade.py"), data, work, "--smoke", "--head", os.path.join(ROOT, "weights/head.jr2w"),
               "--start", os.path.join(ROOT, "weights"), "--processes", "1", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"FAILED: {' '.join(command)}\n{done.stdout[-6000:]}")
    return done.stdout


def numbers(x):
    if isinstance(x, dict):
        return [n for v in x.values() for n in numbers(v)]
    return [x] if isinstance(x, float) else []


def make_silhouettes(work):
    """Those of the pictures in cache.npy: a column in the middle."""
    import numpy as np
    path = os.path.join(work, "silhouettes.npy")
    masks = np.zeros((len(np.load(os.path.join(work, "cache.npy"), mmap_mode="r")), 64, 64), np.uint8)
    masks[:, :, 16:48] = 255
    np.save(path, masks)
    return path


def check_silhouette(work):
    """It was trained after the rest, and only it."""
    sys.path.insert(0, os.path.join(ROOT, "training"))
    import jr2w
    before, after = (jr2w.read(os.path.join(work, *p))[1] for p in (("reenact", "reenact.jr2w"), ("weights", "reenact.jr2w")))
    assert before.keys() == after.keys()
    changed = {n.split(".")[0] for n in before if n != "meta" and not (before[n] == after[n]).all()}
    assert changed == {"silhouette"}, changed


def check_videos(folder):
    """What was synthesised: the format, and that landmarks of the parameters are where the face is."""
    import numpy as np
    for name in ("training/head", "bindings/python"):
        sys.path.insert(0, os.path.join(ROOT, name))
    from model import Head, project
    head, paths = Head(os.path.join(ROOT, "weights/head.jr2w")), glob.glob(os.path.join(folder, "*.npz"))
    assert len(paths) == 1, paths
    d = dict(np.load(paths[0]))
    n = len(d["image"])
    assert 12 <= n <= 24 and d["image"].shape == (n, 224, 224, 3) and d["image"].dtype == np.uint8
    shapes = {"identity": (n, 100), "expression": (n, 53), "rotation": (n, 3, 3), "scale": (n,), "centre": (n, 2), "head": (n,), "source": (n,),
              "video": (n,), "frame": (n,)}
    for key, shape in shapes.items():
        assert d[key].shape == shape, (key, d[key].shape)
    assert d["expression"].min() >= 0 and d["expression"].max() <= 1 and d["expression"].max() > 0.5
    assert np.allclose(d["rotation"] @ d["rotation"].transpose(0, 2, 1), np.eye(3), atol=1e-4)
    assert d["image"].std((1, 2, 3)).min() > 5, "an empty picture"
    for k in range(n):
        points = project(head.landmarks(head.vertices(d["identity"][k], d["expression"][k])), d["rotation"][k], d["scale"][k], d["centre"][k])
        assert (points > 0).all() and (points < 224).all(), "the face is beside the picture"
    report = json.load(open(paths[0][:-4] + ".json"))
    assert report["frames"] == 24 and sum(v["made"] for v in report["by_size"].values()) == 24
    for v in np.unique(d["video"]):
        assert (np.diff(d["frame"][d["video"] == v]) > 0).all() and len(np.unique(d["source"][d["video"] == v])) == 1


def check_wake():
    """A coarse network whose norms were woken says what it said, also when its norms measure these pictures themselves."""
    import torch
    for name in ("training", "training/coarse"):
        sys.path.insert(0, os.path.join(ROOT, name))
    import jr2w
    from network import Coarse
    torch.manual_seed(1)
    net, x = Coarse(), torch.rand(64, 3, 128, 128) * 2 - 1
    net.unfold(jr2w.read(os.path.join(ROOT, "weights/coarse.jr2w"))[1])
    with torch.no_grad():
        before = net.eval()(x)[0]
        net.wake(x)
        after, learning = net.eval()(x)[0], net.train()(x)[0]
    size = float(before.abs().max())
    assert float((after - before).abs().max()) < 1e-3 * size and float((learning - before).abs().max()) < 1e-2 * size, "woken, it says something else"


def check_grown():
    """An expression network that took over a smaller one says what that said, and everything in it learns."""
    import numpy as np
    import torch
    sys.path.insert(0, os.path.join(ROOT, "training/expression"))
    from expression_network import Expression
    torch.manual_seed(1)
    inputs = [torch.rand(8, 3, 64, 64) * 2 - 1 for _ in range(3)] + [torch.rand(8, n) for n in (3072, 230)]
    small = Expression(eye=(32, ((32, 1), (96, 1)), 48, 160), mouth=(32, ((32, 1), (96, 1)), 48, 192), hidden=64).eval()
    torch.nn.init.normal_(small.fc2.weight)
    for net in (small.eye, small.mouth):
        for block in (net.stages[0][1], net.stages[1][1]):
            torch.nn.init.ones_(block.conv2[1].weight)
    grown = Expression().eval()
    grown.unfold({k: v.numpy().astype(np.float32) for k, v in small.folded().items()})
    with torch.no_grad():
        before, after = small(*inputs), grown(*inputs)
    assert float((after - before).abs().max()) < 1e-4 * float(before.abs().max()), "grown, it says something else"
    grown(*inputs).square().sum().backward()
    still = [name for name, p in grown.named_parameters() if "alone" not in name and (p.grad is None or not p.grad.any())]
    assert all(".conv1." in name or name.endswith(".conv2.0.weight") for name in still), still  # until the block's last norm is no longer 0


def main():
    need()
    check_wake()
    check_grown()
    start = time.time()
    if not os.path.exists(os.path.join(ROOT, "build/libjr2.so.0")):
        subprocess.check_call(["make", "-s", "-C", ROOT])
    os.environ.update(OPENBLAS_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    with tempfile.TemporaryDirectory() as folder:
        data, work = os.path.join(folder, "data"), os.path.join(folder, "work")
        subprocess.check_call([sys.executable, os.path.join(ROOT, "tests/made_faces.py"), data])
        cascade(data, work, "--stages", "label")
        silhouettes = make_silhouettes(work)
        cascade(data, work, "--stages", "coarse,reenact", "--silhouettes", silhouettes)
        check_silhouette(work)
        said = cascade(data, work)
        assert "labels: done before" in said and "reenact: done before" in said and "videos: done before" not in said, said
        check_videos(os.path.join(work, "videos"))
        sys.path.insert(0, os.path.join(ROOT, "bindings/python"))
        import jr2
        model = jr2.Model(os.path.join(work, "weights"))
        for part in ("head", "find", "coarse", "expression", "reenact"):
            assert model.has(part), part
        assert not filecmp.cmp(os.path.join(work, "weights/coarse.jr2w"), os.path.join(work, "variants/both/coarse.jr2w"), shallow=False), "not trained along"
        for name in ("coarse", "rendered", "videos", "both", "joint"):
            result = json.load(open(os.path.join(work, "results", name + ".json")))
            assert result["expression_network"] == (name != "coarse"), name
            assert result["rendered"]["all"]["faces"] == 6 and all(math.isfinite(x) for x in numbers(result)), name
            assert result["clips_val"]["blinks"]["true"] == 1, result["clips_val"]["blinks"]
        page = open(os.path.join(work, "results/results-expression.md")).read()
        assert all(title in page for title in ("coarse alone", "rendered heads", "synthesised videos", "both, coarse network trained along", "cheekPuff_L"))
        before = {p: os.path.getmtime(p) for p in glob.glob(os.path.join(work, "**"), recursive=True)}
        said = cascade(data, work)
        assert all(line.endswith("done before") for line in said.splitlines() if line.startswith("[")), said
        assert before == {p: os.path.getmtime(p) for p in glob.glob(os.path.join(work, "**"), recursive=True)}, "something was made again"
        said = cascade(data, work, "--again", "evaluate", "--stages", "evaluate")
        assert "done before" not in said and os.path.getmtime(os.path.join(work, "results/results-expression.md")) > before[
            os.path.join(work, "results/results-expression.md")]
        refused = subprocess.run([sys.executable, os.path.join(ROOT, "training/cascade.py"), folder, work], stderr=subprocess.PIPE, text=True)
        assert refused.returncode == 2 and "photos.npz" in refused.stderr, refused.stderr
    print(f"test_cascade: passed, {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""The networks in libjr2 and in ONNX Runtime, same weights, same input: time and largest difference.

    make time_network && python3 training/bench_ort.py [--threads 1] [--weights weights/coarse.jr2w ...]

Without --weights it makes a random coarse network. The two programs take turns, so that a busy machine hits both. Of the reenactment
network it is the part that runs for each frame, with the source's features as further inputs here and kept inputs there.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch import nn

for folder in ("", "reenact"):
    sys.path.insert(0, str(pathlib.Path(__file__).parent / folder))
import jr2w  # noqa: E402


class Coarse(nn.Module):
    """Evaluates a jr2.coarse.1 file: what libjr2/nn/net_coarse.c wires."""

    size = (128, 128)

    def __init__(self, tensors):
        super().__init__()
        self.t = nn.ParameterDict({k.replace(".", "_"): nn.Parameter(torch.from_numpy(np.array(v, np.float32)), requires_grad=False)
                                   for k, v in tensors.items() if k.endswith((".weight", ".bias"))})

    def conv(self, x, name, stride=1, groups=1):
        w = self.t[name.replace(".", "_") + "_weight"]
        return nn.functional.conv2d(x, w, self.t[name.replace(".", "_") + "_bias"], stride, w.shape[-1] // 2, groups=groups)

    def linear(self, x, name):
        return nn.functional.linear(x, self.t[name + "_weight"], self.t[name + "_bias"])

    def inputs(self, rng):
        return [rng.uniform(-1, 1, (1, 3, *self.size)).astype(np.float32)]

    def trunk(self, x, prefix=""):
        """-> the flattened neck, the third stage or None"""
        third, mark = None, prefix.replace(".", "_")
        x = torch.relu(self.conv(x, prefix + "stem", 2))
        for i in range(8):
            if f"{mark}s{i}_down_weight" not in self.t:
                break
            x = torch.relu(self.conv(x, f"{prefix}s{i}.down", 2))
            for j in range(32):
                if f"{mark}s{i}_b{j}_conv1_weight" not in self.t:
                    break
                x = torch.relu(x + self.conv(torch.relu(self.conv(x, f"{prefix}s{i}.b{j}.conv1")), f"{prefix}s{i}.b{j}.conv2"))
            third = x if i == 2 else third
        return torch.relu(self.conv(x, prefix + "neck")).flatten(1), third

    def forward(self, x):
        x, third = self.trunk(x)
        x = self.linear(torch.relu(self.linear(x, "fc1")), "fc2")
        return x if third is None else (x, nn.functional.max_pool2d(third, 2, ceil_mode=True).flatten(1))


class Expression(Coarse):
    """Evaluates a jr2.expression.1 file: what libjr2/nn/net_expression.c wires."""

    size = (64, 64)

    def inputs(self, rng):
        trunk = self.t["trunk_fc_weight"].shape[1]
        coarse = self.t["fc1_weight"].shape[1] - sum(n * len(self.t[k + "_fc_weight"]) for k, n in (("eye", 2), ("mouth", 1), ("trunk", 1)))
        return [rng.uniform(-1, 1, (1, 3, *self.size)).astype(np.float32) for _ in range(3)] + [
            rng.uniform(0, 1, (1, trunk)).astype(np.float32), rng.uniform(-1, 1, (1, coarse)).astype(np.float32)]

    def forward(self, right, left, mouth, trunk, coarse):
        seen = [torch.relu(self.linear(self.trunk(x, name + ".")[0], name + "_fc")) for x, name in
                ((right, "eye"), (left, "eye"), (mouth, "mouth"))]
        x = torch.cat([*seen, torch.relu(self.linear(trunk, "trunk_fc")), coarse], 1)
        return self.linear(torch.relu(self.linear(x, "fc1")), "fc2")


class ReenactFrame(nn.Module):
    """The frame part of a file of the reenactment network."""

    size = (256, 256)

    def __init__(self, path):
        super().__init__()
        from export import load
        self.net = load(path)

    def inputs(self, rng):
        """Those of forward(); self.ours: those of the other program."""
        from parity import SIDE, pattern
        picture, maps, valid = pattern(3, SIDE, 1, 0), pattern(12, SIDE, 1, -0.5), torch.ones(1, 1, SIDE, SIDE)
        flow, planes = pattern(2, SIDE, 40, -20), pattern(16, SIDE // 2, 1, -0.25)
        self.ours = [np.concatenate([(2 * picture - 1).numpy(), maps.numpy(), valid.numpy()], 1), flow.numpy(), planes.numpy()]
        with torch.no_grad():
            return [planes.numpy(), flow.numpy(), picture.numpy(), *(f.numpy() for f in self.net.encode(picture, maps, valid))]

    def forward(self, planes, flow, picture, *features):
        return self.net.frame(features, planes, flow, picture)[0]


class Find(Coarse):
    """Evaluates a jr2.find.1 file: what libjr2/nn/net_find.c wires."""

    size = (256, 320)

    def forward(self, x):
        x = torch.relu(self.conv(x, "stem", 2))
        x = torch.relu(self.conv(x, "s1", 2))
        level = []
        for i in range(3):
            x = torch.relu(self.conv(x, f"down.{i}", 2))
            for j in range(16):
                if f"blocks_{i}_{j}_conv1_weight" not in self.t:
                    break
                x = torch.relu(x + self.conv(torch.relu(self.conv(x, f"blocks.{i}.{j}.conv1")), f"blocks.{i}.{j}.conv2"))
            level.append(x)
        for i in (1, 0):
            up = nn.functional.interpolate(self.conv(level[i + 1], f"top.{i}"), scale_factor=2)
            level[i] = torch.relu(self.conv(torch.relu(self.conv(level[i], f"side.{i}") + up), f"merge.{i}"))
        return tuple(self.conv(level[i], f"head.{i}") for i in range(3))


def random_coarse():
    rng = np.random.default_rng(1)
    tensors = {}

    def add(name, *shape):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        tensors[name + ".weight"] = (rng.standard_normal(shape) * scale).astype(np.float16)
        tensors[name + ".bias"] = (rng.standard_normal(shape[0]) * 0.1).astype(np.float32)

    add("stem", 32, 3, 3, 3)
    width = 32
    for i, (c, blocks) in enumerate([(48, 2), (96, 3), (192, 2)]):
        add(f"s{i}.down", c, width, 3, 3)
        for j in range(blocks):
            add(f"s{i}.b{j}.conv1", c, c, 3, 3)
            add(f"s{i}.b{j}.conv2", c, c, 3, 3)
        width = c
    add("neck", 64, width, 1, 1)
    add("fc1", 256, 4096)
    add("fc2", 230, 256)
    return tensors


def time_ort(session, inputs, seconds=1.5):
    import time
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 20 or time.perf_counter() < end:
        start = time.perf_counter()
        y = session.run(None, inputs)
        times.append(time.perf_counter() - start)
    return y, np.median(times) * 1e3, np.min(times) * 1e3


def open_net(path):
    topology, tensors = jr2w.read(path)
    if topology.startswith("jr2.reenact."):
        return topology, ReenactFrame(path).eval()
    return topology, {"jr2.find.1": Find, "jr2.expression.1": Expression}.get(topology, Coarse)(tensors).eval()


def bench(path, program, threads, rounds):
    import onnxruntime
    topology, net = open_net(path)
    h, w = net.size
    inputs = net.inputs(np.random.default_rng(0))
    names = [f"x{i}" for i in range(len(inputs))]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        torch.onnx.export(net, tuple(map(torch.from_numpy, inputs)), str(folder / "net.onnx"), input_names=names, dynamo=False,
                          opset_version=17)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(folder / "net.onnx"), options, providers=["CPUExecutionProvider"])
        np.concatenate([x.ravel() for x in getattr(net, "ours", inputs)]).tofile(folder / "x.f32")
        ours, theirs = [], []
        for _ in range(rounds):
            out = subprocess.run([program, str(path), str(h), str(w), str(threads), str(folder / "x.f32"), str(folder / "y.f32")],
                                 check=True, capture_output=True, text=True).stdout
            ours.append([float(v) for v in out.split()])
            y, *t = time_ort(session, dict(zip(names, inputs)))
            theirs.append(t)
        got = np.fromfile(folder / "y.f32", np.float32)
    want = np.concatenate([v.ravel() for v in y])
    error = np.abs(got - want).max() / (np.abs(want).max() + 1e-9)
    ours, theirs = np.median(ours, 0), np.median(theirs, 0)
    print(f"{topology:14} {w}x{h} {threads} thread(s): libjr2 {ours[0]:.3f} ms (least {ours[1]:.3f}), ONNX Runtime "
          f"{onnxruntime.__version__} {theirs[0]:.3f} ms (least {theirs[1]:.3f}), ratio {theirs[0] / ours[0]:.2f}, "
          f"largest relative difference {error:.1e}")
    return error < 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/time_network", help="what `make time_network` built")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", nargs="*", default=[])
    args = parser.parse_args()
    torch.set_num_threads(1)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        paths = args.weights
        if not paths:
            paths = [pathlib.Path(folder) / "coarse.jr2w"]
            jr2w.write(paths[0], "jr2.coarse.1", random_coarse())
        for path in paths:
            good &= bench(path, args.program, args.threads, args.rounds)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Speed, memory and size of the library as built, into a JSON that training/evaluate.py puts into docs/results.md.

  python3 training/bench_speed.py build/ speed.json [--calls 10000]

Needs `make all time_network` before. The picture is examples/astronaut.jpg scaled to 640 x 480 around the face. ONNX Runtime
runs in the same minute (training/bench_ort.py). OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are taken out of the environment.
"""
import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile

import cv2
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "bindings/python"))


def picture():
    image = cv2.imread(os.path.join(ROOT, "examples/astronaut.jpg"))
    side = image.shape[1]
    return cv2.resize(image[:side * 3 // 4], (640, 480), interpolation=cv2.INTER_AREA)


def rows_of(args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "face.png")
        cv2.imwrite(path, picture())
        text = subprocess.run([os.path.join(args.build, "jr2"), "bench", path, "--runs", "200"], env=env, check=True,
                              capture_output=True, text=True).stdout
    print(text)
    median, fastest = (float(x) for x in re.search(r"find \+ mesh\s+([\d.]+)\s+([\d.]+)", text).groups())
    yield ["one face, 640 x 480, one core: find + crop + coarse (as often as it takes, here once) + expression + fit + mesh", "<= 12 ms",
           f"median {median:.2f} ms, fastest {fastest:.2f} ms", median <= 12]
    median, fastest = (float(x) for x in re.search(r"follow it through a video\s+([\d.]+)\s+([\d.]+)", text).groups())
    yield ["following one face (`jr2_tracker`), 640 x 480, one core", ">= 120 frames/s",
           f"median {median:.2f} ms, fastest {fastest:.2f} ms: {1000 / median:.0f} frames/s", median <= 1000 / 120]
    program = os.path.join(args.build, "time_network")
    if not os.path.exists(program):
        raise ValueError("make time_network has not been run")
    weights = [os.path.join(ROOT, "weights", n + ".jr2w") for n in ("find", "coarse", "expression")]
    text = subprocess.run([sys.executable, os.path.join(ROOT, "training/bench_ort.py"), "--program", program, "--weights",
                           *weights], env=env, check=True, capture_output=True, text=True).stdout
    print(text)
    pattern = r"(jr2\.\w+\.\d+)\s+(\S+) 1 thread.*?libjr2 ([\d.]+) ms.*?ONNX Runtime (\S+) ([\d.]+) ms"
    for name, size, ours, version, theirs in re.findall(pattern, text):
        yield [f"{name} at {size}, one thread, against ONNX Runtime {version} on the same network, same run", "no slower",
               f"{ours} ms, ONNX Runtime {theirs} ms", float(ours) <= float(theirs)]
    import jr2  # after the measured programs: loading it starts OpenBLAS's threads
    context = jr2.Context(os.path.join(ROOT, "weights"))
    image = np.ascontiguousarray(picture()[..., ::-1])

    def resident():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * resource.getpagesize() / 2 ** 20
    for _ in range(50):
        context.reconstruct(image)
    early = resident()
    for _ in range(args.calls):
        context.reconstruct(image)
    late = resident()
    own = subprocess.run(["/usr/bin/env", "python3", "-c", "import resource,subprocess,sys;subprocess.run(sys.argv[1:],"
                          "stdout=subprocess.DEVNULL);print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)",
                          os.path.join(args.build, "jr2"), "bench", os.path.join(ROOT, "examples/astronaut.jpg"), "--runs", "20"],
                         env=env, check=True, capture_output=True, text=True).stdout
    yield ["largest resident memory of jr2 bench (with texture)", "<= 150 MB", f"{float(own):.0f} MiB", float(own) * 1.049 <= 150]
    yield [f"growth of resident memory over {args.calls} calls", "none", f"{late - early:.1f} MiB", late - early < 1]
    library = os.path.join(args.build, "libjr2.so.0")
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, library], check=True)
        size = os.path.getsize(stripped.name)
    size += sum(os.path.getsize(os.path.join(ROOT, "weights", n + ".jr2w")) for n in ("head", "find", "coarse", "expression"))
    yield ["library (stripped) + weights", "<= 25 MB", f"{size / 1e6:.1f} MB", size <= 25e6]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("output")
    parser.add_argument("--calls", type=int, default=10000)
    args = parser.parse_args()
    rows = list(rows_of(args))
    for row in rows:
        print(*row, sep=" | ")
    with open(args.output, "w") as f:
        json.dump({"rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()

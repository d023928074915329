# SPDX-License-Identifier: MIT
"""Compares what tests/Binding.cs printed with what the Python binding gives. python3 tests/check_csharp.py WEIGHTS SAID"""
import os
import sys
import zlib

sys.modules["numpy"] = None  # plain lists
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "..", "bindings", "python"), _HERE]
import jr2  # noqa: E402
from binding import picture  # noqa: E402


def flat(rows):
    return [v for row in rows for v in row] if len(rows) and hasattr(rows[0], "__len__") else list(rows)


def expected(weights):
    """[(name, text or numbers)] in the order of Binding.cs."""
    out = []

    def say(name, *values):
        out.append((name, [float(v) for v in values]))
    pixels, width, height = picture(320, 240, 2), 320, 240
    context = jr2.Context(weights)
    model, names = context.model, jr2.arkit_names()
    out += [("version", jr2.version()), ("names", f"{names[0]} {names[51]}")]
    say("counts", model.vertex_count, len(model.expression_names), sum(flat(model.triangles)), sum(flat(model.triangles_uv)))
    say("uv", sum(flat(model.uv)))
    result = context.reconstruct(pixels, width, height, texture_size=64)
    say("faces", len(result))
    for face in result:
        say("face", face.id, ("seen", "held", "fading").index(face.state), face.confidence)
        for name in ("box", "angles", "gaze", "camera", "matrix"):
            say(name, *getattr(face, name))
        say("arkit", *face.arkit.values())
        say("identity", *face.identity)
        say("expression", *face.expression.values())
        for name in ("landmarks68", "landmarks478", "vertices", "normals"):
            say(name, *flat(getattr(face, name)))
    result.export(os.path.join(weights, "b.glb"))
    out += [("no such face", "-51 True"), ("index", "IndexOutOfRangeException"), ("length", "ArgumentException"),
            ("disposed", "ObjectDisposedException")]
    say("bottom up", *result[0].angles)
    out.append(("too few bytes", "ArgumentException"))
    vertices, normals, _ = context.evaluate(expression={"jawOpen": 0.5})
    say("evaluated", *flat(vertices))
    say("their normals", *flat(normals))
    out.append(("vertices", "ArgumentException"))
    tracker = jr2.Tracker(context, max_faces=2)
    for frame in range(3):
        tracked = tracker.update(pixels, frame * 0.04, width, height)
    say("tracked", len(tracked), tracked[0].id, 0, 0, tracked[0].angles[0])
    out.append(("time", "-3 True"))
    tracker.reset()
    say("after reset", len(tracker.update(pixels, 0, width, height)))
    portrait = jr2.Portrait(context, pixels, width, height)
    out.append(("driven", str(zlib.adler32(bytes(portrait.reenact(result[0]))))))
    by_hand = portrait.reenact(set={**dict.fromkeys(names, 0.0), "jawOpen": 0.5}, angles=(12, 0, 0))
    out.append(("by hand", str(zlib.adler32(bytes(by_hand)))))
    out += [("frame", "-41 True"), ("nowhere", "-20 True"), ("end", "")]
    return out


def main():
    with open(sys.argv[2]) as f:
        said = f.read().splitlines()
    wanted = expected(sys.argv[1])
    assert len(said) == len(wanted), f"{len(said)} lines, not {len(wanted)}: {said[-1]}"
    for line, (name, value) in zip(said, wanted):
        assert line.startswith(name), f"{line[:60]!r} stands where {name} should"
        rest = line[len(name):].strip()
        if isinstance(value, str):
            assert rest == value, f"{name}: {rest!r}, not {value!r}"
        else:
            got = [float(v) for v in rest.split()]
            assert len(got) == len(value), f"{name}: {len(got)} numbers, not {len(value)}"
            worst = max((abs(a - b) / (1 + abs(b)) for a, b in zip(got, value)), default=0)
            assert worst < 1e-5, f"{name}: {worst}"


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Read what test_formats --write FOLDER wrote, with the standard library alone.

  python3 tests/check_formats.py build/obj/.../tests/test_formats
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib


def check_json(path):
    with open(path, encoding="utf-8") as f:
        data = json.load(f, parse_constant=lambda c: sys.exit(f"{path}: {c}"))
    assert data["format"] == "jr2.reconstruction" and data["version"] == 1
    for face in data["faces"]:
        assert list(face) == ["confidence", "box", "region", "landmarks68", "landmarks478", "pose", "gaze", "arkit", "identity",
                              "expression", "albedo", "light", "camera"], list(face)
        assert len(face["box"]) == 4 and len(face["light"]) == 27 and len(face["pose"]["matrix"]) == 16
        assert len(face["landmarks68"]) == 68 and len(face["landmarks478"]) == 478
        assert all(len(p) == 2 for p in face["landmarks68"] + face["landmarks478"])
        assert len(face["arkit"]) == 52 and face["arkit"]["tongueOut"] == 0 and len(face["expression"]) == 53
        assert set(face["pose"]) == {"yaw", "pitch", "roll", "translation", "matrix"}
        assert face["pose"]["matrix"][15] == 1 and len(face["gaze"]["left"]) == 2
    return len(data["faces"])


def check_png(path):
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack_from(">I", data, at + 8 + length)[0]
        if kind == b"IHDR":
            size = struct.unpack_from(">II", body)
        if kind == b"IDAT":
            packed += body
        at += 12 + length
    assert len(zlib.decompress(packed)) == (3 * size[0] + 1) * size[1]
    return size


def check_glb(path):
    with open(path, "rb") as f:
        data = f.read()
    magic, version, total, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    doc = json.loads(data[20:20 + length])
    body = data[28 + length:]
    accessors, views = doc["accessors"], doc["bufferViews"]

    def vectors(view, count):
        at = views[view]["byteOffset"]
        assert views[view]["byteLength"] == 12 * count
        return [struct.unpack_from("<3f", body, at + 12 * i) for i in range(count)]

    mesh = doc["meshes"][0]
    primitive = mesh["primitives"][0]
    names = mesh["extras"]["targetNames"]
    assert len(names) == 52 == len(primitive["targets"]) == len(mesh["weights"])
    position = accessors[primitive["attributes"]["POSITION"]]
    base = vectors(position["bufferView"], position["count"])
    for k in range(3):
        assert min(v[k] for v in base) == struct.unpack("<f", struct.pack("<f", position["min"][k]))[0]
    moved = {}
    for name, target in zip(names, primitive["targets"]):
        a = accessors[target["POSITION"]]
        assert a["count"] == len(base)
        moved[name] = 0
        if "sparse" in a:
            s = a["sparse"]
            at = views[s["indices"]["bufferView"]]["byteOffset"]
            ids = struct.unpack_from(f"<{s['count']}H", body, at)
            assert list(ids) == sorted(set(ids)) and ids[-1] < len(base)
            moved[name] = max(abs(c) for v in vectors(s["values"]["bufferView"], s["count"]) for c in v)
    assert moved["tongueOut"] == 0
    assert all(moved[n] > 1e-4 for n in names if n != "tongueOut"), moved
    # eyeLook* turn the eyeballs, not only the lids: something moves by a good part of the eye's radius (12 mm)
    assert moved["eyeLookOutLeft"] > 0.005, moved["eyeLookOutLeft"]
    assert [doc["nodes"][j]["name"] for j in doc["skins"][0]["joints"]] == ["root", "neck", "jaw", "left_eye", "right_eye"]
    return len(base)


def check_obj(path):
    count, faces = {"v": 0, "vt": 0, "vn": 0}, 0
    with open(path) as f:
        for line in f:
            word, *rest = line.split()
            if word in count:
                count[word] += 1
                [float(x) for x in rest]
            if word == "f":
                faces += 1
                for corner in rest:
                    a, b, c = corner.split("/")
                    assert 1 <= int(a) <= count["v"] and 1 <= int(c) <= count["vn"]
                    assert 1 <= int(b) <= count["vt"] if count["vt"] else b == ""
    return count["v"], faces


def check_ply(path, coloured):
    with open(path, "rb") as f:
        data = f.read()
    header, body = data.split(b"end_header\n", 1)
    lines = header.decode().split("\n")
    v = int(next(x for x in lines if x.startswith("element vertex")).split()[-1])
    t = int(next(x for x in lines if x.startswith("element face")).split()[-1])
    assert len(body) == v * (27 if coloured else 24) + t * 13
    return v, t


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], "--write", folder], check=True)

        def path(name):
            return os.path.join(folder, name)
        assert check_json(path("a.json")) == 2 and check_json(path("empty.json")) == 0
        assert check_png(path("a b.png")) == (64, 64) and check_png(path("overlay.png")) == (640, 480)
        assert check_glb(path("a b.glb")) == check_glb(path("plain.glb"))
        assert check_obj(path("a.obj")) == check_ply(path("a.ply"), True) == check_ply(path("plain.ply"), False)
        # a head model without texture places, landmarks and ARKit names
        bare = json.load(open(path("bare.json")))["faces"][0]
        assert bare["landmarks68"] == bare["landmarks478"] == bare["albedo"] == []
        assert check_ply(path("bare.ply"), False) == check_obj(path("bare.obj"))
        with open(path("a b.mtl")) as f:
            assert "map_Kd a b.png\n" in f.read()
    print("formats: all read back")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""The Python binding with the tiny weights. Runs without NumPy and, where it is installed, with it: tests/test_python.sh."""
import json
import os
import struct
import sys
import tempfile
import threading
import unittest
import zlib

if "--without-numpy" in sys.argv:
    sys.argv.remove("--without-numpy")
    sys.modules["numpy"] = None  # an import of it fails
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bindings", "python"))
import jr2  # noqa: E402

TINY = "tests/data/tiny"


def picture(width, height, discs):
    out = bytearray()
    for y in range(height):
        for x in range(width):
            red = any((x - width * (i + 0.5) / discs) ** 2 + (y - height / 2) ** 2 < (0.15 * width) ** 2 for i in range(discs))
            out += b"\xfa\x50\x0a" if red else b"\x14\x50\xdc"
    return bytes(out)


class Binding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = jr2.Model(TINY)
        cls.context = jr2.Context(cls.model)
        cls.pixels = picture(320, 240, 2)
        cls.result = cls.context.reconstruct(cls.pixels, 320, 240, texture_size=64)

    def test_model(self):
        self.assertTrue(self.model.has("head") and self.model.has("find") and self.model.has("coarse"))
        self.assertEqual(self.model.vertex_count, 478)
        self.assertEqual(self.model.expression_names[0], "browDown_L")
        self.assertEqual(len(self.model.parts) * 3, len(self.model.triangles) * (3 if jr2.numpy else 1))

    def test_blobs(self):
        blobs = []
        for name in ("head", "coarse"):
            with open(f"{TINY}/{name}.jr2w", "rb") as f:
                blobs.append(f.read())
        model = jr2.Model(blobs=blobs)
        self.assertFalse(model.has("find"))
        with self.assertRaises(jr2.Error) as caught:
            jr2.Context(model).reconstruct(self.pixels, 320, 240)
        self.assertEqual(caught.exception.name, "JR2_ERR_MISSING")
        with self.assertRaises(jr2.Error) as caught:
            jr2.Model(blobs=[blobs[0][:1000]])
        self.assertEqual(caught.exception.name, "JR2_ERR_TRUNCATED")

    def test_expression(self):
        self.assertEqual(self.result[0].expression_error, {})
        parts = [f"{TINY}/{name}.jr2w" for name in ("head", "coarse", "find")] + ["tests/data/expression.jr2w"]
        blobs = []
        for path in parts:
            with open(path, "rb") as f:
                blobs.append(f.read())
        context = jr2.Context(jr2.Model(blobs=blobs))
        self.assertTrue(context.model.has("expression"))
        self.assertFalse(self.model.has("expression"))
        face = context.reconstruct(self.pixels, 320, 240)[0]
        self.assertEqual(list(face.expression_error), context.model.expression_names)
        self.assertTrue(all(0 < e <= 1 for e in face.expression_error.values()))
        coarse = context.reconstruct(self.pixels, 320, 240, expression="coarse")
        self.assertEqual(coarse[0].expression, self.result[0].expression)
        self.assertNotEqual(coarse[0].expression, face.expression)
        self.assertNotIn("expressionError", coarse.as_dict()["faces"][0])
        self.assertRaises(ValueError, context.reconstruct, self.pixels, 320, 240, expression="fine")

    def test_errors(self):
        for call, name in ((lambda: jr2.Model("/no/such"), "JR2_ERR_OPEN"),
                           (lambda: self.context.reconstruct(b"", 0, 5), "JR2_ERR_IMAGE_SIZE"),
                           (lambda: self.context.reconstruct(self.pixels, 320, 240, focal_px=-1), "JR2_ERR_RANGE"),
                           (lambda: self.context.evaluate(identity=[float("nan")]), "JR2_ERR_RANGE"),
                           (lambda: self.result.export("/no/such/x.glb"), "JR2_ERR_OPEN"),
                           (lambda: jr2.Context(self.model, threads=1000), "JR2_ERR_ARGUMENT")):
            with self.assertRaises(jr2.Error) as caught:
                call()
            self.assertEqual(caught.exception.name, name)
        self.assertRaises(ValueError, self.context.reconstruct, self.pixels)
        self.assertRaises(ValueError, self.context.reconstruct, self.pixels[:-1], 320, 240)
        self.assertRaises(IndexError, lambda: self.result[2])

    def test_faces(self):
        self.assertEqual(len(self.result), 2)
        for face in self.result:
            self.assertAlmostEqual(face.arkit["jawOpen"], 0.3, delta=0.1)
            self.assertEqual(len(face.arkit), 52)
            self.assertEqual(len(face.expression), 53)
            self.assertEqual(len(face.angles), 3)
            self.assertEqual(len(face.matrix), 16)
            self.assertEqual(len(face.vertices), 478 if jr2.numpy else 478 * 3)
            self.assertEqual(len(face.landmarks478), 478 if jr2.numpy else 478 * 2)
            size, rgb = face.texture
            self.assertEqual(len(rgb), 3 * size * size)
        self.assertIsNotNone(self.result[-1].region)
        face = self.context.reconstruct(self.pixels, 320, 240)[0]  # the face keeps its result
        self.assertEqual(len(face.identity), 100)

    def test_regions(self):
        region = self.result[0].region
        again = self.context.reconstruct(self.pixels, 320, 240, regions=[region], passes=1)
        self.assertEqual(len(again), 1)
        self.assertAlmostEqual(again[0].region[0], region[0], delta=15)

    def test_tracker(self):
        blobs = []
        for path in (f"{TINY}/head.jr2w", f"{TINY}/coarse.jr2w", "tests/data/near_find.jr2w"):  # as in tests/test_track.c
            with open(path, "rb") as f:
                blobs.append(f.read())
        context = jr2.Context(jr2.Model(blobs=blobs))
        tracker = jr2.Tracker(context, max_faces=2)
        pixels = bytearray()
        for y in range(240):
            for x in range(320):
                red = any((x + 0.5 - column) ** 2 + (y + 0.5 - 120) ** 2 < 14 ** 2 for column in (80, 240))
                pixels += bytes((250 if red else 20, 60 + 40 * ((x // 8 + y // 8) & 1), 10 if red else 220))
        for i in range(8):
            faces = list(tracker.update(pixels, i / 25, 320, 240))
        self.assertEqual(sorted(face.id for face in faces), [1, 2])
        self.assertEqual({face.state for face in faces}, {"seen"})
        self.assertEqual(len(faces[0].arkit), 52)
        blank, states = bytes(320 * 240 * 3), []
        for i in range(8, 30):
            states += [face.state for face in tracker.update(blank, i / 25, 320, 240)]
        self.assertTrue({"held", "fading"} <= set(states))
        self.assertEqual(self.result[0].id, 0)
        with self.assertRaises(jr2.Error) as caught:
            tracker.update(pixels, 0.1, 320, 240)  # time goes back
        self.assertEqual(caught.exception.name, "JR2_ERR_RANGE")
        tracker.reset()
        self.assertEqual({face.id for face in tracker.update(pixels, 0, 320, 240)}, {3, 4})
        self.assertRaises(ValueError, jr2.Tracker, context, expression_source="fine")

    def test_exports(self):
        document = self.result.as_dict()
        self.assertEqual(document["format"], "jr2.reconstruction")
        self.assertEqual(len(document["faces"]), 2)
        glb = self.result.dump("glb", face=1, name="other")
        self.assertEqual(struct.unpack("<4sII", glb[:12]), (b"glTF", 2, len(glb)))
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.json", "a.glb", "a.obj", "a.ply", "a.png"):
                self.result.export(os.path.join(folder, name))
            self.assertEqual(len(os.listdir(folder)), 7)
            with open(os.path.join(folder, "a.json"), encoding="ascii") as f:
                self.assertEqual(json.load(f), document)
            with open(os.path.join(folder, "a.png"), "rb") as f:
                png = f.read()
        self.assertEqual(struct.unpack(">II", png[16:24]), (320, 240))
        at, data = 8, b""
        while at < len(png):  # every chunk's checksum
            length, kind = struct.unpack(">I4s", png[at:at + 8])
            body = png[at + 8:at + 8 + length]
            self.assertEqual(struct.unpack(">I", png[at + 8 + length:at + 12 + length])[0], zlib.crc32(kind + body))
            data += body if kind == b"IDAT" else b""
            at += 12 + length
        self.assertEqual(len(zlib.decompress(data)), 240 * (1 + 3 * 320))
        self.assertRaises(ValueError, self.result.export, "a.xyz")

    def test_evaluate(self):
        rest, normals, points = self.context.evaluate()
        smile, _, _ = self.context.evaluate(expression={"mouthSmileLeft": 1.0})
        self.assertEqual(len(rest), len(smile))
        flat = (lambda a: list(a.reshape(-1))) if jr2.numpy else list
        self.assertGreater(max(abs(a - b) for a, b in zip(flat(rest), flat(smile))), 0.2)
        self.assertRaises(KeyError, self.context.evaluate, expression={"smile": 1})
        moved, _, _ = self.context.evaluate(matrix=[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 2, 3, 1])
        self.assertAlmostEqual(float(flat(moved)[1]), float(flat(rest)[1]) + 2, delta=1e-4)

    def test_cancel(self):
        with self.assertRaises(jr2.Error) as caught:
            jr2.Context(self.model, cancel=lambda: True).reconstruct(self.pixels, 320, 240)
        self.assertEqual(caught.exception.name, "JR2_ERR_CANCELLED")

    def test_portrait(self):
        portrait = jr2.Portrait(self.context, self.pixels, 320, 240)
        self.assertEqual(portrait.size, (320, 240))
        own = portrait.state
        still = bytes(portrait.reenact(method="warp", marked=False))
        self.assertLess(sum(abs(a - b) for a, b in zip(still, self.pixels)) / len(still), 0.05)
        moved = bytes(portrait.reenact({"pose": {"yaw": 20}, "arkit": {"jawOpen": 0.5}}, method="warp"))
        self.assertNotEqual(moved, still)
        self.assertAlmostEqual(portrait.state["pose"]["yaw"], own["pose"]["yaw"] + 20, delta=2)
        portrait.reenact({"arkit": {"jawOpen": 0.5}}, method="warp", set={"jawOpen": 0.25, "browInnerUp": 0.5}, edit={"mouthFunnel": 0.125})
        for name, value in (("jawOpen", 0.25), ("browInnerUp", 0.5), ("mouthFunnel", own["arkit"]["mouthFunnel"] + 0.125)):
            self.assertAlmostEqual(portrait.state["arkit"][name], value, places=4)
        self.assertEqual(len(bytes(portrait.reenact(self.result[1], reference=self.result[1], method="warp", output="crop"))), 256 * 256 * 3)
        with self.assertRaises(jr2.Error) as caught:
            portrait.reenact()
        self.assertEqual(caught.exception.name, "JR2_ERR_MISSING")  # no network

    def test_threads(self):
        counts = []

        def work():
            context = jr2.Context(self.model)
            counts.extend(len(context.reconstruct(self.pixels, 320, 240)) for _ in range(3))
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(counts, [2] * 12)

    @unittest.skipUnless(jr2.numpy, "without NumPy")
    def test_arrays(self):
        np = jr2.numpy
        array = np.frombuffer(self.pixels, np.uint8).reshape(240, 320, 3)
        expected = self.result[0].vertices
        for a, format in ((array, None), (np.ascontiguousarray(array[..., ::-1]), jr2.BGR8), (array[::-1].copy()[::-1], None),
                          (np.dstack([array, array[..., :1]]), None), (np.asfortranarray(array), None)):
            np.testing.assert_array_equal(self.context.reconstruct(a, format=format)[0].vertices, expected)
        self.assertEqual(len(self.context.reconstruct(array[..., 0])), 0)
        self.assertRaises(ValueError, self.context.reconstruct, array.astype(float))
        self.assertRaises(ValueError, self.context.reconstruct, array, format=jr2.RGBA8)


if __name__ == "__main__":
    unittest.main()

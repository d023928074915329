# SPDX-License-Identifier: MIT
"""python3 examples/head.py photo.jpg head.glb    (Debian: python3-pil)"""
import os
import sys

from PIL import Image, ImageOps

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bindings", "python"))
import jr2  # noqa: E402

photo = ImageOps.exif_transpose(Image.open(sys.argv[1]))
result = jr2.Context().reconstruct(photo, texture_size=1024)
if not len(result):
    sys.exit("no face was found")
for face in result:
    yaw, pitch, roll = face.angles
    strongest = sorted(face.arkit.items(), key=lambda item: -item[1])[:3]
    print(f"yaw {yaw:.0f} pitch {pitch:.0f} roll {roll:.0f} degrees;", ", ".join(f"{name} {value:.2f}" for name, value in strongest))
result.export(sys.argv[2])

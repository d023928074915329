# SPDX-License-Identifier: MIT
"""JR2W container, version 1: read and write named tensors (the format is specified in docs/jr2w.md)."""
import json
import struct
import zlib

import numpy as np

_DTYPES = [np.dtype("<f4"), np.dtype("<f2"), np.dtype("<i4"), np.dtype("u1")]
_HEADER = struct.Struct("<4sI32sIIQI")  # without its own checksum
_ENTRY = struct.Struct("<64sII6IIIQQQ")
_ALIGN = 64


def write(path, topology, tensors, compress=True):
    """Write {name: array or str} to path. str becomes a u8 tensor; dtypes are f32, f16, i32, u8."""
    entries, blobs = [], []
    offset = 64 + 128 * len(tensors)
    for name, value in tensors.items():
        if isinstance(value, str):
            value = np.frombuffer(value.encode(), np.uint8)
        value = np.ascontiguousarray(value)
        dtype = value.dtype.newbyteorder("<")
        if dtype not in _DTYPES:
            raise ValueError(f"{name}: dtype {value.dtype} is not one of f32, f16, i32, u8")
        if not 1 <= value.ndim <= 6 or len(name.encode()) > 63:
            raise ValueError(f"{name}: 1 to 6 dimensions and a name of at most 63 bytes")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"{name}: not finite")
        raw = value.astype(dtype).tobytes()
        packed = zlib.compress(raw, 9) if compress else raw
        packing = 1 if compress and len(packed) < 0.98 * len(raw) else 0
        stored = packed if packing else raw
        offset = -(-offset // _ALIGN) * _ALIGN
        dims = list(value.shape) + [1] * (6 - value.ndim)
        entries.append(_ENTRY.pack(name.encode(), _DTYPES.index(dtype), value.ndim, *dims, packing,
                                   zlib.crc32(stored), offset, len(stored), len(raw)))
        blobs.append((offset, stored))
        offset += len(stored)
    table = b"".join(entries)
    header = _HEADER.pack(b"JR2W", 1, topology.encode(), len(tensors), zlib.crc32(table), offset, 0)
    out = bytearray(offset)
    out[:60] = header
    out[60:64] = struct.pack("<I", zlib.crc32(header))
    out[64:64 + len(table)] = table
    for at, stored in blobs:
        out[at:at + len(stored)] = stored
    with open(path, "wb") as f:
        f.write(out)


def read(path):
    """Return (topology, {name: array}); raises ValueError on any inconsistency."""
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 64 or data[:4] != b"JR2W":
        raise ValueError(f"{path}: not a JR2W file")
    _, version, topology, count, table_crc, size, _ = _HEADER.unpack_from(data)
    if version != 1 or size != len(data) or struct.unpack_from("<I", data, 60)[0] != zlib.crc32(data[:60]):
        raise ValueError(f"{path}: damaged header")
    if zlib.crc32(data[64:64 + 128 * count]) != table_crc:
        raise ValueError(f"{path}: damaged table")
    tensors = {}
    for i in range(count):
        name, dtype, ndim, *rest = _ENTRY.unpack_from(data, 64 + 128 * i)
        dims, (packing, crc, offset, stored, raw) = rest[:6], rest[6:]
        blob = data[offset:offset + stored]
        if zlib.crc32(blob) != crc:
            raise ValueError(f"{path}: damaged tensor {name!r}")
        blob = zlib.decompress(blob) if packing else blob
        if len(blob) != raw:
            raise ValueError(f"{path}: wrong size of tensor {name!r}")
        tensors[name.rstrip(b'\0').decode()] = np.frombuffer(blob, _DTYPES[dtype]).reshape(dims[:ndim])
    return topology.rstrip(b"\0").decode(), tensors


def text(array):
    """The str that a u8 tensor holds."""
    return array.tobytes().decode()


def meta(tensors):
    return json.loads(text(tensors["meta"]))

# SPDX-License-Identifier: MIT
"""libjr2 for Python: photos of faces become animatable 3D heads. Only the standard library is needed; with NumPy installed
arrays come as NumPy arrays, else as (flat) lists of floats.

    import jr2
    context = jr2.Context()
    result = context.reconstruct(pixels, width, height)      # bytes, RGB; or a NumPy array (H,W,3|4) or (H,W); or a PIL image
    for face in result:
        print(face.angles, face.arkit["jawOpen"])
    result.export("head.glb")
    portrait = jr2.Portrait(context, pixels, width, height)
    moved = portrait.reenact({"pose": {"yaw": 20}, "arkit": {"jawOpen": 0.5}})  # RGB bytes, or an array (H,W,3)
    tracker = jr2.Tracker(context)
    for seconds, frame in video:
        for face in tracker.update(frame, seconds):
            print(face.id, face.angles)

The library is searched in $JR2_LIBRARY, beside this file, in ../../build of a source tree and where the system loads libraries from.
"""
import ctypes
import ctypes.util
import json
import os

try:
    import numpy
except ImportError:
    numpy = None

__all__ = ["Context", "Error", "Face", "Model", "Portrait", "Result", "Tracker", "arkit_names", "build_info", "version"]

RGB8, RGBA8, BGR8, BGRA8, GRAY8 = range(1, 6)
_CHANNELS = {RGB8: 3, RGBA8: 4, BGR8: 3, BGRA8: 4, GRAY8: 1}
_EXPORTS = {"json": 1, "glb": 2, "obj": 3, "ply": 4, "overlay": 5, "texture": 6}
_OF_ENDING = {".json": "json", ".glb": "glb", ".obj": "obj", ".ply": "ply", ".png": "overlay"}
_PARTS = ("head", "find", "coarse", "expression", "reenact")
_SOURCES = ("auto", "coarse")
ARKIT_COUNT = 52

_int, _float, _ptr, _size = ctypes.c_int32, ctypes.c_float, ctypes.c_void_p, ctypes.c_size_t
_int_p, _float_p = ctypes.POINTER(_int), ctypes.POINTER(_float)
_WRITE = ctypes.CFUNCTYPE(_int, _ptr, _ptr, _size)
_LOG = ctypes.CFUNCTYPE(None, _ptr, _int, ctypes.c_char_p)
_CANCEL = ctypes.CFUNCTYPE(_int, _ptr)


class _Struct(ctypes.Structure):
    """A struct of jr2.h: zero, with its struct_size set."""

    def __init__(self, **values):
        super().__init__(**values)
        self.struct_size = ctypes.sizeof(self)


class _ModelOptions(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("without", _int), ("error", ctypes.c_char_p), ("error_size", _size),
                ("alloc", _ptr), ("release", _ptr), ("alloc_user", _ptr)]


class _Config(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("threads", _int), ("relaxed", _int), ("reserved", _int), ("model", _ptr),
                ("alloc", _ptr), ("release", _ptr), ("alloc_user", _ptr), ("log", _LOG), ("log_user", _ptr), ("cancel", _CANCEL),
                ("cancel_user", _ptr), ("error", ctypes.c_char_p), ("error_size", _size)]


class _Image(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("format", _int), ("width", _int), ("height", _int), ("pixels", _ptr),
                ("stride", ctypes.c_int64)]


class _Region(ctypes.Structure):
    _fields_ = [("x", _float), ("y", _float), ("size", _float), ("roll", _float)]


class _Options(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("max_faces", _int), ("min_confidence", _float), ("min_size", _float),
                ("focal_px", _float), ("passes", _int), ("texture_size", _int), ("region_count", _int),
                ("regions", ctypes.POINTER(_Region)), ("find_side", _int), ("thorough", _int),
                ("expression_source", _int), ("reserved", _int)]


class _Parameters(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("identity_count", _int), ("identity", _float_p), ("expression", _float_p),
                ("expression_count", _int), ("reserved", _int), ("matrix", _float_p)]


class _Mesh(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("reserved", _int), ("vertices", _float_p), ("normals", _float_p),
                ("landmarks68", _float_p), ("landmarks478", _float_p)]


class _ExportOptions(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("reserved", _int), ("image", ctypes.POINTER(_Image)), ("name", ctypes.c_char_p)]


class _MotionFace(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("id", _int), ("state", _int), ("confidence", _float), ("region", _float * 4),
                ("angles", _float * 3), ("translation", _float * 3), ("gaze", _float * 4), ("arkit", _float * ARKIT_COUNT),
                ("expression", _float_p), ("identity", _float_p), ("expression_count", _int), ("identity_count", _int)]


class _PortraitOptions(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("face", _int), ("region", ctypes.POINTER(_Region)), ("crop", _float),
                ("focal_px", _float)]


class _ReenactOptions(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("motion", _int), ("method", _int), ("output", _int),
                ("reference", ctypes.POINTER(_MotionFace)), ("expression_gain", _float), ("pose_gain", _float), ("eye_lock", _float),
                ("lip_lock", _float), ("limit_yaw", _float), ("limit_pitch", _float), ("limit_roll", _float), ("limit_shift", _float),
                ("angles", _float * 3), ("edit_count", _int), ("edit", _float_p), ("set", _float_p), ("over", _int), ("unmarked", _int)]


class _TrackerOptions(_Struct):
    _fields_ = [("struct_size", ctypes.c_uint32), ("max_faces", _int), ("min_confidence", _float), ("find_every", _int),
                ("find_side", _int), ("focal_px", _float), ("passes", _int), ("mesh", _int), ("pose_lag", _float),
                ("expression_lag", _float), ("landmark_lag", _float), ("hold", _float), ("fade", _float), ("keep", _float),
                ("expression_source", _int)]


class _Blob(ctypes.Structure):
    _fields_ = [("data", _ptr), ("size", _size)]


class Error(RuntimeError):
    """A function of the library failed: status is its code, e.g. -33; name the code's name, e.g. "JR2_ERR_CHECKSUM"."""

    def __init__(self, status, text=""):
        self.status = status
        self.name = _lib.jr2_status_name(status).decode()
        super().__init__(f"{text or _lib.jr2_status_text(status).decode()} ({self.name})")


def _find_library():
    here = os.path.dirname(os.path.abspath(__file__))
    beside = [os.path.join(here, "libjr2.so.0"), os.path.join(here, "..", "..", "build", "libjr2.so.0")]
    for path in filter(None, [os.environ.get("JR2_LIBRARY")] + [p for p in beside if os.path.exists(p)]):
        return ctypes.CDLL(path)
    for name in ("libjr2.so.0", ctypes.util.find_library("jr2")):
        try:
            if name:
                return ctypes.CDLL(name)
        except OSError:
            pass
    raise ImportError("libjr2.so.0 was not found: build it with make, install it, or set JR2_LIBRARY to its path")


def _declare(lib):
    text, pp = ctypes.c_char_p, ctypes.POINTER(_ptr)
    face_rows = [f"jr2_face_{n}" for n in ("landmarks68", "landmarks478", "arkit", "expression", "expression_error", "identity", "albedo", "light",
                                            "vertices", "normals")]
    face_fixed = [f"jr2_face_{n}" for n in ("box", "angles", "matrix", "translation", "camera", "gaze")]
    functions = {
        "jr2_version": (_int, []), "jr2_version_string": (text, []), "jr2_build_info": (text, []),
        "jr2_status_name": (text, [_int]), "jr2_status_text": (text, [_int]),
        "jr2_model_open": (_int, [text, _ptr, pp]), "jr2_model_open_memory": (_int, [_ptr, _int, _ptr, pp]),
        "jr2_model_release": (None, [_ptr]), "jr2_model_has": (_int, [_ptr, _int]), "jr2_model_count": (_int, [_ptr, _int]),
        "jr2_model_triangles": (_int_p, [_ptr, _int_p]), "jr2_model_triangles_uv": (_int_p, [_ptr, _int_p]),
        "jr2_model_uv": (_float_p, [_ptr, _int_p]), "jr2_model_parts": (ctypes.POINTER(ctypes.c_uint8), [_ptr, _int_p]),
        "jr2_model_expression_name": (text, [_ptr, _int]), "jr2_arkit_name": (text, [_int]), "jr2_arkit_index": (_int, [text]),
        "jr2_ctx_create": (_int, [_ptr, pp]), "jr2_ctx_free": (None, [_ptr]), "jr2_ctx_error": (text, [_ptr]),
        "jr2_reconstruct": (_int, [_ptr, _ptr, _ptr, pp]), "jr2_result_free": (None, [_ptr]), "jr2_result_count": (_int, [_ptr]),
        "jr2_result_face": (_ptr, [_ptr, _int]), "jr2_face_confidence": (_float, [_ptr]),
        "jr2_face_region": (None, [_ptr, ctypes.POINTER(_Region)]),
        "jr2_face_texture": (ctypes.POINTER(ctypes.c_uint8), [_ptr, _int_p]),
        "jr2_head_evaluate": (_int, [_ptr, _ptr, _ptr]), "jr2_head_from_arkit": (_int, [_ptr, _float_p, _float_p]),
        "jr2_head_to_arkit": (_int, [_ptr, _float_p, _float_p]),
        "jr2_motion_from_face": (_int, [_ptr, ctypes.POINTER(_MotionFace)]),
        "jr2_portrait_create": (_int, [_ptr, _ptr, _ptr, pp]), "jr2_portrait_free": (None, [_ptr]), "jr2_portrait_faces": (_int, [_ptr]),
        "jr2_portrait_face": (_ptr, [_ptr]), "jr2_portrait_size": (None, [_ptr, _int_p, _int_p]),
        "jr2_portrait_crop": (None, [_ptr, _float_p]), "jr2_reenact": (_int, [_ptr, _ptr, _ptr, _ptr, _ptr]),
        "jr2_portrait_state": (_int, [_ptr, ctypes.POINTER(_MotionFace)]),
        "jr2_tracker_create": (_int, [_ptr, _ptr, pp]), "jr2_tracker_free": (None, [_ptr]), "jr2_tracker_reset": (None, [_ptr]),
        "jr2_tracker_update": (_int, [_ptr, _ptr, ctypes.c_double, pp]),
        "jr2_face_id": (_int, [_ptr]), "jr2_face_state": (_int, [_ptr]),
        "jr2_export": (_int, [_ptr, _ptr, _int, _int, _ptr, _WRITE, _ptr]),
        "jr2_export_file": (_int, [_ptr, _ptr, _int, _int, _ptr, text]),
    }
    functions.update({name: (_float_p, [_ptr, _int_p]) for name in face_rows})
    functions.update({name: (_float_p, [_ptr]) for name in face_fixed})
    for name, (result, arguments) in functions.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


_lib = _declare(_find_library())


def version():
    return _lib.jr2_version_string().decode()


def build_info():
    return _lib.jr2_build_info().decode()


def arkit_names():
    """The 52 names in Apple's order."""
    return [_lib.jr2_arkit_name(i).decode() for i in range(ARKIT_COUNT)]


def _array(pointer, rows, columns=1):
    """A copy of (rows, columns) numbers; NumPy array if there is NumPy, else a flat list. None for NULL."""
    if not pointer:
        return None
    if numpy is None:
        return pointer[:rows * columns]
    out = numpy.ctypeslib.as_array(pointer, (rows, columns) if columns > 1 else (rows,))
    return out.copy()


def _rows(function, handle, columns=1):
    count = _int()
    pointer = function(handle, ctypes.byref(count))
    return _array(pointer, count.value, columns)


def _floats(values):
    values = [] if values is None else [float(v) for v in values]
    return (_float * max(len(values), 1))(*values), len(values)


class Model:
    """Weights, shared by contexts and threads. path: a folder or a JR2W file; None: those beside the library. blobs: contents of JR2W
    files as bytes, instead of a path."""

    def __init__(self, path=None, blobs=None):
        self._handle = _ptr()
        text = ctypes.create_string_buffer(512)
        options = _ModelOptions(error=ctypes.cast(text, ctypes.c_char_p), error_size=len(text))
        if blobs is not None:
            blobs = [bytes(b) for b in blobs]
            table = (_Blob * max(len(blobs), 1))(*[_Blob(ctypes.cast(ctypes.c_char_p(b), _ptr), len(b)) for b in blobs])
            status = _lib.jr2_model_open_memory(table, len(blobs), ctypes.byref(options), ctypes.byref(self._handle))
        else:
            status = _lib.jr2_model_open(os.fsencode(path) if path is not None else None, ctypes.byref(options),
                                         ctypes.byref(self._handle))
        if status:
            raise Error(status, text.value.decode(errors="replace"))
        names = range(_lib.jr2_model_count(self._handle, 5))
        self.expression_names = [_lib.jr2_model_expression_name(self._handle, i).decode() for i in names]

    def __del__(self):
        if getattr(self, "_handle", None) and _lib:
            _lib.jr2_model_release(self._handle)
            self._handle = None

    def has(self, part):
        """part: "head", "find", "coarse", "expression" or "reenact"."""
        return bool(_lib.jr2_model_has(self._handle, 1 + _PARTS.index(part)))

    @property
    def vertex_count(self):
        return _lib.jr2_model_count(self._handle, 1)

    @property
    def identity_count(self):
        return _lib.jr2_model_count(self._handle, 4)

    @property
    def triangles(self):
        """(T,3) vertices"""
        return _rows(_lib.jr2_model_triangles, self._handle, 3)

    @property
    def triangles_uv(self):
        """(T,3) rows of uv"""
        return _rows(_lib.jr2_model_triangles_uv, self._handle, 3)

    @property
    def uv(self):
        """(U,2) 0..1"""
        return _rows(_lib.jr2_model_uv, self._handle, 2)

    @property
    def parts(self):
        """(T) what each triangle belongs to, see jr2.h"""
        return _rows(_lib.jr2_model_parts, self._handle)


def _image(pixels, width, height, format):
    """(struct, what must stay alive)"""
    if hasattr(pixels, "convert") and hasattr(pixels, "tobytes"):  # a PIL image
        pixels = pixels.convert("RGB")
        (width, height), format, pixels = pixels.size, RGB8, pixels.tobytes()
    if numpy is not None and isinstance(pixels, numpy.ndarray):
        if pixels.dtype != numpy.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
            raise ValueError("an array must be uint8 of shape (H,W), (H,W,1), (H,W,3) or (H,W,4)")
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        inner = (1,) if pixels.ndim == 2 else (channels, 1)
        if pixels.strides[1:] != inner or abs(pixels.strides[0]) < pixels.shape[1] * channels:
            pixels = numpy.ascontiguousarray(pixels)
        if format is None:
            format = {1: GRAY8, 3: RGB8, 4: RGBA8}[channels]
        elif _CHANNELS.get(format) != channels:
            raise ValueError("the format does not fit the array's channels")
        height, width = pixels.shape[:2]
        return _Image(format=format, width=width, height=height, pixels=pixels.ctypes.data, stride=pixels.strides[0]), pixels
    if width is None or height is None:
        raise ValueError("bytes need a width and a height")
    format = RGB8 if format is None else format
    data = bytes(pixels)
    if width > 0 and height > 0 and len(data) < width * height * _CHANNELS.get(format, 1):
        raise ValueError(f"{len(data)} bytes are too few for {width} x {height} pixels")
    return _Image(format=format, width=width, height=height, pixels=ctypes.cast(ctypes.c_char_p(data), _ptr)), data


class Context:
    """Scratch of one thread. model: a Model, a path, or None for the weights beside the library. cancel: a function without arguments
    that is asked between the steps; true stops the work with an Error of the name JR2_ERR_CANCELLED."""

    def __init__(self, model=None, threads=1, cancel=None):
        self._handle = _ptr()
        self.model = model if isinstance(model, Model) else Model(model)
        text = ctypes.create_string_buffer(512)
        config = _Config(threads=threads, model=self.model._handle, error=ctypes.cast(text, ctypes.c_char_p), error_size=len(text))
        self._cancel = _CANCEL(lambda user: 1 if cancel() else 0) if cancel else _CANCEL()
        config.cancel = self._cancel
        status = _lib.jr2_ctx_create(ctypes.byref(config), ctypes.byref(self._handle))
        if status:
            raise Error(status, text.value.decode(errors="replace"))

    def __del__(self):
        if getattr(self, "_handle", None) and _lib:
            _lib.jr2_ctx_free(self._handle)
            self._handle = None

    def _check(self, status):
        if status:
            raise Error(status, _lib.jr2_ctx_error(self._handle).decode(errors="replace"))

    def reconstruct(self, pixels, width=None, height=None, format=None, *, max_faces=0, min_confidence=0.0, min_size=0.0,
                    focal_px=0.0, passes=0, texture_size=0, regions=(), find_side=0, thorough=False, expression="auto"):
        """The faces of an image as a Result, the largest first. Zeros are the library's defaults. regions: of (x, y, size, roll).
        expression: "coarse" does without the expression network."""
        image, alive = _image(pixels, width, height, format)
        regions = [_Region(*r) for r in regions]
        table = (_Region * max(len(regions), 1))(*regions)
        options = _Options(max_faces=max_faces, min_confidence=min_confidence, min_size=min_size, focal_px=focal_px, passes=passes,
                           texture_size=texture_size, region_count=len(regions), regions=table,
                           find_side=find_side, thorough=int(thorough), expression_source=_SOURCES.index(expression))
        handle = _ptr()
        self._check(_lib.jr2_reconstruct(self._handle, ctypes.byref(image), ctypes.byref(options), ctypes.byref(handle)))
        return Result(self, handle, image, alive)

    def evaluate(self, identity=None, expression=None, matrix=None):
        """(vertices (V,3), normals (V,3), landmarks68 (68,3)) of the head model; expression: 53 numbers or {ARKit name: value}."""
        if isinstance(expression, dict):
            names = arkit_names()
            values = [0.0] * ARKIT_COUNT
            for name, value in expression.items():
                if name not in names:
                    raise KeyError(name)
                values[names.index(name)] = value
            arkit, _ = _floats(values)
            out = (_float * max(len(self.model.expression_names), 1))()
            self._check(_lib.jr2_head_from_arkit(self._handle, arkit, out))
            expression = list(out)
        b, b_count = _floats(identity)
        e, e_count = _floats(expression)
        m, m_count = _floats(matrix)
        if m_count not in (0, 16):
            raise ValueError("a matrix has 16 numbers, column by column")
        count = self.model.vertex_count
        parameters = _Parameters(identity=b, identity_count=b_count, expression=e, expression_count=e_count,
                                 matrix=m if m_count else None)
        vertices, normals, points = (_float * (3 * count + 1))(), (_float * (3 * count + 1))(), (_float * (3 * 68))()
        mesh = _Mesh(vertices=vertices, normals=normals, landmarks68=points)
        self._check(_lib.jr2_head_evaluate(self._handle, ctypes.byref(parameters), ctypes.byref(mesh)))
        return tuple(_array(ctypes.cast(a, _float_p), n, 3) for a, n in ((vertices, count), (normals, count), (points, 68)))


class Result:
    """The faces of one image: len(), [index] and iteration give Face objects."""

    def __init__(self, context, handle, image, alive):
        self._context, self._handle, self._image, self._alive = context, handle, image, alive

    def __del__(self):
        if getattr(self, "_handle", None) and _lib:
            _lib.jr2_result_free(self._handle)
            self._handle = None

    def __len__(self):
        return _lib.jr2_result_count(self._handle)

    def __getitem__(self, index):
        count = len(self)
        if index < 0:
            index += count
        if not 0 <= index < count:
            raise IndexError(index)
        return Face(self, _lib.jr2_result_face(self._handle, index))

    def _options(self, name):
        return _ExportOptions(image=ctypes.pointer(self._image), name=name.encode() if name else None)

    def export(self, path, face=0, format=None, name=None):
        """Writes a file; the format ("json", "glb", "obj", "ply", "overlay", "texture") follows from the ending unless it is given."""
        path = os.fspath(path)
        format = format or _OF_ENDING.get(os.path.splitext(path)[1].lower())
        if format not in _EXPORTS:
            raise ValueError(f"cannot tell the format of {path!r}")
        options = self._options(name)
        self._context._check(_lib.jr2_export_file(self._context._handle, self._handle, face, _EXPORTS[format], ctypes.byref(options),
                                                  os.fsencode(path)))

    def dump(self, format, face=0, name=None):
        """The bytes of an export."""
        parts = []

        def write(user, data, size):
            parts.append(ctypes.string_at(data, size))
            return 0
        options = self._options(name)
        self._context._check(_lib.jr2_export(self._context._handle, self._handle, face, _EXPORTS[format], ctypes.byref(options),
                                             _WRITE(write), None))
        return b"".join(parts)

    def as_dict(self):
        """What the JSON export holds (docs/formats.md)."""
        return json.loads(self.dump("json"))


class Face:
    """One face of a result; the meaning, units and ranges of its numbers stand in jr2.h."""

    def __init__(self, result, handle):
        self._result, self._handle = result, handle  # the result stays alive as long as its faces

    def _named(self, function, names):
        values = _rows(function, self._handle)
        return {} if values is None else dict(zip(names, (float(v) for v in values)))

    id = property(lambda self: _lib.jr2_face_id(self._handle))  # of a tracker's face: 1, 2, ...
    state = property(lambda self: ("seen", "held", "fading")[_lib.jr2_face_state(self._handle)])
    confidence = property(lambda self: _lib.jr2_face_confidence(self._handle))
    box = property(lambda self: _array(_lib.jr2_face_box(self._handle), 4))
    landmarks68 = property(lambda self: _rows(_lib.jr2_face_landmarks68, self._handle, 2))
    landmarks478 = property(lambda self: _rows(_lib.jr2_face_landmarks478, self._handle, 2))
    identity = property(lambda self: _rows(_lib.jr2_face_identity, self._handle))
    albedo = property(lambda self: _rows(_lib.jr2_face_albedo, self._handle))
    light = property(lambda self: _rows(_lib.jr2_face_light, self._handle))
    angles = property(lambda self: _array(_lib.jr2_face_angles(self._handle), 3))
    matrix = property(lambda self: _array(_lib.jr2_face_matrix(self._handle), 16))
    translation = property(lambda self: _array(_lib.jr2_face_translation(self._handle), 3))
    camera = property(lambda self: _array(_lib.jr2_face_camera(self._handle), 3))
    gaze = property(lambda self: _array(_lib.jr2_face_gaze(self._handle), 4))
    vertices = property(lambda self: _rows(_lib.jr2_face_vertices, self._handle, 3))
    normals = property(lambda self: _rows(_lib.jr2_face_normals, self._handle, 3))

    @property
    def arkit(self):
        """{ARKit name: 0..1}"""
        return self._named(_lib.jr2_face_arkit, arkit_names())

    @property
    def expression(self):
        """{name of the head model: 0..1}"""
        return self._named(_lib.jr2_face_expression, self._result._context.model.expression_names)

    @property
    def expression_error(self):
        """{name of the head model: expected absolute error}; empty where the expression network was not asked"""
        return self._named(_lib.jr2_face_expression_error, self._result._context.model.expression_names)

    @property
    def region(self):
        """(x, y, size, roll): goes into reconstruct(regions=[...]) for the next picture of a video."""
        region = _Region()
        _lib.jr2_face_region(self._handle, ctypes.byref(region))
        return region.x, region.y, region.size, region.roll

    @property
    def texture(self):
        """(size, RGB bytes) or None"""
        size = _int()
        pixels = _lib.jr2_face_texture(self._handle, ctypes.byref(size))
        return (size.value, ctypes.string_at(pixels, 3 * size.value ** 2)) if pixels else None


class Tracker:
    """The faces of a video, frame by frame, with ids that last. options: the fields of jr2_tracker_options (jr2/track.h), expression_source
    as "auto" or "coarse"."""

    def __init__(self, context, *, expression_source="auto", **options):
        self._context, self._handle = context, _ptr()
        given = _TrackerOptions(expression_source=_SOURCES.index(expression_source), **options)
        context._check(_lib.jr2_tracker_create(context._handle, ctypes.byref(given), ctypes.byref(self._handle)))

    def __del__(self):
        if getattr(self, "_handle", None) and _lib:
            _lib.jr2_tracker_free(self._handle)
            self._handle = None

    def update(self, pixels, time, width=None, height=None, format=None):
        """The next picture, taken at time seconds -> a Result."""
        image, alive = _image(pixels, width, height, format)
        handle = _ptr()
        self._context._check(_lib.jr2_tracker_update(self._handle, ctypes.byref(image), time, ctypes.byref(handle)))
        return Result(self._context, handle, image, alive)

    def reset(self):
        """Forgets every face; time may start anew."""
        _lib.jr2_tracker_reset(self._handle)


class Portrait:
    """A picture with a face in it, ready to be moved. context: a Context; the picture as in Context.reconstruct; face: 0 is the largest;
    region: (x, y, size, roll) instead of the finder; crop: side of the square that moves, in sizes of the face."""

    def __init__(self, context, pixels, width=None, height=None, format=None, *, face=0, region=None, crop=0.0, focal_px=0.0):
        image, alive = _image(pixels, width, height, format)
        options = _PortraitOptions(face=face, crop=crop, focal_px=focal_px)
        if region is not None:
            options.region = ctypes.pointer(_Region(*region))
        self._context, self._handle = context, _ptr()
        context._check(_lib.jr2_portrait_create(context._handle, ctypes.byref(image), ctypes.byref(options), ctypes.byref(self._handle)))
        del alive

    def __del__(self):
        if getattr(self, "_handle", None) and _lib:
            _lib.jr2_portrait_free(self._handle)
            self._handle = None

    @property
    def size(self):
        """(width, height) of the picture"""
        width, height = _int(), _int()
        _lib.jr2_portrait_size(self._handle, ctypes.byref(width), ctypes.byref(height))
        return width.value, height.value

    @property
    def crop(self):
        """(left, top, side) of the square that moves, in pixels"""
        values = (_float * 3)()
        _lib.jr2_portrait_crop(self._handle, values)
        return tuple(values)

    @property
    def face(self):
        """The face that moves, as it is in the picture."""
        return Face(self, _lib.jr2_portrait_face(self._handle))

    @property
    def state(self):
        """What the last frame shows, in the form of a motion file's face."""
        m = _MotionFace()
        self._context._check(_lib.jr2_portrait_state(self._handle, ctypes.byref(m)))
        names = self._context.model.expression_names
        return {"pose": {"yaw": m.angles[0], "pitch": m.angles[1], "roll": m.angles[2], "translation": list(m.translation)},
                "gaze": {"left": list(m.gaze[:2]), "right": list(m.gaze[2:])}, "arkit": dict(zip(arkit_names(), m.arkit)),
                "expression": dict(zip(names, m.expression[:m.expression_count]))}

    def _motion(self, driving):
        """A Face, or an object as docs/motion.md has it for a face, every part of it optional -> (struct, what must stay alive)"""
        m = _MotionFace()
        if isinstance(driving, Face):
            if _lib.jr2_motion_from_face(driving._handle, ctypes.byref(m)):
                raise ValueError("not a face")
            return m, driving
        pose, gaze = driving.get("pose", {}), driving.get("gaze", {})
        m.angles = tuple(pose.get(k, 0) for k in ("yaw", "pitch", "roll"))
        m.translation = tuple(pose.get("translation", (0, 0, 0)))
        m.gaze = (*gaze.get("left", (0, 0)), *gaze.get("right", (0, 0)))
        for name, value in driving.get("arkit", {}).items():
            m.arkit[arkit_names().index(name)] = value
        values = None
        if driving.get("expression"):
            names = self._context.model.expression_names
            values, m.expression_count = _floats([driving["expression"].get(n, 0) for n in names])
            m.expression = values
        return m, values

    def reenact(self, driving=None, *, motion="relative", method="network", output="full", reference=None, angles=(0, 0, 0), edit=None,
                set=None, expression_gain=0.0, pose_gain=0.0, eye_lock=0.0, lip_lock=0.0, limits=(0, 0, 0, 0), marked=True):
        """The portrait as driving has it, a Face or an object as in a motion file ({"pose": ..., "arkit": ...}); None: as it is. edit:
        {ARKit name: added}; set: {ARKit name: value whatever drives}; limits: yaw, pitch, roll in degrees, and shift; the rest as in jr2/reenact.h. RGB: an array (H,W,3) with
        NumPy, else bytes."""
        if motion not in ("relative", "absolute") or method not in ("network", "warp") or output not in ("full", "crop"):
            raise ValueError("motion is relative or absolute, method network or warp, output full or crop")
        alive = []

        def pointer(state):
            if state is None:
                return None
            alive.append(self._motion(state))
            return ctypes.pointer(alive[-1][0])
        options = _ReenactOptions(motion=int(motion == "absolute"), method=int(method == "warp"), output=int(output == "crop"),
                                  expression_gain=expression_gain, pose_gain=pose_gain, eye_lock=eye_lock, lip_lock=lip_lock,
                                  limit_yaw=limits[0], limit_pitch=limits[1], limit_roll=limits[2], limit_shift=limits[3],
                                  angles=tuple(angles), unmarked=int(not marked))
        if reference is not None:
            options.reference = pointer(reference)
        if edit:
            positive, negative = ((_float * ARKIT_COUNT)(), (_float * ARKIT_COUNT)())
            for name, value in edit.items():
                (positive if value >= 0 else negative)[arkit_names().index(name)] = abs(value)
            parts = []
            for values in (positive, negative):
                parts.append((_float * max(len(self._context.model.expression_names), 1))())
                self._context._check(_lib.jr2_head_from_arkit(self._context._handle, values, parts[-1]))
            values, options.edit_count = _floats([a - b for a, b in zip(*parts)])
            options.edit = values
        if set:
            whole = (_float * ARKIT_COUNT)()
            for name in set:
                whole[arkit_names().index(name)] = 1  # which expressions a name stands for, and how much of each
            weights = (_float * max(len(self._context.model.expression_names), 1))()
            self._context._check(_lib.jr2_head_from_arkit(self._context._handle, whole, weights))
            for name, value in set.items():
                whole[arkit_names().index(name)] = value
            values = (_float * len(weights))()
            self._context._check(_lib.jr2_head_from_arkit(self._context._handle, whole, values))
            fixed, options.edit_count = _floats([v if w > 0 else -1 for v, w in zip(values, weights)])
            options.set = fixed
        width, height = self.size if output == "full" else (256, 256)
        pixels = ctypes.create_string_buffer(3 * width * height)
        image = _Image(format=RGB8, width=width, height=height, pixels=ctypes.cast(pixels, _ptr))
        self._context._check(_lib.jr2_reenact(self._context._handle, self._handle, pointer(driving), ctypes.byref(options),
                                              ctypes.byref(image)))
        return pixels.raw if numpy is None else numpy.frombuffer(pixels, numpy.uint8).reshape(height, width, 3)

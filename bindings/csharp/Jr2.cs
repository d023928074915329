// SPDX-License-Identifier: MIT
// libjr2 for C#: .NET, Mono, Unity, Godot. This one file and the shared library: in Unity put both (libjr2.so, and the weights where a path
// leads) under Assets/Plugins. C# 6, no unsafe code. Meanings, units and ranges of all numbers stand in jr2.h.
//
//     using (var context = new Jr2.Context())
//     using (var tracker = new Jr2.Tracker(context))
//         foreach picture: using (var faces = tracker.Update(picture, seconds))
//                              if (faces.Count > 0) { faces[0].CopyArkit(weights); faces[0].CopyMatrix(matrix); }
//
// Everything of one Context belongs to one thread. Dispose what is IDisposable; what is forgotten is freed by the garbage collector, a
// parent after its children. A Face is read while its Result lives.
using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Jr2
{
    public enum PixelFormat { Rgb8 = 1, Rgba8 = 2, Bgr8 = 3, Bgra8 = 4, Gray8 = 5 }
    public enum FaceState { Seen, Held, Fading }
    public enum ExportFormat { Json = 1, Glb, Obj, Ply, Overlay, Texture }

    /// <summary>A JR2_ERR_* status.</summary>
    public sealed class Jr2Exception : Exception
    {
        public readonly int Status;
        public Jr2Exception(int status, string text)
            : base(Api.Text(Api.jr2_status_text(status)) + (string.IsNullOrEmpty(text) ? "" : ": " + text)) { Status = status; }
    }

    /// <summary>Pixels without gaps between the rows. BottomUp: the first row in memory is the lowest one, as in Unity's textures.</summary>
    public struct Picture
    {
        public byte[] Pixels;
        public int Width, Height;
        public PixelFormat Format;
        public bool BottomUp;

        public Picture(byte[] pixels, int width, int height, PixelFormat format = PixelFormat.Rgb8, bool bottomUp = false)
        {
            Pixels = pixels;
            Width = width;
            Height = height;
            Format = format;
            BottomUp = bottomUp;
        }

        internal int Channels { get { return Format == PixelFormat.Gray8 ? 1 : Format == PixelFormat.Rgb8 || Format == PixelFormat.Bgr8 ? 3 : 4; } }

        // Calls use with the struct that the library reads; the pixels stay where they are until it returns.
        internal int With(Func<Api.Image, int> use)
        {
            if (Pixels == null)
                throw new ArgumentNullException("Pixels");
            if (Width < 1 || Height < 1 || Pixels.LongLength < (long)Width * Height * Channels)
                throw new ArgumentException(Pixels.LongLength + " bytes are too few for " + Width + " x " + Height + " pixels");
            GCHandle pin = GCHandle.Alloc(Pixels, GCHandleType.Pinned);
            try
            {
                long row = (long)Width * Channels, first = BottomUp ? row * (Height - 1) : 0;
                return use(new Api.Image
                {
                    structSize = (uint)Marshal.SizeOf(typeof(Api.Image)), format = (int)Format, width = Width, height = Height,
                    pixels = new IntPtr(pin.AddrOfPinnedObject().ToInt64() + first), stride = BottomUp ? -row : row
                });
            }
            finally
            {
                pin.Free();
            }
        }
    }

    /// <summary>A native object; it keeps the one that it came from.</summary>
    public abstract class Handle : SafeHandle
    {
        readonly Handle parent;

        internal Handle(IntPtr native, Handle from) : base(IntPtr.Zero, true)
        {
            SetHandle(native);
            bool kept = false;
            if (from != null)
                from.DangerousAddRef(ref kept);
            parent = kept ? from : null;
        }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
        internal IntPtr Pointer
        {
            get
            {
                if (IsClosed || IsInvalid)
                    throw new ObjectDisposedException(GetType().Name);
                return handle;
            }
        }
        internal abstract void Free(IntPtr native);

        protected override bool ReleaseHandle()
        {
            Free(handle);
            if (parent != null)
                parent.DangerousRelease();
            return true;
        }
    }

    /// <summary>The weights and the scratch of one thread.</summary>
    public sealed class Context : Handle
    {
        /// <param name="weights">folder with the .jr2w files; null: beside the library</param>
        public Context(string weights = null, int threads = 1) : base(Open(weights, threads), null) { }

        static IntPtr Open(string weights, int threads)
        {
            IntPtr text = Marshal.AllocHGlobal(512), model = IntPtr.Zero, ctx;
            try
            {
                var options = new Api.ModelOptions { structSize = (uint)Marshal.SizeOf(typeof(Api.ModelOptions)), error = text, errorSize = (UIntPtr)512 };
                int status = Api.jr2_model_open(weights == null ? null : Encoding.UTF8.GetBytes(weights + "\0"), ref options, out model);
                if (status != 0)
                    throw new Jr2Exception(status, Api.Text(text));
                var config = new Api.Config
                {
                    structSize = (uint)Marshal.SizeOf(typeof(Api.Config)), threads = threads, model = model, error = text, errorSize = (UIntPtr)512
                };
                status = Api.jr2_ctx_create(ref config, out ctx);
                if (status != 0)
                    throw new Jr2Exception(status, Api.Text(text));
                return ctx;
            }
            finally
            {
                Api.jr2_model_release(model);
                Marshal.FreeHGlobal(text);
            }
        }

        internal override void Free(IntPtr native) { Api.jr2_ctx_free(native); }

        internal void Check(int status)
        {
            if (status != 0)
                throw new Jr2Exception(status, Api.Text(Api.jr2_ctx_error(Pointer)));
        }

        IntPtr Model { get { return Api.jr2_ctx_model(Pointer); } }

        /// <summary>Every face of a picture, the largest first. textureSize: side of the texture, 0: none.</summary>
        public Result Reconstruct(Picture picture, int maxFaces = 0, float focalPx = 0, int textureSize = 0)
        {
            var options = new Api.ReconstructOptions
            {
                structSize = (uint)Marshal.SizeOf(typeof(Api.ReconstructOptions)), maxFaces = maxFaces, focalPx = focalPx, textureSize = textureSize
            };
            IntPtr result = IntPtr.Zero;
            Check(picture.With(image => Api.jr2_reconstruct(Pointer, ref image, ref options, out result)));
            return new Result(result, this);
        }

        public int VertexCount { get { return Api.jr2_model_count(Model, 1); } }
        public int ExpressionCount { get { return Api.jr2_model_count(Model, 5); } }
        /// <summary>Three vertices a triangle, counter-clockwise seen from outside (Unity wants them the other way round).</summary>
        public int[] Triangles { get { int n; IntPtr p = Api.jr2_model_triangles(Model, out n); return Api.Integers(p, 3 * n); } }
        /// <summary>Three rows of Uv a triangle.</summary>
        public int[] TrianglesUv { get { int n; IntPtr p = Api.jr2_model_triangles_uv(Model, out n); return Api.Integers(p, 3 * n); } }
        public float[] Uv { get { int n; IntPtr p = Api.jr2_model_uv(Model, out n); return Api.Floats(p, 2 * n); } }

        /// <summary>The head with these 52 ARKit coefficients into vertices and normals (3 floats a vertex, cm, head space; normals may be null).</summary>
        /// <param name="identity">of a face, or null: the mean head</param>
        public void Evaluate(float[] arkit, float[] identity, float[] vertices, float[] normals = null)
        {
            if (arkit == null || arkit.Length != Names.Arkit.Length)
                throw new ArgumentException("52 coefficients are wanted", "arkit");
            foreach (float[] a in new[] { vertices, normals })
                if (a != null && a.Length != 3 * VertexCount)
                    throw new ArgumentException(3 * VertexCount + " numbers are wanted for vertices and for normals");
            var expression = new float[ExpressionCount];
            Check(Api.jr2_head_from_arkit(Pointer, arkit, expression));
            using (var e = new Pinned(expression))
            using (var i = new Pinned(identity))
            using (var v = new Pinned(vertices))
            using (var n = new Pinned(normals))
            {
                var parameters = new Api.HeadParameters
                {
                    structSize = (uint)Marshal.SizeOf(typeof(Api.HeadParameters)), identityCount = identity == null ? 0 : identity.Length,
                    identity = i.Address, expression = e.Address, expressionCount = expression.Length
                };
                var mesh = new Api.HeadMesh { structSize = (uint)Marshal.SizeOf(typeof(Api.HeadMesh)), vertices = v.Address, normals = n.Address };
                Check(Api.jr2_head_evaluate(Pointer, ref parameters, ref mesh));
            }
        }
    }

    /// <summary>The faces of one picture.</summary>
    public sealed class Result : Handle
    {
        readonly Context context;
        internal Result(IntPtr native, Context from) : base(native, from) { context = from; }
        internal override void Free(IntPtr native) { Api.jr2_result_free(native); }

        public int Count { get { return Api.jr2_result_count(Pointer); } }
        public Face this[int index]
        {
            get
            {
                IntPtr face = Api.jr2_result_face(Pointer, index);
                if (face == IntPtr.Zero)
                    throw new IndexOutOfRangeException();
                return new Face(this, face);
            }
        }

        /// <summary>Writes one face (Json: all) into a file. Not Overlay, which needs the picture.</summary>
        public void Export(string path, ExportFormat format, int face = 0)
        {
            context.Check(Api.jr2_export_file(context.Pointer, Pointer, face, (int)format, IntPtr.Zero, Encoding.UTF8.GetBytes(path + "\0")));
        }
    }

    /// <summary>One face; the Copy functions fill the caller's array and allocate nothing.</summary>
    public struct Face
    {
        readonly Result result;
        readonly IntPtr face;
        internal Face(Result from, IntPtr native) { result = from; face = native; }

        internal IntPtr Handle
        {
            get
            {
                if (result == null || result.IsClosed)
                    throw new ObjectDisposedException("Result");
                return face;
            }
        }

        /// <summary>1, 2, ... of a tracker's face, 0 of a single picture's.</summary>
        public int Id { get { return Api.jr2_face_id(Handle); } }
        public FaceState State { get { return (FaceState)Api.jr2_face_state(Handle); } }
        public float Confidence { get { return Api.jr2_face_confidence(Handle); } }
        /// <summary>x, y, width, height in pixels.</summary>
        public float[] Box { get { return Api.Floats(Api.jr2_face_box(Handle), 4); } }
        /// <summary>Yaw, pitch, roll in degrees.</summary>
        public float[] Angles { get { return Api.Floats(Api.jr2_face_angles(Handle), 3); } }
        /// <summary>Left yaw, left pitch, right yaw, right pitch in degrees.</summary>
        public float[] Gaze { get { return Api.Floats(Api.jr2_face_gaze(Handle), 4); } }
        /// <summary>Focal length, cx, cy in pixels.</summary>
        public float[] Camera { get { return Api.Floats(Api.jr2_face_camera(Handle), 3); } }

        /// <summary>Head to camera, 16 numbers, column-major, centimetres.</summary>
        public void CopyMatrix(float[] into) { Copy(Api.jr2_face_matrix(Handle), 16, into); }
        /// <summary>52 coefficients in the order of Names.Arkit.</summary>
        public void CopyArkit(float[] into) { int n; IntPtr p = Api.jr2_face_arkit(Handle, out n); Copy(p, n, into); }
        public float[] Arkit { get { var a = new float[Names.Arkit.Length]; CopyArkit(a); return a; } }
        public float[] Identity { get { int n; IntPtr p = Api.jr2_face_identity(Handle, out n); return Api.Floats(p, n); } }
        public float[] Expression { get { int n; IntPtr p = Api.jr2_face_expression(Handle, out n); return Api.Floats(p, n); } }
        /// <summary>68 or 478 times x, y in pixels.</summary>
        public float[] Landmarks68 { get { int n; IntPtr p = Api.jr2_face_landmarks68(Handle, out n); return Api.Floats(p, 2 * n); } }
        public float[] Landmarks478 { get { int n; IntPtr p = Api.jr2_face_landmarks478(Handle, out n); return Api.Floats(p, 2 * n); } }
        /// <summary>x, y, z of each vertex in head space, cm; empty for a tracker's face without a mesh.</summary>
        public float[] Vertices { get { int n; IntPtr p = Api.jr2_face_vertices(Handle, out n); return Api.Floats(p, 3 * n); } }
        public float[] Normals { get { int n; IntPtr p = Api.jr2_face_normals(Handle, out n); return Api.Floats(p, 3 * n); } }

        static void Copy(IntPtr from, int count, float[] into)
        {
            if (into == null || into.Length != count)
                throw new ArgumentException(count + " numbers are wanted");
            Marshal.Copy(from, into, 0, count);
        }
    }

    /// <summary>The faces of a video, frame by frame, with ids that last.</summary>
    public sealed class Tracker : Handle
    {
        readonly Context context;

        /// <param name="mesh">true: faces have vertices</param>
        public Tracker(Context context, int maxFaces = 1, bool mesh = false, float focalPx = 0) : base(Open(context, maxFaces, mesh, focalPx), context)
        {
            this.context = context;
        }

        static IntPtr Open(Context context, int maxFaces, bool mesh, float focalPx)
        {
            var options = new Api.TrackerOptions
            {
                structSize = (uint)Marshal.SizeOf(typeof(Api.TrackerOptions)), maxFaces = maxFaces, mesh = mesh ? 1 : 0, focalPx = focalPx
            };
            IntPtr tracker;
            context.Check(Api.jr2_tracker_create(context.Pointer, ref options, out tracker));
            return tracker;
        }

        internal override void Free(IntPtr native) { Api.jr2_tracker_free(native); }

        /// <summary>The next picture, taken at a time in seconds that only goes forward.</summary>
        public Result Update(Picture picture, double seconds)
        {
            IntPtr result = IntPtr.Zero;
            context.Check(picture.With(image => Api.jr2_tracker_update(Pointer, ref image, seconds, out result)));
            return new Result(result, context);
        }

        public void Reset() { Api.jr2_tracker_reset(Pointer); }
    }

    /// <summary>A picture whose face moves (docs/reenact.md). Every frame carries the mark of synthetic media (docs/mark.md).</summary>
    public sealed class Portrait : Handle
    {
        readonly Context context;
        public readonly int Width, Height;

        public Portrait(Context context, Picture picture) : base(Open(context, picture), context)
        {
            this.context = context;
            Api.jr2_portrait_size(Pointer, out Width, out Height);
        }

        static IntPtr Open(Context context, Picture picture)
        {
            IntPtr portrait = IntPtr.Zero;
            context.Check(picture.With(image => Api.jr2_portrait_create(context.Pointer, ref image, IntPtr.Zero, out portrait)));
            return portrait;
        }

        internal override void Free(IntPtr native) { Api.jr2_portrait_free(native); }

        /// <summary>The portrait moves as a tracked face does, relative to a face at rest that looks into the camera; into frame, of the portrait's size.</summary>
        public void Reenact(Face driver, Picture frame)
        {
            var motion = new Api.MotionFace { structSize = (uint)Marshal.SizeOf(typeof(Api.MotionFace)) };
            context.Check(Api.jr2_motion_from_face(driver.Handle, ref motion));
            Make(motion, frame, null);
        }

        /// <summary>The portrait's own state, turned by these degrees, with 52 ARKit coefficients as they are given.</summary>
        public void Reenact(float[] arkit, float yaw, float pitch, float roll, Picture frame)
        {
            if (arkit == null || arkit.Length != Names.Arkit.Length)
                throw new ArgumentException("52 coefficients are wanted", "arkit");
            var set = new float[context.ExpressionCount];
            context.Check(Api.jr2_head_from_arkit(context.Pointer, arkit, set));
            using (var pinned = new Pinned(set))
                Make(null, frame, o =>
                {
                    o.angles = new[] { yaw, pitch, roll };
                    o.editCount = set.Length;
                    o.set = pinned.Address;
                    return o;
                });
        }

        void Make(Api.MotionFace? driver, Picture frame, Func<Api.ReenactOptions, Api.ReenactOptions> with)
        {
            var options = new Api.ReenactOptions { structSize = (uint)Marshal.SizeOf(typeof(Api.ReenactOptions)), angles = new float[3] };
            if (with != null)
                options = with(options);
            context.Check(frame.With(image =>
            {
                if (driver == null)
                    return Api.jr2_reenact_own(context.Pointer, Pointer, IntPtr.Zero, ref options, ref image);
                Api.MotionFace motion = driver.Value;
                return Api.jr2_reenact(context.Pointer, Pointer, ref motion, ref options, ref image);
            }));
        }
    }

    public static class Names
    {
        /// <summary>ARKit's 52 blend shapes in Apple's order.</summary>
        public static readonly string[] Arkit = Make();

        static string[] Make()
        {
            var names = new string[52];
            for (int i = 0; i < names.Length; i++)
                names[i] = Api.Text(Api.jr2_arkit_name(i));
            return names;
        }

        public static string Version { get { return Api.Text(Api.jr2_version_string()); } }
    }

    // An array that does not move; null stays null.
    sealed class Pinned : IDisposable
    {
        GCHandle pin;
        internal Pinned(float[] array)
        {
            if (array != null)
                pin = GCHandle.Alloc(array, GCHandleType.Pinned);
        }
        internal IntPtr Address { get { return pin.IsAllocated ? pin.AddrOfPinnedObject() : IntPtr.Zero; } }
        public void Dispose()
        {
            if (pin.IsAllocated)
                pin.Free();
        }
    }

    static class Api
    {
        const string Library = "jr2";

        internal static string Text(IntPtr utf8)
        {
            if (utf8 == IntPtr.Zero)
                return "";
            int n = 0;
            while (Marshal.ReadByte(utf8, n) != 0)
                n++;
            var bytes = new byte[n];
            Marshal.Copy(utf8, bytes, 0, n);
            return Encoding.UTF8.GetString(bytes);
        }

        internal static float[] Floats(IntPtr from, int count)
        {
            var a = new float[from == IntPtr.Zero ? 0 : count];
            if (a.Length > 0)
                Marshal.Copy(from, a, 0, count);
            return a;
        }

        internal static int[] Integers(IntPtr from, int count)
        {
            var a = new int[from == IntPtr.Zero ? 0 : count];
            if (a.Length > 0)
                Marshal.Copy(from, a, 0, count);
            return a;
        }

        // The structs of jr2.h, track.h, stream.h and reenact.h, field by field.
        [StructLayout(LayoutKind.Sequential)]
        internal struct ModelOptions
        {
            internal uint structSize;
            internal int without;
            internal IntPtr error;
            internal UIntPtr errorSize;
            internal IntPtr alloc, release, allocUser;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct Config
        {
            internal uint structSize;
            internal int threads, relaxed, reserved;
            internal IntPtr model, alloc, release, allocUser, log, logUser, cancel, cancelUser, error;
            internal UIntPtr errorSize;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct Image
        {
            internal uint structSize;
            internal int format, width, height;
            internal IntPtr pixels;
            internal long stride;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct ReconstructOptions
        {
            internal uint structSize;
            internal int maxFaces;
            internal float minConfidence, minSize, focalPx;
            internal int passes, textureSize, regionCount;
            internal IntPtr regions;
            internal int findSide, thorough, expressionSource, reserved;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct TrackerOptions
        {
            internal uint structSize;
            internal int maxFaces;
            internal float minConfidence;
            internal int findEvery, findSide;
            internal float focalPx;
            internal int passes, mesh;
            internal float poseLag, expressionLag, landmarkLag, hold, fade, keep;
            internal int expressionSource;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct HeadParameters
        {
            internal uint structSize;
            internal int identityCount;
            internal IntPtr identity, expression;
            internal int expressionCount, reserved;
            internal IntPtr matrix;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct HeadMesh
        {
            internal uint structSize;
            internal int reserved;
            internal IntPtr vertices, normals, landmarks68, landmarks478;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct MotionFace
        {
            internal uint structSize;
            internal int id, state;
            internal float confidence;
            [MarshalAs(UnmanagedType.ByValArray, SizeConst = 4)] internal float[] region;
            [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] internal float[] angles;
            [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] internal float[] translation;
            [MarshalAs(UnmanagedType.ByValArray, SizeConst = 4)] internal float[] gaze;
            [MarshalAs(UnmanagedType.ByValArray, SizeConst = 52)] internal float[] arkit;
            internal IntPtr expression, identity;
            internal int expressionCount, identityCount;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct ReenactOptions
        {
            internal uint structSize;
            internal int motion, method, output;
            internal IntPtr reference;
            internal float expressionGain, poseGain, eyeLock, lipLock, limitYaw, limitPitch, limitRoll, limitShift;
            [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] internal float[] angles;
            internal int editCount;
            internal IntPtr edit, set;
            internal int over, unmarked;
        }

        [DllImport(Library)] internal static extern IntPtr jr2_version_string();
        [DllImport(Library)] internal static extern IntPtr jr2_status_text(int status);
        [DllImport(Library)] internal static extern IntPtr jr2_arkit_name(int index);
        [DllImport(Library)] internal static extern int jr2_model_open(byte[] path, ref ModelOptions options, out IntPtr model);
        [DllImport(Library)] internal static extern void jr2_model_release(IntPtr model);
        [DllImport(Library)] internal static extern int jr2_model_count(IntPtr model, int what);
        [DllImport(Library)] internal static extern IntPtr jr2_model_triangles(IntPtr model, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_model_triangles_uv(IntPtr model, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_model_uv(IntPtr model, out int count);
        [DllImport(Library)] internal static extern int jr2_ctx_create(ref Config config, out IntPtr ctx);
        [DllImport(Library)] internal static extern void jr2_ctx_free(IntPtr ctx);
        [DllImport(Library)] internal static extern IntPtr jr2_ctx_error(IntPtr ctx);
        [DllImport(Library)] internal static extern IntPtr jr2_ctx_model(IntPtr ctx);
        [DllImport(Library)] internal static extern int jr2_reconstruct(IntPtr ctx, ref Image image, ref ReconstructOptions options, out IntPtr result);
        [DllImport(Library)] internal static extern void jr2_result_free(IntPtr result);
        [DllImport(Library)] internal static extern int jr2_result_count(IntPtr result);
        [DllImport(Library)] internal static extern IntPtr jr2_result_face(IntPtr result, int index);
        [DllImport(Library)] internal static extern int jr2_export_file(IntPtr ctx, IntPtr result, int face, int format, IntPtr options, byte[] path);
        [DllImport(Library)] internal static extern int jr2_face_id(IntPtr face);
        [DllImport(Library)] internal static extern int jr2_face_state(IntPtr face);
        [DllImport(Library)] internal static extern float jr2_face_confidence(IntPtr face);
        [DllImport(Library)] internal static extern IntPtr jr2_face_box(IntPtr face);
        [DllImport(Library)] internal static extern IntPtr jr2_face_angles(IntPtr face);
        [DllImport(Library)] internal static extern IntPtr jr2_face_gaze(IntPtr face);
        [DllImport(Library)] internal static extern IntPtr jr2_face_camera(IntPtr face);
        [DllImport(Library)] internal static extern IntPtr jr2_face_matrix(IntPtr face);
        [DllImport(Library)] internal static extern IntPtr jr2_face_arkit(IntPtr face, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_face_identity(IntPtr face, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_face_expression(IntPtr face, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_face_landmarks68(IntPtr face, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_face_landmarks478(IntPtr face, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_face_vertices(IntPtr face, out int count);
        [DllImport(Library)] internal static extern IntPtr jr2_face_normals(IntPtr face, out int count);
        [DllImport(Library)] internal static extern int jr2_head_evaluate(IntPtr ctx, ref HeadParameters parameters, ref HeadMesh mesh);
        [DllImport(Library)] internal static extern int jr2_head_from_arkit(IntPtr ctx, float[] arkit, float[] expression);
        [DllImport(Library)] internal static extern int jr2_tracker_create(IntPtr ctx, ref TrackerOptions options, out IntPtr tracker);
        [DllImport(Library)] internal static extern void jr2_tracker_free(IntPtr tracker);
        [DllImport(Library)] internal static extern int jr2_tracker_update(IntPtr tracker, ref Image image, double time, out IntPtr result);
        [DllImport(Library)] internal static extern void jr2_tracker_reset(IntPtr tracker);
        [DllImport(Library)] internal static extern int jr2_motion_from_face(IntPtr face, ref MotionFace motion);
        [DllImport(Library)] internal static extern int jr2_portrait_create(IntPtr ctx, ref Image image, IntPtr options, out IntPtr portrait);
        [DllImport(Library)] internal static extern void jr2_portrait_free(IntPtr portrait);
        [DllImport(Library)] internal static extern void jr2_portrait_size(IntPtr portrait, out int width, out int height);
        [DllImport(Library)] internal static extern int jr2_reenact(IntPtr ctx, IntPtr portrait, ref MotionFace driving, ref ReenactOptions options, ref Image image);
        [DllImport(Library, EntryPoint = "jr2_reenact")]
        internal static extern int jr2_reenact_own(IntPtr ctx, IntPtr portrait, IntPtr driving, ref ReenactOptions options, ref Image image);
    }
}

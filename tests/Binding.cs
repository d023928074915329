// SPDX-License-Identifier: MIT
// What the C# binding gives, line by line, for tests/test_csharp.sh: "name number number ...". Argument: a folder of weights.
using System;
using System.Globalization;
using System.Linq;
using Jr2;

static class Binding
{
    static byte[] Discs(int width, int height, int discs)
    {
        var rgb = new byte[width * height * 3];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
            {
                bool red = false;
                for (int i = 0; i < discs; i++)
                {
                    double dx = x - width * (i + 0.5) / discs, dy = y - height / 2.0, r = 0.15 * width;
                    red |= dx * dx + dy * dy < r * r;
                }
                int at = 3 * (y * width + x);
                rgb[at] = (byte)(red ? 250 : 20);
                rgb[at + 1] = 80;
                rgb[at + 2] = (byte)(red ? 10 : 220);
            }
        return rgb;
    }

    static byte[] UpsideDown(byte[] rgb, int width, int height)
    {
        var turned = new byte[rgb.Length];
        for (int y = 0; y < height; y++)
            Array.Copy(rgb, 3 * width * y, turned, 3 * width * (height - 1 - y), 3 * width);
        return turned;
    }

    static void Say(string name, params float[] numbers)
    {
        Console.WriteLine(name + " " + string.Join(" ", numbers.Select(v => v.ToString("R", CultureInfo.InvariantCulture))));
    }

    static long Adler(byte[] data)
    {
        long a = 1, b = 0;
        foreach (byte v in data)
        {
            a = (a + v) % 65521;
            b = (b + a) % 65521;
        }
        return b << 16 | a;
    }

    static void Refused(string name, Action act)
    {
        try
        {
            act();
            Console.WriteLine(name + " went through");
        }
        catch (Jr2Exception e)
        {
            Console.WriteLine(name + " " + e.Status + " " + (e.Message.Length > 5));
        }
        catch (Exception e)
        {
            Console.WriteLine(name + " " + e.GetType().Name);
        }
    }

    static int Main(string[] arguments)
    {
        const int width = 320, height = 240;
        byte[] pixels = Discs(width, height, 2);
        var picture = new Picture(pixels, width, height);
        Console.WriteLine("version " + Names.Version);
        Console.WriteLine("names " + Names.Arkit[0] + " " + Names.Arkit[51]);
        using (var context = new Context(arguments[0]))
        {
            Say("counts", context.VertexCount, context.ExpressionCount, context.Triangles.Sum(), context.TrianglesUv.Sum());
            Say("uv", context.Uv.Sum());
            Result kept;
            using (Result result = kept = context.Reconstruct(picture, textureSize: 64))
            {
                Say("faces", result.Count);
                for (int i = 0; i < result.Count; i++)
                {
                    Face face = result[i];
                    var matrix = new float[16];
                    face.CopyMatrix(matrix);
                    Say("face", face.Id, (int)face.State, face.Confidence);
                    Say("box", face.Box);
                    Say("angles", face.Angles);
                    Say("gaze", face.Gaze);
                    Say("camera", face.Camera);
                    Say("matrix", matrix);
                    Say("arkit", face.Arkit);
                    Say("identity", face.Identity);
                    Say("expression", face.Expression);
                    Say("landmarks68", face.Landmarks68);
                    Say("landmarks478", face.Landmarks478);
                    Say("vertices", face.Vertices);
                    Say("normals", face.Normals);
                }
                result.Export(arguments[1], ExportFormat.Glb);
                Refused("no such face", () => result.Export(arguments[1], ExportFormat.Glb, 999));
                Refused("index", () => result[999].Id.ToString());
                Refused("length", () => result[0].CopyArkit(new float[51]));
            }
            Refused("disposed", () => kept.Count.ToString());
            using (Result result = context.Reconstruct(new Picture(UpsideDown(pixels, width, height), width, height, PixelFormat.Rgb8, true)))
                Say("bottom up", result[0].Angles);
            Refused("too few bytes", () => context.Reconstruct(new Picture(pixels, width, height, PixelFormat.Rgba8)));

            var arkit = new float[52];
            arkit[Array.IndexOf(Names.Arkit, "jawOpen")] = 0.5f;
            var vertices = new float[3 * context.VertexCount];
            var normals = new float[3 * context.VertexCount];
            context.Evaluate(arkit, null, vertices, normals);
            Say("evaluated", vertices);
            Say("their normals", normals);
            Refused("vertices", () => context.Evaluate(arkit, null, new float[3]));

            using (var tracker = new Tracker(context, maxFaces: 2))
            {
                for (int frame = 0; frame < 3; frame++)
                    using (Result result = tracker.Update(picture, frame * 0.04))
                        if (frame == 2)
                            Say("tracked", result.Count, result[0].Id, (int)result[0].State, result[0].Vertices.Length, result[0].Angles[0]);
                Refused("time", () => tracker.Update(picture, 0));
                tracker.Reset();
                using (Result result = tracker.Update(picture, 0))
                    Say("after reset", result.Count);
            }

            using (var portrait = new Portrait(context, picture))
            using (Result driver = context.Reconstruct(picture))
            {
                var frame = new Picture(new byte[pixels.Length], portrait.Width, portrait.Height);
                portrait.Reenact(driver[0], frame);
                Console.WriteLine("driven " + Adler(frame.Pixels));
                portrait.Reenact(arkit, 12, 0, 0, frame);
                Console.WriteLine("by hand " + Adler(frame.Pixels));
                Refused("frame", () => portrait.Reenact(driver[0], new Picture(new byte[12], 2, 2)));
            }
        }
        Refused("nowhere", () => new Context("nowhere"));
        for (int i = 0; i < 20; i++) // forgotten ones: the collector frees children before their parents
            new Context(arguments[0]).Reconstruct(picture);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Console.WriteLine("end");
        return 0;
    }
}

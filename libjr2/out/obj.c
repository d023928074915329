/* SPDX-License-Identifier: MIT
 * The mesh as Wavefront OBJ with texture coordinates, and its material. Centimetres. */
#include "out/face_view.h"

static void row(jr2i_sink *sink, const char *key, const float *values, int count)
{
    jr2i_sink_text(sink, key);
    for (int k = 0; k < count; k++) {
        jr2i_sink_text(sink, " ");
        jr2i_sink_number(sink, (double)values[k], 6);
    }
    jr2i_sink_text(sink, "\n");
}

/* A name in one word: other characters become '_'. */
static void word(jr2i_sink *sink, const char *name)
{
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        char one[2] = {(char)(c <= ' ' || c == 127 ? '_' : c), 0};
        jr2i_sink_text(sink, one);
    }
}

/* A file name keeps its blanks: readers take the rest of the line. */
static void line(jr2i_sink *sink, const char *name)
{
    for (; *name; name++)
        jr2i_sink_put(sink, *name == '\n' || *name == '\r' ? "_" : name, 1);
    jr2i_sink_text(sink, "\n");
}

int32_t jr2i_obj_write(jr2i_sink *sink, const jr2i_face_view *face, const char *name, const char *mtl)
{
    const jr2i_head *head = face->head;
    jr2i_sink_text(sink, "# jr2 head, centimetres\n");
    if (mtl) {
        jr2i_sink_text(sink, "mtllib ");
        line(sink, mtl);
    }
    jr2i_sink_text(sink, "o ");
    word(sink, name && *name ? name : "head");
    jr2i_sink_text(sink, "\n");
    for (int32_t i = 0; i < head->vertex_count && sink->status == JR2_OK; i++)
        row(sink, "v", face->vertices + 3 * (size_t)i, 3);
    for (int32_t i = 0; i < head->uv_count && sink->status == JR2_OK; i++)
        row(sink, "vt", head->uv + 2 * (size_t)i, 2);
    for (int32_t i = 0; i < head->vertex_count && sink->status == JR2_OK; i++)
        row(sink, "vn", face->normals + 3 * (size_t)i, 3);
    if (mtl)
        jr2i_sink_text(sink, "usemtl head\n");
    for (int32_t i = 0; i < head->triangle_count && sink->status == JR2_OK; i++) {
        jr2i_sink_text(sink, "f");
        for (int k = 0; k < 3; k++) {
            size_t corner = 3 * (size_t)i + (size_t)k;
            jr2i_sink_text(sink, " ");
            jr2i_sink_integer(sink, head->triangles[corner] + 1);
            jr2i_sink_text(sink, "/");
            if (head->triangles_uv)
                jr2i_sink_integer(sink, head->triangles_uv[corner] + 1);
            jr2i_sink_text(sink, "/");
            jr2i_sink_integer(sink, head->triangles[corner] + 1);
        }
        jr2i_sink_text(sink, "\n");
    }
    return jr2i_sink_end(sink);
}

int32_t jr2i_mtl_write(jr2i_sink *sink, const char *texture)
{
    jr2i_sink_text(sink, "newmtl head\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\n");
    if (texture) {
        jr2i_sink_text(sink, "map_Kd ");
        line(sink, texture);
    }
    return jr2i_sink_end(sink);
}

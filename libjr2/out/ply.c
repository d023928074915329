/* SPDX-License-Identifier: MIT
 * The mesh as binary little-endian PLY: places in centimetres, normals, colours, triangles. */
#include <string.h>

#include "out/face_view.h"

/* Colour of a vertex: mean of the texture at its corners. */
static void vertex_colours(const jr2i_face_view *face, uint32_t *sums, uint8_t *rgb)
{
    const jr2i_head *head = face->head;
    memset(sums, 0, 4 * (size_t)head->vertex_count * sizeof *sums);
    for (int32_t i = 0; i < 3 * head->triangle_count; i++) {
        const float *uv = head->uv + 2 * (size_t)head->triangles_uv[i];
        int32_t last = face->texture_size - 1;
        int32_t x = (int32_t)(uv[0] * (float)face->texture_size), y = (int32_t)((1 - uv[1]) * (float)face->texture_size);
        const uint8_t *texel = face->texture + 3 * ((size_t)(y < last ? y : last) * (size_t)face->texture_size +
                                                    (size_t)(x < last ? x : last));
        uint32_t *sum = sums + 4 * (size_t)head->triangles[i];
        for (int k = 0; k < 3; k++)
            sum[k] += texel[k];
        sum[3]++;
    }
    for (int32_t v = 0; v < head->vertex_count; v++) {
        const uint32_t *sum = sums + 4 * (size_t)v;
        for (int k = 0; k < 3; k++)
            rgb[3 * (size_t)v + (size_t)k] = (uint8_t)(sum[3] ? (sum[k] + sum[3] / 2) / sum[3] : 160);
    }
}

int32_t jr2i_ply_write(jr2i_sink *sink, const jr2i_face_view *face)
{
    const jr2i_head *head = face->head;
    size_t count = (size_t)head->vertex_count;
    uint32_t *sums = NULL;
    uint8_t *rgb = NULL;
    if (face->texture && head->uv) {
        sums = jr2i_alloc(sink->env, 4 * count, sizeof *sums);
        rgb = jr2i_alloc(sink->env, 3 * count, 1);
        if (sums && rgb)
            vertex_colours(face, sums, rgb);
        else
            jr2i_sink_fail(sink, jr2i_no_memory(sink->env, 4 * count * sizeof *sums));
    }
    jr2i_sink_text(sink, "ply\nformat binary_little_endian 1.0\ncomment jr2 head, centimetres\nelement vertex ");
    jr2i_sink_integer(sink, head->vertex_count);
    jr2i_sink_text(sink, "\nproperty float x\nproperty float y\nproperty float z\n"
                         "property float nx\nproperty float ny\nproperty float nz\n");
    if (rgb)
        jr2i_sink_text(sink, "property uchar red\nproperty uchar green\nproperty uchar blue\n");
    jr2i_sink_text(sink, "element face ");
    jr2i_sink_integer(sink, head->triangle_count);
    jr2i_sink_text(sink, "\nproperty list uchar int vertex_indices\nend_header\n");
    for (size_t v = 0; v < count && sink->status == JR2_OK; v++) {
        for (int k = 0; k < 3; k++)
            jr2i_sink_f32(sink, face->vertices[3 * v + (size_t)k]);
        for (int k = 0; k < 3; k++)
            jr2i_sink_f32(sink, face->normals[3 * v + (size_t)k]);
        if (rgb)
            jr2i_sink_put(sink, rgb + 3 * v, 3);
    }
    for (int32_t i = 0; i < head->triangle_count && sink->status == JR2_OK; i++) {
        static const uint8_t three = 3;
        jr2i_sink_put(sink, &three, 1);
        for (int k = 0; k < 3; k++)
            jr2i_sink_u32(sink, (uint32_t)head->triangles[3 * (size_t)i + (size_t)k]);
    }
    jr2i_free(sink->env, sums);
    jr2i_free(sink->env, rgb);
    return jr2i_sink_end(sink);
}

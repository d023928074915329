/* SPDX-License-Identifier: MIT
 * The head as binary glTF 2.0 without extensions: neutral face of this person, skin with the model's joints, morph targets named by
 * ARKit with the face's present coefficients as weights, texture as PNG. Metres, y up, the face looks along +z. What cannot be known
 * before the data is made (lengths, bounds) is why everything is built in memory first. */
#include <math.h>
#include <string.h>

#include "out/bytes.h"
#include "out/face_view.h"
#include "out/png.h"

#define METRES 0.01f
#define MOVED 1e-4f /* cm: what moves less does not move */
#define VIEWS_MAX (8 + 2 * TARGETS_MAX)
#define TARGETS_MAX 512

typedef struct view {
    size_t offset, length;
    int32_t target; /* glTF's buffer target, 0: none */
} view;

typedef struct target {
    char const *name;
    float weight;
    int32_t count; /* vertices that move */
    int32_t index_view, value_view;
    float low[3], high[3];
} target;

typedef struct builder {
    jr2i_env *env;
    const jr2i_face_view *face;
    const jr2i_head *head;
    jr2i_bytes data;
    jr2i_sink bin;
    int32_t view_count;
    view views[VIEWS_MAX];
    target targets[TARGETS_MAX];
    int32_t target_count, arkit;
    /* One glTF vertex for each pair of vertex and texture corner that a triangle uses. */
    int32_t count;
    int32_t *source, *source_uv; /* (count) */
    uint32_t *index;             /* (T,3) */
    float *neutral, *moved, *normals, *scratch, *expression;
    float low[3], high[3];
    float joints[3 * JR2I_HEAD_JOINTS_MAX];
} builder;

static void begin_view(builder *b)
{
    static const uint8_t zero[4] = {0};
    jr2i_sink_put(&b->bin, zero, (4 - (size_t)(b->bin.size % 4)) % 4);
    b->views[b->view_count].offset = (size_t)b->bin.size;
}

static int32_t end_view(builder *b, int32_t buffer_target)
{
    view *v = &b->views[b->view_count];
    v->length = (size_t)b->bin.size - v->offset;
    v->target = buffer_target;
    return b->view_count++;
}

/* glTF vertices: number the pairs in order of first use. next chains the pairs of a vertex. */
static int32_t make_vertices(builder *b)
{
    const jr2i_head *head = b->head;
    size_t corners = 3 * (size_t)head->triangle_count, vertices = (size_t)head->vertex_count;
    int32_t *first = jr2i_alloc(b->env, vertices, sizeof *first), *next = jr2i_alloc(b->env, corners, sizeof *next);
    b->source = jr2i_alloc(b->env, corners, sizeof *b->source);
    b->source_uv = jr2i_alloc(b->env, corners, sizeof *b->source_uv);
    b->index = jr2i_alloc(b->env, corners, sizeof *b->index);
    int32_t status = JR2_OK;
    if (!first || !next || !b->source || !b->source_uv || !b->index) {
        status = jr2i_no_memory(b->env, corners * sizeof *next);
    } else {
        for (size_t v = 0; v < vertices; v++)
            first[v] = -1;
        for (size_t c = 0; c < corners; c++) {
            int32_t v = head->triangles[c], uv = head->triangles_uv ? head->triangles_uv[c] : 0, at = first[v];
            while (at >= 0 && b->source_uv[at] != uv)
                at = next[at];
            if (at < 0) {
                at = b->count++;
                b->source[at] = v;
                b->source_uv[at] = uv;
                next[at] = first[v];
                first[v] = at;
            }
            b->index[c] = (uint32_t)at;
        }
    }
    jr2i_free(b->env, first);
    jr2i_free(b->env, next);
    return status;
}

static void put_index(builder *b, uint32_t index)
{
    uint8_t bytes[4] = {(uint8_t)index, (uint8_t)(index >> 8), (uint8_t)(index >> 16), (uint8_t)(index >> 24)};
    jr2i_sink_put(&b->bin, bytes, b->count > 65535 ? 4 : 2);
}

static void put_indices(builder *b)
{
    begin_view(b);
    for (size_t c = 0; c < 3 * (size_t)b->head->triangle_count; c++)
        put_index(b, b->index[c]);
    end_view(b, 34963);
}

static void put_geometry(builder *b)
{
    begin_view(b);
    for (int k = 0; k < 3; k++) {
        b->low[k] = INFINITY;
        b->high[k] = -INFINITY;
    }
    for (int32_t i = 0; i < b->count; i++)
        for (int k = 0; k < 3; k++) {
            float x = b->neutral[3 * (size_t)b->source[i] + (size_t)k] * METRES;
            b->low[k] = fminf(b->low[k], x);
            b->high[k] = fmaxf(b->high[k], x);
            jr2i_sink_f32(&b->bin, x);
        }
    end_view(b, 34962);
    begin_view(b);
    for (int32_t i = 0; i < b->count; i++)
        for (int k = 0; k < 3; k++)
            jr2i_sink_f32(&b->bin, b->normals[3 * (size_t)b->source[i] + (size_t)k]);
    end_view(b, 34962);
    if (b->head->uv) {
        begin_view(b);
        for (int32_t i = 0; i < b->count; i++) {
            const float *uv = b->head->uv + 2 * (size_t)b->source_uv[i];
            jr2i_sink_f32(&b->bin, uv[0]);
            jr2i_sink_f32(&b->bin, 1 - uv[1]);
        }
        end_view(b, 34962);
    }
}

/* The four heaviest joints of each vertex; weights in 1/65535 that sum to it exactly. */
static void put_skin(builder *b)
{
    int32_t joints = b->head->joint_count;
    for (int pass = 0; pass < 2; pass++) {
        begin_view(b);
        for (int32_t i = 0; i < b->count; i++) {
            const float *weight = b->head->surface.skin + (size_t)b->source[i] * (size_t)joints;
            uint8_t chosen[4] = {0, 0, 0, 0};
            uint32_t share[4] = {0, 0, 0, 0};
            float heavy[4] = {0, 0, 0, 0}, sum = 0;
            for (int32_t j = 0; j < joints; j++)
                for (int slot = 0; slot < 4; slot++)
                    if (weight[j] > heavy[slot]) {
                        for (int m = 3; m > slot; m--) {
                            heavy[m] = heavy[m - 1];
                            chosen[m] = chosen[m - 1];
                        }
                        heavy[slot] = weight[j];
                        chosen[slot] = (uint8_t)j;
                        break;
                    }
            for (int slot = 0; slot < 4; slot++)
                sum += heavy[slot];
            uint32_t rest = 65535;
            for (int slot = 1; slot < 4; slot++) {
                share[slot] = (uint32_t)(heavy[slot] / sum * 65535 + 0.5f);
                rest -= share[slot];
                if (share[slot] == 0)
                    chosen[slot] = 0; /* a joint without weight must be 0 */
            }
            share[0] = rest;
            for (int slot = 0; slot < 4; slot++) {
                uint8_t two[2] = {(uint8_t)share[slot], (uint8_t)(share[slot] >> 8)};
                jr2i_sink_put(&b->bin, pass ? two : &chosen[slot], pass ? 2 : 1);
            }
        }
        end_view(b, 34962);
    }
    begin_view(b); /* inverse bind matrices: shifts only */
    for (int32_t j = 0; j < joints; j++)
        for (int k = 0; k < 16; k++)
            jr2i_sink_f32(&b->bin, k % 5 == 0 ? 1 : k >= 12 ? -b->joints[3 * j + k - 12] * METRES : 0);
    end_view(b, 0);
}

static int moves(const float *d)
{
    return fabsf(d[0]) > MOVED || fabsf(d[1]) > MOVED || fabsf(d[2]) > MOVED;
}

/* Sparse: indices, then displacements of the vertices that move. */
static void put_target(builder *b, target *t)
{
    for (int32_t i = 0; i < 3 * b->head->vertex_count; i++)
        b->moved[i] -= b->neutral[i];
    for (int k = 0; k < 3; k++) {
        t->low[k] = INFINITY;
        t->high[k] = -INFINITY;
    }
    for (int32_t i = 0; i < b->count; i++) {
        const float *d = b->moved + 3 * (size_t)b->source[i];
        int some = moves(d);
        t->count += some;
        for (int k = 0; k < 3; k++) {
            float x = some ? d[k] * METRES : 0;
            t->low[k] = fminf(t->low[k], x);
            t->high[k] = fmaxf(t->high[k], x);
        }
    }
    if (t->count == 0)
        return;
    begin_view(b);
    for (int32_t i = 0; i < b->count; i++)
        if (moves(b->moved + 3 * (size_t)b->source[i]))
            put_index(b, (uint32_t)i);
    t->index_view = end_view(b, 0);
    begin_view(b);
    for (int32_t i = 0; i < b->count; i++) {
        const float *d = b->moved + 3 * (size_t)b->source[i];
        for (int k = 0; k < 3 && moves(d); k++)
            jr2i_sink_f32(&b->bin, d[k] * METRES);
    }
    t->value_view = end_view(b, 0);
}

static void put_targets(builder *b)
{
    const jr2i_head *head = b->head;
    jr2i_head_input input = {b->face->identity, b->expression, NULL, head->identity_count, head->expression_count};
    b->arkit = head->arkit.known > 0;
    b->target_count = b->arkit ? JR2I_ARKIT_COUNT : head->expression_count;
    if (b->target_count > TARGETS_MAX)
        b->target_count = TARGETS_MAX;
    for (int32_t i = 0; i < b->target_count && b->bin.status == JR2_OK; i++) {
        target *t = &b->targets[i];
        memset(b->expression, 0, (size_t)head->expression_count * sizeof *b->expression);
        if (b->arkit) {
            float arkit[JR2I_ARKIT_COUNT] = {0};
            arkit[i] = 1;
            jr2i_arkit_to_expression(&head->arkit, arkit, head->expression_count, b->expression);
            t->name = jr2i_arkit_name(i);
            t->weight = b->face->arkit[i];
        } else {
            b->expression[i] = 1;
            t->name = head->expression_name[i];
            t->weight = b->face->expression[i];
        }
        jr2i_head_vertices(head, &input, b->scratch, b->moved);
        put_target(b, t);
    }
}

static void text(jr2i_sink *sink, const char *s)
{
    jr2i_sink_text(sink, s);
}

/* text with each '#' replaced by the number */
static void with(jr2i_sink *sink, const char *s, int64_t number)
{
    for (; *s; s++) {
        if (*s == '#')
            jr2i_sink_integer(sink, number);
        else
            jr2i_sink_put(sink, s, 1);
    }
}

static void bounds(jr2i_sink *sink, const float low[3], const float high[3])
{
    for (int side = 0; side < 2; side++) {
        text(sink, side ? "],\"max\":[" : ",\"min\":[");
        for (int k = 0; k < 3; k++) {
            if (k)
                text(sink, ",");
            jr2i_sink_float(sink, side ? high[k] : low[k]);
        }
    }
    text(sink, "]");
}

static void put_nodes(jr2i_sink *json, const builder *b, const char *name)
{
    const jr2i_head *head = b->head;
    text(json, "\"nodes\":[{\"name\":");
    jr2i_sink_quoted(json, name);
    text(json, ",\"mesh\":0,\"skin\":0}");
    for (int32_t j = 0; j < head->joint_count; j++) {
        int32_t parent = head->joint_parent[j], children = 0;
        text(json, ",{\"name\":");
        jr2i_sink_quoted(json, head->joint_name[j]);
        text(json, ",\"translation\":[");
        for (int k = 0; k < 3; k++) {
            if (k)
                text(json, ",");
            jr2i_sink_float(json, (b->joints[3 * j + k] - (parent >= 0 ? b->joints[3 * parent + k] : 0)) * METRES);
        }
        text(json, "]");
        for (int32_t c = 0; c < head->joint_count; c++)
            if (head->joint_parent[c] == j)
                with(json, children++ ? ",#" : ",\"children\":[#", c + 1);
        text(json, children ? "]}" : "}");
    }
    text(json, "],\"skins\":[{\"inverseBindMatrices\":");
    jr2i_sink_integer(json, head->uv ? 6 : 5);
    text(json, ",\"skeleton\":1,\"joints\":[");
    for (int32_t j = 0; j < head->joint_count; j++)
        with(json, j ? ",#" : "#", j + 1);
    text(json, "]}],");
}

static void put_mesh(jr2i_sink *json, const builder *b, const char *name)
{
    int32_t uv = b->head->uv != NULL;
    text(json, "\"meshes\":[{\"name\":");
    jr2i_sink_quoted(json, name);
    text(json, ",\"primitives\":[{\"indices\":0,\"material\":0,\"attributes\":{\"POSITION\":1,\"NORMAL\":2");
    with(json, uv ? ",\"TEXCOORD_0\":3" : "", 0);
    with(json, ",\"JOINTS_0\":#", 3 + uv);
    with(json, ",\"WEIGHTS_0\":#}", 4 + uv);
    for (int32_t i = 0; i < b->target_count; i++)
        with(json, i ? ",{\"POSITION\":#}" : ",\"targets\":[{\"POSITION\":#}", 6 + uv + i);
    text(json, b->target_count ? "]}],\"weights\":[" : "}]");
    for (int32_t i = 0; i < b->target_count; i++) {
        if (i)
            text(json, ",");
        jr2i_sink_number(json, (double)b->targets[i].weight, 5);
    }
    if (b->target_count)
        text(json, "],\"extras\":{\"targetNames\":[");
    for (int32_t i = 0; i < b->target_count; i++) {
        if (i)
            text(json, ",");
        jr2i_sink_quoted(json, b->targets[i].name);
    }
    text(json, b->target_count ? "]}}]," : "}],");
}

static void put_accessor(jr2i_sink *json, int32_t *accessor_view, int64_t count, int32_t component, const char *type)
{
    with(json, *accessor_view ? ",{\"bufferView\":#" : "{\"bufferView\":#", *accessor_view);
    with(json, ",\"componentType\":#", component);
    with(json, ",\"count\":#,\"type\":\"", count);
    text(json, type);
    text(json, "\"");
    (*accessor_view)++;
}

static void put_accessors(jr2i_sink *json, const builder *b)
{
    int32_t at = 0;
    text(json, "\"accessors\":[");
    put_accessor(json, &at, 3 * (int64_t)b->head->triangle_count, b->count > 65535 ? 5125 : 5123, "SCALAR");
    text(json, "}");
    put_accessor(json, &at, b->count, 5126, "VEC3");
    bounds(json, b->low, b->high);
    text(json, "}");
    put_accessor(json, &at, b->count, 5126, "VEC3");
    text(json, "}");
    if (b->head->uv) {
        put_accessor(json, &at, b->count, 5126, "VEC2");
        text(json, "}");
    }
    put_accessor(json, &at, b->count, 5121, "VEC4");
    text(json, "}");
    put_accessor(json, &at, b->count, 5123, "VEC4");
    text(json, ",\"normalized\":true}");
    put_accessor(json, &at, b->head->joint_count, 5126, "MAT4");
    text(json, "}");
    for (int32_t i = 0; i < b->target_count; i++) {
        const target *t = &b->targets[i];
        with(json, ",{\"componentType\":5126,\"type\":\"VEC3\",\"count\":#", b->count);
        bounds(json, t->low, t->high);
        if (t->count) {
            with(json, ",\"sparse\":{\"count\":#", t->count);
            with(json, ",\"indices\":{\"bufferView\":#,", t->index_view);
            with(json, "\"componentType\":#}", b->count > 65535 ? 5125 : 5123);
            with(json, ",\"values\":{\"bufferView\":#}}", t->value_view);
        }
        text(json, "}");
    }
    text(json, "],");
}

static void put_json(jr2i_sink *json, const builder *b, const char *name, int32_t image_view)
{
    text(json, "{\"asset\":{\"version\":\"2.0\",\"generator\":\"libjr2\"},\"scene\":0,\"scenes\":[{\"nodes\":[0,1]}],");
    put_nodes(json, b, name);
    put_mesh(json, b, name);
    text(json, "\"materials\":[{\"name\":\"head\",\"doubleSided\":true,\"pbrMetallicRoughness\":{");
    if (image_view >= 0)
        text(json, "\"baseColorTexture\":{\"index\":0},");
    else
        text(json, "\"baseColorFactor\":[0.5,0.32,0.25,1],");
    text(json, "\"metallicFactor\":0,\"roughnessFactor\":0.75}}],");
    if (image_view >= 0) {
        text(json, "\"textures\":[{\"source\":0,\"sampler\":0}],\"samplers\":[{\"magFilter\":9729,\"minFilter\":9987,\"wrapS\":33071,"
                   "\"wrapT\":33071}],");
        with(json, "\"images\":[{\"bufferView\":#,\"mimeType\":\"image/png\"}],", image_view);
    }
    put_accessors(json, b);
    text(json, "\"bufferViews\":[");
    for (int32_t i = 0; i < b->view_count; i++) {
        const view *v = &b->views[i];
        with(json, i ? ",{\"buffer\":0,\"byteOffset\":#" : "{\"buffer\":0,\"byteOffset\":#", (int64_t)v->offset);
        with(json, ",\"byteLength\":#", (int64_t)v->length);
        if (v->target)
            with(json, ",\"target\":#", v->target);
        text(json, "}");
    }
    with(json, "],\"buffers\":[{\"byteLength\":#}]}", (int64_t)b->bin.size);
}

static int32_t build(builder *b)
{
    const jr2i_head *head = b->head;
    size_t vertices = 3 * (size_t)head->vertex_count;
    b->neutral = jr2i_alloc(b->env, vertices, sizeof(float));
    b->moved = jr2i_alloc(b->env, vertices, sizeof(float));
    b->normals = jr2i_alloc(b->env, vertices, sizeof(float));
    b->scratch = jr2i_alloc(b->env, jr2i_head_scratch(head), sizeof(float));
    b->expression = jr2i_calloc(b->env, (size_t)head->expression_count, sizeof(float));
    if (!b->neutral || !b->moved || !b->normals || !b->scratch || !b->expression)
        return jr2i_no_memory(b->env, vertices * sizeof(float));
    int32_t status = make_vertices(b);
    if (status != JR2_OK)
        return status;
    jr2i_head_input neutral = {b->face->identity, NULL, NULL, head->identity_count, 0};
    jr2i_head_vertices(head, &neutral, b->scratch, b->neutral);
    jr2i_head_normals(head, b->neutral, b->normals);
    jr2i_head_joints(head, &neutral, b->joints);
    put_indices(b);
    put_geometry(b);
    put_skin(b);
    put_targets(b);
    return b->bin.status;
}

static void emit(jr2i_sink *sink, const jr2i_bytes *json, const jr2i_bytes *bin)
{
    static const char blanks[] = "    ";
    static const uint8_t zeros[4] = {0};
    size_t json_pad = (4 - json->size % 4) % 4, bin_pad = (4 - bin->size % 4) % 4;
    jr2i_sink_text(sink, "glTF");
    jr2i_sink_u32(sink, 2);
    jr2i_sink_u32(sink, (uint32_t)(12 + 8 + json->size + json_pad + 8 + bin->size + bin_pad));
    jr2i_sink_u32(sink, (uint32_t)(json->size + json_pad));
    jr2i_sink_text(sink, "JSON");
    jr2i_sink_put(sink, json->data, json->size);
    jr2i_sink_put(sink, blanks, json_pad);
    jr2i_sink_u32(sink, (uint32_t)(bin->size + bin_pad));
    jr2i_sink_put(sink, "BIN", 4);
    jr2i_sink_put(sink, bin->data, bin->size);
    jr2i_sink_put(sink, zeros, bin_pad);
}

int32_t jr2i_glb_write(jr2i_sink *sink, const jr2i_face_view *face, const char *name)
{
    jr2i_env *env = sink->env;
    jr2i_bytes json_bytes = {env, NULL, 0, 0};
    jr2i_sink json;
    int32_t image_view = -1;
    builder *b = jr2i_calloc(env, 1, sizeof *b);
    if (!b) {
        jr2i_sink_fail(sink, jr2i_no_memory(env, sizeof *b));
        return jr2i_sink_end(sink);
    }
    b->env = env;
    b->face = face;
    b->head = face->head;
    b->data.env = env;
    jr2i_sink_begin(&b->bin, env, jr2i_bytes_write, &b->data);
    int32_t status = build(b);
    if (status == JR2_OK && face->texture && b->head->uv) {
        begin_view(b);
        jr2i_png_put(&b->bin, face->texture, face->texture_size, face->texture_size, 3);
        image_view = end_view(b, 0);
    }
    int32_t ended = jr2i_sink_end(&b->bin);
    status = status == JR2_OK ? ended : status;
    if (status == JR2_OK) {
        jr2i_sink_begin(&json, env, jr2i_bytes_write, &json_bytes);
        put_json(&json, b, name && *name ? name : "head", image_view);
        status = jr2i_sink_end(&json);
    }
    if (status == JR2_OK)
        emit(sink, &json_bytes, &b->data);
    else /* only memory can have run out: nothing was written yet */
        jr2i_sink_fail(sink, status == JR2_ERR_WRITE ? jr2i_no_memory(env, b->data.room) : status);
    jr2i_free(env, json_bytes.data);
    jr2i_free(env, b->data.data);
    jr2i_free(env, b->source);
    jr2i_free(env, b->source_uv);
    jr2i_free(env, b->index);
    jr2i_free(env, b->neutral);
    jr2i_free(env, b->moved);
    jr2i_free(env, b->normals);
    jr2i_free(env, b->scratch);
    jr2i_free(env, b->expression);
    jr2i_free(env, b);
    return jr2i_sink_end(sink);
}

/* SPDX-License-Identifier: MIT
 * The head as binary glTF 2.0 without extensions: neutral face of this person, skin with the model's joints, morph targets named by
 * ARKit with the face's present coefficients as weights, texture as PNG. Metres, y up, the face looks along +z. What cannot be known
 * before the data is made (lengths, bounds) is why everything is built in memory first. */
#include "out/glb_data.h"
#include "out/png.h"

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

static void put_nodes(jr2i_sink *json, const jr2i_glb *b, const char *name)
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
            jr2i_sink_float(json, (b->joints[3 * j + k] - (parent >= 0 ? b->joints[3 * parent + k] : 0)) * JR2I_GLB_METRES);
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

static void put_mesh(jr2i_sink *json, const jr2i_glb *b, const char *name)
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

static void put_accessors(jr2i_sink *json, const jr2i_glb *b)
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
        const jr2i_glb_target *t = &b->targets[i];
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

static void put_json(jr2i_sink *json, const jr2i_glb *b, const char *name, int32_t image_view)
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
        const jr2i_glb_view *v = &b->views[i];
        with(json, i ? ",{\"buffer\":0,\"byteOffset\":#" : "{\"buffer\":0,\"byteOffset\":#", (int64_t)v->offset);
        with(json, ",\"byteLength\":#", (int64_t)v->length);
        if (v->target)
            with(json, ",\"target\":#", v->target);
        text(json, "}");
    }
    with(json, "],\"buffers\":[{\"byteLength\":#}]}", (int64_t)b->bin.size);
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
    jr2i_glb *b = jr2i_calloc(env, 1, sizeof *b);
    if (!b) {
        jr2i_sink_fail(sink, jr2i_no_memory(env, sizeof *b));
        return jr2i_sink_end(sink);
    }
    b->env = env;
    b->face = face;
    b->head = face->head;
    b->data.env = env;
    jr2i_sink_begin(&b->bin, env, jr2i_bytes_write, &b->data);
    int32_t status = jr2i_glb_build(b);
    if (status == JR2_OK && face->texture && b->head->uv) {
        jr2i_glb_begin_view(b);
        jr2i_png_put(&b->bin, face->texture, face->texture_size, face->texture_size, 3);
        image_view = jr2i_glb_end_view(b, 0);
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
    jr2i_glb_free(b);
    jr2i_free(env, b);
    return jr2i_sink_end(sink);
}

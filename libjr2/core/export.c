/* SPDX-License-Identifier: MIT
 * Export: checks the request, hands the writers of out/ a view of the result and gives their bytes to a callback or a file. */
#include <string.h>

#include "handles.h"
#include "image/view.h"
#include "out/png.h"

typedef struct request {
    const jr2_result *result;
    const jr2i_face_view *face; /* NULL for the formats of the whole result */
    const jr2_image *image;
    const char *name;
    const char *material; /* OBJ: file name of the .mtl, or NULL */
    int32_t format;
} request;

static int32_t overlay(jr2i_env *env, const request *r, jr2i_sink *sink)
{
    jr2i_view view;
    if (!r->image)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "the overlay needs options->image");
    int32_t status = jr2i_view_check(env, r->image, &view);
    if (status != JR2_OK)
        return status;
    if (view.width != r->result->width || view.height != r->result->height)
        return jr2i_fail(env, JR2_ERR_IMAGE_SIZE, "the image is %d x %d, that of the result was %d x %d", (int)view.width,
                         (int)view.height, (int)r->result->width, (int)r->result->height);
    size_t size = (size_t)view.width * (size_t)view.height * 3;
    jr2i_canvas canvas = {jr2i_alloc(env, size, 1), view.width, view.height};
    if (!canvas.pixels)
        return jr2i_no_memory(env, size);
    jr2i_scene_view scene = jr2i_result_scene(r->result);
    jr2i_view_to_rgb(&view, canvas.pixels);
    status = jr2i_overlay_draw(env, &scene, &canvas);
    if (status == JR2_OK) {
        jr2i_png_put(sink, canvas.pixels, canvas.width, canvas.height, 3);
        status = jr2i_sink_end(sink);
    }
    jr2i_free(env, canvas.pixels);
    return status;
}

static int32_t put(jr2i_env *env, const request *r, jr2i_sink *sink)
{
    jr2i_scene_view scene = jr2i_result_scene(r->result);
    switch (r->format) {
    case JR2_EXPORT_JSON:
        return jr2i_json_write(sink, &scene);
    case JR2_EXPORT_GLB:
        return jr2i_glb_write(sink, r->face, r->name);
    case JR2_EXPORT_OBJ:
        return jr2i_obj_write(sink, r->face, r->name, r->material);
    case JR2_EXPORT_PLY:
        return jr2i_ply_write(sink, r->face);
    case JR2_EXPORT_OVERLAY:
        return overlay(env, r, sink);
    default:
        jr2i_png_put(sink, r->face->texture, r->face->texture_size, r->face->texture_size, 3);
        return jr2i_sink_end(sink);
    }
}

static int32_t make_request(jr2_ctx *ctx, const jr2_result *result, int32_t face, int32_t format, const jr2_export_options *options,
                            request *r)
{
    jr2i_env *env = &ctx->env;
    memset(r, 0, sizeof *r);
    if (!result)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "result is NULL");
    if (format < JR2_EXPORT_JSON || format > JR2_EXPORT_TEXTURE)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "unknown export format %d", (int)format);
    if (options) {
        int32_t status = jr2i_check_struct(env, options->struct_size, sizeof *options, "jr2_export_options");
        if (status != JR2_OK)
            return status;
        r->image = options->image;
        r->name = options->name;
    }
    r->result = result;
    r->format = format;
    if (format == JR2_EXPORT_OVERLAY && result->count > 0 && !result->faces[0].view.vertices)
        return jr2i_fail(env, JR2_ERR_MISSING, "the faces have no mesh: set mesh in jr2_tracker_options");
    if (format == JR2_EXPORT_JSON || format == JR2_EXPORT_OVERLAY)
        return JR2_OK;
    if (result->count == 0)
        return jr2i_fail(env, JR2_ERR_NO_FACE, "the result has no face");
    if (face < 0 || face >= result->count)
        return jr2i_fail(env, JR2_ERR_NOT_FOUND, "face %d: the result has %d", (int)face, (int)result->count);
    r->face = &result->faces[face].view;
    if (format != JR2_EXPORT_TEXTURE && !r->face->vertices)
        return jr2i_fail(env, JR2_ERR_MISSING, "the face has no mesh: set mesh in jr2_tracker_options");
    if (format == JR2_EXPORT_TEXTURE && !r->face->texture)
        return jr2i_fail(env, JR2_ERR_MISSING, "the face has no texture: set texture_size in jr2_reconstruct_options");
    return JR2_OK;
}

int32_t jr2_export(jr2_ctx *ctx, const jr2_result *result, int32_t face, int32_t format, const jr2_export_options *options,
                   jr2_write_fn write, void *user)
{
    request r;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    int32_t status = make_request(ctx, result, face, format, options, &r);
    if (status != JR2_OK)
        return status;
    if (!write)
        return jr2i_fail(&ctx->env, JR2_ERR_ARGUMENT, "write is NULL");
    jr2i_sink sink;
    jr2i_sink_begin(&sink, &ctx->env, write, user);
    return put(&ctx->env, &r, &sink);
}

/* One file: opened, written by the request or, for a material, with the name of its texture, and closed. */
static int32_t write_file(jr2i_env *env, const request *r, const char *material_texture, const char *path)
{
    jr2i_file file;
    int32_t status = jr2i_file_open(env, path, &file);
    if (status != JR2_OK)
        return status;
    jr2i_sink sink;
    jr2i_sink_begin(&sink, env, jr2i_file_write, &file);
    status = material_texture ? jr2i_mtl_write(&sink, material_texture) : put(env, r, &sink);
    return jr2i_file_close(env, &file, status);
}

/* path with its ending replaced by ending, in new memory. */
static char *with_ending(jr2i_env *env, const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    size_t length = dot && (!slash || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
    char *out = jr2i_alloc(env, length + strlen(ending) + 1, 1);
    if (out) {
        memcpy(out, path, length);
        strcpy(out + length, ending);
    }
    return out;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The texture and the material first: an .obj that is there refers to files that are there. */
static int32_t write_obj(jr2i_env *env, request *r, const char *path)
{
    if (!r->face->texture)
        return write_file(env, r, NULL, path);
    char *material = with_ending(env, path, ".mtl"), *texture = with_ending(env, path, "_texture.png");
    int32_t status = material && texture ? JR2_OK : jr2i_no_memory(env, strlen(path) + 16);
    if (status == JR2_OK) {
        request image = *r;
        image.format = JR2_EXPORT_TEXTURE;
        status = write_file(env, &image, NULL, texture);
    }
    if (status == JR2_OK)
        status = write_file(env, r, file_name(texture), material);
    if (status == JR2_OK) {
        r->material = file_name(material);
        status = write_file(env, r, NULL, path);
    }
    jr2i_free(env, texture);
    jr2i_free(env, material);
    return status;
}

int32_t jr2_export_file(jr2_ctx *ctx, const jr2_result *result, int32_t face, int32_t format, const jr2_export_options *options,
                        const char *path)
{
    request r;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    int32_t status = make_request(ctx, result, face, format, options, &r);
    if (status != JR2_OK)
        return status;
    if (!path || !*path)
        return jr2i_fail(&ctx->env, JR2_ERR_ARGUMENT, "path is %s", path ? "empty" : "NULL");
    return format == JR2_EXPORT_OBJ ? write_obj(&ctx->env, &r, path) : write_file(&ctx->env, &r, NULL, path);
}

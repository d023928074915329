/* SPDX-License-Identifier: MIT
 * The public functions that mark what was made by a model, and read the marks. They need no ctx and no weights. */
#include <string.h>

#include "handles.h"
#include "image/mark.h"
#include "out/xmp.h"

#define MAX_FRAMES 64

/* Sets up env from options, which may be NULL. */
static int32_t begin(jr2i_env *env, const jr2_mark_options *options)
{
    memset(env, 0, sizeof *env);
    if (!options)
        return JR2_OK;
    int32_t status = jr2i_check_struct(env, options->struct_size, sizeof *options, "jr2_mark_options");
    if (status != JR2_OK)
        return status;
    if (!options->alloc != !options->release)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "alloc and release must be given together");
    env->alloc = options->alloc;
    env->release = options->release;
    env->alloc_user = options->alloc_user;
    return JR2_OK;
}

static int32_t finish(const jr2i_env *env, const jr2_mark_options *options, int32_t status)
{
    if (options && options->struct_size == sizeof *options)
        jr2i_copy_text(options->error, options->error_size, status == JR2_OK ? "" : env->error);
    return status;
}

/* The view of an image's rectangle. */
static int32_t rectangle(jr2i_env *env, const jr2_image *image, const jr2_mark_options *options, jr2i_view *view)
{
    int32_t status = jr2i_view_check(env, image, view);
    if (status != JR2_OK)
        return status;
    if (options && (options->width != 0 || options->height != 0 || options->left != 0 || options->top != 0)) {
        if (options->left < 0 || options->top < 0 || options->width < 1 || options->height < 1 ||
            options->left > view->width - options->width || options->top > view->height - options->height)
            return jr2i_fail(env, JR2_ERR_RANGE, "the rectangle %d,%d %d x %d is not inside a picture of %d x %d", (int)options->left,
                             (int)options->top, (int)options->width, (int)options->height, (int)view->width, (int)view->height);
        view->pixels = jr2i_view_pixel(view, options->left, options->top);
        view->width = options->width;
        view->height = options->height;
    }
    if (view->width < JR2_MARK_MIN || view->height < JR2_MARK_MIN)
        return jr2i_fail(env, JR2_ERR_IMAGE_SIZE, "%d x %d pixels are too few for the mark: at least %d a side", (int)view->width,
                         (int)view->height, JR2_MARK_MIN);
    return JR2_OK;
}

int32_t jr2_mark_embed(const jr2_image *image, const jr2_mark_options *options)
{
    jr2i_env env;
    jr2i_view view;
    int32_t status = begin(&env, options);
    if (status == JR2_OK)
        status = rectangle(&env, image, options, &view);
    if (status == JR2_OK)
        jr2i_mark_embed(&view, NULL);
    return finish(&env, options, status);
}

static int32_t check(jr2i_env *env, const jr2_image *images, int32_t count, const jr2_mark_options *options, jr2_mark_report *report)
{
    jr2i_view views[MAX_FRAMES];
    jr2i_mark_found found;
    if (!report)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "report is NULL");
    int32_t status = jr2i_check_struct(env, report->struct_size, sizeof *report, "jr2_mark_report");
    if (status != JR2_OK)
        return status;
    memset(report, 0, sizeof *report);
    report->struct_size = (uint32_t)sizeof *report;
    if (!images)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "image is NULL");
    if (count < 1 || count > MAX_FRAMES)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "%d images: 1..%d are possible", (int)count, MAX_FRAMES);
    for (int32_t i = 0; i < count; i++) {
        if ((status = rectangle(env, &images[i], options, &views[i])) != JR2_OK)
            return status;
        if (views[i].width != views[0].width || views[i].height != views[0].height)
            return jr2i_fail(env, JR2_ERR_IMAGE_SIZE, "image %d has another size than the first", (int)i);
    }
    if ((status = jr2i_mark_check(env, views, count, &found)) != JR2_OK)
        return status;
    report->marked = found.score >= found.threshold;
    report->score = (float)found.score;
    report->threshold = (float)found.threshold;
    report->scale_x = found.scale_x;
    report->scale_y = found.scale_y;
    report->mirrored = found.mirrored;
    report->left = found.left + (options ? options->left : 0);
    report->top = found.top + (options ? options->top : 0);
    report->width = found.width;
    report->height = found.height;
    return JR2_OK;
}

int32_t jr2_mark_check(const jr2_image *images, int32_t count, const jr2_mark_options *options, jr2_mark_report *report)
{
    jr2i_env env;
    int32_t status = begin(&env, options);
    if (status == JR2_OK)
        status = check(&env, images, count, options, report);
    return finish(&env, options, status);
}

int32_t jr2_source_write(const char *path, int32_t source, const jr2_mark_options *options)
{
    jr2i_env env;
    int32_t status = begin(&env, options);
    if (status == JR2_OK)
        status = jr2i_xmp_file_write(&env, path, source);
    return finish(&env, options, status);
}

int32_t jr2_source_read(const char *path, const jr2_mark_options *options, int32_t *source)
{
    jr2i_env env;
    int32_t status = begin(&env, options);
    if (status == JR2_OK && !source)
        status = jr2i_fail(&env, JR2_ERR_ARGUMENT, "source is NULL");
    if (source)
        *source = JR2_SOURCE_NONE;
    if (status == JR2_OK)
        status = jr2i_xmp_file_read(&env, path, source);
    return finish(&env, options, status);
}

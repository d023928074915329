/* SPDX-License-Identifier: MIT
 * Motion files: the public functions over out/motion.h, and faces as motion. */
#include <math.h>
#include <string.h>

#include "face/pose.h"
#include "handles.h"
#include "out/motion.h"

struct jr2_motion_writer {
    jr2i_motion_writer inner;
};

struct jr2_motion {
    jr2i_motion_reader inner;
};

int32_t jr2_motion_from_face(const jr2_face *face, jr2_motion_face *motion)
{
    if (!face || !motion || motion->struct_size != sizeof *motion)
        return face && motion ? JR2_ERR_STRUCT_SIZE : JR2_ERR_ARGUMENT;
    const jr2i_face_view *v = &face->view;
    JR2_INIT(*motion);
    motion->id = v->id;
    motion->state = v->state;
    motion->confidence = v->confidence;
    memcpy(motion->region, v->region, sizeof motion->region);
    motion->region[3] *= JR2I_DEGREES;
    memcpy(motion->angles, v->angles, sizeof motion->angles);
    memcpy(motion->translation, v->matrix + 12, sizeof motion->translation);
    memcpy(motion->gaze, v->gaze, sizeof motion->gaze);
    memcpy(motion->arkit, v->arkit, sizeof motion->arkit);
    motion->expression = v->expression;
    motion->expression_count = v->expression ? v->head->expression_count : 0;
    motion->identity = v->identity;
    motion->identity_count = v->identity ? v->head->identity_count : 0;
    return JR2_OK;
}

static int32_t names_of(jr2_ctx *ctx, jr2i_motion_names *names)
{
    const jr2i_head *head = ctx->model->head;
    memset(names, 0, sizeof *names);
    if (!head)
        return JR2_OK;
    if (head->expression_count > JR2I_MOTION_EXPRESSIONS || head->identity_count > JR2I_MOTION_IDENTITIES)
        return jr2i_fail(&ctx->env, JR2_ERR_FORMAT, "the head model is too large for motion files");
    names->name = head->expression_name;
    names->count = head->expression_count;
    names->identity_count = head->identity_count;
    return JR2_OK;
}

int32_t jr2_motion_writer_create(jr2_ctx *ctx, const jr2_motion_info *info, jr2_write_fn write, void *user, jr2_motion_writer **writer)
{
    jr2_motion_info about;
    if (writer)
        *writer = NULL;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &ctx->env;
    if (!writer || !write)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "%s is NULL", writer ? "write" : "writer");
    JR2_INIT(about);
    if (info) {
        int32_t status = jr2i_check_struct(env, info->struct_size, sizeof *info, "jr2_motion_info");
        if (status != JR2_OK)
            return status;
        about = *info;
    }
    about.form = about.form ? about.form : JR2_MOTION_JSON;
    if (about.form != JR2_MOTION_JSON && about.form != JR2_MOTION_BINARY)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "unknown motion form %d", (int)about.form);
    if (!(about.rate >= 0 && about.rate <= 10000) || about.width < 0 || about.height < 0)
        return jr2i_fail(env, JR2_ERR_RANGE, "rate %g, size %d x %d", about.rate, (int)about.width, (int)about.height);
    jr2_motion_writer *w = jr2i_calloc(env, 1, sizeof *w);
    if (!w)
        return jr2i_no_memory(env, sizeof *w);
    w->inner.env = env;
    w->inner.form = about.form;
    jr2i_sink_begin(&w->inner.sink, env, write, user);
    int32_t status = names_of(ctx, &w->inner.names);
    if (status == JR2_OK)
        status = jr2i_motion_write_head(&w->inner, &about);
    if (status != JR2_OK)
        jr2_motion_writer_free(w);
    else
        *writer = w;
    return status;
}

int32_t jr2_motion_write(jr2_motion_writer *writer, int64_t frame, double time, const jr2_motion_face *faces, int32_t face_count)
{
    return writer ? jr2i_motion_write_frame(&writer->inner, frame, time, faces, face_count) : JR2_ERR_ARGUMENT;
}

void jr2_motion_writer_free(jr2_motion_writer *writer)
{
    if (writer)
        jr2i_free(writer->inner.env, writer);
}

int32_t jr2_motion_open(jr2_ctx *ctx, jr2_read_fn read, void *user, jr2_motion **motion)
{
    if (motion)
        *motion = NULL;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &ctx->env;
    if (!motion || !read)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "%s is NULL", motion ? "read" : "motion");
    jr2_motion *m = jr2i_calloc(env, 1, sizeof *m);
    if (!m)
        return jr2i_no_memory(env, sizeof *m);
    jr2i_motion_reader *r = &m->inner;
    r->env = env;
    r->read = read;
    r->user = user;
    r->info.struct_size = sizeof r->info;
    r->buffer = jr2i_alloc(env, JR2I_MOTION_LINE + 1, 1);
    r->slots = jr2i_calloc(env, JR2I_MOTION_FACES, sizeof *r->slots);
    r->known = jr2i_calloc(env, JR2I_MOTION_FACES, sizeof *r->known);
    int32_t status = r->buffer && r->slots && r->known ? names_of(ctx, &r->names) : jr2i_no_memory(env, JR2I_MOTION_LINE + 1);
    if (status == JR2_OK)
        status = jr2i_motion_read_head(r);
    if (status != JR2_OK)
        jr2_motion_free(m);
    else
        *motion = m;
    return status;
}

int32_t jr2_motion_get_info(const jr2_motion *motion, jr2_motion_info *info)
{
    if (!motion || !info)
        return JR2_ERR_ARGUMENT;
    if (info->struct_size != sizeof *info)
        return JR2_ERR_STRUCT_SIZE;
    *info = motion->inner.info;
    return JR2_OK;
}

int32_t jr2_motion_next(jr2_motion *motion, const jr2_motion_frame **frame)
{
    if (frame)
        *frame = NULL;
    if (!motion || !frame)
        return JR2_ERR_ARGUMENT;
    return jr2i_motion_read_frame(&motion->inner, frame);
}

void jr2_motion_free(jr2_motion *motion)
{
    if (!motion)
        return;
    jr2i_env *env = motion->inner.env;
    jr2i_free(env, motion->inner.buffer);
    jr2i_free(env, motion->inner.slots);
    jr2i_free(env, motion->inner.known);
    jr2i_free(env, motion);
}

/* SPDX-License-Identifier: MIT
 * The reconstruction as JSON, format "jr2.reconstruction" version 1 (docs/formats.md). Numbers are plain decimals in every
 * locale and always finite. */
#include "out/face_view.h"

static void text(jr2i_sink *sink, const char *s)
{
    jr2i_sink_text(sink, s);
}

/* [a,b,...] */
static void numbers(jr2i_sink *sink, const float *values, int32_t count, int32_t decimals)
{
    text(sink, "[");
    for (int32_t i = 0; i < count; i++) {
        if (i)
            text(sink, ",");
        jr2i_sink_number(sink, (double)values[i], decimals);
    }
    text(sink, "]");
}

/* [[x,y],...] */
static void points(jr2i_sink *sink, const float *values, int32_t count)
{
    text(sink, "[");
    for (int32_t i = 0; i < count; i++) {
        if (i)
            text(sink, ",");
        numbers(sink, values + 2 * (size_t)i, 2, 2);
    }
    text(sink, "]");
}

static void field(jr2i_sink *sink, const char *name, double value, int32_t decimals)
{
    text(sink, "\"");
    text(sink, name);
    text(sink, "\":");
    jr2i_sink_number(sink, value, decimals);
}

static void face(jr2i_sink *sink, const jr2i_face_view *f)
{
    const jr2i_head *head = f->head;
    text(sink, "{");
    field(sink, "confidence", (double)f->confidence, 4);
    text(sink, ",\"box\":");
    numbers(sink, f->box, 4, 2);
    text(sink, ",\"region\":{");
    field(sink, "x", (double)f->region[0], 2);
    text(sink, ",");
    field(sink, "y", (double)f->region[1], 2);
    text(sink, ",");
    field(sink, "size", (double)f->region[2], 2);
    text(sink, ",");
    field(sink, "roll", (double)f->region[3] * 57.29577951308232, 3);
    text(sink, "},\n\"landmarks68\":");
    points(sink, f->landmarks68, f->landmarks68 ? head->landmark68.count : 0);
    text(sink, ",\n\"landmarks478\":");
    points(sink, f->landmarks478, f->landmarks478 ? head->landmark478.count : 0);
    text(sink, ",\n\"pose\":{");
    static const char *const angle[3] = {"yaw", "pitch", "roll"};
    for (int i = 0; i < 3; i++) {
        field(sink, angle[i], (double)f->angles[i], 4);
        text(sink, ",");
    }
    text(sink, "\"translation\":");
    numbers(sink, f->matrix + 12, 3, 4);
    text(sink, ",\"matrix\":");
    numbers(sink, f->matrix, 16, 7);
    text(sink, "},\n\"gaze\":{\"left\":");
    numbers(sink, f->gaze, 2, 3);
    text(sink, ",\"right\":");
    numbers(sink, f->gaze + 2, 2, 3);
    text(sink, "},\n\"arkit\":{");
    for (int32_t i = 0; i < JR2I_ARKIT_COUNT; i++) {
        if (i)
            text(sink, ",");
        field(sink, jr2i_arkit_name(i), (double)f->arkit[i], 5);
    }
    text(sink, "},\n\"identity\":");
    numbers(sink, f->identity, head->identity_count, 5);
    text(sink, ",\n\"expression\":{");
    for (int32_t i = 0; i < head->expression_count; i++) {
        if (i)
            text(sink, ",");
        field(sink, head->expression_name[i], (double)f->expression[i], 5);
    }
    if (f->expression_error) {
        text(sink, "},\n\"expressionError\":{");
        for (int32_t i = 0; i < head->expression_count; i++) {
            if (i)
                text(sink, ",");
            field(sink, head->expression_name[i], (double)f->expression_error[i], 5);
        }
    }
    text(sink, "},\n\"albedo\":");
    numbers(sink, f->albedo, f->albedo ? head->albedo_count : 0, 5);
    text(sink, ",\n\"light\":");
    numbers(sink, f->light, 27, 6);
    text(sink, ",\n\"camera\":{");
    field(sink, "focal", (double)f->camera.focal, 4);
    text(sink, ",");
    field(sink, "cx", (double)f->camera.cx, 4);
    text(sink, ",");
    field(sink, "cy", (double)f->camera.cy, 4);
    text(sink, "}}");
}

int32_t jr2i_json_write(jr2i_sink *sink, const jr2i_scene_view *scene)
{
    text(sink, "{\"format\":\"jr2.reconstruction\",\"version\":1,\"image\":{\"width\":");
    jr2i_sink_integer(sink, scene->width);
    text(sink, ",\"height\":");
    jr2i_sink_integer(sink, scene->height);
    text(sink, "},\"faces\":[");
    for (int32_t i = 0; i < scene->face_count; i++) {
        text(sink, i ? ",\n" : "\n");
        face(sink, scene->faces + i);
    }
    text(sink, scene->face_count ? "\n]}\n" : "]}\n");
    return jr2i_sink_end(sink);
}

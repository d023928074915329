/* SPDX-License-Identifier: MIT
 * Small checks that the public entries share. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "handles.h"

int32_t jr2i_check_struct(jr2i_env *env, uint32_t given, size_t known, const char *name)
{
    /* Version 0.1 knows one size of each struct. A later version accepts the smaller sizes of the earlier ones here. */
    if (given == known)
        return JR2_OK;
    return jr2i_fail(env, JR2_ERR_STRUCT_SIZE, "%s.struct_size is %u, not %zu: use JR2_INIT", name, (unsigned)given, known);
}

void jr2i_copy_text(char *to, size_t size, const char *text)
{
    if (!to || size == 0)
        return;
    size_t length = strlen(text);
    if (length >= size)
        length = size - 1;
    memcpy(to, text, length);
    to[length] = '\0';
}

void jr2i_log(const jr2i_env *env, int32_t level, const char *format, ...)
{
    char text[256];
    va_list args;
    if (!env->log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    env->log(env->log_user, level, text);
}

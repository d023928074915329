/* SPDX-License-Identifier: MIT
 * The buffered byte sink, and numbers as text whatever the locale. */
#include "out/sink.h"

#include <math.h>
#include <string.h>

void jr2i_sink_begin(jr2i_sink *sink, jr2i_env *env, int32_t (*write)(void *user, const void *data, size_t size), void *user)
{
    sink->env = env;
    sink->write = write;
    sink->user = user;
    sink->status = JR2_OK;
    sink->size = 0;
    sink->used = 0;
}

static void deliver(jr2i_sink *sink, const void *data, size_t size)
{
    if (sink->status == JR2_OK && size > 0 && sink->write(sink->user, data, size) != 0)
        sink->status = jr2i_fail(sink->env, JR2_ERR_WRITE, "writing the export failed after about %llu bytes",
                                 (unsigned long long)(sink->size - sink->used));
}

static void flush(jr2i_sink *sink)
{
    deliver(sink, sink->buffer, sink->used);
    sink->used = 0;
}

void jr2i_sink_put(jr2i_sink *sink, const void *data, size_t size)
{
    if (sink->status != JR2_OK || size == 0)
        return;
    if (size > sizeof sink->buffer - sink->used)
        flush(sink);
    if (size > sizeof sink->buffer) {
        deliver(sink, data, size);
    } else {
        memcpy(sink->buffer + sink->used, data, size);
        sink->used += (uint32_t)size;
    }
    sink->size += size;
}

void jr2i_sink_text(jr2i_sink *sink, const char *text)
{
    jr2i_sink_put(sink, text, strlen(text));
}

void jr2i_sink_u32(jr2i_sink *sink, uint32_t value)
{
    uint8_t b[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    jr2i_sink_put(sink, b, sizeof b);
}

void jr2i_sink_f32(jr2i_sink *sink, float value)
{
    uint32_t bits;
    value = isfinite(value) ? value : 0;
    memcpy(&bits, &value, sizeof bits);
    jr2i_sink_u32(sink, bits);
}

void jr2i_sink_integer(jr2i_sink *sink, int64_t value)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        text[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        text[--at] = '-';
    jr2i_sink_put(sink, text + at, sizeof text - at);
}

void jr2i_sink_number(jr2i_sink *sink, double value, int32_t decimals)
{
    static const double power[10] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    char text[40];
    size_t at = sizeof text;
    decimals = decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
    if (!isfinite(value))
        value = 0;
    if (fabs(value) > 9e8) /* keeps the scaled number below 2^63; nothing here is that large */
        value = value < 0 ? -9e8 : 9e8;
    uint64_t scaled = (uint64_t)(fabs(value) * power[decimals] + 0.5);
    int negative = value < 0 && scaled > 0;
    while (decimals > 0 && scaled % 10 == 0) {
        scaled /= 10;
        decimals--;
    }
    for (int32_t i = 0; i < decimals; i++, scaled /= 10)
        text[--at] = (char)('0' + scaled % 10);
    if (decimals > 0)
        text[--at] = '.';
    do
        text[--at] = (char)('0' + scaled % 10);
    while (scaled /= 10);
    if (negative)
        text[--at] = '-';
    jr2i_sink_put(sink, text + at, sizeof text - at);
}

void jr2i_sink_float(jr2i_sink *sink, float value)
{
    if (!isfinite(value) || value == 0) {
        jr2i_sink_text(sink, "0");
        return;
    }
    double magnitude = fabs((double)value);
    int32_t exponent = (int32_t)floor(log10(magnitude)) - 8;
    double digits = floor(magnitude * pow(10, -exponent) + 0.5);
    if (digits >= 1e9) { /* log10 was just below a whole number */
        digits = floor(digits / 10 + 0.5);
        exponent++;
    }
    int64_t whole = (int64_t)digits;
    while (whole % 10 == 0 && exponent < 0) {
        whole /= 10;
        exponent++;
    }
    jr2i_sink_integer(sink, value < 0 ? -whole : whole);
    if (exponent) {
        jr2i_sink_text(sink, "e");
        jr2i_sink_integer(sink, exponent);
    }
}

/* Bytes of the UTF-8 sequence that starts here, 0 where it is malformed. */
static size_t utf8_length(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0))) ||
        (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))))
        return 0; /* overlong, surrogate or beyond U+10FFFF */
    return n;
}

void jr2i_sink_quoted(jr2i_sink *sink, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *s = (const unsigned char *)text;
    jr2i_sink_text(sink, "\"");
    while (*s) {
        size_t n = utf8_length(s);
        if (n == 0) {
            jr2i_sink_text(sink, "?");
            s++;
            continue;
        }
        if (*s < 0x20) {
            char escape[7] = {'\\', 'u', '0', '0', hex[*s >> 4], hex[*s & 15], 0};
            jr2i_sink_text(sink, escape);
        } else {
            if (*s == '"' || *s == '\\')
                jr2i_sink_text(sink, "\\");
            jr2i_sink_put(sink, s, n);
        }
        s += n;
    }
    jr2i_sink_text(sink, "\"");
}

void jr2i_sink_fail(jr2i_sink *sink, int32_t status)
{
    if (sink->status == JR2_OK)
        sink->status = status;
}

int32_t jr2i_sink_end(jr2i_sink *sink)
{
    flush(sink);
    return sink->status;
}

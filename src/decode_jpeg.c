/* SPDX-License-Identifier: MIT
 * JPEG through libjpeg: any file it reads becomes RGB; warnings about damaged data are passed over, errors stop. */
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it before */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "picture.h"

typedef struct failure {
    struct jpeg_error_mgr manager;
    jmp_buf back;
    char *text;
    size_t text_size;
} failure;

static void fail(j_common_ptr info)
{
    failure *f = (failure *)(void *)info->err;
    char message[JMSG_LENGTH_MAX];
    f->manager.format_message(info, message);
    snprintf(f->text, f->text_size, "damaged JPEG: %s", message);
    longjmp(f->back, 1);
}

static void keep_quiet(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

/* A hostile progressive file repeats scans without end. */
static void count_scans(j_common_ptr info)
{
    failure *f = (failure *)(void *)info->err;
    if (info->is_decompressor && ((j_decompress_ptr)(void *)info)->input_scan_number > 500) {
        snprintf(f->text, f->text_size, "damaged JPEG: too many scans");
        longjmp(f->back, 1);
    }
}

/* CMYK as Adobe writes it (inverted) and as others do, in place to RGB. */
static void from_cmyk(unsigned char *row, int width, int inverted)
{
    for (int x = 0; x < width; x++) {
        unsigned char cmyk[4];
        memcpy(cmyk, row + 4 * (size_t)x, 4);
        for (int k = 0; k < 3; k++) {
            unsigned ink = inverted ? cmyk[k] : 255U - cmyk[k], key = inverted ? cmyk[3] : 255U - cmyk[3];
            row[3 * (size_t)x + (size_t)k] = (unsigned char)((ink * key + 127) / 255);
        }
    }
}

int picture_decode_jpeg(const unsigned char *data, size_t size, picture *out, char *error, size_t error_size)
{
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    failure f;
    unsigned char *volatile row = NULL;
    memset(&info, 0, sizeof info);
    memset(&progress, 0, sizeof progress);
    info.err = jpeg_std_error(&f.manager);
    f.manager.error_exit = fail;
    f.manager.emit_message = keep_quiet;
    f.text = error;
    f.text_size = error_size;
    if (setjmp(f.back)) {
        jpeg_destroy_decompress(&info);
        free(row);
        picture_free(out);
        return -1;
    }
    jpeg_create_decompress(&info);
    progress.progress_monitor = count_scans;
    info.progress = &progress;
    jpeg_mem_src(&info, data, (unsigned long)size);
    jpeg_read_header(&info, TRUE);
    int cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
    info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    if (picture_allocate(out, info.image_width, info.image_height, error, error_size) != 0) {
        jpeg_destroy_decompress(&info);
        return -1;
    }
    jpeg_start_decompress(&info);
    row = malloc((size_t)info.output_width * 4);
    if (!row) {
        snprintf(error, error_size, "out of memory");
        longjmp(f.back, 1);
    }
    while (info.output_scanline < info.output_height) {
        unsigned char *to = out->pixels + 3 * (size_t)out->width * info.output_scanline;
        JSAMPROW line = row;
        jpeg_read_scanlines(&info, &line, 1);
        if (cmyk)
            from_cmyk(row, out->width, info.saw_Adobe_marker);
        memcpy(to, row, 3 * (size_t)out->width);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    free(row);
    return 0;
}

/* SPDX-License-Identifier: MIT
 * Writing a picture as JPEG through libjpeg: quality 95, colour at full resolution. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "picture.h"
#include "save_file.h"

#define QUALITY 95

typedef struct failure {
    struct jpeg_error_mgr manager; /* first: libjpeg hands it back */
    jmp_buf jump;
    unsigned char *data; /* what was written so far */
    unsigned long size;
} failure;

static void give_up(j_common_ptr info)
{
    longjmp(((failure *)(void *)info->err)->jump, 1);
}

static void keep_quiet(j_common_ptr info)
{
    (void)info;
}

int picture_write_jpeg(const picture *p, const char *path, char *error, size_t error_size)
{
    struct jpeg_compress_struct jpeg;
    failure on_error;
    char message[JMSG_LENGTH_MAX];
    on_error.data = NULL;
    on_error.size = 0;
    jpeg.err = jpeg_std_error(&on_error.manager);
    on_error.manager.error_exit = give_up;
    on_error.manager.output_message = keep_quiet;
    if (setjmp(on_error.jump)) {
        on_error.manager.format_message((j_common_ptr)&jpeg, message);
        snprintf(error, error_size, "%s", message);
        jpeg_destroy_compress(&jpeg);
        free(on_error.data);
        return -1;
    }
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &on_error.data, &on_error.size);
    jpeg.image_width = (JDIMENSION)p->width;
    jpeg.image_height = (JDIMENSION)p->height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, QUALITY, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = p->pixels + 3 * (size_t)p->width * jpeg.next_scanline;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    int failed = save_file(path, on_error.data, on_error.size, error, error_size);
    free(on_error.data);
    return failed;
}

/* SPDX-License-Identifier: MIT
 * A portrait moves as a motion file says: photo.ppm and a file of `jr2 track` in, binary PPM pictures one after the other out.
 * cc reenact.c $(pkg-config --cflags --libs libjr2) -o reenact
 * ./reenact photo.ppm motion.jr2m | ffmpeg -f image2pipe -framerate 25 -i - moves.mp4 */
#include <stdio.h>
#include <stdlib.h>

#include <jr2/jr2.h>
#include <jr2/reenact.h>
#include <jr2/stream.h>

static int64_t read_file(void *file, void *data, size_t size)
{
    size_t got = fread(data, 1, size, file);
    return ferror((FILE *)file) ? JR2_ERR_READ : (int64_t)got;
}

int main(int argc, char **argv)
{
    FILE *photo = argc == 3 ? fopen(argv[1], "rb") : NULL, *file = argc == 3 ? fopen(argv[2], "rb") : NULL;
    jr2_image image, out;
    JR2_INIT(image);
    image.format = JR2_PIXEL_RGB8;
    if (!photo || !file || fscanf(photo, "P6 %d %d 255", &image.width, &image.height) != 2 || image.width < 1 || image.height < 1 ||
        image.width > JR2_IMAGE_MAX || image.height > JR2_IMAGE_MAX || fgetc(photo) == EOF) {
        fprintf(stderr, "usage: reenact photo.ppm motion.jr2m > frames.ppm\n");
        return 2;
    }
    size_t size = (size_t)image.width * (size_t)image.height * 3;
    unsigned char *pixels = malloc(size), *frame = malloc(size);
    if (!pixels || !frame || fread(pixels, 1, size, photo) != size)
        return 1;
    image.pixels = pixels;
    out = image;
    out.pixels = frame; /* jr2_reenact writes there */

    jr2_ctx *ctx = NULL;
    jr2_portrait *portrait = NULL;
    jr2_motion *motion = NULL;
    const jr2_motion_frame *driver = NULL;
    int32_t status = jr2_ctx_create(NULL, &ctx);
    if (status == JR2_OK)
        status = jr2_portrait_create(ctx, &image, NULL, &portrait);
    if (status == JR2_OK)
        status = jr2_motion_open(ctx, read_file, file, &motion);
    while (status == JR2_OK && (status = jr2_motion_next(motion, &driver)) == JR2_OK && driver) {
        status = jr2_reenact(ctx, portrait, driver->face_count ? driver->faces : NULL, NULL, &out);
        if (status == JR2_OK && (printf("P6 %d %d 255\n", out.width, out.height) < 0 || fwrite(frame, 1, size, stdout) != size))
            status = JR2_ERR_WRITE;
    }
    if (status != JR2_OK)
        fprintf(stderr, "%s: %s\n", jr2_status_text(status), jr2_ctx_error(ctx));
    jr2_motion_free(motion);
    jr2_portrait_free(portrait);
    jr2_ctx_free(ctx);
    free(frame);
    free(pixels);
    fclose(file);
    fclose(photo);
    return status != JR2_OK;
}

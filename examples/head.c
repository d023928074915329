/* SPDX-License-Identifier: MIT
 * The largest face of a binary PPM picture becomes head.glb. (djpeg photo.jpg > photo.ppm makes such a picture.)
 * cc head.c $(pkg-config --cflags --libs libjr2) -o head && ./head photo.ppm head.glb */
#include <stdio.h>
#include <stdlib.h>

#include <jr2/jr2.h>

int main(int argc, char **argv)
{
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    jr2_image image;
    JR2_INIT(image);
    image.format = JR2_PIXEL_RGB8;
    if (!file || fscanf(file, "P6 %d %d 255", &image.width, &image.height) != 2 || image.width < 1 || image.height < 1 ||
        image.width > JR2_IMAGE_MAX || image.height > JR2_IMAGE_MAX || fgetc(file) == EOF) {
        fprintf(stderr, "usage: head photo.ppm head.glb\n");
        return 2;
    }
    size_t size = (size_t)image.width * (size_t)image.height * 3;
    unsigned char *pixels = malloc(size);
    if (!pixels || fread(pixels, 1, size, file) != size)
        return 1;
    image.pixels = pixels;

    jr2_ctx *ctx = NULL;
    jr2_result *result = NULL;
    jr2_reconstruct_options options;
    JR2_INIT(options);
    options.texture_size = 1024;
    int32_t status = jr2_ctx_create(NULL, &ctx);
    if (status == JR2_OK)
        status = jr2_reconstruct(ctx, &image, &options, &result);
    if (status == JR2_OK)
        status = jr2_export_file(ctx, result, 0, JR2_EXPORT_GLB, NULL, argv[2]);
    if (status != JR2_OK)
        fprintf(stderr, "%s: %s\n", jr2_status_text(status), jr2_ctx_error(ctx));
    else
        printf("jawOpen %.2f\n", (double)jr2_face_arkit(jr2_result_face(result, 0), NULL)[jr2_arkit_index("jawOpen")]);
    jr2_result_free(result);
    jr2_ctx_free(ctx);
    free(pixels);
    fclose(file);
    return status != JR2_OK;
}

/* SPDX-License-Identifier: MIT
 * libjr2: marking pictures and videos as synthetic media, and finding the mark. Part of jr2.h, which includes it.
 *
 * Two marks, independent of each other. One is in the pixels, cannot be seen and survives compression, resizing and cropping to a known
 * degree (docs/mark.md); the other is metadata for programs that read it, and is lost as soon as a file is written anew without it. What the
 * library makes of people's faces carries both unless the caller says otherwise. A mark is a help for honest use: someone who wants to
 * remove it can, and its absence proves nothing. */
#ifndef JR2_PROVENANCE_H
#define JR2_PROVENANCE_H

#include "jr2.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JR2_MARK_MIN 64 /* pixels: the shortest side of a picture or rectangle that is marked or checked */

/* May be NULL everywhere: the whole picture, the C library's memory, no text. */
typedef struct jr2_mark_options {
    uint32_t struct_size;
    int32_t reserved;
    int32_t left, top, width, height; /* a rectangle inside the picture, pixels; width and height 0: the whole picture */
    char *error;                      /* receives the text of a failure, zero-terminated; NULL: not wanted */
    size_t error_size;                /* bytes that error holds */
    jr2_alloc_fn alloc;               /* NULL: the C library; alloc and release come together */
    jr2_release_fn release;
    void *alloc_user;
} jr2_mark_options;

/* Marks a picture: writes to image->pixels, which must be writable although an image declares them as const. The mean absolute
 * change is below 0.5 of 255 levels, the signal-to-noise ratio of the marked to the unmarked picture (or rectangle) at least 45 dB. Alpha stays.
 * Every frame of a video gets the same pattern, so that a still picture stays still. Marking twice is not harmful, but the changes add up.
 * Takes about a millisecond for 640 x 480 pixels and allocates nothing.
 * Errors: JR2_ERR_ARGUMENT, _STRUCT_SIZE, _RANGE (rectangle outside), _IMAGE, _IMAGE_SIZE (a side shorter than JR2_MARK_MIN), _IMAGE_FORMAT. */
JR2_API int32_t jr2_mark_embed(const jr2_image *image, const jr2_mark_options *options);

typedef struct jr2_mark_report {
    uint32_t struct_size;
    int32_t marked;                   /* 1: score >= threshold */
    float score;                      /* standard deviations above what an unmarked picture has */
    float threshold;                  /* such that an unmarked picture passes with a probability below one in a million */
    float scale_x, scale_y;           /* size relative to when it was marked; these mean nothing where marked is 0 */
    int32_t mirrored;                 /* 1: left and right are exchanged */
    int32_t left, top, width, height; /* the part of the picture that was looked at when the mark was found */
    int32_t reserved;
} jr2_mark_report;

/* Looks for the mark in count (1..64) images of one size; more than one: frames of one video, in which it is easier to find. Sizes from 0.42 to 2.4
 * times the marked one, cropped, mirrored: all are tried. Takes a fraction of a second for 640 x 480, several seconds for a large photo
 * without a mark. image->pixels are only read.
 * Errors: JR2_ERR_ARGUMENT, _STRUCT_SIZE, _RANGE, _IMAGE, _IMAGE_SIZE, _IMAGE_FORMAT, _NO_MEMORY. */
JR2_API int32_t jr2_mark_check(const jr2_image *images, int32_t count, const jr2_mark_options *options, jr2_mark_report *report);

#define JR2_SOURCE_NONE 0      /* the file does not say how it came about */
#define JR2_SOURCE_TRAINED 1   /* IPTC trainedAlgorithmicMedia: made by a trained model */
#define JR2_SOURCE_COMPOSITE 2 /* IPTC compositeWithTrainedAlgorithmicMedia: a real picture of which a model changed a part */
#define JR2_SOURCE_OTHER 3     /* another IPTC term, such as digitalCapture; only read */

/* Writes the IPTC property DigitalSourceType (XMP) to an existing PNG, JPEG or MP4 file; what else the file and its XMP say stays. A PNG or JPEG is
 * written anew beside its place and renamed; an MP4 gets a box at its end. options: only its error text and memory are used.
 * Errors: JR2_ERR_ARGUMENT, _STRUCT_SIZE, _OPEN, _READ, _WRITE, _TRUNCATED, _FORMAT (damaged, or another kind of file), _NO_MEMORY. */
JR2_API int32_t jr2_source_write(const char *path, int32_t source, const jr2_mark_options *options);
/* Reads it: *source is one of JR2_SOURCE_*. */
JR2_API int32_t jr2_source_read(const char *path, const jr2_mark_options *options, int32_t *source);

#ifdef __cplusplus
}
#endif

#endif

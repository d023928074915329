/* SPDX-License-Identifier: MIT
 * Expressions by name, ARKit's or the head model's, for --set and --add. */
#ifndef JR2_EXPRESSION_NAMES_H
#define JR2_EXPRESSION_NAMES_H

#include "jr2/jr2.h"

/* Reads "mouthSmileLeft=0.8" and writes the value to the expressions (JR2_COUNT_EXPRESSION) that the name stands for; add 1: adds it to
 * them. low: the least value. 0, or -1 after a message on stderr that lists near names. */
int expression_assign(jr2_ctx *ctx, const char *text, double low, int add, float *expression);

#endif

/* SPDX-License-Identifier: MIT
 * Complex discrete Fourier transforms of sizes that are powers of two, in place: for the detector of the mark, which looks at a
 * picture's frequencies. Plain C; not meant for the networks. */
#ifndef JR2I_FFT_H
#define JR2I_FFT_H

#include "base/env.h"

#define JR2I_FFT_MAX 2048 /* longest side */

/* (size/2,2) cosine and negative sine of 2 pi k / size; jr2i_free. NULL where there is no memory. */
float *jr2i_fft_table(const jr2i_env *env, int32_t size);

/* data (count,2) real and imaginary, count a power of two that divides table_size. inverse: the other sign; nothing is divided. */
void jr2i_fft(float *data, int32_t count, const float *table, int32_t table_size, int32_t inverse);

/* data (size,size,2). rows0, rows1: only the rows outside of [rows0, rows1) hold anything before a forward transform; equal: all. */
void jr2i_fft_square(float *data, int32_t size, const float *table, int32_t table_size, int32_t inverse, int32_t rows0, int32_t rows1);

#endif

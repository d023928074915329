/* SPDX-License-Identifier: MIT
 * Version, status names and texts, names of ARKit: what needs no handle. */
#include "base/cpu.h"
#include "face/arkit.h"
#include "jr2/jr2.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define VERSION_TEXT TEXT(JR2_VERSION_MAJOR) "." TEXT(JR2_VERSION_MINOR) "." TEXT(JR2_VERSION_PATCH)

#ifdef JR2_WITH_OPENBLAS
#define MATRIX_TEXT "OpenBLAS"
#else
#define MATRIX_TEXT "own matrix product"
#endif

int32_t jr2_version(void)
{
    return JR2_VERSION;
}

const char *jr2_version_string(void)
{
    return VERSION_TEXT;
}

const char *jr2_build_info(void)
{
    uint32_t flags = jr2i_cpu_flags();
    if (flags & JR2I_CPU_AVX512)
        return "libjr2 " VERSION_TEXT ", " MATRIX_TEXT ", AVX-512 kernels";
    if (flags & JR2I_CPU_AVX2)
        return "libjr2 " VERSION_TEXT ", " MATRIX_TEXT ", AVX2 kernels";
    if (flags & JR2I_CPU_NEON)
        return "libjr2 " VERSION_TEXT ", " MATRIX_TEXT ", NEON kernels";
    return "libjr2 " VERSION_TEXT ", " MATRIX_TEXT ", plain C kernels";
}

const char *jr2_status_name(int32_t status)
{
    switch (status) {
#define CASE(name, value, text) \
    case value: \
        return #name;
        JR2_STATUS_LIST(CASE)
#undef CASE
    default:
        return "JR2_ERR_UNKNOWN";
    }
}

const char *jr2_status_text(int32_t status)
{
    switch (status) {
#define CASE(name, value, text) \
    case value: \
        return text;
        JR2_STATUS_LIST(CASE)
#undef CASE
    default:
        return "unknown status";
    }
}

const char *jr2_arkit_name(int32_t index)
{
    return jr2i_arkit_name(index);
}

int32_t jr2_arkit_index(const char *name)
{
    int32_t index = name ? jr2i_arkit_index(name) : -1;
    return index < 0 ? JR2_ERR_NOT_FOUND : index;
}

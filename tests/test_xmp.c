/* SPDX-License-Identifier: MIT
 * The metadata of the mark: packets made, read and added to; PNG, JPEG and MP4 files that keep everything else; damaged and hostile files;
 * failing memory. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "jr2/jr2.h"
#include "out/png.h"
#include "out/xmp.h"
#include "suite.h"

static char path[64];
static jr2i_env env;

static void setup(void)
{
    memset(&env, 0, sizeof env);
    snprintf(path, sizeof path, "/tmp/jr2_test_xmp_%ld", (long)getpid());
}

static void teardown(void)
{
    unlink(path);
}

static void save(const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    ck_assert(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

static uint8_t *load(size_t *size)
{
    FILE *f = fopen(path, "rb");
    ck_assert(f != NULL);
    uint8_t *data = malloc(1 << 20);
    *size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

static size_t find(const uint8_t *data, size_t size, const char *text, size_t from)
{
    for (size_t i = from; i + strlen(text) <= size; i++)
        if (memcmp(data + i, text, strlen(text)) == 0)
            return i;
    return SIZE_MAX;
}

static int32_t source_of(void)
{
    int32_t source = -1;
    ck_assert_int_eq(jr2_source_read(path, NULL, &source), JR2_OK);
    return source;
}

static void be32(uint8_t *p, size_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* --- Packets --- */

static const char foreign[] = "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
                              "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" "
                              "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" dc:format=\"image/png\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>";
static const char camera[] =
    "<rdf:RDF><rdf:Description><Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    "</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF>";

static jr2i_bytes packet(const char *old, int32_t source)
{
    jr2i_bytes out;
    ck_assert_int_eq(jr2i_xmp_packet(&env, (const uint8_t *)old, strlen(old), source, &out), JR2_OK);
    return out;
}

START_TEST(packets)
{
    jr2i_bytes p = packet("", JR2_SOURCE_TRAINED);
    ck_assert_int_eq(jr2i_xmp_source(p.data, p.size), JR2_SOURCE_TRAINED);
    ck_assert(find(p.data, p.size, "\"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\"", 0) != SIZE_MAX);
    ck_assert(memcmp(p.data, "<?xpacket begin=\"\xEF\xBB\xBF\"", 19) == 0);
    jr2i_free(&env, p.data);
    p = packet(foreign, JR2_SOURCE_COMPOSITE);
    ck_assert_int_eq(jr2i_xmp_source(p.data, p.size), JR2_SOURCE_COMPOSITE);
    ck_assert(find(p.data, p.size, "dc:format=\"image/png\"", 0) != SIZE_MAX);
    ck_assert(find(p.data, p.size, "</rdf:RDF>", 0) > find(p.data, p.size, "DigitalSourceType", 0));
    ck_assert(find(p.data, p.size, "</rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>", 0) != SIZE_MAX);
    jr2i_free(&env, p.data);
    ck_assert_int_eq(jr2i_xmp_source((const uint8_t *)camera, strlen(camera)), JR2_SOURCE_OTHER);
    p = packet(camera, JR2_SOURCE_TRAINED);
    ck_assert_int_eq(jr2i_xmp_source(p.data, p.size), JR2_SOURCE_TRAINED);
    ck_assert(find(p.data, p.size, "/trainedAlgorithmicMedia</Iptc4xmpExt", 0) != SIZE_MAX);
    ck_assert(find(p.data, p.size, "digitalCapture", 0) == SIZE_MAX);
    jr2i_free(&env, p.data);
    p = packet("nothing of use", JR2_SOURCE_TRAINED);
    ck_assert_int_eq(jr2i_xmp_source(p.data, p.size), JR2_SOURCE_TRAINED);
    jr2i_free(&env, p.data);
}
END_TEST

START_TEST(cut_packets)
{
    jr2i_bytes p = packet(foreign, JR2_SOURCE_TRAINED);
    for (size_t n = 0; n < p.size; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* so that a byte too far is seen by the sanitizers */
        memcpy(exact, p.data, n);
        int32_t source = jr2i_xmp_source(exact, n);
        ck_assert(source == JR2_SOURCE_NONE || source == JR2_SOURCE_OTHER || source == JR2_SOURCE_TRAINED);
        jr2i_bytes q;
        ck_assert_int_eq(jr2i_xmp_packet(&env, exact, n, JR2_SOURCE_TRAINED, &q), JR2_OK);
        ck_assert_int_eq(jr2i_xmp_source(q.data, q.size), JR2_SOURCE_TRAINED);
        jr2i_free(&env, q.data);
        free(exact);
    }
    jr2i_free(&env, p.data);
}
END_TEST

/* --- PNG --- */

static void save_png(const char *old_packet, int packed)
{
    uint8_t pixels[8 * 8 * 3], *png;
    size_t size;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7);
    ck_assert_int_eq(jr2i_png_encode(&env, pixels, 8, 8, 3, &png, &size), JR2_OK);
    uint8_t *file = malloc(size + 70000), chunk[4096] = {0};
    memcpy(file, png, 33);
    size_t at = 33;
    if (old_packet) {
        memcpy(chunk, "iTXtXML:com.adobe.xmp", 21);
        chunk[22] = (uint8_t)packed;
        chunk[24] = 'e'; /* language and translated keyword */
        chunk[26] = 'x';
        uLongf room = sizeof chunk - 28;
        if (packed)
            ck_assert_int_eq(compress(chunk + 28, &room, (const Bytef *)old_packet, (uLong)strlen(old_packet)), Z_OK);
        else
            memcpy(chunk + 28, old_packet, room = (uLongf)strlen(old_packet));
        size_t n = 28 + room;
        be32(file + at, n - 4);
        memcpy(file + at + 4, chunk, n);
        be32(file + at + 4 + n, (size_t)crc32(0, chunk, (uInt)n));
        at += n + 8;
    }
    memcpy(file + at, png + 33, size - 33);
    save(file, at + size - 33);
    free(file);
    jr2i_free(&env, png);
}

/* Every chunk's checksum; the number of iTXt chunks. */
static int check_png(void)
{
    size_t size, at = 8, texts = 0;
    uint8_t *data = load(&size);
    while (at < size) {
        size_t n = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
        ck_assert(at + 12 + n <= size);
        uint8_t crc[4];
        be32(crc, (size_t)crc32(0, data + at + 4, (uInt)n + 4));
        ck_assert(memcmp(crc, data + at + 8 + n, 4) == 0);
        texts += memcmp(data + at + 4, "iTXt", 4) == 0;
        at += 12 + n;
    }
    free(data);
    return (int)texts;
}

START_TEST(png)
{
    save_png(NULL, 0);
    size_t before_size, after_size;
    uint8_t *before = load(&before_size);
    ck_assert_int_eq(source_of(), JR2_SOURCE_NONE);
    ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_TRAINED, NULL), JR2_OK);
    ck_assert_int_eq(source_of(), JR2_SOURCE_TRAINED);
    ck_assert_int_eq(check_png(), 1);
    uint8_t *after = load(&after_size);
    ck_assert(memcmp(before, after, 33) == 0); /* the header first, all else unchanged behind */
    ck_assert(memcmp(before + 33, after + after_size - (before_size - 33), before_size - 33) == 0);
    ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_COMPOSITE, NULL), JR2_OK);
    ck_assert_int_eq(source_of(), JR2_SOURCE_COMPOSITE);
    ck_assert_int_eq(check_png(), 1);
    free(before);
    free(after);
    for (int packed = 0; packed < 2; packed++) {
        save_png(camera, packed);
        ck_assert_int_eq(source_of(), JR2_SOURCE_OTHER);
        save_png(foreign, packed);
        ck_assert_int_eq(source_of(), JR2_SOURCE_NONE);
        ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_TRAINED, NULL), JR2_OK);
        ck_assert_int_eq(check_png(), 1);
        ck_assert_int_eq(source_of(), JR2_SOURCE_TRAINED);
        after = load(&after_size);
        ck_assert(find(after, after_size, "dc:format", 0) != SIZE_MAX);
        free(after);
    }
}
END_TEST

/* --- JPEG: only the segments matter --- */

static const uint8_t jpeg_bytes[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 6, 'J', 'F', 'I', 'F', 0xFF, 0xE1, 0, 10, 'E', 'x', 'i', 'f', 0, 0, 1, 2,
                                     0xFF, 0xFF, 0xDB, 0, 4, 9, 9, 0xFF, 0xDA, 0, 4, 1, 1, 5, 6, 0xFF, 0, 7, 0xFF, 0xD9};

START_TEST(jpeg)
{
    save(jpeg_bytes, sizeof jpeg_bytes);
    ck_assert_int_eq(source_of(), JR2_SOURCE_NONE);
    for (int32_t i = 0; i < 3; i++) {
        size_t size;
        int32_t source = i == 1 ? JR2_SOURCE_COMPOSITE : JR2_SOURCE_TRAINED;
        ck_assert_int_eq(jr2_source_write(path, source, NULL), JR2_OK);
        ck_assert_int_eq(source_of(), source);
        uint8_t *data = load(&size);
        ck_assert(memcmp(data, jpeg_bytes, 22) == 0);
        ck_assert(memcmp(data + 22, "\xFF\xE1", 2) == 0);
        ck_assert(memcmp(data + 26, "http://ns.adobe.com/xap/1.0/", 29) == 0);
        size_t length = (size_t)data[24] << 8 | data[25];
        ck_assert_uint_eq(24 + length + sizeof jpeg_bytes - 22, size);
        ck_assert(memcmp(data + 24 + length, jpeg_bytes + 22, sizeof jpeg_bytes - 22) == 0);
        free(data);
    }
    /* A packet that leaves no room. */
    uint8_t *big = malloc(70000);
    memcpy(big, jpeg_bytes, 2);
    memcpy(big + 2, "\xFF\xE1\xFF\xFFhttp://ns.adobe.com/xap/1.0/", 33);
    memset(big + 35, ' ', 65535);
    memcpy(big + 35, "</rdf:RDF>", 10);
    memcpy(big + 4 + 65535, jpeg_bytes + 2, sizeof jpeg_bytes - 2);
    save(big, 4 + 65535 + sizeof jpeg_bytes - 2);
    ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_TRAINED, NULL), JR2_ERR_FORMAT);
    size_t size;
    uint8_t *data = load(&size);
    ck_assert(size == 4 + 65535 + sizeof jpeg_bytes - 2 && memcmp(data, big, size) == 0);
    free(data);
    free(big);
}
END_TEST

/* --- MP4: only the boxes matter --- */

static const uint8_t mp4_bytes[] = {0, 0, 0, 12, 'f', 't', 'y', 'p', 'i', 's', 'o', 'm', 0, 0, 0, 1, 'f', 'r', 'e', 'e', 0, 0, 0, 0, 0, 0, 0, 18,
                                    1, 2, 0, 0, 0, 10, 'm', 'o', 'o', 'v', 3, 4, 0, 0, 0, 0, 'm', 'd', 'a', 't', 5, 6, 7};

START_TEST(mp4)
{
    size_t size, old_size = sizeof mp4_bytes;
    for (int open = 0; open < 2; open++) {
        uint8_t original[sizeof mp4_bytes];
        memcpy(original, mp4_bytes, sizeof original);
        if (!open)
            be32(original + 40, 11);
        save(original, sizeof original);
        ck_assert_int_eq(source_of(), JR2_SOURCE_NONE);
        ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_COMPOSITE, NULL), JR2_OK);
        ck_assert_int_eq(source_of(), JR2_SOURCE_COMPOSITE);
        be32(original + 40, 11);
        uint8_t *data = load(&size);
        ck_assert(memcmp(data, original, sizeof original) == 0);
        ck_assert(memcmp(data + old_size + 4, "uuid\xBE\x7A\xCF\xCB", 8) == 0);
        free(data);
        size_t once = size;
        ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_TRAINED, NULL), JR2_OK);
        ck_assert_int_eq(source_of(), JR2_SOURCE_TRAINED);
        data = load(&size);
        ck_assert(size > once && memcmp(data + old_size + 4, "free", 4) == 0 && memcmp(data + once + 4, "uuid", 4) == 0);
        free(data);
    }
}
END_TEST

/* --- Files that are not as they should be --- */

START_TEST(damaged_files)
{
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0)
            save_png(camera, 1);
        else if (kind == 1)
            save(jpeg_bytes, sizeof jpeg_bytes);
        else
            save(mp4_bytes, sizeof mp4_bytes);
        if (kind > 0)
            ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_TRAINED, NULL), JR2_OK);
        size_t size, after;
        uint8_t *whole = load(&size), *copy = malloc(size);
        int32_t source;
        for (size_t n = 0; n < size; n++) { /* cut off */
            save(whole, n);
            int32_t status = jr2_source_read(path, NULL, &source);
            ck_assert(status == JR2_OK || status == JR2_ERR_TRUNCATED || status == JR2_ERR_FORMAT);
            status = jr2_source_write(path, JR2_SOURCE_TRAINED, NULL);
            if (status == JR2_OK) {
                ck_assert_int_eq(source_of(), JR2_SOURCE_TRAINED);
            } else {
                uint8_t *now = load(&after);
                ck_assert(after == n && memcmp(now, whole, n) == 0);
                free(now);
            }
        }
        uint32_t seed = 5;
        for (int n = 0; n < 1500; n++) { /* changed bytes */
            memcpy(copy, whole, size);
            for (int k = 0; k < 3; k++) {
                seed = seed * 1664525 + 1013904223;
                copy[(seed >> 8) % (n % 2 ? size : size < 60 ? size : 60)] = (uint8_t)(seed >> 4);
            }
            save(copy, size);
            int32_t status = jr2_source_read(path, NULL, &source);
            ck_assert(status == JR2_OK || status == JR2_ERR_TRUNCATED || status == JR2_ERR_FORMAT);
            if (n % 4 == 0 && jr2_source_write(path, JR2_SOURCE_TRAINED, NULL) == JR2_OK)
                ck_assert_int_eq(source_of(), JR2_SOURCE_TRAINED);
        }
        free(whole);
        free(copy);
    }
}
END_TEST

START_TEST(bad_arguments)
{
    int32_t source = 7;
    char error[128] = "";
    jr2_mark_options options;
    JR2_INIT(options);
    options.error = error;
    options.error_size = sizeof error;
    ck_assert_int_eq(jr2_source_read("/no/such/file", &options, &source), JR2_ERR_OPEN);
    ck_assert_int_eq(source, JR2_SOURCE_NONE);
    ck_assert(strstr(error, "/no/such/file") != NULL);
    ck_assert_int_eq(jr2_source_read("/tmp", NULL, &source), JR2_ERR_OPEN);
    ck_assert_int_eq(jr2_source_read("/dev/zero", NULL, &source), JR2_ERR_OPEN);
    ck_assert_int_eq(jr2_source_read(NULL, NULL, &source), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_source_read("", NULL, &source), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_source_read(path, NULL, NULL), JR2_ERR_ARGUMENT);
    save_png(NULL, 0);
    ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_NONE, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_OTHER, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_source_write(path, -1, NULL), JR2_ERR_ARGUMENT);
    options.struct_size++;
    ck_assert_int_eq(jr2_source_read(path, &options, &source), JR2_ERR_STRUCT_SIZE);
    save("GIF89a and more", 15);
    ck_assert_int_eq(jr2_source_read(path, NULL, &source), JR2_ERR_FORMAT);
    ck_assert_int_eq(jr2_source_write(path, JR2_SOURCE_TRAINED, NULL), JR2_ERR_FORMAT);
}
END_TEST

typedef struct meter {
    int left, live;
} meter;

static void *take(void *user, size_t size, size_t alignment)
{
    meter *m = user;
    void *p = NULL;
    if (m->left-- <= 0 || posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    m->live++;
    return p;
}

static void give(void *user, void *pointer)
{
    ((meter *)user)->live--;
    free(pointer);
}

START_TEST(no_memory)
{
    for (int write = 0; write < 2; write++)
        for (int n = 0;; n++) {
            ck_assert_int_lt(n, 50);
            save_png(camera, 1);
            meter m = {n, 0};
            int32_t source;
            jr2_mark_options options;
            JR2_INIT(options);
            options.alloc = take;
            options.release = give;
            options.alloc_user = &m;
            int32_t status = write ? jr2_source_write(path, JR2_SOURCE_TRAINED, &options) : jr2_source_read(path, &options, &source);
            ck_assert_int_eq(m.live, 0);
            ck_assert(status == JR2_OK || status == JR2_ERR_NO_MEMORY);
            ck_assert_int_eq(source_of(), write && status == JR2_OK ? JR2_SOURCE_TRAINED : JR2_SOURCE_OTHER);
            if (status == JR2_OK)
                break;
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("xmp");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 300);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, packets);
    tcase_add_test(all, cut_packets);
    tcase_add_test(all, png);
    tcase_add_test(all, jpeg);
    tcase_add_test(all, mp4);
    tcase_add_test(all, damaged_files);
    tcase_add_test(all, bad_arguments);
    tcase_add_test(all, no_memory);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}

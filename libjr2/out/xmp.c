/* SPDX-License-Identifier: MIT
 * The XMP packet (ISO 16684-1) as text: reading and setting one property without an XML parser. What is looked for cannot be
 * written differently but for the prefix: the property's name, and after it a URI of the IPTC vocabulary. */
#include "out/xmp.h"

#include <string.h>

#include "jr2/jr2.h"
#include "out/sink.h"

#define NAME ":DigitalSourceType"
#define VOCABULARY "cv.iptc.org/newscodes/digitalsourcetype/"
#define REACH 256 /* bytes between the end of the name and the vocabulary */

static const char *const terms[] = {NULL, "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"};

static const uint8_t *find(const uint8_t *data, size_t size, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= size; i++) {
        const uint8_t *p = memchr(data + i, text[0], size - length - i + 1);
        if (!p)
            return NULL;
        if (memcmp(p, text, length) == 0)
            return p;
        i = (size_t)(p - data);
    }
    return NULL;
}

/* Where the term of the property stands: 0 without one. */
static int find_term(const uint8_t *packet, size_t size, size_t *begin, size_t *length)
{
    const uint8_t *end = packet + size, *p = packet;
    while ((p = find(p, (size_t)(end - p), NAME)) != NULL) {
        p += strlen(NAME);
        size_t rest = (size_t)(end - p);
        const uint8_t *value = find(p, rest < REACH ? rest : REACH, VOCABULARY);
        if (!value)
            continue; /* a closing tag, or not an IPTC value */
        value += strlen(VOCABULARY);
        size_t n = 0;
        while (value + n < end && ((value[n] >= 'a' && value[n] <= 'z') || (value[n] >= 'A' && value[n] <= 'Z')))
            n++;
        *begin = (size_t)(value - packet);
        *length = n;
        return 1;
    }
    return 0;
}

int32_t jr2i_xmp_source(const uint8_t *packet, size_t size)
{
    size_t begin, length;
    if (!find_term(packet, size, &begin, &length))
        return JR2_SOURCE_NONE;
    for (int32_t i = JR2_SOURCE_TRAINED; i <= JR2_SOURCE_COMPOSITE; i++)
        if (strlen(terms[i]) == length && memcmp(packet + begin, terms[i], length) == 0)
            return i;
    return JR2_SOURCE_OTHER;
}

int32_t jr2i_xmp_packet(jr2i_env *env, const uint8_t *old, size_t old_size, int32_t source, jr2i_bytes *out)
{
    static const char head[] = "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
                               "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n",
                      before[] = "<rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" "
                                 "Iptc4xmpExt:DigitalSourceType=\"http://" VOCABULARY,
                      after[] = "\"/>\n", end[] = "</rdf:RDF>", tail[] = "\n</x:xmpmeta>\n<?xpacket end=\"w\"?>";
    size_t begin, length;
    memset(out, 0, sizeof *out);
    out->env = env;
    jr2i_sink sink;
    jr2i_sink_begin(&sink, env, jr2i_bytes_write, out);
    const uint8_t *close = NULL;
    if (find_term(old, old_size, &begin, &length)) {
        jr2i_sink_put(&sink, old, begin);
        jr2i_sink_text(&sink, terms[source]);
        jr2i_sink_put(&sink, old + begin + length, old_size - begin - length);
    } else if ((close = find(old, old_size, end)) != NULL) {
        size_t kept = (size_t)(close - old);
        jr2i_sink_put(&sink, old, kept);
        jr2i_sink_text(&sink, before);
        jr2i_sink_text(&sink, terms[source]);
        jr2i_sink_text(&sink, after);
        jr2i_sink_put(&sink, close, old_size - kept);
    } else {
        jr2i_sink_text(&sink, head);
        jr2i_sink_text(&sink, before);
        jr2i_sink_text(&sink, terms[source]);
        jr2i_sink_text(&sink, after);
        jr2i_sink_text(&sink, end);
        jr2i_sink_text(&sink, tail);
    }
    int32_t status = jr2i_sink_end(&sink);
    if (status != JR2_OK) {
        jr2i_free(env, out->data);
        memset(out, 0, sizeof *out);
        return jr2i_no_memory(env, old_size);
    }
    return JR2_OK;
}

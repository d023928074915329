/* SPDX-License-Identifier: MIT
 * See expression_names.h. */
#include "expression_names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LONGEST 64 /* bytes of a name */
#define NEAR 5     /* names that are listed */

/* Letters to change, add or take away from a to b, whatever their case; beginnings and parts count as near. */
static int distance(const char *a, const char *b)
{
    int row[LONGEST + 1] = {0}, length = (int)strlen(b);
    if (strlen(a) > LONGEST || length > LONGEST)
        return LONGEST;
    for (int j = 0; j <= length; j++)
        row[j] = j;
    for (int i = 0; a[i]; i++) {
        int corner = row[0];
        row[0] = i + 1;
        for (int j = 0; j < length; j++) {
            const int change = corner + (tolower((unsigned char)a[i]) != tolower((unsigned char)b[j]));
            corner = row[j + 1];
            const int less = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            row[j + 1] = change < less ? change : less;
        }
    }
    const int missing = length - (int)strlen(a);
    return missing > 0 && row[length] == missing ? 1 : row[length]; /* letters are only missing */
}

static const char *name_at(const jr2_model *model, int index)
{
    return index < JR2_ARKIT_COUNT ? jr2_arkit_name(index) : jr2_model_expression_name(model, index - JR2_ARKIT_COUNT);
}

static void list_near(const jr2_model *model, const char *name)
{
    char list[NEAR * (LONGEST + 2) + 1] = "";
    int last = -1, last_index = -1;
    const int count = JR2_ARKIT_COUNT + jr2_model_count(model, JR2_COUNT_EXPRESSION);
    for (int n = 0; n < NEAR; n++) {
        int best = LONGEST, best_index = -1;
        for (int i = 0; i < count; i++) { /* the next by distance, then by order */
            if (i >= JR2_ARKIT_COUNT && jr2_arkit_index(name_at(model, i)) >= 0)
                continue; /* both have it */
            const int d = distance(name, name_at(model, i));
            if ((d > last || (d == last && i > last_index)) && d < best && strlen(name_at(model, i)) <= LONGEST) {
                best = d;
                best_index = i;
            }
        }
        if (best_index < 0)
            break;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", n ? ", " : "", name_at(model, best_index));
        last = best;
        last_index = best_index;
    }
    cli_message("no expression is called \"%s\"; near ones: %s", name, list);
}

int expression_assign(jr2_ctx *ctx, const char *text, double low, int add, float *expression)
{
    const jr2_model *model = jr2_ctx_model(ctx);
    const int count = jr2_model_count(model, JR2_COUNT_EXPRESSION);
    char name[LONGEST + 1], *end;
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || equals - text > LONGEST) {
        cli_message("NAME=VALUE is wanted, such as mouthSmileLeft=0.8, not \"%s\"", text);
        return -1;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    const double value = strtod(equals + 1, &end);
    if (end == equals + 1 || *end != '\0' || !(value >= low && value <= 1)) {
        cli_message("%s wants a number from %g to 1, not \"%s\"", name, low, equals + 1);
        return -1;
    }
    const int arkit = jr2_arkit_index(name);
    for (int i = 0; i < count && arkit < 0; i++)
        if (strcmp(jr2_model_expression_name(model, i), name) == 0) {
            expression[i] = (float)value + (add ? expression[i] : 0);
            return 0;
        }
    if (arkit < 0) {
        list_near(model, name);
        return -1;
    }
    float whole[JR2_ARKIT_COUNT] = {0}, *weight = calloc((size_t)count + 1, sizeof *weight);
    int found = 0;
    whole[arkit] = 1;
    if (weight && jr2_head_from_arkit(ctx, whole, weight) == JR2_OK)
        for (int i = 0; i < count; i++)
            if (weight[i] > 0) {
                expression[i] = (float)value * weight[i] + (add ? expression[i] : 0);
                found = 1;
            }
    free(weight);
    if (!found)
        cli_message("%s moves nothing in this head model", name);
    return found ? 0 : -1;
}
